"""An image goes to one device: checked there before it counts, and the old one kept."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import numpy as np
import numpy.typing as npt

from quant.description import to_json
from streamlearn.errors import StreamlearnError
from streamlearn.fleet.devices import jobs
from streamlearn.fleet.devices.links import Link
from streamlearn.fleet.devices.registry import RECORDS_DIR, Registry
from streamlearn.fleet.devices.twin import Twin, predicts_alike
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.loading import read
from streamlearn.recorder.record import Record
from streamlearn.recorder.writer import RecordWriter

#: Samples that a device has to predict as the desk does, before a new image counts.
CANARIES = 4


def push(
    registry: Registry, job: sqlite3.Row, link: Link, twin: Twin,
    refused: tuple[type[Exception], ...],
) -> Twin:  # fmt: skip
    """Write an image to a device, check it there, and return what follows it from then on.

    An image that the device does not take, or that it holds otherwise than the desk, does not
    count: the device gets back the state it had, and goes on with its record.
    """
    try:
        new = read(registry.image(job["image"]), f"image {job['image'][:12]}")
    except StreamlearnError as error:
        jobs.end(registry, job, jobs.FAILED, str(error))
        return twin
    why = other_kind(twin.learner, new)
    if why:
        jobs.end(registry, job, jobs.FAILED, why)
        return twin
    jobs.begin(registry, job)
    try:
        link.write_state(new.state.tobytes())
        why = _checked(new, link, canaries(twin))
    except refused as error:
        why = str(error)
    if why:
        link.write_state(twin.learner.state.tobytes())
        jobs.end(registry, job, jobs.FAILED, f"{why}; it has the state from before again")
        return twin
    record = record_name(job["device"], job["id"])
    path = registry.folder / record
    path.unlink(missing_ok=True)  # of a process that ended just here
    RecordWriter.create(path, new).close()
    number = registry.device(job["device"])["number"]
    before = twin.learner.to_bytes()
    jobs.pushed(registry, job, before, record, new.n_samples, new.state_sha256)
    twin.close()
    return Twin(path, number, registry.clock)


def record_name(device: str, number: int) -> str:
    """Return where in the folder a device's record lies; the name may hold any character."""
    safe = "".join(c if c.isalnum() and c.isascii() else "-" for c in device)[:40]
    mark = hashlib.sha256(device.encode()).hexdigest()[:8]
    return str(Path(RECORDS_DIR, f"{safe}-{mark}", f"{number}.slr"))


def other_kind(ours: StreamLearner, new: StreamLearner) -> str:
    """Say in what an image is of another learner than a device's firmware; "" if in nothing."""
    known = {**to_json(ours.spec, ours.config), "arithmetic": ours.arithmetic}
    found = {**to_json(new.spec, new.config), "arithmetic": new.arithmetic}
    different = [name for name in known if found.get(name) != known[name]]
    if type(ours) is not type(new):
        different.append("the kind of learner")
    if new.labels[: len(ours.labels)] != ours.labels:
        different.append("the labels")
    if not different:
        return ""
    return f"the image is of another learner than the firmware: {', '.join(different)} differ"


def canaries(twin: Twin) -> list[npt.NDArray[np.float32]]:
    """Return the latest samples of a device; it has to predict them as the desk does."""
    record = Record(twin.path)
    rows = [row for part in record.samples(max(0, len(record) - CANARIES)) for row in part.x]
    return rows or [np.zeros(twin.learner.spec.n_features, np.float32)]


def _checked(new: StreamLearner, link: Link, rows: list[npt.NDArray[np.float32]]) -> str:
    """Say what is wrong with an image where it is now; "" if nothing."""
    found = hashlib.sha256(link.read_state()).hexdigest()
    if found != new.state_sha256:
        return f"it holds {found[:12]}, not the {new.state_sha256[:12]} that was written"
    if not all(predicts_alike(new, link, x) for x in rows):
        return "it predicts otherwise than the desk"
    return ""
