"""A whole stream through a device: one LEARN request per sample, little Python in between."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from .errors import InputError, RefusedError
from .image import Firmware
from .link import Frame, Request, Status, status_text
from .machine import CallCount

NO_PREDICTION = -1
_REPLY = {"i": "<u4", "f": "<f4"}


@dataclass(frozen=True)
class StreamResult:
    """What a device did with a stream; all arrays have one entry per sample.

    Attributes
    ----------
    predictions : int64[n], or float32[n, 3] of a firmware that predicts a number
        The class predicted before learning, -1 where the device refused the sample or it ended no
        features; or mean, aleatoric and epistemic standard deviation, NaN where it did.
    statuses : uint8[n]
        `firmware_sim.link.Status` of each reply.
    learn_instructions : int64[n]
        Instructions executed inside ``sl_learner_learn``, and the ``sl_backbone`` or
        ``sl_stages_look`` in front of it if there is one, callees included.
    link_instructions : int64[n]
        All other instructions: receiving, checking, answering.
    """

    predictions: npt.NDArray[Any]
    statuses: npt.NDArray[np.uint8]
    learn_instructions: npt.NDArray[np.int64]
    link_instructions: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of samples the device answered."""
        return len(self.predictions)


class Answering(Protocol):
    """What a stream needs of a device: `firmware_sim.device.Device` has it."""

    firmware: Firmware

    @property
    def last_call(self) -> CallCount:
        """Instructions of the latest request."""

    def exchange(self, request: int, payload: bytes = b"") -> Frame:
        """Send one request and return the reply, whatever its status."""


class StreamInterrupted(KeyboardInterrupt):
    """Ctrl-C during a stream. The device stands between two samples and its state is readable.

    Attributes
    ----------
    result : StreamResult
        The samples that were learned; `len(result)` is where to go on.
    """

    def __init__(self, result: StreamResult) -> None:
        super().__init__(f"stopped after {len(result)} samples")
        self.result = result


def run_stream(
    device: Answering,
    xs: npt.ArrayLike,
    labels: npt.ArrayLike,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    progress_every: int = 100,
    on_refusal: Literal["raise", "record"] = "raise",
) -> StreamResult:
    """Learn a whole stream, test-then-train.

    Parameters
    ----------
    device : Device
    xs : float32[n, n_features]
        Raw sensor values.
    labels : int[n], or float[n] for a firmware that predicts a number
        Class indices, 0 to 65535; or targets, rounded to float32.
    on_progress : callable, optional
        Called with (samples done, n) every `progress_every` samples and at the end.
    progress_every : int
    on_refusal : {"raise", "record"}
        What to do when the device refuses a sample: stop with an error, or note the status in
        the result and go on.

    Raises
    ------
    InputError
        If shapes, types or ranges do not fit.
    RefusedError
        If a sample is refused and `on_refusal` is ``"raise"``.
    StreamInterrupted
        On Ctrl-C: a KeyboardInterrupt that carries the result so far.
    LinkError, DeviceFault
        As for `Device.exchange`.
    """
    rows, targets = _check(device, xs, labels)
    if on_refusal not in ("raise", "record") or progress_every < 1:
        raise InputError("on_refusal must be 'raise' or 'record', progress_every above 0")
    n = len(rows)
    predictions: npt.NDArray[Any] = np.full(n, NO_PREDICTION, dtype=np.int64)
    if device.firmware.n_classes == 0:
        predictions = np.full((n, 3), np.nan, np.float32)
    statuses = np.zeros(n, dtype=np.uint8)
    learn = np.zeros(n, dtype=np.int64)
    link = np.zeros(n, dtype=np.int64)
    done = 0

    def result() -> StreamResult:
        return StreamResult(predictions[:done], statuses[:done], learn[:done], link[:done])

    with _deferred_interrupt() as interrupted:
        for row, label in zip(rows, targets, strict=True):
            if interrupted:
                raise StreamInterrupted(result())
            reply = device.exchange(Request.LEARN, row.tobytes() + label.tobytes())
            statuses[done] = reply.status
            if reply.status == 0:
                found = np.frombuffer(reply.payload, _REPLY[predictions.dtype.kind])
                predictions[done] = found if predictions.ndim == 2 else found[0]
            elif on_refusal == "raise" and reply.status != Status.NO_FEATURES:
                raise RefusedError(
                    f"sample {done} of {n} refused by {device.firmware.board.name}: "
                    f"{status_text(reply.status)}",
                    status=reply.status,
                )
            learn[done], link[done] = device.last_call.learner, device.last_call.link
            done += 1
            if on_progress is not None and (done % progress_every == 0 or done == n):
                try:
                    on_progress(done, n)
                except KeyboardInterrupt:
                    raise StreamInterrupted(result()) from None
        if interrupted:
            raise StreamInterrupted(result())
    return result()


@contextmanager
def _deferred_interrupt() -> Iterator[list[int]]:
    """Delay Ctrl-C until the current sample is learned and noted; the list fills on Ctrl-C.

    Where Ctrl-C does not raise KeyboardInterrupt here (another thread, a handler of the caller's)
    nothing is changed.
    """
    received: list[int] = []
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield received
        return
    try:
        signal.signal(signal.SIGINT, lambda number, _frame: received.append(number))
    except ValueError:  # not the main thread
        yield received
        return
    try:
        yield received
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _check(
    device: Answering, xs: npt.ArrayLike, labels: npt.ArrayLike
) -> tuple[npt.NDArray[np.float32], npt.NDArray[Any]]:
    rows = np.ascontiguousarray(xs, dtype="<f4")
    wanted = device.firmware.n_features
    if rows.ndim != 2 or rows.shape[1] != wanted:
        raise InputError(f"xs has shape {rows.shape}: this firmware takes (n, {wanted})")
    targets = np.asarray(labels)
    if device.firmware.n_classes == 0:
        if targets.shape != (len(rows),) or targets.dtype.kind not in "fiu":
            raise InputError(
                f"labels are {targets.dtype}{list(targets.shape)}: expected float[{len(rows)}], "
                "one target per row of xs: this firmware predicts a number"
            )
        return rows, targets.astype("<f4")
    if targets.shape != (len(rows),) or not np.issubdtype(targets.dtype, np.integer):
        raise InputError(
            f"labels are {targets.dtype}{list(targets.shape)}: expected int[{len(rows)}], one "
            "class index per row of xs"
        )
    if len(targets) and not 0 <= int(targets.min()) <= int(targets.max()) <= 0xFFFF:
        raise InputError(
            f"labels lie in {targets.min()}..{targets.max()}: a frame holds 0 to 65535"
        )
    return rows, targets.astype("<u2")
