"""``streamlearn follow``: a device learns, the desk learns beside it, and every bit is compared."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from time import time_ns
from typing import Any, cast

import numpy as np

import firmware_sim
from export import open_export
from firmware_sim import Device, RemoteDevice, Verbs
from quant.durable import write_durably
from streamlearn.cli.common import console, progress, stop_if_cut
from streamlearn.cli.device import build
from streamlearn.cli.endings import CommandError, DifferentError, StreamCutError
from streamlearn.cli.event_log import log_facts
from streamlearn.cli.feeding import Fed, Feed, fed, no_label, source_of
from streamlearn.cli.folders import claimed, write_json, write_manifest
from streamlearn.cli.following import Follower, Parted, begin, fits
from streamlearn.cli.simulate import FIRMWARE_DIR
from streamlearn.cli.whole_samples import WholeSamples
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.learners.loading import load, read
from streamlearn.recorder.layout import targets_of
from streamlearn.recorder.place import check_place
from streamlearn.recorder.writer import RecordWriter

DESK_FILE, DEVICE_FILE, FOLLOW_FILE = "desk.sls", "device.sls", "follow.json"
NO_LOG = "the firmware keeps no log of events; its counters are all that it says of itself"
#: Samples between comparisons of the whole state: it takes a while over a serial line.
_CHECK_EVERY = {"board": 1, "port": 100}


@dataclass(frozen=True)
class Following:
    """What ``follow`` is asked for.

    Parameters
    ----------
    export_dir, feed
        As of ``simulate``.
    board, port
        A board to simulate; or ``serial:PORT@BAUD``, a real one.
    start
        "same", "device" or "desk" (:func:`streamlearn.cli.following.begin`).
    check_every
        Samples between comparisons of the whole state; None: each on a simulated board, every 100
        on a port.
    timeout_s
        The most that an answer over a port may take.
    locate
        Whether a real device may be put back to find the sample.
    record
        File for every sample.
    signed_by
        The public key that the export has to be signed by.
    key
        What the device gives and takes its state for; a simulated one is built with it.
    """

    export_dir: Path
    feed: Feed
    board: str
    port: str | None
    start: str
    check_every: int | None
    timeout_s: float
    locate: bool
    record: Path | None
    signed_by: Path | None = None
    key: bytes | None = None


@dataclass(frozen=True)
class _Ended:
    """How it ended: they parted, a signal came, the device is gone; or none of these."""

    parted: Parted | None
    interrupted: bool
    gone: Exception | None


def follow(asked: Following, out: Path, json_file: Path | None, quiet: bool) -> None:
    """Teach a device and the desk the same stream, until it ends or they part.

    Raises
    ------
    DifferentError
        If they parted.
    StreamCutError
        If the stream broke off, or the device is gone.
    """
    opened = open_export(asked.export_dir, asked.signed_by)
    learner = opened.learner
    if opened.backbone is not None or opened.stages is not None:
        front = "a backbone" if opened.stages is None else "stages"
        raise CommandError(
            f"{asked.export_dir} has {front} in front of its learner, and follow teaches both "
            "sides the same values: use simulate, which feeds raw ones to the device"
        )
    exported = firmware_sim.open_export(asked.export_dir)
    if asked.record is not None and exported.is_spiking:
        raise CommandError(
            "--record holds samples that are learned, and a spiking network's time passes between "
            "them too: leave it out"
        )
    rows = fed(asked.feed, exported, quiet)
    source = source_of("follow", rows, out)
    if asked.record is not None:
        check_place(asked.record, force=False)  # before the folder is claimed, and emptied
    with claimed(out, json_file, source), ExitStack() as stack:
        device = _device(asked, out)
        begin(learner, device, asked.start)
        every = asked.check_every or _CHECK_EVERY["board" if asked.port is None else "port"]
        follower = Follower(learner, device, every, locate=asked.port is None or asked.locate)
        writer = None
        if asked.record is not None:
            writer = RecordWriter.create(asked.record, learner, label=rows.label)
            stack.callback(writer.close)
        whole = stack.enter_context(WholeSamples(cast(StreamClassifier, learner)))
        ended = _teach_all(follower, rows, whole, writer, quiet)
        if rows.until_bad.error is not None and not follower.n_samples:
            raise rows.until_bad.error
        metrics = _metrics(follower, ended)
        metrics |= rows.metrics()
        learner.save(out / DESK_FILE)
        if ended.gone is None:
            write_durably(out / DEVICE_FILE, _image(follower, ended.parted))
        write_json(out / FOLLOW_FILE, metrics)
        write_manifest(out, (DESK_FILE, DEVICE_FILE, FOLLOW_FILE, FIRMWARE_DIR), source)
        if json_file is not None:
            write_json(json_file, metrics)
        if ended.gone is not None:
            raise StreamCutError(
                f"{ended.gone}. The desk's state after {follower.n_samples} samples is "
                f"{out / DESK_FILE}"
            ) from ended.gone
        if ended.parted is not None:
            raise DifferentError(_parted_text(device.name, ended.parted, out, asked.record))
        _say(follower, metrics, quiet)
        rows.say(quiet)
        stop_if_cut(rows.until_bad.error, ended.interrupted, follower.n_samples, out, whole.number)


def _teach_all(
    follower: Follower,
    rows: Fed,
    whole: WholeSamples,
    writer: RecordWriter | None,
    quiet: bool,
) -> _Ended:
    """Teach both until the rows end, they part, a signal comes or the device is gone."""
    parted, interrupted = None, False
    try:
        with progress(console(quiet)) as display:
            task = display.add_task(f"follow {follower.device.name}", total=None)
            for x, y, line in rows:
                whole.begin()
                parted = follower.step(x, None if no_label(y) else y, rows.begins)
                if writer is not None:
                    targets = targets_of([y], writer.numbers)
                    writer.add(x[np.newaxis], targets, time_ns() // 1000, line)
                if parted is not None:
                    break
                display.update(task, completed=follower.n_samples)
                whole.counted()
    except KeyboardInterrupt:
        interrupted = True
    except (firmware_sim.FirmwareSimError, OSError) as error:
        return _Ended(None, False, error)
    whole.begin()  # from here on signals wait: what was learned is compared and written
    try:
        parted = parted or follower.check()
    except (firmware_sim.FirmwareSimError, OSError) as error:
        return _Ended(None, interrupted, error)
    return _Ended(parted, interrupted, None)


def push(state: Path, port: str, quiet: bool, key: bytes | None = None) -> None:
    """Write a state image to a device, and read it back.

    Raises
    ------
    CommandError
        If the device runs another learner's firmware, or holds something else afterwards.
    """
    learner = load(state)
    device = RemoteDevice(firmware_sim.open_port(port), port, key=key)
    fits(learner, device)
    data = learner.state.tobytes()
    try:
        device.write_state(data)
        found = device.read_state()
    except (firmware_sim.LinkError, OSError) as error:
        raise CommandError(
            f"{error}. The device may hold a part of the state: push it again"
        ) from error
    if found != data:
        raise CommandError(f"{device.name}: what was read back differs; push it again")
    console(quiet, results=True).print(
        f"{port} holds {state} now, {learner.n_samples} samples learned: "
        f"{learner.state_sha256[:12]}",
        soft_wrap=True,
    )


def _device(asked: Following, out: Path) -> Verbs:
    if asked.port is not None:
        port = firmware_sim.open_port(asked.port)
        return RemoteDevice(port, asked.port, asked.timeout_s, key=asked.key)
    firmware_sim.get_board(asked.board)
    firmware = build(asked.export_dir, asked.board, out / FIRMWARE_DIR, asked.key)
    return Device(firmware, key=asked.key)


def _image(follower: Follower, parted: Parted | None) -> bytes:
    """Return the device's state as an image."""
    learner = read(follower.learner.to_bytes(), "the desk's state")
    if parted is not None:
        learner.state = parted.device_state
    return learner.to_bytes()


def _metrics(follower: Follower, ended: _Ended) -> dict[str, Any]:
    parted = ended.parted
    return {
        "device": follower.device.name,
        "n_samples": follower.n_samples,
        "states_compared": follower.n_checks,
        "lost_answers": follower.lost_answers,
        "parted": None
        if parted is None
        else {"first": parted.first, "last": parted.last, "why": parted.why},
        "state_sha256": follower.learner.state_sha256,
        "health": None if ended.gone is not None else asdict(follower.device.health()),
        "event_log": None if ended.gone is not None else log_facts(follower.device),
    }


def _parted_text(name: str, parted: Parted, out: Path, record: Path | None) -> str:
    then = f"The states are {out / DESK_FILE} and {out / DEVICE_FILE}"
    if record is not None:
        good = parted.first - 1
        then += f"; `streamlearn replay {record} --to {good}` gives the last common one"
    return f"{name} and the desk parted {parted.where}: {parted.why}. {then}"


def _say(follower: Follower, metrics: dict[str, Any], quiet: bool) -> None:
    results = console(quiet, results=True)
    results.print(
        f"{follower.n_samples} samples: {follower.device.name} and the desk are the same in every "
        f"bit; the whole state was compared {follower.n_checks} times: "
        f"{follower.learner.state_sha256[:12]}",
        soft_wrap=True,
    )
    if follower.lost_answers:
        results.print(f"answers that did not arrive: {follower.lost_answers}; no sample was lost")
    told = metrics["event_log"]
    results.print(
        NO_LOG
        if told is None
        else f"the device's log has {told['number']} samples since its stored state "
        f"{told['base']}; `streamlearn log` reads them"
    )
