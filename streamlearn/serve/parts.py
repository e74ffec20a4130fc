"""A page of parts that are sent again when they change, to whoever looks."""

from __future__ import annotations

import threading
from pathlib import Path

from streamlearn.watching.threads import start_beside

SCRIPT = (Path(__file__).parent / "live.js").read_text("utf-8")
HEAD = '<script src="/live.js" defer></script>'
BAR = (
    '<p class="bar"><button id="pause" type="button" aria-pressed="false">Pause</button> '
    '<span id="connection" role="status">…</span></p>'
)


class PartsPage:
    """What a live page is to its server; a subclass draws its parts."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._parts: dict[str, tuple[int, str]] = {}  # by name: number of the change, HTML
        self._number = self._watchers = 0
        self._ended: str | None = None
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to look, in a thread."""
        start_beside(self._draw, "live page")

    def html(self) -> str:
        """Return the page as it is loaded."""
        raise NotImplementedError

    def enter(self) -> None:
        """Say that one more looks."""
        with self._changed:
            self._watchers += 1

    def leave(self) -> None:
        """Say that one fewer looks."""
        with self._changed:
            self._watchers -= 1
            self._changed.notify_all()

    def wait_alone(self, seconds: float) -> None:
        """Wait until nobody looks any more, so many seconds at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._watchers, seconds)

    def after(self, number: int, seconds: float) -> tuple[int, dict[str, str], str | None]:
        """Wait for what changed after a number; return the new number, the parts, and the end.

        Parameters
        ----------
        number
            Of the latest change that is known; 0: none.
        seconds
            To wait at most.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._number > number or bool(self._ended), seconds)
            new = {name: html for name, (n, html) in self._parts.items() if n > number}
            return self._number, new, self._ended

    def end(self, why: str) -> None:
        """Draw a last time, and tell everyone why it ended."""
        self._stop.set()
        if self._watchers:
            self._draw_last()
        with self._changed:
            self._ended = self._ended or why
            self._changed.notify_all()

    def _draw(self) -> None:
        """Draw until the run ends; what stops the drawing is said on the page."""
        try:
            self._draw_on()
        except Exception as error:
            with self._changed:
                self._ended = f"the page cannot be drawn: {type(error).__name__}: {error}"
                self._changed.notify_all()
            raise

    def _draw_on(self) -> None:
        """Draw while somebody looks, until it ends."""
        raise NotImplementedError

    def _draw_last(self) -> None:
        """Draw once more."""
        raise NotImplementedError

    def _set(self, parts: dict[str, str]) -> None:
        with self._changed:
            before = {name: html for name, (_, html) in self._parts.items()}
            new = {name: html for name, html in parts.items() if before.get(name) != html}
            if new:
                self._number += 1
                self._parts.update({name: (self._number, html) for name, html in new.items()})
                self._changed.notify_all()
