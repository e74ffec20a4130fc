"""What ``streamlearn fleet run`` does, on Apache Flink: keyed state, checkpoints, more machines.

It takes the folder of a fleet on a CSV (:func:`streamlearn.fleet.folder.make_folder`): its plan,
and the image that every key starts from. A key's state is its image; Flink keeps it, with the place
in the file, in checkpoints. Start it again after a crash, also with another parallelism, and it
goes on from the latest checkpoint::

    python -m streamlearn.fleet.flink FOLDER --parallelism 2

This is the whole program on purpose: it is where a job of one's own begins.
"""

from __future__ import annotations

import argparse
import base64
import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pyflink.common import Configuration, Encoder, Types, WatermarkStrategy  # type: ignore[import-not-found, unused-ignore]
from pyflink.datastream import KeyedProcessFunction, OutputTag, StreamExecutionEnvironment  # type: ignore[import-not-found, unused-ignore]
from pyflink.datastream.connectors.file_system import FileSink, FileSource, StreamFormat  # type: ignore[import-not-found, unused-ignore]
from pyflink.datastream.state import ValueStateDescriptor  # type: ignore[import-not-found, unused-ignore]

from streamlearn.errors import ConfigError, InputValueError, LabelError
from streamlearn.fleet.folder import START_FILE, FleetPlan, Images, read_plan
from streamlearn.fleet.held import Bench, Held

FLINK_DIR = "flink"
IMAGES = OutputTag("images", Types.STRING())
#: The end of event time: the timer of a key goes off when the stream has ended.
_END = (1 << 62) - 1


class Learner(KeyedProcessFunction):  # type: ignore[misc, unused-ignore]
    """The learner of each key; yields predictions, and at the end the images aside."""

    def __init__(self, plan: FleetPlan, header: list[str], start: bytes) -> None:
        self._plan, self._start = plan, start
        self._label = header.index(plan.label)
        self._features = [header.index(name) for name in plan.reading["features"]]

    def open(self, runtime_context: Any) -> None:
        """Begin, or go on after a crash: nothing is alive but what the states hold."""
        bytes_of = Types.PICKLED_BYTE_ARRAY()
        self._kept = runtime_context.get_state(ValueStateDescriptor("learner", bytes_of))
        self._bench, self._alive = Bench(self._start), dict[str, Held]()

    def _held(self, key: str) -> Held:
        held = self._alive.get(key)
        if held is None:
            n, image = self._kept.value() or (0, self._start)
            held = self._alive[key] = Held(self._bench, image, n, f"key {key!r}")
        return held

    def process_element(self, value: list[str], ctx: Any) -> Iterator[str]:
        """Predict a row, then learn it."""
        key, held = ctx.get_current_key(), self._held(ctx.get_current_key())
        classes, label = self._plan.classes, value[self._label]
        if classes is not None and label not in classes:
            raise LabelError(f"key {key!r}: label {label!r} is none of {', '.join(classes)}")
        try:
            x = np.array([[value[i] for i in self._features]], np.float32)
            y = np.array([classes.index(label) if classes else np.float32(label)])
        except ValueError as error:
            raise InputValueError(f"key {key!r}: {error}, in {value}") from None
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise InputValueError(f"key {key!r}: a value that is not finite in {value}")
        (said,) = held.learn(x, y, True)
        self._kept.update((held.n_samples, held.image))
        ctx.timer_service().register_event_time_timer(_END)
        yield json.dumps([key, held.n_samples, said if classes is None else classes[said], label])

    def on_timer(self, timestamp: int, ctx: Any) -> Iterator[Any]:
        """Give a key's image out where the stream ends."""
        del timestamp
        n, image = self._kept.value()
        yield IMAGES, json.dumps([ctx.get_current_key(), n, base64.b64encode(image).decode()])


def run(folder: Path, parallelism: int, checkpoint_seconds: float) -> None:
    """Learn a fleet's file to its end on Flink, from its latest checkpoint if there is one.

    Parameters
    ----------
    folder : Path
        Of a fleet on a CSV of numbers with commas and a header, each row with a label.
    parallelism : int
        How many workers; another run may have another number.
    checkpoint_seconds : float
        How often all states are kept, of one moment.

    Raises
    ------
    ConfigError
        If the stream has ended already.
    """
    plan, out = read_plan(folder), folder / FLINK_DIR
    if Images(folder).exist:
        raise ConfigError(f"{folder}: its stream has ended; its images are in it")
    with Path(plan.stream).open(newline="", encoding="utf-8") as file:
        header = next(csv.reader(file))
    config = Configuration()
    for name, value in {
        "python.executable": sys.executable,
        "execution.checkpointing.interval": f"{round(checkpoint_seconds * 1000)}ms",
        "execution.checkpointing.dir": (out / "checkpoints").absolute().as_uri(),
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "restart-strategy.type": "none",
    }.items():
        config.set_string(name, value)
    kept = sorted(out.glob("checkpoints/*/chk-*/_metadata"), key=lambda path: path.stat().st_mtime)
    if kept:
        config.set_string("execution.state-recovery.path", kept[-1].parent.absolute().as_uri())
    flink = StreamExecutionEnvironment.get_execution_environment(config)
    flink.set_parallelism(parallelism)
    flink.set_max_parallelism(128)
    lines = FileSource.for_record_stream_format(StreamFormat.text_line_format(), plan.stream)
    at = header.index(plan.key)
    rows = (
        flink.from_source(lines.build(), WatermarkStrategy.no_watermarks(), "lines")
        .map(lambda line: next(csv.reader([line])), Types.LIST(Types.STRING()))
        .filter(lambda row: row != header)
    )
    learner = Learner(plan, header, (folder / START_FILE).read_bytes())
    said = rows.key_by(lambda row: row[at], Types.STRING()).process(learner, Types.STRING())
    for stream, name in ((said, "predictions"), (said.get_side_output(IMAGES), "images")):
        place, encoder = str((out / name).absolute()), Encoder.simple_string_encoder()
        stream.sink_to(FileSink.for_row_format(place, encoder).build()).name(name)
    flink.execute("streamlearn fleet")
    found = [json.loads(line) for line in _lines(out / "images")]
    Images(folder).put((key, n, base64.b64decode(image)) for key, n, image in found)


def _lines(folder: Path) -> Iterator[str]:
    """Yield the lines of what Flink has committed: files that it still writes are hidden."""
    for path in sorted(folder.glob("**/part-*")):
        yield from path.read_text("utf-8").splitlines()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m streamlearn.fleet.flink")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--parallelism", type=int, default=1)
    parser.add_argument("--checkpoint-seconds", type=float, default=10.0)
    given = parser.parse_args()
    run(given.folder, given.parallelism, given.checkpoint_seconds)


if __name__ == "__main__":
    main()
