"""Ctrl-C: a clean end within seconds, and everything that was done is kept and whole."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import (
    CONTROL_C_LIMIT_S,
    HEADER,
    LABEL,
    LABELS,
    Cli,
    check_manifest,
    csv_line,
    ignored_ctrl_c,
    one_line,
    read_json,
    start,
    toy_rows,
)

from streamlearn import MesuClassifier
from streamlearn.by_index import ByIndex
from streamlearn.cli.demo_results import ENGINES, Demo
from streamlearn.cli.whole_samples import WholeSamples
from streamlearn.evaluation import evaluate

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


@pytest.fixture(autouse=True)
def ctrl_c_interrupts() -> Iterator[None]:
    """Tests in this process need Ctrl-C, whatever started it (nohup, a background job)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted(process: subprocess.Popen[str]) -> str:
    """Press Ctrl-C; return the one line that the command says."""
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=CONTROL_C_LIMIT_S)
    assert process.returncode == 128 + signal.SIGINT, err
    return one_line(err)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "the command did not get so far"
        time.sleep(0.02)


@pytest.mark.parametrize("command", ["run", "simulate"])
def test_a_slow_pipe(q16: Path, tmp_path: Path, command: str) -> None:
    out, n = tmp_path / "out", 40
    rows = toy_rows(n, seed=2)
    given: tuple[object, ...] = ("--stream", "-", "--label", LABEL, "--out", out, "--quiet")
    if command == "run":
        classes = ("--classes", ",".join(sorted(LABELS)), "--hidden", 8)
        process = start("run", *given, *classes, stdin=subprocess.PIPE)
        host = MesuClassifier((3, 8, 3), classes=sorted(LABELS))
    else:
        process = start("simulate", q16 / "export", *given, stdin=subprocess.PIPE)
        host = MesuClassifier.load(q16 / "run" / "state.sls")
    assert process.stdin is not None
    process.stdin.write(HEADER)
    for row in rows:
        process.stdin.write(csv_line(*row))
    process.stdin.flush()
    ready = out / ("manifest.json" if command == "run" else "firmware/build.log")
    wait_for(ready.exists)
    time.sleep(1.0)  # 40 samples take milliseconds; then it waits for the pipe
    message = interrupted(process)
    place = f" (standard input line {n + 1})" if command == "run" else ""
    assert message == (
        f"streamlearn: interrupted after {n} samples{place}; what was learned until then is in "
        f"{out}\n"
    )
    for x, label in rows:
        host.learn_one(np.array(x, np.float32), label)
    values = read_json(out / "metrics.json")
    assert values["n_samples"] == n
    assert values["state_sha256"] == host.state_sha256
    assert MesuClassifier.load(out / "state.sls").state_sha256 == host.state_sha256
    check_manifest(out)


def test_a_background_job_is_left_alone(tmp_path: Path) -> None:
    """What ``nohup streamlearn run … &`` was started for: the terminal's Ctrl-C is for others.

    A shell starts a background job with Ctrl-C ignored, and a command keeps it so.
    """
    out, rows = tmp_path / "out", toy_rows(30, seed=2)
    given: tuple[object, ...] = ("--stream", "-", "--label", LABEL, "--out", out, "--quiet")
    classes = ("--classes", ",".join(sorted(LABELS)), "--hidden", 8)
    process = start("run", *given, *classes, stdin=subprocess.PIPE, ctrl_c=ignored_ctrl_c)
    assert process.stdin is not None
    process.stdin.write(HEADER + "".join(csv_line(*row) for row in rows[:20]))
    process.stdin.flush()
    wait_for((out / "manifest.json").exists)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    _, err = process.communicate("".join(csv_line(*row) for row in rows[20:]), timeout=60)
    assert (process.returncode, err) == (0, "")
    assert read_json(out / "metrics.json")["n_samples"] == 30
    check_manifest(out)


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL], ids=["ignored", "foreign"])
def test_a_handler_that_is_not_ours_is_left_alone(handler: signal.Handlers) -> None:
    signal.signal(signal.SIGINT, handler)
    with WholeSamples(MesuClassifier((3, 8, 3), classes=sorted(LABELS))):
        assert signal.getsignal(signal.SIGINT) is handler
    assert signal.getsignal(signal.SIGINT) is handler


def test_in_the_middle_of_learning(tmp_path: Path) -> None:
    """However the samples fly, the saved state is that of whole, counted samples.

    A pipe holds 64 KiB: when 150 KiB have been written, samples have been learned.
    """
    out, text = tmp_path / "out", "".join(csv_line(*row) for row in toy_rows(1000)).encode()
    given = ("--label", LABEL, "--arithmetic", "float64", "--out", out)
    classes = ("--classes", ",".join(sorted(LABELS)))
    process = start("run", "--stream", "-", *given, *classes, stdin=subprocess.PIPE)
    assert process.stdin is not None
    os.write(process.stdin.fileno(), HEADER.encode() + text * (150_000 // len(text) + 1))
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(BrokenPipeError):
        os.write(process.stdin.fileno(), text * 100)
    _, err = process.communicate(timeout=CONTROL_C_LIMIT_S)
    assert process.returncode == 128 + signal.SIGINT
    assert err.count("\n") == 2, err
    values = read_json(out / "metrics.json")
    assert 0 < values["n_samples"] < 100_000
    assert MesuClassifier.load(out / "state.sls").n_samples == values["n_samples"]
    n = values["n_samples"]
    place = f"standard input line {n + 1}"
    assert f"interrupted after {n} samples ({place}); what was learned" in err


@pytest.mark.parametrize("parts", [1, 2])
def test_the_demo(tmp_path: Path, parts: int) -> None:
    """With two, Ctrl-C may come before the helper has learned anything, or behind."""
    out, figures = tmp_path / "out", tmp_path / "x.json"
    given = ("--out", out, "--json", figures, "--quiet", "--processes", parts)
    process = start("demo", *given)
    wait_for((out / "firmware" / "firmware.elf").exists)
    time.sleep(1.5)
    message = interrupted(process)
    assert message == f"streamlearn: interrupted; what was done is in {out}\n"
    values = read_json(out / "metrics.json")
    assert values == read_json(figures)
    assert values["n_samples"] > 0
    assert all(engine["n_samples"] > 0 for engine in values["engines"].values())
    assert 0 < values["engines"]["q16 golden" if parts > 1 else "float64"]["n_samples"] < 6697
    assert ("device" in values) == (parts > 1), "a helper hands over what it has"
    assert values["fidelity"]["bit_exact"] is None
    assert (out / "report.html").is_file()
    check_manifest(out)


class Impatient:
    """Presses Ctrl-C in the ``n``-th call of a function."""

    def __init__(self, function: Callable[..., object], n: int) -> None:
        self.function, self.left = function, n

    def __call__(self, *arguments: object, **more: object) -> object:
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)
        return self.function(*arguments, **more)


@pytest.mark.parametrize(
    ("stage", "engines"),
    [
        ("float64", ["float64"]),
        ("q16 golden", ["float64", "float32", "q16 golden"]),
        ("q16 C", ["float64", "float32", "q16 golden", "q16 C"]),
        ("device", ["float64", "float32", "q16 golden", "q16 C"]),
    ],
)
def test_the_demo_at_every_stage(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, engines: list[str]
) -> None:
    out, at = tmp_path / "d", 5
    if stage == "device":
        from firmware_sim import Device

        exchange = Impatient(Device.exchange, at)
        monkeypatch.setattr(Device, "exchange", lambda self, *a: exchange(self, *a))
    else:
        new_learner = Demo.new_learner
        made: list[str] = []

        def impatient(self: Demo, *arguments: object) -> MesuClassifier:
            learner = new_learner(self, *arguments)  # type: ignore[arg-type]
            made.append(("firmware", *(plan.name for plan in ENGINES))[len(made)])
            if made[-1] == stage:
                verb = "learn" if learner._engine.learn_row is None else "learn_row"
                learn = Impatient(getattr(learner._engine, verb), at)
                monkeypatch.setattr(learner._engine, verb, learn)
            return learner

        monkeypatch.setattr(Demo, "new_learner", impatient)
    ended = cli("demo", "--limit", 20, "--out", out, "--quiet")
    assert ended.code == 128 + signal.SIGINT
    assert one_line(ended.err) == f"streamlearn: interrupted; what was done is in {out}\n"
    values = read_json(out / "metrics.json")
    assert list(values["engines"]) == engines
    if stage == "device":
        assert values["n_samples"] == 20
        assert values["device"]["instructions_per_sample"]["predict_median"] > 0
    else:
        assert values["engines"][stage]["n_samples"] == at, "the sample at work is finished"
    assert values["fidelity"]["bit_exact"] is None, "a part proves nothing, for or against"
    if stage.startswith("q16"):
        assert MesuClassifier.load(out / "state.sls").n_samples == at
    check_manifest(out)


def test_a_sample_is_never_cut() -> None:
    """Ctrl-C inside the learner waits; the guard's canary is that nothing else is in its way."""
    learner = MesuClassifier((3, 8, 3), classes=sorted(LABELS), arithmetic="float64")
    names = sorted(LABELS)
    samples = [(np.array(x, np.float32), names.index(label)) for x, label in toy_rows(30)]
    whole = WholeSamples(learner)
    learner._engine.learn = Impatient(learner._engine.learn, 7)  # type: ignore[method-assign]
    with whole:
        result = evaluate(whole, samples, on_progress=lambda *_: whole.counted())
    assert result.interrupted
    assert result.n_samples == learner.n_samples == 7
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    unguarded = MesuClassifier((3, 8, 3), classes=sorted(LABELS), arithmetic="float64")
    unguarded._engine.learn = Impatient(unguarded._engine.learn, 7)  # type: ignore[method-assign]
    assert evaluate(ByIndex(unguarded), samples).n_samples == 6
