"""MESU with a variance for every synapse (Bonnet et al., arXiv 2504.13569): the numbers."""

from quant.rules.mesu.rule import RULE

__all__ = ["RULE"]
