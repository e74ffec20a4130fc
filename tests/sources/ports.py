"""A serial port that is a pseudo-terminal, and what a test does to it."""

from __future__ import annotations

import os
import pty
import tty
from pathlib import Path


class Port:
    """A port with a name of its own, so that it may come back on another terminal.

    Parameters
    ----------
    name
        A link to the terminal.
    """

    def __init__(self, name: Path) -> None:
        self.name = name
        self._master = -1
        self.plug_in()

    def plug_in(self) -> None:
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self.name.unlink(missing_ok=True)
        self.name.symlink_to(os.ttyname(slave))
        self._slave = slave  # open, so that bytes wait for who opens it

    def write(self, data: bytes) -> None:
        os.write(self._master, data)

    def unplug(self) -> None:
        if self._master >= 0:
            os.close(self._slave)
            os.close(self._master)
            self.name.unlink(missing_ok=True)
            self._master = -1
