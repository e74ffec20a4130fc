"""Spoken digits in a rule's integers beside its floats in C: the same recordings, start and noise.

The settings are those that were chosen for the integers. Each seed is one order of the recordings
and one start; the last row is the mean over seeds of what the integers have more.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from experiments.catalogue import Runnable
from experiments.options import add_seeds, seeds_of
from experiments.spiking.data import spoken_digits
from experiments.spiking.experiments import digits_by
from experiments.study import Record, Study
from experiments.tables import cell, markdown
from quant.rule import RULES


def compared() -> dict[str, tuple[str, str]]:
    """Return the rules whose spiking layers have integers and floats in C: both names."""
    found = {}
    for name, rule in RULES.items():
        in_c = [a for a in rule.spiking if rule.arithmetics[a].kernel is not None]
        floats = [a for a in in_c if rule.arithmetics[a].golden is None]
        integers = [a for a in in_c if a not in floats]
        if integers and floats:
            found[name] = integers[0], floats[0]
    return found


def measure(options: argparse.Namespace) -> Record:
    """Learn the recordings in both."""
    seeds, digits = seeds_of(options), spoken_digits()
    rules = {
        rule: {one: [digits_by(digits, seed, rule, one) for seed in seeds] for one in both}
        for rule, both in compared().items()
    }
    return {"seeds": list(seeds), "rules": rules}


def tables(record: Record) -> Mapping[str, str]:
    """Return the accuracies of both, and their difference, seed by seed."""
    rows, columns = [], []
    for rule, found in record["rules"].items():
        integers, floats = found.values()
        columns = list(integers[0])
        for arithmetic, figures in found.items():
            cells = [cell([one[c] for one in figures], 1) for c in columns]
            rows.append([f"{RULES[rule].title or rule}, {arithmetic}", *cells])
        pairs = list(zip(integers, floats, strict=True))
        more = [cell([a[c] - b[c] for a, b in pairs], 1, "+") for c in columns]
        rows.append([" less ".join(found), *more])
    return {"digits": markdown(["learner", *columns], rows)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_seeds(parser, 10)


STUDY = Study("spiking-floats", measure, tables, add_options)
EXPERIMENTS: dict[str, Runnable] = {STUDY.name: STUDY}
