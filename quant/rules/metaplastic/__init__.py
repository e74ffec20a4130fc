"""The streaming binarized metaplastic rule (Laborieux et al., 2021): the numbers."""

from quant.rules.metaplastic.rule import RULE

__all__ = ["RULE"]
