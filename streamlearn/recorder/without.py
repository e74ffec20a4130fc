"""Unlearning: the state as if some samples had never come, by learning all others again."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from streamlearn.errors import ConfigError
from streamlearn.learners.base import StreamLearner
from streamlearn.recorder.expressions import (
    Column,
    Columns,
    Mask,
    condition_of,
    moment,
    number,
)
from streamlearn.recorder.layout import Samples
from streamlearn.recorder.learning import learn
from streamlearn.recorder.record import Record

_DAY = 86_400_000_000
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
#: Tells which samples are left out.
Choice = Callable[[Samples, Record], Mask]


@dataclass(frozen=True)
class Replayed:
    """What came of a replay.

    Parameters
    ----------
    learner
        In the state at its end.
    n_samples, n_learned, n_left_out
        Samples of the record until then; those that made the state; those that were left out, of
        those that the record's learner had learned.
    """

    learner: StreamLearner
    n_samples: int
    n_learned: int
    n_left_out: int


def without(text: str) -> Choice:
    """Return which samples a text means: a span of time, or a condition on columns.

    ``2026-05-01..2026-05-03`` are three whole days; either end may be missing, and may be a time:
    ``2026-05-01T12:00..``. Anything else is a condition (:mod:`streamlearn.recorder.expressions`).

    Raises
    ------
    ConfigError
        If it can be neither.
    """
    ends = re.fullmatch(r"\s*([^.\s<>=]*)\.\.([^.\s<>=]*(?:\.\d+)?)\s*", text)
    if ends is None:
        condition = condition_of(text)
        return lambda samples, record: condition(columns_of(samples, record))
    if re.fullmatch(r"\d{0,18}", ends[1]) and re.fullmatch(r"\d{1,18}", ends[2]):
        raise ConfigError(f"{text!r} names rows: --without-rows takes them")
    try:
        first = moment(ends[1]) if ends[1] else None
        last = moment(ends[2]) if ends[2] else None
    except ValueError as error:
        raise ConfigError(
            f"{text!r}: {error}. A span of time is such as 2026-05-01..2026-05-03, or "
            "2026-05-01T12:00..2026-05-01T13:30, in UTC if without a zone"
        ) from None
    if first is None and last is None:
        raise ConfigError(f"{text!r}: a span of time needs an end")
    if last is not None and _DATE.fullmatch(ends[2]):
        last += _DAY - 1
    if first is not None and last is not None and last < first:
        raise ConfigError(f"{text!r}: it ends before it begins")
    return partial(_in_span, first, last)


def without_rows(text: str) -> Choice:
    """Return the samples that ``100..200`` means: numbers in the record, from 1, both included.

    Raises
    ------
    ConfigError
        If it means none.
    """
    ends = re.fullmatch(r"\s*(\d{0,18})(\.\.)?(\d{0,18})\s*", text)
    if ends is None or not (ends[1] or ends[3]):
        raise ConfigError(f"{text!r}: expected rows such as 100..200, 100.. or 100")
    first = int(ends[1] or 1)
    last = int(ends[3]) if ends[3] else None if ends[2] else first
    if first < 1 or (last is not None and last < first):
        raise ConfigError(f"{text!r}: rows count from 1, and the first comes first")

    def chosen(samples: Samples, record: Record) -> Mask:
        del record
        rows = samples.first + 1 + np.arange(len(samples))
        return (rows >= first) & (rows <= (rows if last is None else last))

    return chosen


def replay(
    record: Record,
    to: int | None = None,
    left_out: Sequence[Choice] = (),
    on_progress: Callable[[int], object] = lambda _: None,
) -> Replayed:
    """Learn a record again, until a sample, without those that are left out.

    What comes out is, bit for bit, the learner that never saw them.

    Parameters
    ----------
    record
    to
        Samples of the record; None: all.
    left_out
        A sample is left out if one of them chooses it.
    on_progress
        Is told how many samples of the record are done.

    Raises
    ------
    ConfigError
        If there are not so many samples; if a choice names what is not there.
    StateFormatError
        At a damaged block.
    """
    stop = record._stop(to)
    begin = _first_left_out(record, stop, left_out) if left_out else stop
    at, learner = record.snapshot_before(begin)
    learned = sum(block.learned for block in record.blocks if block.first < at)
    gone = 0
    for samples in record.samples(at, stop):
        names = record.names_at(samples.first + len(samples))
        done = samples.first + len(samples)
        if done > begin and left_out:
            out = _mask(samples, record, left_out)
            gone += int((out & samples.learned).sum())
            samples = samples.part(~out)
        learn(learner, samples, names)
        learned += int(samples.learned.sum())
        on_progress(done)
    return Replayed(learner, stop, learned, gone)


def _first_left_out(record: Record, stop: int, left_out: Sequence[Choice]) -> int:
    """Return how many samples come before the first that is left out."""
    for samples in record.samples(0, stop):
        out = _mask(samples, record, left_out)
        if out.any():
            return samples.first + int(out.argmax())
    return stop


def _mask(samples: Samples, record: Record, left_out: Sequence[Choice]) -> Mask:
    found: Mask = np.any([choice(samples, record) for choice in left_out], axis=0)
    return found


def _in_span(first: int | None, last: int | None, samples: Samples, record: Record) -> Mask:
    del record
    found = np.ones(len(samples), np.bool_)
    if first is not None:
        found &= samples.times >= first
    if last is not None:
        found &= samples.times <= last
    return found


def columns_of(samples: Samples, record: Record) -> Columns:
    """Return what conditions can name: features, the label, ``time``, ``line`` and ``sample``."""
    rows = samples.first + 1 + np.arange(len(samples))
    target = (
        Column(samples.targets, number)
        if record.numbers
        else Column(samples.targets, partial(_class_of, record.labels), ordered=False)
    )
    found = {
        "sample": Column(rows, _whole),
        "line": Column(samples.lines, _whole),
        "time": Column(samples.times, moment),
        "label": target,
    }
    if record.label is not None:
        found[record.label] = target
    names = record.features or [f"x{i}" for i in range(samples.x.shape[1])]
    found.update((name, Column(samples.x[:, i], number)) for i, name in enumerate(names))
    return found


def _whole(text: str) -> Any:
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _class_of(labels: tuple[Any, ...], text: str) -> int:
    """Return the index of a label.

    Raises
    ------
    ConfigError
        If no class has it.
    """
    for index, label in enumerate(labels):
        if str(label) == text:
            return index
    known = ", ".join(repr(str(label)) for label in labels[:20])
    raise ConfigError(f"no label {text!r} in the record; it has {known}")
