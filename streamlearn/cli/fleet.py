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
from streamlearn.fleet.folder import (
    IMAGES_FILE,
    PLAN_FILE,
    PREDICTIONS_FILE,
    RECOVERY_DIR,
    START_FILE,
    FleetPlan,
    Images,
    make_folder,
    read_plan,
)
from streamlearn.learners.loading import read
from streamlearn.sources import is_address
from streamlearn.streams.csv_options import ReadOptions
from streamlearn.streams.csv_stream import CsvStream
from streamlearn.streams.csv_targets import CsvTargets

OWN = {PLAN_FILE, START_FILE, RECOVERY_DIR, PREDICTIONS_FILE, IMAGES_FILE, LOCK_FILE}


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


def run(
    asked: Asked, out: Path, workers: int, snapshot_seconds: float, block_rows: int, quiet: bool
) -> None:
    """Begin a fleet, or go on with it, to the end of its stream."""
    engine = _engine()
    _check_place(out)
    out.mkdir(parents=True, exist_ok=True)
    to = console(quiet, results=True)
    with held(out):
        if (out / PLAN_FILE).exists():
            _check_same(asked, read_plan(out), out)
        else:
            _begin(asked, out)
        try:
            engine.run(out, workers, snapshot_seconds, block_rows)
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted; the same command goes on with {out}") from None
        images = Images(out)
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


def _engine() -> Any:
    try:
        from streamlearn.fleet import flow
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "bytewax":
            raise
        raise CommandError(
            'fleet run needs Bytewax, which is not installed: pip install "streamlearn[fleet]"'
        ) from error
    return flow


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
        if plan.asked.get(name) != value:
            raise CommandError(
                f"--{name.replace('_', '-')} {value}: the fleet in {out} was begun with "
                f"{plan.asked.get(name, 'none given')}; leave it out, or give another --out"
            )


def _begin(asked: Asked, out: Path) -> None:
    """Look through the stream once, and write what every key starts from."""
    for name in ("stream", "label", "key"):
        if getattr(asked, name) is None:
            raise CommandError(f"--{name}: {out} holds no fleet yet, and a new one needs it")
    stream, label, key = str(asked.stream), str(asked.label), str(asked.key)
    if stream == "-" or is_address(stream):
        raise CommandError(
            f"--stream {stream}: a fleet goes on from its last kept moment, so it must be able to "
            "read its rows again; give a file, such as one that the port or topic is written to"
        )
    if label == key:
        raise CommandError(f"--key {key}: it is the label's column; the key names the learner")
    options = replace(asked.reading, key=key)
    regression = asked.task == REGRESSION
    rows: CsvStream | CsvTargets
    more: dict[str, Any] = {"seed": asked.seed}
    if asked.arithmetic is not None:
        more["arithmetic"] = asked.arithmetic
    if regression:
        rows = CsvTargets(stream, label, asked.on_bad, options=options)
    else:
        rows = CsvStream(stream, label, asked.classes, asked.on_bad, options=options)
        more["classes"] = rows.classes
    with closing(rows):
        if not rows.rereadable:
            raise CommandError(f"--stream {stream}: it can be read only once; give a regular file")
        n_outputs = 1 if regression else len(more["classes"])
        layers = (rows.n_features, *asked.hidden, n_outputs)
        learner = made(
            asked.rule,
            TASK_HEADS[asked.task],
            layers,
            asked.settings,
            features=rows.feature_names,
            **more,
        )
        reading = rows.resolved.to_dict()
    plan = FleetPlan(
        str(Path(stream).absolute()), label, key, more.get("classes"), asked.on_bad, reading,
        asked.given,
    )  # fmt: skip
    make_folder(out, plan, learner.to_bytes())
