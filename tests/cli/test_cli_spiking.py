"""``streamlearn run --spiking``: rows are steps of time, and recordings begin anew."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from quant.rule import RULES
from quant.stages import Stages
from streamlearn import SpikingClassifier, cli
from streamlearn.chain import Chain, Window
from streamlearn.cli.rules import spiking_rules
from streamlearn.learners.loading import load

LENGTH, KINDS = 24, ("quick", "slow")
GIVEN: dict[str, Any] = {"front_end": "none", "leaks": (2, 3)}
SET = ("--set", "front_end=none", "--set", "leaks=(2, 3)", "--hidden", "6")


def rows(n: int = 9) -> list[tuple[str, float, str]]:
    """Recordings of two tones; each third step has no label, nor has the last recording."""
    return [
        (f"r{which}", round(2 * math.sin(t * (0.9 - 0.6 * (which % 2)) + which), 4),
         "" if t % 3 == 2 or which == n - 1 else KINDS[which % 2])
        for which in range(n)
        for t in range(LENGTH)
    ]  # fmt: skip


def write(path: Path, some: list[tuple[str, float, str]]) -> Path:
    lines = ["of,x,kind", *(f"{of},{x},{label}" for of, x, label in some)]
    path.write_text("\n".join(lines) + "\n")
    return path


def desk(rule: str = "mesu", **given: Any) -> Any:
    return SpikingClassifier(
        (1, 6, 2), rule=rule, classes=list(KINDS), features=["x"], **GIVEN, **given
    )


def taught(
    learner: Any, some: list[tuple[str, float, str]], label: Callable[[Any, list[float], str], Any]
) -> Iterator[str]:
    """Teach a learner as the library is used, and yield what it predicts."""
    before = None
    for of, x, said in some:
        if of != before:
            learner.reset()
        before = of
        yield learner.test_then_learn_one([x], label(learner, [x], said) if said else None)


def every_label(learner: Any, x: list[float], said: str) -> str:
    del learner, x
    return said


def ran(stream: Path, out: Path, *more: str) -> int:
    given = ["run", "--stream", str(stream), "--label", "kind", "--classes", "quick,slow"]
    end = ["--spiking", "--no-baselines", "--quiet", "--out", str(out), *SET, *more]
    return cli.run([*given, *end])


def said_in(path: Path) -> list[str]:
    with path.open() as file:
        return [row["prediction"] for row in csv.DictReader(file)]


@pytest.mark.parametrize("rule", spiking_rules())
def test_a_run_learns_what_the_library_learns(rule: str, tmp_path: Path) -> None:
    some = rows()
    data, said = write(tmp_path / "a.csv", some), tmp_path / "said.csv"
    ours = desk(rule)
    expected = list(taught(ours, some, every_label))
    more = "--rule", rule, "--segment", "of"
    assert ran(data, tmp_path / "plain", *more) == 0
    assert ran(data, tmp_path / "said", *more, "--predictions", str(said)) == 0
    for name in ("plain", "said"):  # in blocks; and row by row, for the probabilities
        assert load(tmp_path / name / "state.sls").state_sha256 == ours.state_sha256
    assert said_in(said) == expected


def test_without_recordings_time_goes_on(tmp_path: Path) -> None:
    some = rows()
    ours = desk()
    list(taught(ours, [("", x, label) for _, x, label in some], every_label))
    assert ran(write(tmp_path / "a.csv", some), tmp_path / "run", "--ignore", "of") == 0
    assert load(tmp_path / "run" / "state.sls").state_sha256 == ours.state_sha256


@pytest.mark.parametrize("cut", [1, LENGTH - 1, LENGTH, LENGTH + 1, 3 * LENGTH + 7])
def test_a_run_that_was_cut_anywhere_goes_on(cut: int, tmp_path: Path) -> None:
    some = rows()
    ours = desk()
    list(taught(ours, some, every_label))
    data, out = write(tmp_path / "a.csv", some[:cut]), tmp_path / "run"
    assert ran(data, out, "--segment", "of") == 0
    write(data, some)
    assert cli.run(["run", "--resume", str(out), "--quiet"]) == 0
    assert load(out / "state.sls").state_sha256 == ours.state_sha256


def test_what_goes_on_in_the_middle_of_a_recording_is_no_beginning(tmp_path: Path) -> None:
    """Canary: a state that began anew at the cut is another."""
    some = rows()
    ours = desk()
    list(taught(ours, some[:31], every_label))
    ours.reset()
    list(taught(ours, some[31:], every_label))
    data, out = write(tmp_path / "a.csv", some[:31]), tmp_path / "run"
    assert ran(data, out, "--segment", "of") == 0
    write(data, some)
    assert cli.run(["run", "--resume", str(out), "--quiet"]) == 0
    assert load(out / "state.sls").state_sha256 != ours.state_sha256


@pytest.mark.parametrize("predictions", [False, True])
def test_a_budget_of_labels(predictions: bool, tmp_path: Path) -> None:
    some = rows()
    ours = desk()

    def asked(learner: Any, x: list[float], said: str) -> str | None:
        return said if learner.wants_label(x, 0.3) else None

    list(taught(ours, some, asked))
    more = ["--predictions", str(tmp_path / "said.csv")] * predictions
    data, out = write(tmp_path / "a.csv", some), tmp_path / "run"
    assert ran(data, out, "--segment", "of", "--label-budget", "30%", *more) == 0
    assert load(out / "state.sls").state_sha256 == ours.state_sha256
    assert 0 < ours.n_samples < sum(label != "" for *_, label in some)


def test_of_all_labels_each_so_many_th_is_learned(tmp_path: Path) -> None:
    some = rows()
    ours, count = desk(), iter(range(1, len(some)))

    def fourth(learner: Any, x: list[float], said: str) -> str | None:
        del learner, x
        return said if next(count) % 4 == 0 else None

    list(taught(ours, some, fourth))
    data, out = write(tmp_path / "a.csv", some), tmp_path / "run"
    assert ran(data, out, "--segment", "of", "--learn-every", "4") == 0
    assert load(out / "state.sls").state_sha256 == ours.state_sha256


def test_behind_stages_rows_of_features_are_steps(tmp_path: Path) -> None:
    some = [(of, x, KINDS[int(of[1:]) % 2]) for of, x, _ in rows()]
    window = Stages(Window(8, 4), ("x",))
    ours = Chain(SpikingClassifier((window.n_features, 6, 2), classes=list(KINDS), **GIVEN), window)
    for start in range(0, len(some), LENGTH):
        part = some[start : start + LENGTH]
        ours.learn_recording([[x] for _, x, _ in part], part[0][2])
    data, out = write(tmp_path / "a.csv", some), tmp_path / "run"
    assert ran(data, out, "--segment", "of", "--stage", "window:n=8,hop=4") == 0
    assert load(out / "state.sls").state_sha256 == ours.learner.state_sha256


def test_what_does_not_go_together_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = write(tmp_path / "a.csv", rows()), tmp_path / "run"
    for more, says in (
        (["--task", "regression"], "spiking networks learn classes"),
        (["--label-delay", "3"], "leave out --label-delay"),
        (["--record", str(tmp_path / "r")], "leave out --record or --spiking"),
        (["--memory", "lda"], "no setting of the rule mesu for a spiking network"),
        (["--set", "thresold=1"], "Did you mean 'threshold'?"),
        (["--set", "rule=bimu"], "has no such setting"),
        *((["--rule", rule], "these do: mesu, ") for rule in sorted({*RULES} - {*spiking_rules()})),
    ):
        assert ran(data, out, *more) != 0
        assert says in " ".join(capsys.readouterr().err.split()), more
        assert not out.exists()
    begin = ["run", "--stream", str(data), "--label", "kind", "--segment", "of"]
    assert cli.run(begin) != 0
    assert "give --stage or --spiking" in " ".join(capsys.readouterr().err.split())
    assert ran(data, out, "--segment", "of") == 0
    for more, says in (
        (["--spiking"], "--spiking: --resume goes on with what the run has"),
        (["--record", str(tmp_path / "r")], "leave out --record or --spiking"),
    ):
        assert cli.run(["run", "--resume", str(out), *more]) != 0
        assert says in " ".join(capsys.readouterr().err.split()), more


def test_the_label_before_is_no_rival_where_labels_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    some = [(of, x, KINDS[int(of[1:]) % 2]) for of, x, _ in rows(12)]
    data, out = write(tmp_path / "a.csv", some), tmp_path / "run"
    assert ran(data, out, "--segment", "of") == 0
    assert json.loads((out / "metrics.json").read_text())["kappa_t"] < 0
    assert "no change" not in capsys.readouterr().err


def test_baselines_see_the_columns(tmp_path: Path) -> None:
    data, out = write(tmp_path / "a.csv", rows()), tmp_path / "run"
    begin = ["run", "--stream", str(data), "--label", "kind", "--classes", "quick,slow"]
    assert cli.run([*begin, "--spiking", "--segment", "of", "--out", str(out), "--quiet"]) == 0
    assert "nearest neighbour" in (out / "report.html").read_text()
