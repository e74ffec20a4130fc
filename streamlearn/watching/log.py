"""The host's log of a run: what an owner needs months later, in files that do not grow for ever."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from streamlearn.watching.now import Now

LOG_FILE = "run.log"
#: Bytes of one file, and how many older ones are kept.
MOST_BYTES, N_OLDER = 1 << 20, 3
#: Seconds until the first line of figures, which doubles, and between two at most.
FIRST_S, MOST_S = 60.0, 3600.0
#: Seconds between two looks for what changed.
LOOK_S = 10.0


class _Handler(logging.handlers.RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Lose a line rather than the run: a full disk is said elsewhere."""
        del record

    def close(self) -> None:
        """Close the file; what a full disk did not take is lost here too."""
        try:
            super().close()
        except OSError:  # the file is closed all the same
            return


class RunLog:
    """Appends a line for each event, and figures every hour (at first more often).

    Parameters
    ----------
    folder
        The run folder; it gets ``run.log``, and at most three older ones.
    look
        Returns how the run stands.

    Notes
    -----
    Lines have the local time with its offset, a level and a sentence. They are not part of the
    run's transaction: after a kill they also tell of samples that are learned again.
    """

    def __init__(self, folder: Path, look: Callable[[], Now]) -> None:
        self._look = look
        self._logger = logging.Logger("streamlearn.run")
        self._handler = _Handler(
            folder / LOG_FILE,
            maxBytes=MOST_BYTES,
            backupCount=N_OLDER,
            encoding="utf-8",
            delay=True,
        )
        formatter = logging.Formatter(
            "%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"
        )
        self._handler.setFormatter(formatter)
        self._logger.addHandler(self._handler)
        self._next_figures = monotonic() + FIRST_S
        self._every, self._next_look = FIRST_S, 0.0
        self._seen: Now | None = None

    def say(self, text: str, level: int = logging.INFO) -> None:
        """Append a line."""
        line = "".join(c if c.isprintable() else " " for c in text)  # names may hold anything
        self._logger.log(level, "%s", line)

    def warn(self, text: str) -> None:
        """Append a line about something that went wrong."""
        self.say(text, logging.WARNING)

    def see(self, _: object) -> None:
        """Look, if it is time, whether anything changed that is worth a line."""
        now = monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_S
        found = self._look()
        self._changes(found)
        if now >= self._next_figures:
            self._every = min(2 * self._every, MOST_S)
            self._next_figures = now + self._every
            self.say(figures(found))

    def _changes(self, now: Now) -> None:
        before, self._seen = self._seen, now
        if before is None:
            return
        if now.n_drifts > before.n_drifts:
            what = "accuracy fell" if now.mae is None else "error rose"
            self.warn(f"the {what}, before sample {now.n_samples:,}: {figures(now)}")
        for name in sorted(set(now.blind) - set(before.blind)):
            self.warn(f"blind: the network sees nothing of the feature {name!r}")
        for name in sorted(set(before.blind) - set(now.blind)):
            self.say(f"the network sees the feature {name!r} again")
        if now.reconnects > before.reconnects:
            self.warn(f"the source went, and came back ({now.reconnects:,} times in all)")
        for reason, n in now.dropped.items():
            more = n - before.dropped.get(reason, 0)
            if more > 0:
                self.warn(f"{more:,} more {reason} ({n:,} in all)")

    def checkpoint(self) -> None:
        """Nothing waits: every line is written at once."""

    def end(self) -> None:
        """Close the file."""
        self._handler.close()


def figures(now: Now) -> str:
    """Return one line of figures."""
    parts = [f"{now.n_samples:,} samples", f"{now.rate:,.1f}/s"]
    if now.accuracy is not None:
        parts.append(f"accuracy {100 * now.accuracy:.2f} %")
    if now.accuracy_latest is not None:
        parts.append(f"of the latest {now.window:,} {100 * now.accuracy_latest:.2f} %")
    if now.mae is not None:
        parts.append(f"mean absolute error {now.mae:.4g}")
    if now.mae_latest is not None:
        parts.append(f"of the latest {now.window:,} {now.mae_latest:.4g}")
    if now.novelty is not None:
        parts.append(f"novelty {now.novelty:.3f}")
    parts.append(f"step × {now.step:.2f}")
    parts.append(f"blind features: {', '.join(now.blind) or 'none'}")
    lost = ", ".join(f"{n:,} {reason}" for reason, n in now.dropped.items() if n)
    parts.append(f"dropped: {lost or 'nothing'}")
    return "; ".join(parts)


def machine() -> str:
    """Return what a log begins with: versions and the process."""
    import os
    import platform

    return f"Python {platform.python_version()} on {sys.platform}, process {os.getpid()}"
