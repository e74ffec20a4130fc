"""BiMU, binary weights that know how sure they are: the numbers."""

from quant.rules.bimu.rule import RULE

__all__ = ["RULE"]
