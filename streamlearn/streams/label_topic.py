"""Labels that come later from a port or topic."""

from __future__ import annotations

from pathlib import Path

from quant.durable import write_error
from streamlearn.errors import StreamFormatError
from streamlearn.sources import Source
from streamlearn.streams.csv_blocks import Values
from streamlearn.streams.csv_lines import LineReader
from streamlearn.streams.csv_options import ReadOptions
from streamlearn.streams.csv_top import Top, read_top
from streamlearn.streams.late_labels import LateLabels


class LabelTopic(LateLabels):
    """Labels of a port or topic: what has come is read, and nothing is waited for.

    Parameters
    ----------
    source, key, label, values
        See :class:`LateLabels`.
    folder
        Where what comes is kept until a checkpoint holds it; None: nowhere.
    """

    live = True

    def __init__(
        self, source: Source, key: str, label: str, values: Values, folder: Path | None = None
    ) -> None:
        super().__init__(source, key, label, values)
        source.kept_as = "labels"
        self._folder, self._arrived = folder, _Arrived(source)

    @property
    def place(self) -> tuple[int, int]:
        """See :class:`LateLabels`; before the header has come, where it goes on."""
        return super().place if self._top is not None else self._source.resumed or (0, 0)

    def begin(self, before: tuple[int, int] | None = None) -> bool:
        """Connect; see :class:`LateLabels`."""
        if before is not None and self._folder is not None:
            self._source.resume(self._folder, *before)
        self._source.open()
        return before in (None, (0, 0)) or self._source.resumed is not None

    def _find_top(self) -> bool:
        """Read the header, if it has come. A line that cannot be the header is a bad line."""
        while True:
            reader = LineReader(self._arrived, self.name, format=self._source.format)
            reader.follows = True
            self._arrived.dry = False
            try:
                top = self._columns(read_top(reader, self.name, self._names[1], ReadOptions()))
            except StreamFormatError as error:
                if self._arrived.dry:  # the rest of the head has not come yet
                    self._arrived.rewind()
                    return False
                self._bad(error)
                self._arrived.forget()
                self._source.pass_over()
                continue
            self._take(top, reader)
            return True

    def _take(self, top: Top, reader: LineReader) -> None:
        source = self._source
        source.format = reader.format
        source.began(top.raw if reader.format == "csv" else None, reader.encoding)
        self._arrived.head = False
        self._arrived.forget()
        if self._folder is not None:
            try:
                self._folder.mkdir(exist_ok=True)
                source.keep_in(self._folder)
            except OSError as error:
                raise write_error(self._folder, error) from error
        if source.resumed is not None:
            reader.go_on(*source.resumed)
        self._top, self._reader = top, reader

    def kept(self, line: int) -> None:
        """Say that a checkpoint holds everything until this line."""
        self._source.kept(line)


class _Arrived:
    """What a source has given so far, as a file that ends there and grows."""

    def __init__(self, source: Source) -> None:
        self._source, self.head, self.dry = source, True, False
        self._seen: list[bytes] = []
        self._again: list[bytes] = []

    def read1(self, size: int) -> bytes:
        """Return what is there; of the head one line."""
        if self._again:
            found = self._again.pop(0)
        else:
            found = self._source.read_available(1 if self.head else size)
            if not found:
                self.dry = True
                lost: OSError | None = getattr(self._source, "lost", None)
                if lost is not None:
                    raise lost
        if self.head and found:
            self._seen.append(found)
        return found

    def rewind(self) -> None:
        """Give once more what was given since :meth:`forget`."""
        self._seen, self._again = [], self._seen

    def forget(self) -> None:
        """What was given is not given again."""
        self._seen = []
