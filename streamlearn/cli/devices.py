"""``streamlearn fleet add``, ``bridge``, ``status`` and ``page``: devices, kept as one fleet."""

from __future__ import annotations

import hashlib
import re
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import firmware_sim
from export import open_export
from streamlearn.cli.common import console
from streamlearn.cli.device_links import Links, check_link, keep_export, key_of
from streamlearn.cli.endings import BusyError, CommandError, Interrupted
from streamlearn.cli.folders import check_json, write_json
from streamlearn.cli.lock import held
from streamlearn.cli.rules import is_exact
from streamlearn.cli.whole_samples import Stops
from streamlearn.fleet.devices import Keeper, Registry
from streamlearn.fleet.devices.facts import CELLS, facts
from streamlearn.fleet.devices.messages import MAX_NAME
from streamlearn.fleet.devices.pushing import record_name
from streamlearn.recorder.writer import RecordWriter

_NAME = re.compile(r"[\w.-]+")
_MANIFEST = "manifest.json"
#: Without a broker: seconds in which no device goes on.
_PATIENCE_S = 60.0
#: Characters of a row that is not cut; a narrow terminal breaks it.
_WIDEST = 400


def add(
    name: str, export_dir: Path, link: str, board: str | None, key: Path | None, folder: Path
) -> None:
    """Note a device that runs the firmware of an export folder."""
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise CommandError(
            f"{name!r}: expected a name of letters, digits, - _ and ., {MAX_NAME} at most; it is a "
            "level of the topics"
        )
    simulated = check_link(link)
    if key is not None:
        firmware_sim.read_key(key)
    learner: Any = open_export(export_dir).learner
    if not is_exact(learner):
        raise CommandError(
            f"a {learner.arithmetic} learner cannot be followed bit by bit: desk and chip round "
            "floats differently. Learn in integers (q16, q8)"
        )
    registry = Registry(folder, create=True)
    try:
        if name in registry.names():
            raise CommandError(f"{name} is in {folder} already")
        sha = hashlib.sha256((export_dir / _MANIFEST).read_bytes()).hexdigest()
        keep_export(folder, export_dir, sha)
        record = record_name(name, 0)
        path = folder / record
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # of an `add` that ended just here
        RecordWriter.create(path, learner).close()
        scored = "accuracy" if learner.spec.n_classes else "error"
        registry.add(
            name, link, None if key is None else str(key.absolute()), board or simulated or "?",
            sha, scored, learner.to_bytes(), record, learner.n_samples, learner.state_sha256,
        )  # fmt: skip
    finally:
        registry.close()
    console(False, results=True).print(f"{name}: {link}, {learner}", soft_wrap=True)


def bridge(folder: Path, broker: str | None, serve: int | None, quiet: bool) -> None:
    """Keep the links of all devices, until a signal comes.

    Without a broker what waits is done, and then it ends.
    """
    with ExitStack() as stack:
        registry = Registry(folder)
        stack.callback(registry.close)
        stack.enter_context(held(folder))
        to = console(quiet)
        if serve is not None:
            _serve(folder, serve, stack)
        keeper = Keeper(registry, Links(folder))
        if broker is None:
            with keeper, suppress(KeyboardInterrupt):
                _until_done(keeper)
            return
        from streamlearn.fleet.devices.bridge import Bridge

        between = Bridge(
            keeper, broker, lambda name: key_of(registry.device(name)),
            lambda text: to.print(text, soft_wrap=True),
        )  # fmt: skip
        to.print(f"bridge: {len(registry.names())} devices, {broker}", soft_wrap=True)
        with Stops() as stops, keeper, between:
            try:
                while keeper.error is None and between.error is None:
                    time.sleep(0.2)
            except KeyboardInterrupt:
                raise Interrupted(
                    f"the bridge of {folder} was stopped; all is kept", stops.number
                ) from None
        raise between.error or CommandError("the bridge ended")


def _until_done(keeper: Keeper) -> None:
    """Wait until nothing waits, or no device went on for a while."""
    before = -1
    while not keeper.wait(_PATIENCE_S) and keeper.error is None:
        done = int(keeper.registry.rows("SELECT sum(number) AS done FROM devices")[0]["done"] or 0)
        if done == before:
            return
        before = done


def status(folder: Path, json_file: Path | None, quiet: bool) -> None:
    """Say what the registry knows of each device."""
    check_json(None, json_file)
    registry = Registry(folder)
    try:
        found = facts(registry)
    finally:
        registry.close()
    if json_file is not None:
        write_json(json_file, {"devices": found})
    to = console(quiet, results=True)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for cell in CELLS:
        table.add_column(cell.name, no_wrap=True, justify="left" if cell.text else "right")
    for one in found:
        table.add_row(*(cell.show(one) for cell in CELLS))
    to.width = max(to.width, Console(width=_WIDEST).measure(table).maximum)
    to.print(table)
    for one in found:
        if one["why"]:
            to.print(f"{one['name']}: {one['why']}", soft_wrap=True)
    if not runs(folder):
        to.print("no bridge runs: the links are as the last one left them")


def page(folder: Path, port: int, quiet: bool) -> None:
    """Serve the page of a fleet on this machine, until a signal comes."""
    with ExitStack() as stack:
        url = _serve(folder, port, stack)
        console(quiet).print(f"page: {url}", soft_wrap=True)
        with Stops() as stops:
            try:
                while True:
                    time.sleep(3600)
            except KeyboardInterrupt:
                raise Interrupted("the page is closed", stops.number) from None


def runs(folder: Path) -> bool:
    """Say whether another process keeps the links of a fleet."""
    try:
        with held(folder):
            return False
    except BusyError:
        return True


def _serve(folder: Path, port: int, stack: ExitStack) -> str:
    from streamlearn.fleet.devices.page import FleetPage
    from streamlearn.serve import LiveServer

    own = Registry(folder)
    stack.callback(own.close)
    server = LiveServer(port, FleetPage(own, f"streamlearn fleet: {folder.resolve().name}"))
    stack.callback(server.end, "it was stopped")
    return server.url
