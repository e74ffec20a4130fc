"""The live page: the parts of the report, drawn again while the run goes on."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic, thread_time

from streamlearn.report.data import ReportData
from streamlearn.report.live import now_part
from streamlearn.report.page import (
    PICTURE_NAMES,
    html_page,
    picture_part,
    quick_parts,
    rest,
)
from streamlearn.report.text import escaped
from streamlearn.watching.now import Now
from streamlearn.watching.threads import start_beside

SCRIPT = (Path(__file__).parent / "live.js").read_text("utf-8")
#: Seconds between two moments, and between two pictures at least.
QUICK_S, PICTURES_S = 0.5, 0.5
#: Drawing takes this share of one processor at most.
SHARE = 0.1
HEAD = '<script src="/live.js" defer></script>'
BAR = (
    '<p class="bar"><button id="pause" type="button" aria-pressed="false">Pause</button> '
    '<span id="connection" role="status">…</span></p>'
)


class LivePage:
    """Draws a run's page for whoever looks; while nobody looks it does nothing.

    Parameters
    ----------
    title
        Heading of the page.
    look
        Returns how the run stands and what its report would be made from; called from another
        thread than the one that learns.
    """

    def __init__(self, title: str, look: Callable[[], tuple[Now, ReportData]]) -> None:
        self._title, self._look = title, look
        self._changed = threading.Condition()
        self._parts: dict[str, tuple[int, str]] = {}  # by name: number of the change, HTML
        self._number = self._watchers = 0
        self._ended: str | None = None
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to look, in a thread."""
        start_beside(self._draw, "live page")

    def html(self) -> str:
        """Return the page as it is loaded: figures, and places for the pictures."""
        now, data = self._look()
        parts = {"bar": BAR, "now": now_part(now), **quick_parts(data)}
        with self._changed:
            drawn = {name: html for name, (_, html) in self._parts.items()}
        for name in (*PICTURE_NAMES, *rest(data)):
            parts[name] = drawn.get(name, "")
        return html_page(self._title, parts, HEAD, empty=True)

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
        """Draw a last time, and tell everyone why the run ended."""
        self._stop.set()
        if self._watchers:
            now, data = self._look()
            drawn = {name: self._picture(name, data) for name in PICTURE_NAMES}
            self._set({"now": now_part(now), **quick_parts(data), **drawn, **rest(data)})
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
        """Send the figures twice a second, and one picture after the other in between."""
        names, due = itertools.cycle(PICTURE_NAMES), 0.0
        while not self._stop.wait(QUICK_S):
            if not self._watchers:
                continue
            now, data = self._look()
            self._set({"now": now_part(now), **quick_parts(data), **rest(data)})
            first = sum(name in self._parts for name in PICTURE_NAMES) < len(PICTURE_NAMES)
            while (first or monotonic() >= due) and not self._stop.is_set():
                begin, name = thread_time(), next(names)
                self._set({name: self._picture(name, data)})
                due = monotonic() + max(PICTURES_S, (thread_time() - begin) / SHARE)
                if name == PICTURE_NAMES[-1]:
                    break

    @staticmethod
    def _picture(name: str, data: ReportData) -> str:
        """Return a picture, or in its place why there is none: the others are drawn all the same.

        What cannot be drawn ends neither the run nor the page.
        """
        try:
            return picture_part(name, data)
        except Exception as error:  # noqa: BLE001 - shown on the page
            why = escaped(f"{type(error).__name__}: {error}")
            return f'<p class="left-out">Not drawn: {escaped(name)} ({why}).</p>'

    def _set(self, parts: dict[str, str]) -> None:
        with self._changed:
            before = {name: html for name, (_, html) in self._parts.items()}
            new = {name: html for name, html in parts.items() if before.get(name) != html}
            if new:
                self._number += 1
                self._parts.update({name: (self._number, html) for name, html in new.items()})
                self._changed.notify_all()
