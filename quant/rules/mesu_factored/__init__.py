"""MESU with factored variance, σ² of a layer a row's factor times a column's: the numbers."""

from quant.rules.mesu_factored.rule import RULE

__all__ = ["RULE"]
