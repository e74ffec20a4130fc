"""The two widths that every picture is drawn in: a page on a desk, and a phone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sheet:
    """The room that a picture has.

    Parameters
    ----------
    name
        The CSS class that shows it: "wide" or "narrow".
    width_in
        Width in inches. A letter of 10 points then has 13 to 19 pixels on the page.
    n_ticks
        Ticks that fit on the horizontal axis.
    n_chars
        Letters that fit on a line.
    max_points
        Points of a curve: more than the page has pixels for.
    """

    name: str
    width_in: float
    n_ticks: int
    n_chars: int
    max_points: int

    @property
    def n_columns(self) -> int:
        """Columns of a legend."""
        return 2 if self.n_chars > 40 else 1


WIDE = Sheet("wide", 6.0, 8, 60, 600)
NARROW = Sheet("narrow", 3.5, 4, 37, 300)
