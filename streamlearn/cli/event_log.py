"""``streamlearn log``: what a device learned, out of its flash, as a record of the desk."""

from __future__ import annotations

from pathlib import Path
from time import time_ns

import numpy as np

import firmware_sim
from export import open_export
from firmware_sim import Logged, RemoteDevice, Verbs, read_log
from streamlearn.cli.common import console
from streamlearn.cli.endings import CommandError, DifferentError
from streamlearn.cli.following import fits
from streamlearn.learners.base import StreamLearner
from streamlearn.recorder import Record
from streamlearn.recorder.layout import targets_of
from streamlearn.recorder.place import check_place
from streamlearn.recorder.writer import RecordWriter


def fetch(
    export_dir: Path,
    port: str,
    out: Path,
    since: int | None,
    timeout_s: float,
    key: bytes | None,
    signed_by: Path | None,
    quiet: bool,
) -> None:
    """Read a device's log over its port, and write it as a record.

    Raises
    ------
    CommandError
        If the device runs another learner's firmware, or the asked state is not there.
    DifferentError
        If the record does not end with the state that the device has.
    """
    learner = open_export(export_dir, signed_by).learner
    check_place(out, force=False)
    device = RemoteDevice(firmware_sim.open_port(port), port, timeout_s, key=key)
    fits(learner, device)
    runs = read_log(device)
    chosen = _chosen(runs, since, device.name)
    n = write_log(chosen, learner, out)
    told = f"{out}: {n} samples that {device.name} learned since {_named(chosen)}"
    if chosen is runs[-1]:
        found = Record(out).state_at().state_sha256
        learner.state = device.read_state()
        if found != learner.state_sha256:
            raise DifferentError(
                f"{told} give the state {found[:12]}, and it has {learner.state_sha256[:12]}: it "
                "learned in between, or a sample is missing; read the log again"
            )
        told += f"; they give the state that it has now: {found[:12]}"
    elsewhere = ", ".join(str(run.sequence) for run in runs if run is not chosen)
    if elsewhere:
        told += f"; --since takes also {elsewhere}"
    console(quiet, results=True).print(told, soft_wrap=True)


def write_log(logged: Logged, learner: StreamLearner, out: Path) -> int:
    """Write what was logged since one stored state as a record; return the number of samples.

    Parameters
    ----------
    logged
        What was read.
    learner
        The exported one; it has the stored state afterwards.
    out
        A new file.
    """
    if logged.state is not None:
        learner.state = logged.state
    writer = RecordWriter.create(out, learner)
    try:
        n = len(logged.targets)
        if n:  # a device has no clock: all samples have the time at which they were read
            times = np.full(n, time_ns() // 1000, np.int64)
            targets = targets_of(logged.targets, writer.numbers)
            writer.add(logged.xs, targets, times, np.arange(1, n + 1))
    finally:
        writer.close()
    return n


def _chosen(runs: list[Logged], since: int | None, name: str) -> Logged:
    if not runs:
        raise CommandError(
            f"{name}: the stored state that its log begins with cannot be read; a commit begins "
            "another log"
        )
    if since is None:
        return runs[-1]
    for run in runs:
        if run.sequence == since:
            return run
    there = ", ".join(str(run.sequence) for run in runs)
    raise CommandError(f"{name}: no log since the stored state {since}: there are {there}")


def _named(logged: Logged) -> str:
    if logged.state is None:
        return "the state that it was built with"
    return f"its stored state {logged.sequence}"


def log_facts(device: Verbs) -> dict[str, int] | None:
    """Return what a device says of its log; None if it keeps none, or gives none without a key."""
    try:
        return firmware_sim.log_info(device)._asdict()
    except firmware_sim.RefusedError:
        return None
