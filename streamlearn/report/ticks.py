"""Where the ticks of an axis stand, and how much room text takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

#: Widths of letters in parts of the font's size, a little more than in usual fonts.
_NARROW, _WIDE = frozenset("ijl.,:;|!'()[] ft"), frozenset("mwMW%@—→")
#: Steps between ticks, times a power of ten.
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def text_width(text: str, size: float) -> float:
    """Return about how wide a text is at a font size, in the size's unit; the widest of lines."""
    return max((sum(map(_share, line)) for line in text.split("\n")), default=0.0) * size


def _share(letter: str) -> float:
    if letter in _NARROW:
        return 0.36
    if letter in _WIDE or letter > "\u2e7f":
        return 1.0
    return 0.7 if letter.isupper() else 0.6


def linear_ticks(low: float, high: float, n: int, whole: bool = False) -> list[float]:
    """Return round numbers from `low` to `high`: `n` + 1 of them at most.

    Parameters
    ----------
    low, high
        Finite, `low` below `high`.
    n
        Steps at most, 1 or more.
    whole
        Whether only whole numbers are wanted.
    """
    span = high / n - low / n
    if not 0 < span < math.inf:
        return []
    power = 10.0 ** math.floor(math.log10(span))
    steps = [step * power for step in _STEPS if step * power >= span * (1 - 1e-9)]
    step = steps[0] if steps else 10 * power
    if whole:
        step = max(1.0, step if step == int(step) else 5 * power)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return round numbers from `low` to `high`, both positive, for a logarithmic axis."""
    decades = math.log10(high / low)
    if decades < 0.5:
        return linear_ticks(low, high, 4)
    subs = (1,) if decades > 4 else (1, 3) if decades > 1.6 else (1, 2, 5)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = max(1, -(-len(powers) // 12))
    found = [sub * 10.0**power for power in powers[::every] for sub in subs]
    return [value for value in found if low <= value <= high]


class Axis:
    """One axis: its range, ticks and label; several panels may share it.

    Parameters
    ----------
    n_ticks
        Steps between ticks, at most.

    Attributes
    ----------
    label : str
        What it shows.
    grid : bool
        Whether a line stands at each tick.
    log : bool
        Whether it is logarithmic.
    """

    def __init__(self, n_ticks: int = 5) -> None:
        self.label, self.grid, self.log, self.visible = "", False, False, True
        self.tilted = False
        self._seen = (math.inf, -math.inf)
        self._limits: tuple[float, float] | None = None
        self._n, self._whole = n_ticks, False
        self._text: Callable[[float], str] | None = None
        self._given: tuple[Sequence[float], Sequence[str]] | None = None

    def saw(self, low: float, high: float) -> None:
        """Note values, which the range has to hold unless limits are set."""
        self._seen = min(self._seen[0], low), max(self._seen[1], high)

    def limit(self, first: float, last: float) -> None:
        """Set both ends; `last` may be below `first`: the axis is turned round."""
        self._limits = (first, last)

    def ticks(
        self, n: int | None = None, text: Callable[[float], str] | None = None, whole: bool = False
    ) -> None:
        """Say how many steps there may be, how a tick is written, and whether all are whole."""
        self._n, self._whole = n or self._n, whole
        self._text = text or self._text

    def name(self, at: Sequence[float], names: Sequence[str]) -> None:
        """Set ticks and what stands at them; no ticks: nothing stands there."""
        self._given = (at, names)

    @property
    def limits(self) -> tuple[float, float]:
        """Both ends."""
        if self._limits is not None:
            first, last = self._limits
        else:
            low, high = self._seen if self._seen[0] <= self._seen[1] else (0.0, 1.0)
            more = 0.05 * high - 0.05 * low
            first, last = low - more, high + more
        apart = max(0.5, 1e-9 * abs(first))  # far from 0 a small step is none
        return (first - apart, last + apart) if abs(last - first) < 1e-9 * apart else (first, last)

    def begin_at(self, first: float) -> None:
        """Set one end; the other one is where the values end, and a little more."""
        self._limits = (first, max(1.05 * self._seen[1], first + 1e-9))

    def marks(self) -> list[tuple[float, str]]:
        """Return the ticks and what stands at them."""
        if self._given is not None:
            return list(zip(*self._given, strict=True))
        low, high = sorted(self.limits)
        found = log_ticks(low, high) if self.log else linear_ticks(low, high, self._n, self._whole)
        return [(value, self._written(value, found)) for value in found]

    def _written(self, value: float, others: list[float]) -> str:
        if self._text is not None:
            return self._text(value)
        step = others[1] - others[0] if len(others) > 1 and not self.log else abs(value) or 1.0
        places = max(0, -math.floor(math.log10(step) + 1e-9))
        places += round(step * 10**places, 6) % 1 > 0  # 2.5, 0.25, ...
        if abs(value) >= 1e6 or places > 6:
            return f"{value:.4g}"
        return f"{value:.3g}" if self.log else f"{value:.{places}f}".replace("-", "\u2212")
