"""``streamlearn fleet``: one learner per key of a stream, on an engine that keeps their states."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from streamlearn.cli.common import console
from streamlearn.cli.endings import CommandError, Interrupted
from streamlearn.cli.learn import made
from streamlearn.cli.lock import LOCK_FILE, held
from streamlearn.cli.rules import REGRESSION, TASK_HEADS
from streamlearn.fleet import kafka_address
from streamlearn.fleet.folder import (
    ARRIVALS_DIR,
    IMAGES_FILE,
    PLAN_FILE,
    PREDICTIONS_FILE,
    RECOVERY_DIR,
    START_FILE,
    FleetPlan,
    Images,
    make_folder,
    read_plan,
    write_plan,
)
from streamlearn.fleet.kafka_address import is_kafka
from streamlearn.fleet.keyed_rows import MESSAGE_KEY, TOPIC_KEY, open_topics
from streamlearn.fleet.message_rows import MessageRows
from streamlearn.learners.loading import read
from streamlearn.sources import is_address, stream_name
from streamlearn.sources.mqtt_address import SCHEMES
from streamlearn.streams.csv_options import ReadOptions
from streamlearn.streams.csv_stream import CsvStream
from streamlearn.streams.csv_targets import CsvTargets

OWN = {
    *(PLAN_FILE, START_FILE, RECOVERY_DIR, PREDICTIONS_FILE, IMAGES_FILE, LOCK_FILE, ARRIVALS_DIR),
}


@dataclass(frozen=True)
class Asked:
    """What a fleet is begun with.

    Parameters
    ----------
    stream, label, key : str or None
    task, rule : str
    hidden : tuple of int
    settings : dict
        Of the rule (:func:`streamlearn.cli.rules.read_settings`).
    arithmetic : str or None
    seed : int
    classes : tuple of str or None
        None: those in the file.
    on_bad : {"stop", "skip"}
    reading : ReadOptions
        Without the key.
    given : dict
        The options that were given, by name, for JSON.
    predictions : str or None
        A topic of Kafka for predictions.
    """

    stream: str | None
    label: str | None
    key: str | None
    task: str
    rule: str
    hidden: tuple[int, ...]
    settings: dict[str, Any]
    arithmetic: str | None
    seed: int
    classes: tuple[str, ...] | None
    on_bad: Literal["stop", "skip"]
    reading: ReadOptions
    given: dict[str, Any]
    predictions: str | None = None


def run(
    asked: Asked,
    out: Path,
    workers: int,
    snapshot_seconds: float,
    block_rows: int,
    quiet_seconds: float | None,
    quiet: bool,
) -> None:
    """Begin a fleet, or go on with it, to the end of its stream."""
    stream = read_plan(out).stream if (out / PLAN_FILE).exists() else asked.stream or ""
    engine = _engine(is_kafka(stream))
    _check_place(out)
    out.mkdir(parents=True, exist_ok=True)
    to = console(quiet, results=True)
    with held(out):
        if (out / PLAN_FILE).exists():
            plan = read_plan(out)
            _check_same(asked, plan, out)
            if asked.given.get("on_bad", plan.on_bad) != plan.on_bad:  # a bad message stays bad
                write_plan(out, replace(plan, on_bad=asked.on_bad))
        else:
            _begin(asked, out)
        try:
            engine.run(out, workers, snapshot_seconds, block_rows, quiet_seconds)
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted; the same command goes on with {out}") from None
        images = Images(out)
        if not images.exist and engine.endless(read_plan(out)):
            to.print(f"no message came; the same command goes on with {out}", soft_wrap=True)
            return
        to.print(
            f"{len(images):,} keys, {images.n_samples:,} samples learned; {out / PREDICTIONS_FILE}",
            soft_wrap=True,
        )


def export(key: str, folder: Path, to: Path) -> None:
    """Write the learner of one key as ``export`` writes a run's."""
    from export import write_export
    from export.package import FORMAT
    from streamlearn.cli.folders import refuse_foreign

    read_plan(folder)
    learner = read(Images(folder).get(key), f"key {key!r}")
    refuse_foreign(to, FORMAT)
    manifest = write_export(learner, to)
    console(False, results=True).print(
        f"{to}: {len(manifest['files'])} files, the learner of {key!r} after "
        f"{learner.n_samples:,} samples",
        soft_wrap=True,
    )


def _engine(of_kafka: bool) -> Any:
    """Return the dataflow, or say which package it needs."""
    needs = {"bytewax": ("Bytewax", "fleet"), "confluent_kafka": ("confluent-kafka", "kafka")}
    try:
        from streamlearn.fleet import running

        if of_kafka:
            import streamlearn.fleet.kafka  # noqa: F401
    except ModuleNotFoundError as error:
        package, extra = needs.get((error.name or "").partition(".")[0], (None, None))
        if package is None:
            raise
        raise CommandError(
            f'fleet run needs {package}, which is not installed: pip install "streamlearn[{extra}]"'
        ) from error
    return running


def _check_place(out: Path) -> None:
    """Refuse a folder that holds something that no fleet wrote."""
    if out.exists() and not out.is_dir():
        raise CommandError(f"{out} is a file; give a folder with --out")
    found = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    foreign = [name for name in found if name not in OWN and not name.startswith(RECOVERY_DIR)]
    if foreign and PLAN_FILE not in found:
        raise CommandError(
            f"{out} holds {foreign[0]!r}, which no fleet wrote; give an empty or a new folder"
        )


def _check_same(asked: Asked, plan: FleetPlan, out: Path) -> None:
    """Refuse options that say something else than the fleet was begun with."""
    for name, value in asked.given.items():
        if name != "on_bad" and plan.asked.get(name) != value:
            raise CommandError(
                f"--{name.replace('_', '-')} {value}: the fleet in {out} was begun with "
                f"{plan.asked.get(name, 'none given')}; leave it out, or give another --out"
            )


def _begin(asked: Asked, out: Path) -> None:
    """Look through the stream once, and write what every key starts from."""
    of_kafka = is_kafka(asked.stream or "")
    if asked.key is None and (of_kafka or (asked.stream or "").startswith(tuple(SCHEMES))):
        asked = replace(asked, key=MESSAGE_KEY if of_kafka else TOPIC_KEY)
    if asked.predictions is not None and not of_kafka:
        raise CommandError(
            f"--predictions {asked.predictions}: only a fleet on Kafka writes into a topic; its "
            "predictions are in predictions.csv"
        )
    for name in ("stream", "label", "key"):
        if getattr(asked, name) is None:
            raise CommandError(f"--{name}: {out} holds no fleet yet, and a new one needs it")
    stream, label, key = str(asked.stream), str(asked.label), str(asked.key)
    if label == key:
        raise CommandError(f"--key {key}: it is the label's column; the key names the learner")
    if of_kafka or stream.startswith(tuple(SCHEMES)):
        _begin_topics(asked, out)
        return
    if stream == "-" or is_address(stream):
        raise CommandError(
            f"--stream {stream}: a fleet takes a file, MQTT topics or a topic of Kafka; write what "
            "comes into a file"
        )
    options = replace(asked.reading, key=key)
    more: dict[str, Any] = {}
    rows: CsvStream | CsvTargets
    if asked.task == REGRESSION:
        rows = CsvTargets(stream, label, asked.on_bad, options=options)
    else:
        rows = CsvStream(stream, label, asked.classes, asked.on_bad, options=options)
        more["classes"] = rows.classes
    with closing(rows):
        if not rows.rereadable:
            raise CommandError(f"--stream {stream}: it can be read only once; give a regular file")
        at = str(Path(stream).absolute())
        _make(asked, out, at, rows.resolved, rows.feature_names, more)


def _begin_topics(asked: Asked, out: Path) -> None:
    """Write what every key of topics starts from: nothing can be looked through beforehand."""
    features, regression = asked.reading.features, asked.task == REGRESSION
    if not features:
        raise CommandError(
            f"--stream {asked.stream}: nobody has seen its messages yet; name the values that are "
            "features with --features a,b,c"
        )
    if asked.classes is None and not regression:
        raise CommandError(
            f"--stream {asked.stream}: nobody has seen its labels yet; give them with "
            "--classes a,b,c"
        )
    more: dict[str, Any] = {} if regression else {"classes": asked.classes}
    _make(asked, out, named(str(asked.stream)), asked.reading, features, more)


def named(stream: str) -> str:
    """Return the name of a stream in a fleet's folder.

    Raises
    ------
    ConfigError
        If the address is wrong, or holds a password.
    """
    return str(kafka_address.parse(stream)) if is_kafka(stream) else stream_name(stream)


def _make(
    asked: Asked,
    out: Path,
    stream: str,
    reading: ReadOptions,
    features: tuple[str, ...],
    more: dict[str, Any],
) -> None:
    """Write the folder of a fleet."""
    if asked.arithmetic is not None:
        more = {**more, "arithmetic": asked.arithmetic}
    classes = more.get("classes")
    layers = (len(features), *asked.hidden, 1 if classes is None else len(classes))
    head = TASK_HEADS[asked.task]
    learner = made(
        asked.rule, head, layers, asked.settings, features=features, seed=asked.seed, **more
    )
    plan = FleetPlan(
        stream, str(asked.label), str(asked.key), classes, asked.on_bad,
        replace(reading, key=str(asked.key)).to_dict(), asked.given, asked.predictions,
    )  # fmt: skip
    if is_kafka(stream):
        MessageRows(plan, stream).read([])
        if asked.predictions is not None:
            kafka_address.checked_topic(asked.predictions, "--predictions")
    elif is_address(stream):
        open_topics(plan, out, fresh=False)  # refuses what can't be an address
    make_folder(out, plan, learner.to_bytes())
