"""The stream that ``simulate`` and ``follow`` feed to a device: read as the run read it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from export.package import STATE_FILE as EXPORTED_STATE
from firmware_sim import ExportFolder
from quant.image import decode_image
from quant.stages import Stages
from streamlearn.cli import checkpoints
from streamlearn.cli.columns import Columns
from streamlearn.cli.common import UntilBad, console, skipped_metrics
from streamlearn.cli.endings import CommandError
from streamlearn.cli.stream_paths import stream_path
from streamlearn.errors import ConfigError
from streamlearn.sources import Opening, open_source
from streamlearn.streams.csv_rows import CsvRows
from streamlearn.streams.recordings import Recordings

OnBadRow = Literal["stop", "skip"]


@dataclass(frozen=True)
class Feed:
    """What is asked of the stream.

    Parameters
    ----------
    stream
        As of ``run``.
    label, on_bad
        None: as the run had it that the export was made from.
    format
        ``csv`` or ``jsonl``; None: the first line says it.
    columns
        Makes how columns are read of how the run read them.
    """

    stream: str
    label: str | None = None
    on_bad: OnBadRow | None = None
    format: str | None = None
    columns: Callable[[Columns], Columns] = lambda found: found


def feed_of(
    given: set[str],
    stream: str,
    label: str | None,
    on_bad: OnBadRow,
    format: str | None,
    columns: Columns,
) -> Feed:
    """Return what the command line says of the stream.

    Parameters
    ----------
    given
        Names of the parameters that were given; the others are as the run had them.
    stream, label, on_bad, format, columns
        Their values.
    """
    return Feed(
        stream,
        label,
        on_bad if "on_bad" in given else None,
        format,
        lambda found: found.with_given(columns, given),
    )


class Fed:
    """Rows for a device; those without a label are passed over, for they teach nothing.

    Parameters
    ----------
    rows
        The stream.
    label
        Its label's column.
    raw
        Whether the device takes a signal, or spikes: then no row is passed over.
    recordings
        Says which rows begin a recording; it knows the one that the run ended in.

    Attributes
    ----------
    begins : bool
        Whether the latest row begins a recording; False where the rows do not say.
    until_bad : UntilBad
        Its ``error`` says what was wrong with the row that ended the stream.
    unlabelled : int
        Rows without a label.
    """

    def __init__(self, rows: Any, label: str, raw: bool, recordings: Recordings) -> None:
        self.rows, self.label, self.raw, self._recordings = rows, label, raw, recordings
        self.until_bad: UntilBad[Any] = UntilBad(rows)
        self.unlabelled, self.begins = 0, False

    def __iter__(self) -> Iterator[Any]:
        for row in self.until_bad:
            self.begins = self.raw and bool(self._recordings.begin(self.rows.keys))
            if no_label(row[1]):
                self.unlabelled += 1
                if not self.raw:
                    continue
            yield row

    def metrics(self) -> dict[str, Any]:
        """Return the keys of the figures that the stream gives."""
        skipped = self.rows.skipped
        return {
            "skipped": skipped_metrics(skipped.count, skipped.messages),
            "unlabelled": self.unlabelled,
            "missing": dict(self.rows.missing),
        }

    def say(self, quiet: bool) -> None:
        """Say what was left out."""
        to, skipped = console(quiet), self.rows.skipped
        if skipped.count:
            to.print(f"{skipped.count} rows skipped, first: {skipped.messages[0]}", soft_wrap=True)
        if self.unlabelled:
            what = "taught nothing, and let time pass" if self.raw else "were passed over"
            to.print(f"{self.unlabelled} rows without a label {what}")


def no_label(y: float) -> bool:
    """Say whether a row's class index or target is that of a row without."""
    return y != y or (y < 0 and isinstance(y, int))


class _Read(NamedTuple):
    label: str | None
    on_bad: OnBadRow
    columns: Columns
    held: dict[str, Any]


def stages_of(run_dir: Path) -> Stages:
    """Return what made a run's features of its rows, with what it knows of the sensor by now.

    Raises
    ------
    CommandError
        If nothing did, or nothing is known of it.
    """
    found = checkpoints.newest(run_dir)
    stages = None if found is None else Columns.from_dict(found.place.reading).stages
    if found is None or stages is None:
        raise CommandError(f"--stages: the run in {run_dir} had none; leave it out")
    chain, kept = Stages.from_json(stages), found.columns.get("stages")
    if kept is None:
        return chain
    return chain.settled(chain.state_from_bytes(base64.b64decode(kept["state"])))


def reading_of(run_dir: Path, raw: bool = False) -> dict[str, Any] | None:
    """Return what an export's manifest says of the stream of a run; None if nothing is known.

    With ``raw`` the device takes the run's raw rows, and has the stages itself.
    """
    found = checkpoints.newest(run_dir)
    if found is None:
        return None
    place = found.place
    reading = Columns.from_dict(place.reading)
    said = reading.options
    key = reading.segment
    others = (said.time, None if key else said.key)
    nothing = (*said.ignore, *(name for name in others if name is not None))
    options = replace(
        said, ignore=(), time=None, key=key, left_out=(*said.left_out, *nothing)
    )  # these need not be there
    reading = replace(reading, options=options, delay=0, labels=None, learn_every=1)
    left = ("missing", "stages") if raw else ("missing",)
    reading = replace(reading, stages=None) if raw else reading
    held = {name: value for name, value in found.columns.items() if name not in left}
    return {
        "label": place.label,
        "on_bad": place.on_bad,
        "columns": reading.to_dict(),
        "held": held,
    }


def fed(asked: Feed, exported: ExportFolder, quiet: bool) -> Fed:
    """Open the stream for an exported learner.

    Raises
    ------
    CommandError
        If the label's column is not known, or the columns are not those of the learner.
    StreamlearnError
        If the stream cannot be read.
    """
    label, on_bad, columns, held = _read(exported)
    label, on_bad = asked.label or label, asked.on_bad or on_bad
    if label is None:
        raise CommandError(
            f"--label: {exported.path} does not say which column holds the label, for it was not "
            "made from the folder of a run; name the column"
        )
    names = _input_names(exported)
    columns = asked.columns(columns).known(names or ())
    source = open_source(asked.stream, Opening(format=asked.format))
    rows: Any = (
        columns.stream(source, label, exported.classes, on_bad)
        if exported.n_classes
        else columns.targets(source, label, on_bad)
    )
    _check_features(rows, exported, names)
    rows.recall(held)  # the values that `--missing hold` and `mean` go on from
    columns.say(rows, quiet)
    recordings = Recordings(held.get("recording"))
    return Fed(rows, label, exported.has_stages or exported.is_spiking, recordings)


def source_of(command: str, rows: Fed, out: Path) -> dict[str, Any]:
    """Return what the manifest of a command's folder says of the stream."""
    stream = stream_path(rows.rows.source.stream, out)
    return {"command": command, "stream": stream, "label": rows.label}


def _read(exported: ExportFolder) -> _Read:
    """Return how the run read its stream, as the export's manifest says."""
    found = exported.manifest.get("stream")
    if found is None:
        return _Read(None, "stop", Columns(), {})
    try:
        label, on_bad, held = found["label"], found["on_bad"], found["held"]
        if not isinstance(label, str) or on_bad not in ("stop", "skip"):
            raise ValueError(f"label {label!r}, on_bad {on_bad!r}")
        return _Read(label, on_bad, Columns.from_dict(found["columns"]), dict(held))
    except (LookupError, TypeError, ValueError, AttributeError, ConfigError) as error:
        raise CommandError(
            f"{exported.path}: what its manifest says of the stream does not fit ({error}); "
            "export it again"
        ) from error


def _input_names(exported: ExportFolder) -> tuple[str, ...] | None:
    if exported.has_stages:
        channels: list[str] = exported.manifest["stages"]["chain"][0]["channels"]
        return tuple(channels)
    image = exported.path / EXPORTED_STATE
    return decode_image(image.read_bytes(), str(image)).features


def _check_features(rows: CsvRows, exported: ExportFolder, names: tuple[str, ...] | None) -> None:
    """Refuse other columns, or the same in another order: they would be learned as they lie."""
    if rows.n_features != exported.n_features:
        raise CommandError(
            f"{rows.name} has {rows.n_features} feature columns, {exported.path} was exported for "
            f"{exported.n_features}; give the stream that the learner was made for"
        )
    expected_names = names or rows.feature_names
    pairs = zip(rows.feature_names, expected_names, strict=True)
    for position, (came, expected) in enumerate(pairs, 1):
        if came != expected:
            raise CommandError(
                f"{rows.name}: feature column {position} is {came!r}, the learner of "
                f"{exported.path} was made with {expected!r} there; give it the same columns in "
                "the same order"
            )
