"""How the columns of a stream are read, and when its labels come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from streamlearn.cli.checkpoints import CHECKPOINT_DIR, Checkpoint
from streamlearn.cli.common import console
from streamlearn.cli.keeping import Keeping
from streamlearn.cli.stage_texts import read_stages
from streamlearn.cli.stream_paths import stream_at, stream_path
from streamlearn.cli.waiting import Waiting
from streamlearn.errors import ConfigError
from streamlearn.sources import Source, stream_name
from streamlearn.streams.csv_options import Missing, ReadOptions
from streamlearn.streams.csv_rows import CsvRows
from streamlearn.streams.csv_stages import StageRows, through_stages
from streamlearn.streams.csv_stream import CsvStream
from streamlearn.streams.csv_targets import CsvTargets
from streamlearn.streams.label_topic import LabelTopic
from streamlearn.streams.late_labels import LabelFile, LateLabels, labels_in

OnBadRow = Literal["stop", "skip"]


@dataclass(frozen=True)
class Columns:
    """How the columns of a run are read, and when its labels come.

    Parameters
    ----------
    options
    delay
        Rows between a row and its label.
    labels
        Where labels come from that come later: the path of a file, absolute or from the run folder,
        or the address of a port or topic. None: they stand in the rows.
    stages
        What makes features of the rows: a chain as JSON values (:class:`quant.stages.Stages`); the
        first stage has channels once the columns are known. None: they stay rows.
    segment
        Column that says which recording a row belongs to; stages and a spiking network begin each
        anew.
    learn_every
        Of the rows with a label, each so many-th is learned.
    """

    options: ReadOptions = field(default_factory=ReadOptions)
    delay: int = 0
    labels: str | None = None
    stages: list[dict[str, Any]] | None = None
    segment: str | None = None
    learn_every: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Return them for JSON."""
        found: dict[str, Any] = {
            name: value
            for name, value in self.options.to_dict().items()
            if value != getattr(ReadOptions(), name)
        }
        found |= {"delay": self.delay} if self.delay else {}
        found |= {"stages": self.stages} if self.stages else {}
        found |= {"segment": self.segment} if self.segment else {}
        found |= {"learn_every": self.learn_every} if self.learn_every > 1 else {}
        return found | ({"labels": self.labels} if self.labels else {})

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Columns:
        """Invert :meth:`to_dict`."""
        rest = dict(found)
        delay, labels = rest.pop("delay", 0), rest.pop("labels", None)
        stages, segment = rest.pop("stages", None), rest.pop("segment", None)
        every = rest.pop("learn_every", 1)
        return cls(ReadOptions.from_dict(rest), delay, labels, stages, segment, every)

    def stream(
        self, source: Source, label: str, classes: Sequence[str] | None, on_bad: OnBadRow
    ) -> CsvStream:
        """Return the rows of a classifier."""
        if self.labels is None:
            rows = CsvStream(
                source, label, classes, on_bad, options=self.options, unlabelled="predict"
            )
            return cast(CsvStream, through_stages(rows, self.stages, self.segment))
        if classes is None:
            classes = labels_in(self.labels, str(self.options.key), label)
        return CsvStream(source, None, classes, on_bad, options=self.options, late=label)

    def targets(self, source: Source, label: str, on_bad: OnBadRow) -> CsvTargets:
        """Return the rows of a regressor."""
        late = self.labels is not None
        rows = CsvTargets(
            source,
            None if late else label,
            on_bad,
            options=self.options,
            unlabelled="predict",
            late=label if late else None,
        )
        return cast(CsvTargets, through_stages(rows, self.stages, self.segment))

    def known(self, features: Sequence[str]) -> Columns:
        """Return them with the names of a learner's features: these columns hold numbers."""
        if self.stages is not None:  # their features are no columns, their channels are
            features = self.stages[0].get("channels", ())
        return replace(self, options=replace(self.options, numbers=tuple(features)))

    def of(self, rows: CsvRows) -> Columns:
        """Return them with what a stream's columns were found to be."""
        stages = rows.stages.to_json() if isinstance(rows, StageRows) else self.stages
        return replace(self, options=rows.resolved, stages=stages)

    def say(self, rows: CsvRows, quiet: bool) -> None:
        """Say what was guessed of a stream, now and if more is guessed later."""
        to = console(quiet)
        rows.say = lambda text: to.print(text, soft_wrap=True)
        if rows.guessed:
            rows.say(rows.guessed)

    def waiting(
        self, rows: CsvRows, start: Checkpoint, keeping: Keeping, *, fresh: bool
    ) -> Waiting | None:
        """Return where rows wait for their labels, or None if they need not.

        Parameters
        ----------
        rows, start, keeping
            Of the sitting.
        fresh
            Whether a new run begins.

        Raises
        ------
        StreamlearnError
            If labels come from where nothing can be read, or that cannot be reached.
        """
        if not self.delay and self.labels is None:
            return None
        labels: LateLabels | None = None
        if self.labels is not None:
            out, label = keeping.out, start.place.label
            named = self.labels if out is None else stream_at(self.labels, out)
            source = keeping.source(named, fresh=fresh, labels=True)
            given = (source, str(self.options.key), label, rows.label_values(label))
            if source.live:
                labels = LabelTopic(*given, None if out is None else out / CHECKPOINT_DIR)
            elif source.rereadable:
                labels = LabelFile(*given)
            else:
                raise ConfigError(f"--labels: expected a file, a port or a topic, got {named!r}")
        found = Waiting(self.delay, labels, float("nan") if isinstance(rows, CsvTargets) else -1)
        try:
            if not found.go_on(start.waiting):
                console(keeping.quiet).print(
                    f"{self.labels}: not the labels that were read before; reads them from the "
                    "beginning",
                    soft_wrap=True,
                )
        except BaseException:
            found.close()
            raise
        return found

    def seen_from(self, out: Path | None) -> Columns:
        """Return them with the file of labels as the run folder names it."""
        return self if self.labels is None else replace(self, labels=stream_path(self.labels, out))

    def check(self, stream: str) -> None:
        """Refuse what does not go together.

        Raises
        ------
        ConfigError
            See :func:`columns_of`; or labels come from the stream itself.
        """
        if self.segment is None and (self.labels is None) != (self.options.key is None):
            raise ConfigError(
                "--labels and --key go together: a file or topic, and the column that both have"
            )
        if self.labels is not None and self.labels in (stream, stream_name(stream)):
            raise ConfigError(f"--labels {self.labels} is the stream itself; leave it out")

    def with_given(self, other: Columns, given: set[str]) -> Columns:
        """Return them with those of others that were given on the command line."""
        given = {"missing" if name == "missing_value" else name for name in given}
        names = given & other.options.to_dict().keys()
        options = replace(self.options, **{name: getattr(other.options, name) for name in names})
        return Columns(
            options,
            self.delay,
            other.labels if "labels" in given else self.labels,
            self.stages,
            self.segment,
            self.learn_every,
        )


def columns_of(
    features: str | None,
    ignore: str | None,
    time: str | None,
    delimiter: str | None,
    decimal: str | None,
    encoding: str | None,
    categories: Sequence[str],
    missing: str,
    label_delay: int = 0,
    labels: str | None = None,
    key: str | None = None,
    stages: Sequence[str] = (),
    segment: str | None = None,
    learn_every: int = 1,
) -> Columns:
    """Return what the command line says of the columns.

    Raises
    ------
    ConfigError
        A value means nothing, or options do not go together.
    """
    if labels is not None and label_delay:
        raise ConfigError("--labels says when labels come; leave --label-delay out")
    later = labels is not None or label_delay
    if stages and later:
        raise ConfigError("--stage goes without labels that come later: leave one of them out")
    if learn_every > 1 and later:
        raise ConfigError("--learn-every goes without labels that come later")
    if segment is not None and key is not None:
        raise ConfigError("--segment goes without --key: leave one of them out")
    words = []
    for text in categories:
        column, found, values = text.partition("=")
        if not found:
            raise ConfigError(f"--categories: expected COLUMN=a,b,c, got {text!r}")
        words.append((column.strip(), _names(values)))
    options = ReadOptions(
        _names(features),
        _names(ignore),
        time,
        segment or key,
        delimiter,
        decimal,
        encoding,
        tuple(words),
        cast(Missing, missing),
    )
    come = None if labels is None else stream_name(labels)
    return Columns(options, label_delay, come, read_stages(stages), segment, learn_every)


def _names(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(name.strip() for name in text.split(",") if name.strip())
