"""New classes and new speakers behind a frozen backbone.

The backbone is trained on a part of the data, then frozen in integers. The head learns everything
behind it, one sample at a time, in one pass. Test samples are never learned.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.backbone.problems import N_CLASSES, Floats, Integers, Problem, digits, speakers
from experiments.catalogue import Runnable
from experiments.options import add_limit, add_seeds, count, seeds_of
from experiments.study import Record, Study, say, write_record
from experiments.tables import cell, markdown
from quant.backbone import Backbone
from quant.backbone.golden import features
from streamlearn import MesuClassifier

N_SEEDS, N_DIGITS, N_CHIP, N_ASKED = 3, 60_000, 2000, 300
HIDDEN_ALONE = 50
MEMORY: dict[str, Any] = {"memory": "lda", "memory_features": 0}
FLOAT = "float backbone, float32 head"
INTEGER = "integer backbone, q16 head"
ORDERED = "integer backbone, q16 memory, the new ones last"
ALONE = "q16 head alone, without a backbone"
JOINT = "joint training of all layers, float32"
ROWS = (FLOAT, INTEGER, ORDERED, ALONE, JOINT)


def learned(x: Floats, y: Integers, **more: Any) -> MesuClassifier:
    """Return a learner of one layer, or more, after one pass."""
    layers = more.pop("layers", (x.shape[1], N_CLASSES))
    learner = MesuClassifier(layers, classes=range(N_CLASSES), **more)
    learner.learn_many(x, y)
    return learner


def scores(problem: Problem, predicted: Any) -> dict[str, float]:
    """Return the accuracy on all test samples, and on what the backbone never saw, in percent."""
    right = np.asarray(predicted) == problem.test_y
    return {"all": 100 * float(right.mean()), "new": 100 * float(right[~problem.test_old].mean())}


def orders(problem: Problem, seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the head's stream in a random order, and the same with what is new at the end."""
    mixed = np.random.default_rng(seed).permutation(len(problem.y))
    return mixed, mixed[np.argsort(~problem.old[mixed], kind="stable")]


def one_seed(problem: Problem, seed: int) -> tuple[dict[str, dict[str, float]], Backbone]:
    """Return every row's scores, and the backbone."""
    # PyTorch takes its time to import, and the list of experiments works without it.
    from experiments.backbone.training import float_features, joint, train

    trained = train(problem, seed)
    mixed, ordered = orders(problem, seed)
    x, y = problem.x[mixed], problem.y[mixed]
    found = {}

    float_head = learned(float_features(trained.net, x), y, seed=seed, arithmetic="float32")
    predicted = float_head.predict_many(float_features(trained.net, problem.test_x))
    found[FLOAT] = scores(problem, predicted)

    backbone = trained.backbone
    seen, asked = features(backbone, problem.x), features(backbone, problem.test_x)
    head = learned(seen[mixed], y, seed=seed)
    found[INTEGER] = scores(problem, head.predict_many(asked))
    memory = learned(seen[ordered], problem.y[ordered], seed=seed, **MEMORY)
    found[ORDERED] = scores(problem, memory.recall_many(asked))

    layers = (x.shape[1], HIDDEN_ALONE, N_CLASSES)
    alone = learned(x, y, seed=seed, layers=layers, **problem.alone)
    found[ALONE] = scores(problem, alone.predict_many(problem.test_x))
    found[JOINT] = scores(problem, joint(problem, seed))
    return found, backbone


def on_chip(problem: Problem, backbone: Backbone, seed: int, n: int) -> dict[str, Any]:
    """Learn what is old on the desk, and what is new on a board, from raw values."""
    from experiments.backbone.chip import learn_on_chip, onnx_differs
    from experiments.backbone.training import torch_differs

    _, ordered = orders(problem, seed)
    n_old = int(problem.old.sum())
    old, new = ordered[:n_old], ordered[n_old : n_old + n]
    start = learned(features(backbone, problem.x[old]), problem.y[old], seed=seed, **MEMORY)
    rows = np.random.default_rng(seed).permutation(len(problem.test_y))[:N_ASKED]
    chip, told = learn_on_chip(
        start, backbone, problem.x[new], problem.y[new], problem.test_x[rows]
    )
    test = features(backbone, problem.test_x)
    before = scores(problem, start.recall_many(test))
    return {
        **told,
        "before": before,
        "after": scores(problem, chip.recall_many(test)),
        "torch_differs": torch_differs(backbone, problem.test_x),
        "onnx_differs": onnx_differs(backbone, problem.test_x),
        "compared": len(problem.test_y),
        "backbone_weights": backbone.n_weights,
        "backbone_products": backbone.n_products,
        "features": backbone.n_features,
    }


def measure(options: argparse.Namespace) -> Record:
    """Run both problems over the seeds, and the first seed's new samples on a board.

    Each part is kept in a file of its own when it is done, and not measured again: a run that was
    cut goes on. Digits take minutes a seed: one, unless more are asked for.
    """
    n, several = options.limit_samples, options.seeds is not None or options.seed is not None
    folder = options.results / STUDY.name / "parts"
    folder.mkdir(parents=True, exist_ok=True)
    rows, chips = [], {}
    for problem in (speakers(), digits(n or N_DIGITS)):
        few = problem.name == "MNIST" and not several
        for seed in seeds_of(options)[: 1 if few else None]:
            first = seed == seeds_of(options)[0]
            part = _part(folder, problem, seed, options.chip_samples if first else 0)
            rows += part["rows"]
            if "chip" in part:
                chips[problem.name] = part["chip"]
            say(f"{problem.name}, seed {seed}: {part}")
    return {"rows": rows, "chip": chips}


def _part(folder: Path, problem: Problem, seed: int, n_chip: int) -> Record:
    """Return one seed of a problem, out of its file if it was measured before."""
    named = f"{problem.name.replace(' ', '-')}-{len(problem.y)}-{seed}"
    file = folder / f"{named}{f'-chip-{n_chip}' if n_chip else ''}.json"
    if file.is_file():
        return dict(json.loads(file.read_text("utf-8")))
    found, backbone = one_seed(problem, seed)
    who = {"problem": problem.name, "unseen": problem.new, "seed": seed}
    part: Record = {"rows": [{**who, "row": row, **found[row]} for row in ROWS]}
    if n_chip:
        part["chip"] = on_chip(problem, backbone, seed, n_chip)
    write_record(file, part)
    return part


def tables(record: Record) -> Mapping[str, str]:
    """Return the accuracies, and what the board did."""
    problems = {row["problem"]: row["unseen"] for row in record["rows"]}
    head = ["test accuracy, %"]
    for name, unseen in problems.items():
        head += [f"{name}, all", f"{unseen} alone"]
    body = []
    for row in ROWS:
        mine = [one for one in record["rows"] if one["row"] == row]
        cells = [
            cell([one[part] for one in mine if one["problem"] == name])
            for name in problems
            for part in ("all", "new")
        ]
        body.append([row, *cells])
    return {"table": markdown(head, body), "chip": _chip(record["chip"])}


def _chip(chips: Mapping[str, Any]) -> str:
    lines: dict[str, Any] = {
        "board": lambda one: one["board"],
        "new samples learned there": lambda one: f"{one['samples']:,}",
        "accuracy before, all": lambda one: f"{one['before']['all']:.2f} %",
        "accuracy after, all": lambda one: f"{one['after']['all']:.2f} %",
        "accuracy after, the new ones": lambda one: f"{one['after']['new']:.2f} %",
        "state = that of the desk's C": lambda one: _same(one["same_state"]),
        "answers of the board = the desk's": lambda one: (
            f"{_same(one['same_recall'])}, {one['asked']}"
        ),
        "features that differ in PyTorch, in ONNX Runtime": lambda one: (
            f"{one['torch_differs']}, {one['onnx_differs']} "
            f"of {one['compared'] * one['features']:,}"
        ),
        "weights of the backbone": lambda one: f"{one['backbone_weights']:,} bytes",
        "its products a sample": lambda one: f"{one['backbone_products']:,}",
        "instructions to learn a sample": lambda one: f"{one['learn_instructions']:,.0f}",
        "flash, RAM": lambda one: f"{one['flash']:,}, {one['ram']:,} bytes",
    }
    rows = [[name, *(read(one) for one in chips.values())] for name, read in lines.items()]
    return markdown(["", *chips], rows)


def _same(value: bool) -> str:
    return "equal" if value else "different"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    add_seeds(parser, N_SEEDS)
    add_limit(parser, 1000, "training images of MNIST")
    parser.add_argument(
        "--chip-samples",
        type=count(1),
        default=N_CHIP,
        metavar="N",
        help="new samples that the first seed's board learns at most; %(default)s if none",
    )


STUDY = Study("backbone", measure, tables, add_options)
EXPERIMENTS: dict[str, Runnable] = {STUDY.name: STUDY}
