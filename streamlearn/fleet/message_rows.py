"""The rows in messages that are JSON objects, each with the place where it can be read again."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from streamlearn.errors import StreamFormatError, StreamlearnError
from streamlearn.fleet.folder import FleetPlan
from streamlearn.fleet.keyed_rows import MESSAGE_KEY, Rows, by_key, open_rows
from streamlearn.sources.files import PipeSource
from streamlearn.sources.json_rows import picked, quoted
from streamlearn.streams.csv_options import ReadOptions
from streamlearn.streams.csv_skipped import Skipped


class Message(NamedTuple):
    """A message of a topic.

    Attributes
    ----------
    place : str
        ``PARTITION:OFFSET``.
    key, value : bytes or None
    """

    place: str
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True)
class Found:
    """What was in some messages.

    Attributes
    ----------
    rows : list of (str, Rows)
        By key; the lines of the rows are the messages' places.
    error : StreamlearnError or None
        What is wrong with the first bad message, which ends the rows; None if none is bad.
    n_read : int
        How many messages the rows and the skipped ones are.
    """

    rows: list[tuple[str, Rows]]
    error: StreamlearnError | None
    n_read: int


class MessageRows:
    """Turns messages into rows; which are bad depends on each of them alone.

    So a message that is read again, among others than the first time, is the same row again.

    Parameters
    ----------
    plan : FleetPlan
        Of a fleet whose features are named.
    name : str
        What errors call the stream.

    Attributes
    ----------
    skipped : Skipped
        Bad messages that were left out.
    """

    def __init__(self, plan: FleetPlan, name: str) -> None:
        options = ReadOptions.from_dict(plan.reading)
        words = {column for column, _ in options.categories}
        self._own_key = plan.key == MESSAGE_KEY
        self._needed = [*(() if self._own_key else (plan.key,)), *options.features]
        self._label, self._name = plan.label, name
        self._stop = plan.on_bad == "stop"
        numbers = tuple(column for column in options.features if column not in words)
        reading = replace(
            options, ignore=(), time=None, delimiter=",", decimal=".", encoding="utf-8",
            left_out=(), numbers=numbers,
        )  # fmt: skip
        self._plan = replace(plan, reading=reading.to_dict())
        columns = [plan.key, *options.features, plan.label]
        self._header = ",".join(map(quoted, columns))
        self.skipped = Skipped()

    def read(self, messages: Sequence[Message]) -> Found:
        """Return the rows of messages, in their order; bad ones end them or are left out."""
        records: list[str] = []
        good: list[int] = []
        error: StreamlearnError | None = None
        end = len(messages)
        for i, message in enumerate(messages):
            where = f"{self._name} message {message.place}"
            try:
                records.append(self._record(message, where))
                good.append(i)
            except StreamlearnError as found:
                if self._stop:
                    error, end = found, i
                    break
                self.skipped.add(str(found))
        if not records:
            return Found([], error, end)
        keys, parts, bad = self._parse(records, [messages[i].place for i in good])
        if bad is not None:
            error, end = bad, good[len(keys)]
        if not parts:
            return Found([], error, end)
        x, y, lines = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        places = np.array([messages[good[line - 2]].place for line in lines.tolist()], object)
        return Found(by_key(keys, x, y, places, self._name), error, end)

    def _record(self, message: Message, where: str) -> str:
        if message.value is None:
            raise StreamFormatError(f"{where}: it has no value; expected a JSON object")
        try:
            text = message.value.decode()
            own = "" if message.key is None else message.key.decode()
        except UnicodeDecodeError as error:
            raise StreamFormatError(f"{where}: not UTF-8 ({error})") from None
        cells = picked(text, self._needed, (self._label,), where)
        if self._own_key:
            if any(mark in own for mark in "\n\r\0"):
                raise StreamFormatError(f"{where}: a key with a line break or NUL in it")
            cells.insert(0, quoted(own))
        if cells[0] in ("", '""'):
            raise StreamFormatError(
                f"{where}: no key; every message needs one, for it says whose learner it teaches"
            )
        return ",".join(cells)

    def _parse(
        self, records: Sequence[str], places: Sequence[str]
    ) -> tuple[list[str], list[Any], StreamlearnError | None]:
        """Return keys and blocks of records, and what is wrong with the first bad one."""
        text = "\n".join([self._header, *records, ""])
        source = PipeSource(io.BytesIO(text.encode()), "csv")
        source.name = self._name
        keys: list[str] = []
        parts: list[Any] = []
        with closing(open_rows(self._plan, source)) as rows:
            try:
                for part in rows.blocks(len(records)):
                    parts.append(part)
                    keys += rows.keys
            except StreamlearnError as error:
                return keys, parts, type(error)(self._placed(str(error), places))
            for said in rows.skipped.messages:
                self.skipped.add(self._placed(said, places))
            self.skipped.count += rows.skipped.count - len(rows.skipped.messages)
        return keys, parts, None

    def _placed(self, said: str, places: Sequence[str]) -> str:
        """Say the place of a message where an error says the line of a CSV."""
        found = re.match(rf"{re.escape(self._name)} line (\d+)", said)
        if found is None:
            return said
        return f"{self._name} message {places[int(found[1]) - 2]}{said[found.end() :]}"
