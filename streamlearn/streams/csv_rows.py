"""What every stream out of a CSV shares: opening, header, rows, and what a bad row does."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import ConfigError, StreamFormatError, StreamlearnError
from streamlearn.sources import Source, open_source
from streamlearn.streams.csv_blocks import BlockParser, Values
from streamlearn.streams.csv_fill import Filling
from streamlearn.streams.csv_given import Given, Slice
from streamlearn.streams.csv_guess import check_plain, look, said
from streamlearn.streams.csv_header import Header, parse_header, text_columns, words_of
from streamlearn.streams.csv_labels import Unlabelled
from streamlearn.streams.csv_lines import LineReader, Lines
from streamlearn.streams.csv_options import ReadOptions
from streamlearn.streams.csv_scan import MAX_WORDS, Words, decimal_in, find_words, too_many_words
from streamlearn.streams.csv_skipped import Skipped
from streamlearn.streams.csv_top import read_sample, read_top


class CsvRows:
    """What every stream out of a CSV shares: opening, header, rows, and what a bad row does.

    A subclass calls :meth:`_open_stream` once it has checked its own parameters. Parameters and
    errors are those of :class:`streamlearn.streams.csv_stream.CsvStream`.
    """

    def __init__(
        self,
        path_or_dash: str | Path | Source,
        label_column: str | None,
        on_bad: Literal["stop", "skip"],
        stdin: IO[Any] | None = None,
        options: ReadOptions | None = None,
        unlabelled: Unlabelled = "bad",
        late: str | None = None,
    ) -> None:
        if on_bad not in ("stop", "skip"):
            raise ConfigError(f"on_bad must be 'stop' or 'skip', got {on_bad!r}")
        if unlabelled not in ("bad", "predict"):
            raise ConfigError(f"unlabelled must be 'bad' or 'predict', got {unlabelled!r}")
        self.label_column = label_column
        self.on_bad = on_bad
        self.options = options or ReadOptions()
        self.skipped = Skipped()
        #: Whether there need be no row: the stream is more of one that had rows.
        self.may_be_empty = False
        self.times: NDArray[np.float64] | None = None  # of the latest block, with --time
        #: How often a value was missing, by the column's name.
        self.missing: dict[str, int] = {}
        #: Called with a line about what was guessed.
        self.say: Callable[[str], object] = lambda _: None
        self.keys: list[str] = []  # of the latest block, with --key
        self._unlabelled = unlabelled
        self._late = late
        given = path_or_dash
        self.source = given if isinstance(given, Source) else open_source(given, stdin=stdin)
        self.name = self.source.name
        self._after = 0
        self._given: Given | None = None
        self._recalled: dict[str, Any] = {}

    def _open_stream(self) -> None:
        """Read the header: of a regular file, or of what can be read only once."""
        wanted = self.label_column or self.options.key
        self._once: LineReader | None = None
        if self.rereadable:
            with closing(self.source.again()) as source:
                reader = self._reader_of(source, self.options.encoding)
                self._top = read_top(reader, self.name, wanted, self.options)
                self._look(read_sample(reader, self._top), reader)
                self.source.format = reader.format
            return
        self.source.open()
        self._once = self._reader_of(self.source, self.options.encoding)
        try:
            self._top = read_top(self._once, self.name, wanted, self.options)
            self._look([], self._once)
        except BaseException:  # also Ctrl-C: a port is let go
            self.close()
            raise
        self.source.format = self._once.format
        self.source.began(
            self._top.raw if self._once.format == "csv" else None, self._once.encoding
        )
        self._once.head_ends()

    def _look(self, sample: list[list[str]], reader: LineReader) -> None:
        """Find out what the columns are."""
        top, options = self._top, self.options
        self._encoding = reader.encoding
        label = self.label_column or self._late
        guess = look([*top.cells], top.delimiter, sample, label, options)
        self._guess = guess
        check_plain(guess, self.name)
        if self.label_column is None and self._late in guess.cells:
            guess.left_out[guess.cells.index(self._late)] = f"{self._late!r} (labels come later)"
        words = {guess.cells[index]: words for index, words in guess.words.items() if words}
        self._unknown = [index for index, words in guess.words.items() if not words]
        self._make_header({**words, **dict(options.categories)})

    def _make_header(self, words: dict[str, tuple[str, ...]]) -> None:
        guess = self._guess
        left_out = {*guess.left_out, *self._unknown}
        where = f"{self.name} line {max(self._top.line, 1)}"  # 0: the keys of a JSON object
        texts = text_columns(guess.cells, [*words.items()])
        label, more = self.label_column, bool(self._unknown)
        self._header = parse_header(guess.cells, label, where, self.options, texts, left_out, more)

    def _take_words(self, found: Words | None) -> None:
        """Make features of the text columns, now that their words are known."""
        guess, words = self._guess, {text.name: text.values for text in self._header.texts}
        for index in self._unknown if found is not None else ():
            assert found is not None
            name, known = guess.cells[index], sorted(words_of(found.found[index]))
            if len(known) > 1:
                words[name] = guess.words[index] = tuple(known)
            else:
                guess.left_out[index] = f"{name!r} (it says {known[0]!r} only)" if known else name
        self._unknown = []
        self._make_header(words)

    @property
    def guessed(self) -> str:
        """What was guessed of the source, in one line; empty if nothing had to be."""
        return said(self._guess, self.options, self._encoding, self.name, self._top.notes)

    @property
    def resolved(self) -> ReadOptions:
        """The options with what must stay when more of the stream is read: what columns are."""
        words = tuple((text.name, text.values) for text in self._header.texts)
        cells, left_out = self._guess.cells, self._guess.left_out
        names = tuple(cells[index] for index in sorted(left_out) if cells[index])
        return replace(self.options, categories=words, left_out=names, numbers=())

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in file order; a word of a text column is one, as colour=red."""
        return self._header.feature_names

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self._header.feature_names)

    @property
    def rereadable(self) -> bool:
        """Whether it is a regular file, which can be read again."""
        return self.source.rereadable

    @property
    def goes_back(self) -> bool:
        """Whether a run that goes on reads the lines behind its latest checkpoint once more."""
        return self.source.rereadable or self.source.live

    @property
    def position(self) -> tuple[int, int]:
        """Number of the line that was given out last, and the CRC-32 of all lines until then."""
        return (0, 0) if self._given is None else self._given.position

    def start_after(self, line_number: int, crc32: int) -> bool:
        """Begin behind a line from now on, if the lines until there are those that were read once.

        Parameters
        ----------
        line_number, crc32
            What :attr:`position` was.

        Returns
        -------
        bool
            Whether they are: a regular file with these lines, or a port or topic of which this
            run kept what came since. Otherwise nothing is changed.
        """
        if self._once is not None and self.source.resumed == (line_number, crc32):
            self._once.go_on(line_number, crc32)
            return True
        if not self.rereadable:
            return False
        with self._lines() as lines:
            lines.skip_to(line_number)
            if (lines.line_number, lines.crc32) != (line_number, crc32):
                return False
        self._after = line_number
        return True

    def memory(self) -> dict[str, Any]:
        """Return what later rows depend on, at :attr:`position`; for JSON. See :meth:`recall`."""
        return self._recalled if self._given is None else self._given.memory()

    def recall(self, found: dict[str, Any]) -> None:
        """Go on from what :meth:`memory` gave; before the first row."""
        self._recalled = found
        self.missing = dict(found.get("missing", {}))

    def label_values(self, column: str) -> Values:
        """Return what the cells of a column of labels mean."""
        raise NotImplementedError

    def _values(self) -> Values | None:
        raise NotImplementedError

    def _slices(self, at_most: Callable[[], int]) -> Iterator[Slice]:
        """Rows as they come, in blocks; bad rows raise, or are noted in `skipped`."""
        self.skipped = Skipped()
        filling = Filling(self.options.missing, self.n_features)
        filling.recall(self._recalled.get("filling", {}))
        with self._lines() as lines:
            lines.skip_to(self._after)
            self._given = Given(self, lines.line_number, lines.crc32, filling)
            parser = self._parser(self._header, self._values(), lines)
            empty = not self._after
            for block in self._blocks_of(lines, parser):
                parsed = parser.parse(block)
                empty &= not parsed.kinds.any()
                for part in self._given.out(parsed, at_most):
                    self.times = part.times if self.options.time else None
                    self.keys = part.keys
                    yield part
            if empty and not self.may_be_empty:
                raise StreamFormatError(f"{self.name}: a header but no rows under it")

    def bad(self, error: StreamlearnError, left_out: bool) -> None:
        """Raise what is wrong with a row, or note it and leave the row out."""
        if self.on_bad == "stop" and not left_out:
            raise error
        self.skipped.add(str(error))

    def _parser(self, header: Header, values: Values | None, lines: LineReader) -> BlockParser:
        return BlockParser(
            self.name,
            header,
            self._top.delimiter,
            self._guess.decimal or ".",
            self.options.missing != "stop",
            values,
            lines,
            "" if self.rereadable else "the stream ended within this line",
        )

    def _decide_decimal(self, parser: BlockParser, block: Lines) -> None:
        """Find out the decimal mark from the first rows that show one."""
        if self._guess.decimal is not None:
            return
        self._guess.decimal = decimal_in(block, parser)
        if self._guess.decimal == ",":
            parser.use_decimal(",")
            self.say(self.guessed)

    def _scan(self, columns: list[int], check: Callable[[int, Any, int], None]) -> Words:
        """Look at the words of some columns of the whole file."""
        with self._lines() as lines:
            parser = self._parser(self._header, None, lines)
            return find_words(self._blocks_of(lines, parser), parser, columns, check)

    def _blocks_of(self, lines: LineReader, parser: BlockParser) -> Iterator[Lines]:
        while (block := lines.take(parser.at_most)) is not None:
            self._decide_decimal(parser, block)
            yield block

    def _few(self, column: int, words: Any, line: int) -> None:
        """Refuse a text column that is no fixed set."""
        if len(words) > MAX_WORDS:
            raise too_many_words(self.name, self._guess.cells[column], words, line)

    @contextmanager
    def _lines(self) -> Generator[LineReader, None, None]:
        """A fresh reader of a regular file, or the one reader of a pipe, past its header."""
        if self.rereadable:
            with closing(self.source.again()) as source:
                reader = self._reader_of(source, self._encoding)
                if not self._top.read_again(reader):
                    raise StreamFormatError(f"{self.name}: the header changed since it was opened")
                yield reader
        elif self._once is None:
            raise StreamFormatError(f"{self.name} was read already and cannot be read again")
        else:
            once, self._once = self._once, None
            try:
                yield once
            finally:
                self.close()

    def _reader_of(self, source: Source, encoding: str | None) -> LineReader:
        return LineReader(source, self.name, source.endless, source.format, encoding)

    def close(self) -> None:
        """Let go of the source; more than once does no harm."""
        self.source.close()
