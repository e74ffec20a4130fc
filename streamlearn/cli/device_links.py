"""Where the links of a fleet's devices are: a serial port, or a board that is simulated here."""

from __future__ import annotations

import hashlib
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import firmware_sim
from firmware_sim import Device, FirmwareSimError, RefusedError, RemoteDevice
from streamlearn.cli.device import build
from streamlearn.cli.endings import CommandError
from streamlearn.fleet.devices import Place

EXPORTS_DIR, FIRMWARE_DIR = "exports", "firmware"
_BOARD = re.compile(r"board:(?P<board>.+)")
_GONE = (FirmwareSimError, OSError)


def check_link(link: str) -> str | None:
    """Refuse what is no link; return the board's name, if it is a simulated one.

    Raises
    ------
    CommandError
        If it is none.
    """
    found = _BOARD.fullmatch(link)
    if found is not None:
        return firmware_sim.get_board(found["board"]).name
    if not re.fullmatch(r"serial:.+", link):
        raise CommandError(
            f"--link {link}: expected serial:PORT@BAUD, or board:NAME for a simulated one"
        )
    return None


def keep_export(folder: Path, export_dir: Path, sha: str) -> None:
    """Copy an export folder into the fleet's: simulated boards are built from it."""
    to = folder / EXPORTS_DIR / sha[:16]
    if not to.is_dir():
        shutil.copytree(export_dir, to)


def key_of(row: sqlite3.Row) -> bytes | None:
    """Return the key of a device's link, from its row in the registry; None if it has none."""
    return None if row["key_file"] is None else firmware_sim.read_key(row["key_file"])


class Links:
    """Opens links; a simulated board lives as long as this object.

    Parameters
    ----------
    folder
        Of the fleet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._boards: dict[str, Device] = {}
        self._firmware: dict[Path, firmware_sim.Firmware] = {}
        self._lock = threading.Lock()

    def __call__(self, row: sqlite3.Row) -> Place:
        """Return where a device's link is, from its row in the registry."""
        found = _BOARD.fullmatch(row["link"])
        opener: Callable[[], tuple[Any, Callable[[], object]]]
        if found is None:
            opener = lambda: _port(row)  # noqa: E731 - one of two ways
        else:
            opener = lambda: (self._simulated(row, found["board"]), lambda: None)  # noqa: E731
        return Place(opener, _GONE, (RefusedError,))

    def _simulated(self, row: sqlite3.Row, board: str) -> Device:
        name, key = row["name"], key_of(row)
        with self._lock:
            if name not in self._boards:
                self._boards[name] = Device(self._built(row["firmware"][:16], board, key), key=key)
            return self._boards[name]

    def _built(self, sha: str, board: str, key: bytes | None) -> firmware_sim.Firmware:
        mark = "" if key is None else f"-{hashlib.sha256(key).hexdigest()[:8]}"
        out = self._folder / FIRMWARE_DIR / f"{sha}-{board}{mark}"
        if out not in self._firmware:
            self._firmware[out] = build(self._folder / EXPORTS_DIR / sha, board, out, key)
        return self._firmware[out]


def _port(row: sqlite3.Row) -> tuple[RemoteDevice, Callable[[], object]]:
    port: Any = firmware_sim.open_port(row["link"])
    try:
        return RemoteDevice(port, row["name"], key=key_of(row)), port.close
    except BaseException:
        port.close()
        raise
