"""One look at the words of a file: its labels and the values of its text columns.

No number is parsed here, but for one good row per word: a word that stands only in bad rows counts
for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from streamlearn.errors import InputValueError, LabelError, StreamFormatError, StreamlearnError
from streamlearn.streams.csv_blocks import BlockParser
from streamlearn.streams.csv_guess import decimal_of, telling_lines
from streamlearn.streams.csv_lines import Lines
from streamlearn.streams.csv_row import parse_row

#: Different words of a text column; more are no fixed set.
MAX_WORDS = 64


class Words:
    """The different words of some columns.

    Parameters
    ----------
    parser
        Of the lines; its header has the columns of numbers.
    columns
        Positions of the columns.
    check
        Called with each new word's column, all words of it, and the number of the line.

    Attributes
    ----------
    found : dict
        The words, by the column's position, in the order in which they came.
    n_rows : int
        Rows that were seen, but for bad ones that are no record.
    first_error : StreamlearnError or None
        What was wrong with the first bad row that was looked at.
    """

    def __init__(
        self,
        parser: BlockParser,
        columns: Sequence[int],
        check: Callable[[int, Collection[str], int], None],
    ) -> None:
        self._parser, self._columns, self._check = parser, tuple(columns), check
        self.found: dict[int, dict[str, None]] = {column: {} for column in columns}
        self._seen: dict[int, set[bytes]] = {column: set() for column in columns}
        self.n_rows = 0
        self.first_error: StreamlearnError | None = None

    def see(self, lines: Lines) -> None:
        """Look at some lines."""
        cells = self._parser.cut(lines)
        self.n_rows += len(cells.plain)
        if len(cells.plain):
            rows = cells.plain.tolist()
            columns = {index: cells.column(index) for index in self._columns}
            new = {index: {*column} - self._seen[index] for index, column in columns.items()}
            for index in [index for index in self._columns if new[index]]:
                for row, cell in zip(rows, columns[index], strict=True):
                    if cell in new[index] and self._confirm(row, lines):
                        new[index].discard(cell)
                        self._seen[index].add(cell)
        for row in cells.other.tolist():
            self.n_rows += self._confirm(row, lines)

    def _confirm(self, row: int, lines: Lines) -> bool:
        """Note the words of a row, if it is a good one."""
        parser = self._parser
        where = f"{parser.name} line {lines.before + row + 1}"
        try:
            cells = parser.cells_of(row, lines)
            if not cells:
                return False
            parse_row(cells, parser.header, where, parser.decimal, parser.fills)
        except (StreamFormatError, InputValueError, LabelError) as error:
            self.first_error = self.first_error or error
            return False
        for column in self._columns:
            words = self.found[column]
            if cells[column] not in words:
                words[cells[column]] = None
                self._check(column, words, lines.before + row + 1)
        return True


def find_words(
    blocks: Iterable[Lines],
    parser: BlockParser,
    columns: Sequence[int],
    check: Callable[[int, Collection[str], int], None],
) -> Words:
    """Return the words of all lines; parameters as for :class:`Words`."""
    words = Words(parser, columns, check)
    for lines in blocks:
        words.see(lines)
    return words


def decimal_in(block: Lines, parser: BlockParser) -> str | None:
    """Return the decimal mark that the numbers of some lines show, or None."""
    cells: list[str] = []
    for index in telling_lines(block, parser.delimiter):
        try:
            row = parser.cells_of(index, block)
        except StreamFormatError:
            continue
        cells += [row[number] for number in parser.header.numbers] if row else []
    return decimal_of(cells, parser.delimiter)


def too_many_words(name: str, column: str, words: Iterable[str], line: int) -> StreamFormatError:
    """Return the error of a text column that is no fixed set."""
    some = ", ".join(map(repr, [*words][:3]))
    return StreamFormatError(
        f"{name}: column {column!r} holds text, more than {MAX_WORDS} different ones until line "
        f"{line}, such as {some}; leave it out with --ignore {column}, or name its values with "
        "--categories"
    )
