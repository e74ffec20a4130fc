"""Weights of few levels, moved one level at a time by chance: the numbers."""

from quant.rules.multilevel.rule import RULE

__all__ = ["RULE"]
