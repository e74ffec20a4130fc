"""Columns, missing values, labels that come later: from the command line to a run that goes on."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_helpers import Cli, call

from streamlearn import MesuClassifier
from streamlearn.baselines.online import OnlineBaselines
from streamlearn.by_index import ByIndex
from streamlearn.streams import CsvStream, ReadOptions


@pytest.fixture
def pump(tmp_path: Path) -> Path:
    """600 rows with a key, two columns of words, gaps, and a label that is missing at times."""
    draw = random.Random(3)
    rows = ["id,colour,on,a,b,state"]
    for i in range(600):
        worn = draw.random() < 0.4
        gap = "" if i % 20 == 7 else f"{draw.gauss(2 + 2 * worn, 1):.3f}"
        colour, on = draw.choice(["red", "green", "blue"]), draw.choice(["yes", "no"])
        label = "" if i % 100 == 50 else "worn" if worn else "ok"
        rows.append(f"k{i},{colour},{on},{gap},{draw.gauss(worn, 1):.3f},{label}")
    path = tmp_path / "pump.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def figures(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_options_reach_the_stream(cli: Cli, pump: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    ended = cli(
        "run", "--stream", pump, "--label", "state", "--ignore", "id", "--missing", "mean",
        "--categories", "colour=red,green,blue", "--json", out, "--hidden", 4,
    )  # fmt: skip
    assert ended.code == 0
    found = figures(out)
    assert found["missing"] == {"a": 30}
    assert found["n_samples"] == 594, "rows without a label are predicted only"
    options = ReadOptions(
        ignore=("id",), missing="mean", categories=(("colour", ("red", "green", "blue")),)
    )
    stream = CsvStream(pump, "state", options=options, unlabelled="predict")
    names = ("colour=red", "colour=green", "colour=blue", "on", "a", "b")
    assert stream.feature_names == names
    learner = MesuClassifier((6, 4, 2), classes=stream.classes, features=names)
    for x, y, _ in stream.blocks(100):
        ByIndex(learner).test_then_learn_block(x, y)
    assert found["state_sha256"] == learner.state_sha256


def test_a_guess_is_said_once(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a;b;y\n" + "1,5;2;p\n2,5;3;q\n" * 3)
    ended = cli("run", "--stream", path, "--label", "y")
    assert ended.err.count(f"{path}: read with cells separated by ';', decimal comma\n") == 1
    assert cli("run", "--stream", path, "--label", "y", "--quiet").err.count("read with") == 0


@pytest.mark.parametrize("cut", [200, 555])
@pytest.mark.parametrize(
    "options",
    [
        ("--missing", "hold"),
        ("--missing", "mean", "--label-delay", "25"),
        ("--missing", "mean", "--labels", "{labels}", "--key", "id", "--classes", "ok,worn"),
    ],
    ids=["hold", "delay", "labels of a file"],
)
def test_a_run_that_is_cut_goes_on_to_the_same_bits(
    cli: Cli, pump: Path, tmp_path: Path, options: tuple[str, ...], cut: int
) -> None:
    labels = tmp_path / "labels.csv"
    rows = [line.split(",") for line in pump.read_text().splitlines()]
    known = [f"{row[0]},{row[-1]}" for row in rows[1:] if row[-1]]
    random.Random(1).shuffle(known)
    labels.write_text("id,state\n" + "\n".join(known) + "\n")
    given = [option.format(labels=labels) for option in options]
    ignore = () if "--key" in given else ("--ignore", "id")
    common = ("--label", "state", *ignore, *given, "--hidden", "4")
    whole, parts = tmp_path / "whole.json", tmp_path / "parts.json"
    assert cli("run", "--stream", pump, *common, "--json", whole).code == 0

    grown = tmp_path / "grown.csv"
    lines = pump.read_text().splitlines(keepends=True)
    grown.write_text("".join(lines[:cut]))
    run = tmp_path / "run"
    if "--key" in given:  # all labels would be read at the end of the first part
        labels.write_text("id,state\n")
    assert cli("run", "--stream", grown, *common, "--out", run).code == 0
    labels.write_text("id,state\n" + "\n".join(known) + "\n")
    grown.write_text("".join(lines))
    assert cli("run", "--resume", run, "--json", parts).code == 0
    a, b = figures(whole), figures(parts)
    assert a["missing"] == b["missing"] == {"a": 30}
    assert a["n_samples"] == b["n_samples"]
    assert a["predictions_sha256"] == b["predictions_sha256"] or "--key" in given
    if "--key" not in given:  # labels that came at another time were learned at another time
        assert a["state_sha256"] == b["state_sha256"]
        assert a["accuracy_prequential"] == b["accuracy_prequential"]


def test_a_label_is_learned_so_many_rows_later(cli: Cli, pump: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    ended = cli(
        "run", "--stream", pump, "--label", "state", "--features", "b", "--label-delay", 40,
        "--json", out, "--hidden", 4,
    )  # fmt: skip
    assert ended.code == 0
    found = figures(out)
    assert found["waiting"] == {"rows": 40, "dropped": {"rows": 0, "labels": 0}}
    stream = CsvStream(pump, "state", options=ReadOptions(features=("b",)), unlabelled="predict")
    learner = MesuClassifier((1, 4, 2), classes=stream.classes, features=("b",))
    waiting: list[Any] = []
    right = learned = same = 0
    known: list[int] = []
    for x, y, _ in stream:
        waiting.append((x, y, learner.predict_one(x)))
        if len(waiting) > 40:
            x, y, predicted = waiting.pop(0)
            if y >= 0:
                learner.learn_one(x, stream.classes[y])
                same += y == (known[-41] if len(known) > 40 else 0)
                known.append(y)
                right, learned = right + (predicted == stream.classes[y]), learned + 1
    assert found["n_samples"] == learned
    assert found["accuracy_prequential"] == right / learned
    assert found["state_sha256"] == learner.state_sha256
    assert found["accuracy_no_change"] == same / learned, "a guess knows no label sooner"
    beside = OnlineBaselines((1, 4, 2), learner.state.nbytes)
    x, y = zip(*((x, y) for x, y, _ in stream if y >= 0), strict=True)
    predicted = []
    for i in range(learned):
        predicted.append(beside.see(x[i][None], np.array([-1])).nearest[0])
        if i >= 40:
            beside.see(x[i - 40][None], np.array([y[i - 40]]))
    assert found["baselines"]["nearest neighbour"] == np.mean(np.array(predicted) == y[:learned])


def test_labels_of_another_file(cli: Cli, pump: Path, tmp_path: Path) -> None:
    labels, out = tmp_path / "labels.csv", tmp_path / "x.json"
    rows = [line.split(",") for line in pump.read_text().splitlines()[1:]]
    lines = [f"{row[0]};{row[-1]}" for row in rows if row[-1]]
    lines[3:3] = ["k2", "k9999;ok", "k1;broken"]  # no record, no row, no class
    labels.write_text("id;state\n" + "\n".join(lines) + "\n")
    given = ("run", "--stream", pump, "--label", "state", "--missing", "hold", "--hidden", 4)
    ended = cli(*given, "--labels", labels, "--key", "id", "--classes", "ok,worn", "--json", out)
    assert ended.code == 0
    found = figures(out)
    assert found["n_samples"] == 594
    assert found["waiting"]["rows"] == 6
    assert found["waiting"]["labels"] == 1
    assert found["waiting"]["bad_labels"]["count"] == 2
    assert "labels.csv line 5: expected 2 values, got 1" in str(found["waiting"])
    # Labels that come in the order of the rows, each behind its row, are learned as if they stood
    # in it.
    same = tmp_path / "same.json"
    assert cli(*given, "--ignore", "id", "--json", same).code == 0
    assert figures(same)["n_samples"] == 594


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--labels", "x.csv"), 1, "--labels and --key go together"),
        (("--key", "id"), 1, "--labels and --key go together"),
        (("--labels", "x.csv", "--key", "id", "--label-delay", "3"), 1, "leave --label-delay out"),
        (("--labels", "no.csv", "--key", "id"), 1, "no such file"),
        (("--categories", "colour"), 1, "--categories: expected COLUMN=a,b,c, got 'colour'"),
        (("--missing", "zero"), 1, "missing: expected one of stop, skip, hold, mean, got 'zero'"),
        (("--features", "a,colr"), 1, "--features: no column 'colr'; .* Did you mean 'colour'"),
        ((), 1, "column 'id' holds text, more than 64 different .* --ignore id"),
    ],
)
def test_what_is_refused(
    cli: Cli, pump: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    ended = cli("run", "--stream", pump, "--label", "state", *options)
    assert ended.code == code
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(" ".join(ended.err.split()))


def test_a_number_as_label_asks(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,y\n" + "".join(f"{i},{i / 7:.3f}\n" for i in range(100)))
    ended = cli("run", "--stream", path, "--label", "y")
    assert ended.code == 1
    assert "Is it a number to predict? Then give --task regression" in " ".join(ended.err.split())
    assert cli("run", "--stream", path, "--label", "y", "--task", "regression").code == 0


def test_what_was_found_of_the_columns_stays_when_the_run_goes_on(cli: Cli, tmp_path: Path) -> None:
    """A pipe, an empty file and a typing error tell less than the first file did."""
    head = "time,valve,t,state\n"
    rows = [
        f"2026-05-01 10:{i:02},{'open' if i % 3 else 'closed'},{i % 7},{'ab'[i % 2]}\n"
        for i in range(60)
    ]
    first, run, metrics = tmp_path / "may.csv", tmp_path / "run", tmp_path / "run" / "metrics.json"
    first.write_text(head + "".join(rows))
    assert cli("run", "--stream", first, "--label", "state", "--out", run, "-q").code == 0
    go_on = ("run", "--resume", run, "--stream")
    ended = call(*go_on, "-", stdin=head + "".join(rows[:5]))
    assert ended.code == 0, ended.err
    assert "left out: 'time' (as before)" in ended.err
    assert figures(metrics)["n_samples"] == 65

    before = figures(metrics)["state_sha256"]
    nothing = tmp_path / "june.csv"
    nothing.write_text(head)
    for ended in (cli(*go_on, nothing), call(*go_on, "-", stdin=head)):
        assert ended.code == 0, ended.err
        assert "no new row came; the learner is as it was" in ended.err
        assert "65 samples" in ended.out
    assert figures(metrics)["state_sha256"] == before
    assert call(*go_on, "-", stdin="").code == 1, "no header: who writes it has failed"

    typo = tmp_path / "july.csv"
    typo.write_text(head + "2026-05-01,open,oops,a\n")
    ended = cli(*go_on, typo)
    assert ended.code == 3
    assert "july.csv line 2, column 't': expected a number, got 'oops'" in ended.err
