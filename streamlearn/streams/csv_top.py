"""Find the header of a CSV, and what the lines under it say of its columns."""

from __future__ import annotations

from dataclasses import dataclass

from streamlearn.errors import StreamFormatError
from streamlearn.sources.limits import MAX_COLUMNS
from streamlearn.streams.csv_guess import delimiter_of, sep_line
from streamlearn.streams.csv_lines import LineReader
from streamlearn.streams.csv_options import ReadOptions
from streamlearn.streams.csv_text import split_record

#: Rows that are looked at.
SAMPLE = 200


@dataclass(frozen=True)
class Top:
    """The lines above the rows.

    Parameters
    ----------
    cells
        Of the header.
    delimiter
        What cuts the lines.
    line, crc32
        Number of the header's line, and the checksum of the lines until there.
    raw
        The header's line as it came, in UTF-8.
    notes
        What else stood there, for people.
    """

    cells: tuple[str, ...]
    delimiter: str
    line: int
    crc32: int
    raw: bytes
    notes: tuple[str, ...] = ()

    def read_again(self, reader: LineReader) -> bool:
        """Read until the header once more; return whether it is the same."""
        if reader.format == "jsonl":
            text = reader.read()
            return text is not None and tuple(split_record(text, "")) == self.cells
        reader.skip_to(self.line)
        return (reader.line_number, reader.crc32) == (self.line, self.crc32)


def read_top(reader: LineReader, name: str, wanted: str | None, options: ReadOptions) -> Top:
    """Read until the header: past blank lines, comments and ``sep=``.

    A comment may be the header, if it has the wanted column.

    Raises
    ------
    StreamFormatError
        There is none, or it is no CSV text.
    SourceError
        The source broke off.
    """
    mark, notes, comments = options.delimiter, [], 0
    while (text := reader.read()) is not None:
        where = f"{name} line {reader.line_number}"
        if not text.strip():
            continue
        if reader.format == "jsonl":
            mark = ","
        elif (found := sep_line(text)) is not None:
            mark = mark or found
            notes.append(f"line {reader.line_number} says sep={found}")
            continue
        comment = text.lstrip().startswith("#") and reader.format != "jsonl"
        if comment:
            text = text.lstrip().lstrip("#")
        delimiter = mark or delimiter_of(text, wanted)
        try:
            cells = split_record(text, where, delimiter)
        except StreamFormatError:
            if not comment:
                raise
            cells = []
        if comment and (wanted is None or wanted not in cells or len(cells) < 2):
            comments += 1
            continue
        if len(cells) > MAX_COLUMNS:
            raise StreamFormatError(
                f"{where}: {len(cells)} columns; at most {MAX_COLUMNS} are read"
            )
        if comments:
            notes.append(f"{comments} comment line{'s' * (comments > 1)} above the header")
        if comment:
            notes.append("the header is a comment")
        return Top((*cells,), delimiter, reader.line_number, reader.crc32, reader.raw, tuple(notes))
    raise StreamFormatError(f"{name} is empty; expected a header row with column names")


def read_sample(reader: LineReader, top: Top) -> list[list[str]]:
    """Return the cells of some rows; lines that are no rows are passed over."""
    lines, found = reader.take(SAMPLE), []
    for index in range(0 if lines is None else len(lines)):
        assert lines is not None
        try:
            text = reader.text_of(lines.raw(index), lines.before + index + 1)
            cells = split_record(text, "", top.delimiter)
        except StreamFormatError:
            continue
        if any(cells) and not text.lstrip().startswith("#"):
            found.append(cells)
    return found
