"""``streamlearn fleet push``, ``rollback`` and ``verify``: what is asked of many devices."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from streamlearn.cli.common import console
from streamlearn.cli.device_links import Links
from streamlearn.cli.devices import runs
from streamlearn.cli.endings import CommandError, DifferentError, StreamCutError
from streamlearn.cli.folders import check_json, write_json
from streamlearn.cli.kept_learner import learner_of
from streamlearn.cli.lock import held
from streamlearn.fleet.devices import Keeper, Registry, jobs
from streamlearn.learners.loading import load
from streamlearn.recorder.proof import verify as verified
from streamlearn.recorder.record import Record

_LOOK_S = 0.1


def chosen(registry: Registry, to: Sequence[str], part: float | None, everyone: bool) -> list[str]:
    """Return the devices that are meant.

    Raises
    ------
    CommandError
        If not exactly one way to say so was given, or there is none.
    ConfigError
        If a name is none of a device.
    """
    if (bool(to), part is not None, everyone).count(True) != 1:
        raise CommandError("which devices? Give --to DEVICE, --share 10% or --all, one of them")
    if to:
        return [registry.device(name)["name"] for name in to]
    names = registry.names()
    if not names:
        raise CommandError(f"{registry.folder} has no devices; `streamlearn fleet add` adds one")
    return names if part is None else jobs.share(names, part)


def push(
    image: Path, to: Sequence[str], part: float | None, everyone: bool, folder: Path,
    wait: float, quiet: bool,
) -> None:  # fmt: skip
    """Write an image to devices, one wave behind the other."""
    data = (learner_of(image) if image.is_dir() else load(image)).to_bytes()
    with ExitStack() as stack:
        registry = _opened(folder, stack)
        names = chosen(registry, to, part, everyone)
        held_now = set() if to else jobs.have(registry, data)
        new = [name for name in names if name not in held_now]
        if len(new) < len(names):
            console(quiet, results=True).print(
                f"{len(names) - len(new)} of {len(names)} devices have it already"
            )
        if new:
            _until_over(registry, jobs.push(registry, data, new), wait, quiet)


def rollback(to: Sequence[str], everyone: bool, folder: Path, wait: float, quiet: bool) -> None:
    """Give devices back what they held before their latest push."""
    with ExitStack() as stack:
        registry = _opened(folder, stack)
        names = chosen(registry, to, None, everyone)
        if everyone:
            names = [name for name in names if registry.device(name)["previous"] is not None]
            if not names:
                raise CommandError("no device ever held another image")
        _until_over(registry, jobs.rollback(registry, names), wait, quiet)


def verify(
    to: Sequence[str], folder: Path, wait: float, json_file: Path | None, quiet: bool
) -> None:
    """Read every device's state, and compare it with what its record gives.

    Raises
    ------
    DifferentError
        If one differs.
    StreamCutError
        If one did not answer.
    """
    check_json(None, json_file)
    with ExitStack() as stack:
        registry = _opened(folder, stack)
        names = list(to) or registry.names()
        ids = jobs.read_all(registry, [registry.device(name)["name"] for name in names])
        _work(registry, ids, wait)
        found = [_verdict(registry, job) for job in jobs.found(registry, ids)]
    if json_file is not None:
        write_json(json_file, {"devices": found})
    table = _table(("device", "samples", "state", "record"))
    for one in found:
        table.add_row(
            one["device"], str(one["sample"]), str(one["state_sha256"])[:12],
            "the same" if one["same"] else str(one["why"]),
        )  # fmt: skip
    console(quiet, results=True).print(table)
    different = [one["device"] for one in found if one["same"] is False]
    silent = [one["device"] for one in found if one["same"] is None]
    if different:
        raise DifferentError(
            f"{len(different)} of {len(found)} devices are not what their records give: "
            f"{', '.join(different[:5])}. The bridge gives a device its record's state when it "
            "connects, or when a prediction differs"
        )
    if silent:
        raise StreamCutError(f"{len(silent)} of {len(found)} devices did not answer: {silent[0]}")


def _verdict(registry: Registry, job: sqlite3.Row) -> dict[str, Any]:
    name = job["device"]
    said: dict[str, Any] = {"device": name, "sample": None, "state_sha256": None}
    if job["state"] != jobs.DONE:
        return {**said, "same": None, "why": job["why"] or "it did not answer"}
    record = Record(registry.folder / str(job["image"]))
    learner = record.state_at()
    learner.state = bytes(job["result"])
    verdict = verified(record, learner)
    said |= {"sample": verdict.sample, "state_sha256": learner.state_sha256}
    return {**said, "same": verdict.sample is not None, "why": verdict.why or None}


def _opened(folder: Path, stack: ExitStack) -> Registry:
    registry = Registry(folder)
    stack.callback(registry.close)
    return registry


def _work(registry: Registry, ids: Sequence[int], wait: float) -> None:
    """Wait until jobs are over; without a bridge, do them here."""
    until = time.monotonic() + wait
    with ExitStack() as stack:
        keeper = None
        if not runs(registry.folder):
            names = {job["device"] for job in jobs.found(registry, ids)}
            stack.enter_context(held(registry.folder))
            keeper = stack.enter_context(Keeper(registry, Links(registry.folder), sorted(names)))
        while time.monotonic() < until:
            if all(job["state"] in jobs.OVER for job in jobs.found(registry, ids)):
                return
            if keeper is not None and keeper.error is not None:
                return
            time.sleep(_LOOK_S)


def _until_over(registry: Registry, ids: Sequence[int], wait: float, quiet: bool) -> None:
    """Wait for jobs, and say what came of each.

    Raises
    ------
    DifferentError
        If a device did not take it.
    StreamCutError
        If one did not answer yet.
    """
    _work(registry, ids, wait)
    found = jobs.found(registry, ids)
    table = _table(("device", "image", "", "why"))
    for job in found:
        table.add_row(job["device"], job["image"][:12], job["state"], job["why"] or "")
    console(quiet, results=True).print(table)
    late = [job["device"] for job in found if job["state"] not in jobs.OVER]
    said = registry.device(late[0])["why"] if late else None
    bad = [job for job in found if job["state"] in (jobs.FAILED, jobs.HELD)]
    if bad:
        raise DifferentError(
            f"{len(bad)} of {len(found)} devices do not have it; those that failed have what they "
            f"had: {bad[0]['device']}: {bad[0]['why']}"
        )
    if late:
        raise StreamCutError(
            f"{len(late)} of {len(found)} devices did not do it within {wait:g} s, such as "
            f"{late[0]}{f' ({said})' if said else ''}; they do when they are there again"
        )


def _table(names: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in names:
        table.add_column(name, overflow="fold")
    return table
