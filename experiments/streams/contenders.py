"""Everything that the bench compares, by name."""

from __future__ import annotations

from functools import lru_cache

from experiments.streams.baselines import baseline_contenders
from experiments.streams.contender import Contender
from experiments.streams.rules import rule_contenders


@lru_cache(maxsize=1)
def contenders() -> dict[str, Contender]:
    """Return all, in the order of the tables: ours, the reference, baselines."""
    return {one.name: one for one in (*rule_contenders(), *baseline_contenders())}
