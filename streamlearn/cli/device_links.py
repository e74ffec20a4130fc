"""Where the links of a fleet's devices are: a serial port, or a board that is simulated here."""

from __future__ import annotations

import re
import shutil
import sqlite3
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
        name, sha = row["name"], row["firmware"][:16]
        if name not in self._boards:
            export_dir = self._folder / EXPORTS_DIR / sha
            out = self._folder / FIRMWARE_DIR / f"{name}-{sha}"
            self._boards[name] = Device(build(export_dir, board, out))
        return self._boards[name]


def _port(row: sqlite3.Row) -> tuple[RemoteDevice, Callable[[], object]]:
    port: Any = firmware_sim.open_port(row["link"])
    try:
        return RemoteDevice(port, row["name"]), port.close
    except BaseException:
        port.close()
        raise
