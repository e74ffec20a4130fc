"""Which lines of a port or topic can be rows."""

from __future__ import annotations

from streamlearn.sources.base import Counts
from streamlearn.sources.limits import MAX_LIVE_LINE_BYTES


class Sieve:
    """Drops lines that are noise, or the header once more, and counts them.

    Parameters
    ----------
    counts
        Of the source.

    Attributes
    ----------
    encoding : str or None
        Of the text; None: the head was not read yet.
    """

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._header: bytes | None = None
        self.encoding: str | None = None

    def began(self, header: bytes | None, encoding: str) -> None:
        """Say that the head was read; until then a line that is no text is passed, as an error.

        Parameters
        ----------
        header
            The header row with its end; None if there is none.
        encoding
            Of the text.
        """
        self._header, self.encoding = header, encoding

    def passes(self, raw: bytes) -> bool:
        """Tell whether a line may be a row; count it if not."""
        if len(raw) > MAX_LIVE_LINE_BYTES:
            self._counts.drop("overlong")
            return False
        if raw == self._header:
            self._counts.drop("repeated_header")
            return False
        if self.encoding is None:
            return True
        try:
            text = raw.decode(self.encoding)
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text or "\r" in text.removesuffix("\n").removesuffix("\r"):
            self._counts.drop("undecodable")
            return False
        return True
