"""Where the recordings of a stream begin."""

from __future__ import annotations

from collections.abc import Sequence


class Recordings:
    """Where recordings begin: where the key of the rows changes.

    Parameters
    ----------
    of
        The recording of the row before; None: there was none.
    """

    def __init__(self, of: str | None = None) -> None:
        self.of = of

    def begin(self, keys: Sequence[str]) -> set[int]:
        """Take note of the next rows' keys; return which of these rows begin a recording."""
        before, self.of = [self.of, *keys[:-1]], keys[-1] if keys else self.of
        return {row for row, key in enumerate(keys) if key != before[row]}
