"""Who looks on while a run learns: blocks as they were learned, and files that are the run's."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_helpers import LABEL, LABELS, Cli, one_line, read_json
from cli_helpers import toy_csv as csv_of

from streamlearn import MesuClassifier
from streamlearn.cli import checkpoints, sitting
from streamlearn.cli.blocks import Rows
from streamlearn.cli.observers import NO_LABEL, Block, Observers
from streamlearn.errors import WriteError

N = 150
GIVEN = ("--label", LABEL, "--hidden", "8", "--quiet")


class Watcher:
    """Notes everything that it is shown and told."""

    def __init__(self, *wants: str) -> None:
        self.wants, self.blocks, self.said = frozenset(wants), list[Block](), list[str]()

    def see(self, block: Block) -> None:
        self.blocks.append(block)
        self.said.append(f"see {block.first + len(block)}")

    def checkpoint(self) -> None:
        self.said.append("checkpoint")

    def end(self) -> None:
        self.said.append("end")

    def whole(self, name: str) -> Any:
        return np.concatenate([getattr(block, name) for block in self.blocks])


@pytest.fixture
def stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sitting, "write_report", lambda path, _: path.write_text("a page"))
    file = tmp_path / "x.csv"
    file.write_text(csv_of(N), "utf-8")
    return file


def watched(monkeypatch: pytest.MonkeyPatch, *watchers: Any) -> None:
    """Let a run be watched."""
    start = sitting.Run.learn

    def with_watchers(self: sitting.Run) -> None:
        self.observers += watchers
        start(self)

    monkeypatch.setattr(sitting.Run, "learn", with_watchers)


def test_they_see_what_was_learned(
    cli: Cli, stream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher, out = Watcher(), tmp_path / "run"
    plain = tmp_path / "plain"
    assert cli("run", "--stream", stream, *GIVEN, "--out", plain).code == 0
    watched(monkeypatch, watcher)
    run = ("run", "--stream", stream, *GIVEN, "--out", out)
    assert cli(*run, "--checkpoint-every", 40).code == 0
    first = [block.first for block in watcher.blocks]
    assert first == [0, *np.cumsum([len(block) for block in watcher.blocks])[:-1]]
    assert any(len(block) > 10 for block in watcher.blocks), "rows of a file come in blocks"
    x, labels, found = (watcher.whole(name) for name in ("x", "labels", "predictions"))
    assert (x.dtype, x.shape, labels.dtype) == (np.float32, (N, 3), np.int64)
    assert watcher.whole("lines").tolist() == [*range(2, N + 2)]
    learner = MesuClassifier((3, 8, 3), classes=range(3))
    assert [learner.test_then_learn_one(a, int(b)) for a, b in zip(x, labels, strict=True)] == [
        *found
    ]
    values = read_json(out / "metrics.json")
    assert values["state_sha256"] == learner.state_sha256
    assert values["state_sha256"] == read_json(plain / "metrics.json")["state_sha256"]
    assert watcher.blocks[0].probabilities is None
    assert watcher.said[-2:] == ["checkpoint", "end"]
    assert watcher.said.count("checkpoint") == 5, "at the start, three times, and at the end"
    assert watcher.said.index("checkpoint", 1) == watcher.said.index("see 40") + 1


def test_what_they_want_is_known_before_the_sample(
    cli: Cli, stream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher, out = Watcher("probabilities"), tmp_path / "run"
    watched(monkeypatch, watcher, Watcher())
    assert cli("run", "--stream", stream, *GIVEN, "--out", out).code == 0
    learner = MesuClassifier((3, 8, 3), classes=sorted(LABELS))
    rows = zip(*(watcher.whole(name) for name in ("x", "labels")), strict=True)
    for i, (x, label) in enumerate(rows):
        assert watcher.whole("probabilities")[i].tolist() == [
            *learner.predict_proba_one(x).values()
        ]
        learner.learn_one(x, sorted(LABELS)[label])
    assert read_json(out / "metrics.json")["state_sha256"] == learner.state_sha256


def test_samples_without_a_label_are_predicted_only(
    cli: Cli, stream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until a stream gives such rows, a few labels are taken away between stream and learner."""
    watcher, out = Watcher(), tmp_path / "run"
    watched(monkeypatch, watcher)
    blocks = sitting.RowBlocks.blocks

    def some_without(self: Any, at_most: Any) -> Any:
        for rows in blocks(self, at_most):
            yield Rows(rows.x, np.where(rows.lines % 7 < 2, NO_LABEL, rows.y), rows.lines)

    monkeypatch.setattr(sitting.RowBlocks, "blocks", some_without)
    run = ("run", "--stream", stream, *GIVEN, "--out", out)
    assert cli(*run, "--checkpoint-every", 40).code == 0
    learner = MesuClassifier((3, 8, 3), classes=range(3))
    found = []
    for x, label in zip(watcher.whole("x"), watcher.whole("labels").tolist(), strict=True):
        if label == NO_LABEL:
            found.append(learner.predict_one(x))
        else:
            found.append(learner.test_then_learn_one(x, label))
    assert watcher.whole("predictions").tolist() == found
    values = read_json(out / "metrics.json")
    n = int((watcher.whole("labels") >= 0).sum())
    assert 0 < n < N
    assert (values["n_samples"], values["state_sha256"]) == (n, learner.state_sha256)
    assert sum(one["n_samples"] for one in values["classes"]) == n
    last = checkpoints.newest(out)
    assert last is not None
    assert (last.n_samples, last.n_rows, last.place.line) == (n, N, N + 1)


class Full(Watcher):
    """A disk that has no room for an observer's file."""

    def __init__(self, verb: str, after: int) -> None:
        super().__init__()
        self.verb, self.after = verb, after

    def see(self, block: Block) -> None:
        super().see(block)
        self._fail("see")

    def checkpoint(self) -> None:
        super().checkpoint()
        self._fail("checkpoint")

    def end(self) -> None:
        super().end()
        self._fail("end")

    def _fail(self, verb: str) -> None:
        self.after -= verb == self.verb
        if verb == self.verb and self.after < 0:
            raise WriteError(errno.ENOSPC, "cannot be written: No space left", "p.csv")


@pytest.mark.parametrize(("verb", "after"), [("see", 2), ("checkpoint", 2), ("end", 0)])
def test_no_room_for_their_files(
    cli: Cli, stream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, after: int
) -> None:
    """The run ends, and what was learned is kept; a checkpoint does not count on what is not."""
    full, other, out = Full(verb, after), Watcher(), tmp_path / "run"
    watched(monkeypatch, full, other)
    run = ("run", "--stream", stream, *GIVEN, "--out", out)
    ended = cli(*run, "--checkpoint-every", 20)
    assert ended.code == 4
    assert "p.csv" in ended.err.splitlines()[-1]
    found = checkpoints.newest(out)
    assert found is not None
    assert found.n_samples == {"see": 60, "checkpoint": 20, "end": N}[verb]
    assert f"The first {found.n_samples} samples are kept in {out}" in ended.err.splitlines()[-1]
    assert other.said[-1] == full.said[-1] == "end"
    if verb != "checkpoint":
        one_line(ended.err)


def test_all_of_them_end() -> None:
    watchers = [Watcher(), Full("end", 0), Watcher()]
    with pytest.raises(WriteError):
        Observers(watchers).end()
    assert [watcher.said for watcher in watchers] == [["end"]] * 3
    wants = Observers([Watcher("novelty"), Watcher("probabilities")]).wants
    assert wants == {"novelty", "probabilities"}
