"""What is tracked of a release: the comparison says what moved, and stale files fail."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from experiments.command import main
from experiments.device import tracked
from experiments.device.board import CORES_COUNTED
from streamlearn import MetaplasticClassifier
from streamlearn.version import __version__

FIGURES = {name: str(100 * place) for place, name in enumerate(tracked.FIGURES, 1)}


def row(core: str, **figures: int) -> dict[str, str]:
    given = {name: str(value) for name, value in figures.items()}
    return {"learner": "a", "input": "b", "core": core, **FIGURES, **given, "compiler": "c"}


def keyed(*rows: dict[str, str]) -> dict[tracked.Key, tracked.Row]:
    return {("a", "b", one["core"]): one for one in rows}


def test_what_moved() -> None:
    old = keyed(row("m0"), row("m3"), row("m4"))
    new = keyed(row("m3"), row("m4", learn=110, flash=300), row("m7"))
    assert tracked.moved(old, new) == [
        "a, b, m0: gone",
        "a, b, m4: learn 100 → 110 (+10.0%), flash 700 → 300 (-57.1%)",
        "a, b, m7: new",
    ]
    assert tracked.moved(new, new) == []
    earlier = {name: value for name, value in row("m3").items() if name != "predict_mean"}
    assert tracked.moved(keyed(earlier), keyed(row("m3"))) == []


def test_the_release_before(tmp_path: Path) -> None:
    folder = tmp_path / tracked.NAME
    folder.mkdir()
    for version in ("0.0.9", "0.0.10", "0.1.0", "0.2.0"):
        (folder / f"{version}.csv").touch()
    assert tracked.before("0.1.0", tmp_path) == folder / "0.0.10.csv"
    assert tracked.before("0.0.9", tmp_path) is None


def test_made_rows_are_the_same_everywhere() -> None:
    rows = tracked.rows_of(784, tracked.ZEROS)
    assert rows.dtype == np.float32
    assert np.mean(rows == 0) == pytest.approx(tracked.ZEROS, abs=0.01)
    dense = tracked.rows_of(784, 0.0)
    assert dense.std() == pytest.approx(1, abs=0.02)
    assert (dense[0, :3] * 1000).astype(int).tolist() == FIRST


FIRST = [-134, -919, -826]


@pytest.fixture
def one_case(monkeypatch: pytest.MonkeyPatch) -> tracked.Case:
    learner = MetaplasticClassifier((4, 8, 3), classes=range(3), front_end="none")
    labels = np.arange(tracked.SAMPLES) % 3
    case = tracked.Case("tiny", "dense", learner, tracked.rows_of(4, 0.0), labels)
    monkeypatch.setattr(tracked, "cases", lambda: iter([case]))
    return case


def test_a_file_is_written_checked_and_found_stale(
    one_case: tracked.Case,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def command(*words: str) -> tuple[int, str, str]:
        code = main(["tracked", "--results", str(tmp_path), "--quiet", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    check = ("--check", "--cores", "cortex-m0plus")
    code, _, err = command(*check)
    assert (code, "is missing: run python -m experiments tracked" in err) == (1, True)
    assert command("--cores", "cortex-m0plus")[0] == 1, "a file has all cores"
    assert command()[0] == 0
    file = tracked.file_of(__version__, tmp_path)
    kept = tracked.read(file)
    assert [key[-1] for key in kept] == list(CORES_COUNTED)
    assert all(int(one["learn"]) > int(one["predict"]) > 0 for one in kept.values())

    assert command(*check)[:2] == (0, f"against {file.name}, as recorded: nothing moved\n")

    larger = MetaplasticClassifier((4, 16, 3), classes=range(3), front_end="none")
    moved = dataclasses.replace(one_case, learner=larger)
    monkeypatch.setattr(tracked, "cases", lambda: iter([moved]))
    code, out, err = command(*check)
    assert code == 1
    assert "tiny, dense, cortex-m0plus: learn " in out
    assert "is not of this tree (1 rows differ)" in err

    monkeypatch.setattr(tracked, "zig_version", lambda: "99")
    code, out, _ = command(*check)
    assert (code, "learn " in out) == (0, True), "another compiler: told, and no failure"


def test_this_version_has_its_file() -> None:
    kept = tracked.read(tracked.file_of(__version__, tracked.RESULTS))
    assert {key[-1] for key in kept} == set(CORES_COUNTED)
    assert {key[:2] for key in kept} == {(case.name, case.input) for case in tracked.cases()}
