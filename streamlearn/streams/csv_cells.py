"""Cut many lines into cells at once; what is not plain is left to the exact, slow way."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamlearn.streams.csv_lines import Lines

_LF, _CR, _BLANK, _QUOTE, _COMMENT = b'\n\r "#'
_AROUND_END = re.compile(rb"[ \t]*\r?\n[ \t]*")
_BLANKS = re.compile(rb"[ \t]+")


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of the lines that are plain: as many as the header has, quotes only around them.

    Parameters
    ----------
    data
        The bytes that the positions are of.
    starts, ends
        int64 ``[n_plain, n_columns]``: where each cell begins and ends.
    plain
        int64 ``[n_plain]``: which lines these are.
    other
        int64 ``[n - n_plain]``: the other lines.
    """

    data: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    plain: NDArray[np.int64]
    other: NDArray[np.int64]

    def column(self, index: int) -> list[bytes]:
        """Return the cells of one column, a list of bytes."""
        data = self.data
        starts, ends = self.starts[:, index].tolist(), self.ends[:, index].tolist()
        return [data[start:end] for start, end in zip(starts, ends, strict=True)]


def cut(lines: Lines, n_columns: int, delimiter: str) -> Cells:
    """Find the cells of all plain lines.

    Parameters
    ----------
    lines
        The lines.
    n_columns
        How many cells a line must have.
    delimiter
        One character; a blank stands for any run of blanks and tabs.

    Returns
    -------
    Cells
        A line that is not valid UTF-8, holds NUL or a lone carriage return, is blank, a comment,
        or has a quote inside a cell is not plain.
    """
    data, ends = lines.data, lines.ends
    mark = delimiter.encode()
    if not data.endswith(b"\n"):
        data += b"\n"
        ends = np.concatenate((ends[:-1], ends[-1:] + 1))
    if mark == b" ":
        data = _BLANKS.sub(b" ", _AROUND_END.sub(b"\n", data).lstrip(b" \t"))
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == _LF) + 1
    n = len(ends)
    bytes_ = np.frombuffer(data, np.uint8)
    stops = ends - 1
    begins = np.concatenate((np.zeros(1, np.int64), ends[:-1]))
    plain = bytes_[begins] != _COMMENT
    if len(mark) != 1:
        plain[:] = False
        return _none(data, n)
    marks = np.flatnonzero(bytes_ == mark[0])
    counts = _per_line(marks, stops)
    plain &= counts == n_columns - 1
    if b"\r" in data:
        returns = np.flatnonzero(bytes_ == _CR)
        lone = returns[bytes_[returns + 1] != _LF]
        plain[np.searchsorted(ends, lone, "right")] = False
        stops = stops - ((bytes_[stops - 1] == _CR) & (stops > begins))
    if b"\0" in data:
        plain[np.searchsorted(ends, np.flatnonzero(bytes_ == 0), "right")] = False
    if not data.isascii() and not _is_utf8(data):
        plain[np.searchsorted(ends, np.flatnonzero(bytes_ > 127), "right")] = False
    which = np.flatnonzero(plain)
    if not len(which):
        return _none(data, n)
    inner = marks if len(which) == n else marks[np.repeat(plain, counts)]
    inner = inner.reshape(len(which), n_columns - 1)
    first = np.concatenate((begins[which, np.newaxis], inner + 1), axis=1)
    last = np.concatenate((inner, stops[which, np.newaxis]), axis=1)
    if b" " in data:
        _strip(bytes_, first, last)
    keep = (first < last).any(1)
    if b'"' in data:
        keep &= _unquote(
            bytes_, first, last, _per_line(np.flatnonzero(bytes_ == _QUOTE), stops)[which]
        )
    if not keep.all():
        which, first, last = which[keep], first[keep], last[keep]
    other = np.ones(n, np.bool_)
    other[which] = False
    return Cells(data, first, last, which, np.flatnonzero(other))


def no_cells(lines: Lines) -> Cells:
    """Return that no line is plain."""
    return _none(lines.data, len(lines))


def _none(data: bytes, n: int) -> Cells:
    nothing = np.zeros((0, 0), np.int64)
    return Cells(data, nothing, nothing, np.zeros(0, np.int64), np.arange(n))


def _per_line(at: NDArray[np.int64], stops: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count positions per line, int64 ``[n]``."""
    return np.diff(np.searchsorted(at, stops), prepend=0)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _strip(data: NDArray[np.uint8], first: NDArray[np.int64], last: NDArray[np.int64]) -> None:
    """Move the ends of cells inward over blanks, in place."""
    while (blank := (data[first] == _BLANK) & (first < last)).any():
        first += blank
    while (blank := (data[last - 1] == _BLANK) & (first < last)).any():
        last -= blank


def _unquote(
    data: NDArray[np.uint8],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    n_quotes: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Move the ends of cells inward over a pair of quotes, in place.

    Returns whether all quotes of a line are such pairs: then no mark lies within quotes.
    """
    quoted = (data[first] == _QUOTE) & (data[last - 1] == _QUOTE) & (last - first >= 2)
    first += quoted
    last -= quoted
    _strip(data, first, last)
    return np.asarray(2 * quoted.sum(1) == n_quotes, np.bool_)
