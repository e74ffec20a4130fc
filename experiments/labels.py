"""Labels only where they help: accuracy against the share of labels that a learner asks for.

Each sample is predicted; its label is learned if the learner asks for it
(``learner.wants_label(x, budget)``). Beside it the same share of labels, drawn by chance.
Everything else is at its defaults.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from statistics import mean
from typing import Any

import numpy as np

from experiments.catalogue import Runnable
from experiments.errors import ExperimentError
from experiments.options import add_limit, add_seeds, names, seeds_of
from experiments.pictures import plain_numbers, svg
from experiments.streams.loading import load
from experiments.streams.rules import variants
from experiments.streams.sources import SOURCES
from experiments.study import Record, Study, read_record, say
from experiments.tables import cell, markdown
from quant.rule import RULES
from streamlearn.learners.loading import learner_class
from streamlearn.report import colours
from streamlearn.report import svg as style

STREAMS = tuple(SOURCES)
#: In the picture.
SHOWN = ("sea", "shuttle", "gas")
BUDGETS = (0.05, 0.1, 0.2)
N_SAMPLES, N_SEEDS = 6000, 3
RULES_ASKED = ("bimu", "mesu")
#: What a row is of.
NAMED = ("stream", "rule", "how", "budget")
ASKED, CHANCE, ALL = "asked for", "by chance", "all"
_COLOURS = {"bimu": colours.BLUE, "mesu": colours.VERMILLION}


def learner_of(rule: str, stream: str, seed: int) -> Any:
    """Return a new learner of a rule at the size that the streams' bench gives it."""
    source = SOURCES[stream]
    _, n_features, n_classes = source.size
    wider = next(variant.wider for variant in variants() if variant.rule == rule)
    kind: Any = learner_class(rule, "categorical")
    return kind((n_features, source.hidden * wider, n_classes), classes=range(n_classes), seed=seed)


def run(rule: str, stream: str, how: str, budget: float, seed: int, n: int) -> dict[str, float]:
    """Learn a stream; return its prequential accuracy and the share of labels, in percent."""
    x, y = load(stream, seed, n)
    learner, right, learned = learner_of(rule, stream, seed), 0, 0
    chance = np.random.default_rng(seed).random(len(y)) < budget
    for row, label, drawn in zip(x, y.tolist(), chance.tolist(), strict=True):
        wanted = how == ALL or (learner.wants_label(row, budget) if how == ASKED else drawn)
        verb = learner.test_then_learn_one if wanted else learner.predict_one
        right += verb(*((row, label) if wanted else (row,))) == label
        learned += wanted
    return {"accuracy": 100 * right / len(y), "labels": 100 * learned / len(y)}


def measure(options: argparse.Namespace) -> Record:
    """Run every rule on every stream: all labels, and each budget in both ways.

    Raises
    ------
    ExperimentError
        If a rule does not ask, or what is to be kept was measured with other seeds or samples.
    """
    if unknown := [rule for rule in options.rules if rule not in RULES_ASKED]:
        raise ExperimentError(f"--rules: {unknown[0]!r} is none of {', '.join(RULES_ASKED)}")
    seeds, n = list(seeds_of(options)), options.limit_samples or N_SAMPLES
    cases = [(ALL, 1.0), *((how, budget) for budget in BUDGETS for how in (ASKED, CHANCE))]
    if options.asked is not None:
        cases = [(ASKED, options.asked)]
    rows: list[Record] = []
    for stream in STREAMS:
        for rule in options.rules or RULES_ASKED:
            for how, budget in cases:
                each = [run(rule, stream, how, budget, seed, n) for seed in seeds]
                rows.append(dict(zip(NAMED, (stream, rule, how, budget), strict=True)))
                rows[-1]["figures"] = each
                say(f"{stream}, {rule}, {how}, {budget}: {each[-1]}")
    if options.rules or options.asked is not None:
        rows = [*_kept(options, rows, seeds, n), *rows]
    return {"seeds": seeds, "samples": n, "rows": rows}


def _kept(options: argparse.Namespace, new: list[Record], seeds: list[int], n: int) -> list[Record]:
    """Return the recorded rows that were not measured again."""
    before = read_record(options.results / STUDY.name)
    if (before["seeds"], before["samples"]) != (seeds, n):
        raise ExperimentError(
            f"--asked and --rules keep what was measured with seeds {before['seeds']} and "
            f"{before['samples']} samples: expected the same, not {seeds} and {n}"
        )
    there = {tuple(row[name] for name in NAMED) for row in new}
    return [row for row in before["rows"] if tuple(row[name] for name in NAMED) not in there]


def _title(rule: str) -> str:
    return RULES[rule].title or rule


def tables(record: Record) -> Mapping[str, str]:
    """Return the one table, in percent: means over the seeds; last the labels of 5 %."""
    columns = [(ALL, 1.0), *((how, b) for b in BUDGETS[::-1] for how in (ASKED, CHANCE))]
    rows = []
    for stream in STREAMS:
        for rule in RULES_ASKED:
            mine = [_figures(record, stream, rule, how, budget) for how, budget in columns]
            cells = [cell([one["accuracy"] for one in each]) for each in mine]
            least = _figures(record, stream, rule, ASKED, BUDGETS[0])
            share = f"{mean(one['labels'] for one in least):.1f}"
            rows.append([stream, _title(rule), *cells, share])
    head = [how if how == ALL else f"{budget:.0%} {how}" for how, budget in columns]
    head.append(f"labels, {BUDGETS[0]:.0%} asked for")
    return {"table": markdown(["stream", "rule", *head], rows)}


def pictures(record: Record) -> Mapping[str, str]:
    """Draw accuracy against the share of labels that were learned, a panel for each stream."""
    with style.drawing():
        figure = style.new_figure(2.6)
        for panel, stream in zip(figure.subplots(1, len(SHOWN)), SHOWN, strict=True):
            for rule in RULES_ASKED:
                for how, line in ((ASKED, "-"), (CHANCE, ":")):
                    points = [_point(_figures(record, stream, rule, how, b)) for b in BUDGETS]
                    points.append(_point(_figures(record, stream, rule, ALL, 1.0)))
                    panel.plot(
                        *zip(*points, strict=True),
                        line,
                        color=_COLOURS[rule],
                        label=f"{_title(rule)}, {how}",
                    )
            panel.set_xscale("log")
            plain_numbers(panel.xaxis)
            panel.set_title(stream)
            panel.set_xlabel("labels (%)")
        figure.axes[0].set_ylabel("accuracy (%)")
        handles = figure.axes[0].get_legend_handles_labels()
        figure.legend(*handles, ncols=4, loc="outside upper center")
        return {"picture": svg(figure)}


def _figures(
    record: Record, stream: str, rule: str, how: str, budget: float
) -> list[dict[str, float]]:
    wanted = {"stream": stream, "rule": rule, "how": how, "budget": budget}
    found: list[dict[str, float]] = next(
        row["figures"] for row in record["rows"] if wanted.items() <= row.items()
    )
    return found


def _point(each: Iterable[Mapping[str, float]]) -> tuple[float, float]:
    figures = list(each)
    return mean(one["labels"] for one in figures), mean(one["accuracy"] for one in figures)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_seeds(parser, N_SEEDS)
    add_limit(parser, 10, "samples of each")
    parser.add_argument(
        "--asked",
        type=float,
        choices=BUDGETS,
        metavar="SHARE",
        help="measure again only what learners ask for with this budget; keep the rest",
    )
    parser.add_argument(
        "--rules", type=names, default=(), metavar="A,B", help="measure again only these; keep rest"
    )


STUDY = Study("labels", measure, tables, add_options, pictures)
EXPERIMENTS: dict[str, Runnable] = {STUDY.name: STUDY}
