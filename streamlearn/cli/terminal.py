"""The live view in a terminal: how the run stands, four times a second."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table

from streamlearn.cli.target_figures import amount
from streamlearn.watching.now import Now
from streamlearn.watching.threads import start_beside

#: Seconds between two drawings.
EVERY_S = 0.25
#: Blind features that are named.
MAX_NAMED = 4


class TerminalView:
    """Shows a run while it is entered; nothing where there is no terminal, or all is quiet.

    A thread draws it: it also goes on while the stream pauses.

    Parameters
    ----------
    to
        Where people read.
    look
        Returns how the run stands.
    """

    def __init__(self, to: Console, look: Callable[[], Now]) -> None:
        self._look, self._stop = look, threading.Event()
        self._live: Live | None = None
        if to.is_terminal and not to.quiet:
            self._live = Live(console=to, auto_refresh=False, transient=True)
        self._thread: threading.Thread | None = None

    def __enter__(self) -> TerminalView:
        if self._live is not None:
            self._live.start()
            self._thread = start_beside(self._draw, "terminal view")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._live is not None and self._thread is not None:
            self._thread.join()
            self._live.stop()

    def _draw(self) -> None:
        assert self._live is not None
        while not self._stop.wait(EVERY_S):
            self._live.update(panel(self._look()), refresh=True)


def panel(now: Now) -> Panel:
    """Return what is shown of one moment."""
    grid = Table.grid(padding=(0, 2))
    for _ in range(2):
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(no_wrap=True, min_width=12)
    if now.mae is None:
        latest, whole = _percent(now.accuracy_latest), _percent(now.accuracy)
    else:
        latest, whole = amount(now.mae_latest), amount(now.mae)
    what = "right" if now.mae is None else "error"
    grid.add_row("samples", f"{now.n_samples:,}", f"{what} of {now.window:,}", latest)
    grid.add_row("samples/s", f"{now.rate:,.1f}", f"{what} of all", whole)
    grid.add_row("novelty", _novelty(now), "step", f"× {now.step:.2f}")
    grid.add_row("time", _time(now.seconds), "drifts", f"{now.n_drifts:,}")
    below = Table.grid(padding=(0, 2))
    below.add_column(style="dim", no_wrap=True)
    below.add_column()
    named = ", ".join(now.blind[:MAX_NAMED])
    more = len(now.blind) - MAX_NAMED
    below.add_row("blind", (named + (f" and {more} more" if more > 0 else "")) or "none")
    lost = ", ".join(f"{n:,} {why}" for why, n in now.dropped.items() if n)
    below.add_row("dropped", lost or "nothing")
    both = Table.grid()
    both.add_row(grid)
    both.add_row(below)
    return Panel(both, title=_plain(now.source), expand=False)


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"


def _novelty(now: Now) -> str:
    if now.novelty is None:
        return "–"
    return f"{now.novelty:.3f}" + (
        "" if now.usual_novelty is None else f" ({now.usual_novelty:.3f})"
    )


def _time(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = f"{hour:02d}:{minute:02d}:{second:02d}"
    return f"{days} d {clock}" if days else clock
