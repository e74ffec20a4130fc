"""A run that ends at random moments, in every way that it can: nothing that was kept is ever lost.

Each sitting is a process of its own: a fork, which saves the start of an interpreter. It is killed,
gets a signal, finds a disk without room, or its source breaks off. Then the folder is looked at,
and the next sitting goes on with it, until the stream is done.
"""

from __future__ import annotations

import errno
import faulthandler
import os
import pty
import random
import re
import resource
import signal
import sys
import time
import tty
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_helpers import HEADER, LABEL, LABELS, csv_line, toy_rows
from test_cli_resume import SAME, same

import quant.durable
from streamlearn import MesuClassifier
from streamlearn import cli as command_line
from streamlearn.cli import sitting
from streamlearn.cli.checkpoints import newest
from streamlearn.cli.kept_learner import learner_of
from streamlearn.learners.loading import read

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

N = 600
ROWS = toy_rows(N, seed=5)
LINES = [csv_line(*row) for row in ROWS]
NAMES = sorted(LABELS)
GIVEN = ("--label", LABEL, "--hidden", "8", "--quiet", "--classes", ",".join(NAMES))
SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "hup": signal.SIGHUP}
#: How a sitting ends, of a file and of a source that can be read once.
OF_A_FILE = (*SIGNALS, "full", "full for a while", "limit")
OF_A_PIPE = (*SIGNALS, "pipe", "port")
#: A port's buffer holds no more.
PORT_BYTES = 3000
#: A checkpoint after each sample that a full disk refuses takes its time, on a busy machine too.
PATIENCE_S = 300


@dataclass(frozen=True)
class Known:
    """What a run that nobody ends finds: its state after each sample, its figures, its time."""

    states: list[str]
    figures: dict[str, Any]
    seconds: float


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitting, "write_report", lambda path, _: path.write_text("a page"))


def fork(
    log: Path,
    arguments: list[str],
    stdin: int | None,
    prepare: Callable[[], None],
    not_its_own: list[int],
) -> int:
    """Start a command in a child; return its process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    try:
        for descriptor in not_its_own:
            os.close(descriptor)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        sys.stderr = sys.stdout = log.open("w", encoding="utf-8")
        faulthandler.register(signal.SIGUSR1, sys.stderr)
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY) if stdin is None else stdin)
        prepare()
        code = command_line.run(arguments)
        sys.stderr.flush()
        os._exit(code)
    finally:
        os._exit(99)


def no_room(rng: random.Random, for_a_while: bool) -> Callable[[], None]:
    """Return what makes the disk full after some bytes, in the middle of a write."""
    left, failures = rng.randrange(1, 60_000), rng.randrange(1, 6) if for_a_while else 10**9
    write = os.write

    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(os, name)

        @staticmethod
        def write(descriptor: int, data: Any) -> int:
            nonlocal left, failures
            if left >= len(data) or not failures:
                left -= len(data)
                return write(descriptor, data)
            some, left = left, 0
            if some > 0:
                return write(descriptor, data[:some])
            failures -= 1
            raise OSError(errno.ENOSPC, "No space left on device")

    return lambda: setattr(quant.durable, "os", Full())


def broken(text: bytes, at: int) -> bytes:
    """Break a text off within a line, before its last value: half a number is a number too."""
    whole, end, line = text[:at].rpartition(b"\n")
    return whole + end + b",".join(line.split(b",")[:3])


def limited() -> None:
    """Let the process write no file larger than a checkpoint may become."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))


class Run:
    """One folder, from its first sitting to the end of its stream."""

    def __init__(self, folder: Path, rng: random.Random, kinds: tuple[str, ...], known: Known):
        folder.mkdir()
        self.out, self.log, self.file = folder / "run", folder / "log", folder / "x.csv"
        self.file.write_text(HEADER + "".join(LINES), "utf-8")
        self.rng, self.kinds, self.known = rng, kinds, known
        self.kept, self.status, self.ends = -1, -1, Counter[str]()

    def finish(self, most: int) -> Counter[str]:
        """Sit until the stream is done; return how the sittings ended, but for the last."""
        while not self.done:
            more = sum(self.ends.values()) < most and self.kept < N - 1
            self.sit(self.rng.choice(self.kinds) if more else "whole")
        if self.status:  # all was learned, but a kill came while the page was written
            self.sit("whole")
        found = same(self.out)
        assert found == self.known.figures
        return self.ends

    @property
    def done(self) -> bool:
        return self.kept == N and (self.out / "metrics.json").exists()

    def sit(self, kind: str) -> None:
        """Start a sitting, end it in some way, and look at what it left."""
        self.log.write_text("", "utf-8")  # a kill may come before the process opens it
        every = str(self.rng.randrange(1, 80))
        clock = self.rng.choice(["0", "0.02", "60"])
        begun = self.kept >= 0
        given = ["run", *(("--resume", str(self.out), "-q") if begun else GIVEN)]
        given += [] if begun else ["--out", str(self.out)]
        given += ["--checkpoint-every", every, "--checkpoint-seconds", clock]
        status = self._end(kind, given, begun)
        self._check(kind, status)

    def _end(self, kind: str, given: list[str], begun: bool) -> int:
        prepare: Callable[[], None] = lambda: None  # noqa: E731
        if kind.startswith("full"):
            prepare = no_room(self.rng, kind != "full")
        elif kind == "limit":
            prepare = limited
        stream, stdin, opened = str(self.file), None, []
        if self.kinds is OF_A_PIPE:
            stream, stdin, opened = self._source(kind)
        if not begun or stream != str(self.file):
            given = [*given, "--stream", stream]
        child = fork(self.log, given, stdin, prepare, opened)
        if stdin is not None:
            os.close(stdin)
        if kind in SIGNALS:
            time.sleep(self.rng.uniform(0, 1.2 * self.known.seconds))
            os.kill(child, SIGNALS[kind])
        elif kind == "port":
            time.sleep(self.rng.uniform(0, self.known.seconds))
        for descriptor in opened:
            os.close(descriptor)
        deadline, seen = time.monotonic() + PATIENCE_S, -1
        while True:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                found = newest(self.out)
                if found is not None and found.n_rows > seen:  # slow, as is the disk, but at work
                    deadline, seen = time.monotonic() + PATIENCE_S, found.n_rows
                    continue
                os.kill(child, signal.SIGUSR1)  # it tells where it is
                time.sleep(1)
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                pytest.fail(f"{kind}: it hung after {seen} rows; {self.log.read_text()}")
            time.sleep(0.002)

    def _source(self, kind: str) -> tuple[str, int | None, list[int]]:
        """Return a source of the rows that are missing: its name, standard input, what to close."""
        text = (HEADER + "".join(LINES[max(self.kept, 0) :])).encode()
        if kind == "port":
            master, slave = pty.openpty()
            tty.setraw(slave)
            os.write(master, text[: self.rng.randrange(len(HEADER.encode()), PORT_BYTES)])
            return os.ttyname(slave), None, [slave, master]
        reading, writing = os.pipe()
        if kind == "pipe":
            text = broken(text, self.rng.randrange(len(HEADER.encode()) + 1, len(text)))
        os.write(writing, text)
        if kind in SIGNALS and self.rng.random() < 0.5:
            return "-", reading, [writing]  # it waits for more
        os.close(writing)
        return "-", reading, []

    def _check(self, kind: str, status: int) -> None:
        """Nothing is lost, what is there is whole, and nobody holds the folder."""
        said = self.log.read_text("utf-8")
        found = newest(self.out)
        about = f"{kind} ended with {status}: {said}"
        if found is None:
            assert self.kept < 0, about
            assert not self.out.exists() or status != 0, about
            self.ends[kind] += 1
            return
        assert found.n_samples >= self.kept, about
        learner = read(found.image, "a checkpoint")
        assert learner.n_samples == found.n_samples, about
        assert learner.state_sha256 == self.known.states[found.n_samples], about
        assert learner_of(self.out).n_samples == found.n_samples, about
        told = re.search(r"after (\d+) samples|The first (\d+) samples are kept", said)
        if told is not None:
            assert int(told[1] or told[2]) == found.n_samples, about
        # Before it was opened, or before the first sample.
        early = not found.n_samples or re.search("(?i)no such file|after line 0", said) is not None
        gone = kind == "port" and status == 1 and early
        assert status in (0, 3, 4) or status < 0 or status > 128 or gone, about
        assert "in use by" not in said, about
        self.kept, self.status = found.n_samples, status
        if not self.done:
            self.ends[kind] += 1


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    learner = MesuClassifier((3, 8, 3), classes=NAMES)
    states = [learner.state_sha256]
    for x, label in ROWS:
        states.append(learner.learn_one(np.array(x, np.float32), label).state_sha256)
    folder = tmp_path_factory.mktemp("known")
    file = folder / "x.csv"
    file.write_text(HEADER + "".join(LINES), "utf-8")
    given = ["run", "--stream", str(file), *GIVEN, "--out", str(folder / "run")]
    with pytest.MonkeyPatch.context() as patch:
        quick(patch)
        assert command_line.run(given) == 0  # imports what it needs
        start = time.monotonic()
        assert command_line.run([*given, "--checkpoint-every", "40"]) == 0
        seconds = time.monotonic() - start
    return Known(states, same(folder / "run"), seconds)


def ended(folder: Path, n: int, seed: int, known: Known) -> Counter[str]:
    """End runs in at least ``n`` ways; return how often in each."""
    rng, found, i = random.Random(seed), Counter[str](), 0
    while found.total() < n:
        kinds = OF_A_FILE if i % 2 else OF_A_PIPE
        found += Run(folder / str(i), rng, kinds, known).finish(12)
        i += 1
    return found


def test_twenty_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: Known) -> None:
    quick(monkeypatch)
    assert ended(tmp_path, 20, 1, known).total() >= 20


@pytest.mark.slow
def test_a_thousand_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: Known) -> None:
    quick(monkeypatch)
    found = ended(tmp_path, 1000, 2, known)
    print(dict(found))
    assert set(found) == {*OF_A_FILE, *OF_A_PIPE}


def test_the_canary_a_lost_state_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: Known
) -> None:
    quick(monkeypatch)
    run = Run(tmp_path / "x", random.Random(3), OF_A_FILE, known)
    run.sit("whole")
    assert run.done
    run.kept = N + 1
    with pytest.raises(AssertionError):
        run._check("whole", 0)
    assert set(SAME) == set(known.figures)
