"""The live page: the parts of the report, drawn again while the run goes on."""

from __future__ import annotations

import itertools
from collections.abc import Callable
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
from streamlearn.serve.parts import BAR, HEAD, PartsPage
from streamlearn.watching.now import Now

#: Seconds between two moments, and between two pictures at least.
QUICK_S, PICTURES_S = 0.5, 0.5
#: Drawing takes this share of one processor at most.
SHARE = 0.1


class LivePage(PartsPage):
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
        super().__init__()
        self._title, self._look = title, look

    def html(self) -> str:
        """Return the page as it is loaded: figures, and places for the pictures."""
        now, data = self._look()
        parts = {"bar": BAR, "now": now_part(now), **quick_parts(data)}
        with self._changed:
            drawn = {name: html for name, (_, html) in self._parts.items()}
        for name in (*PICTURE_NAMES, *rest(data)):
            parts[name] = drawn.get(name, "")
        return html_page(self._title, parts, HEAD, empty=True)

    def _draw_last(self) -> None:
        now, data = self._look()
        drawn = {name: self._picture(name, data) for name in PICTURE_NAMES}
        self._set({"now": now_part(now), **quick_parts(data), **drawn, **rest(data)})

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
