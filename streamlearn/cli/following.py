"""A learner on the desk beside a device: the same samples, and every bit compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from firmware_sim import SilentError, Verbs
from quant import spiking
from quant.state import state_from_bytes
from streamlearn.cli.endings import CommandError
from streamlearn.cli.rules import is_exact
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.loading import read
from streamlearn.recorder.proof import differing


@dataclass(frozen=True)
class Parted:
    """Where device and desk parted.

    Parameters
    ----------
    first, last
        At which sample they did, counted from 1; or between which, if it is not known better.
    why
        What differs, in words.
    device_state
        Of the device, when it was found.
    """

    first: int
    last: int
    why: str
    device_state: bytes

    @property
    def where(self) -> str:
        """The sample, or the samples, in words."""
        if self.first == self.last:
            return f"at sample {self.first}"
        return f"between samples {self.first} and {self.last}"


class _Step(NamedTuple):
    """A sample, and whether time begins anew with it; y None: time passes, nothing is learned."""

    x: npt.NDArray[np.float32]
    y: float | None
    begins: bool


class Follower:
    """Teaches a device and a learner the same samples.

    Parameters
    ----------
    learner
        In the device's state.
    device
        Runs the learner's firmware.
    check_every
        Samples between comparisons of the whole state.
    locate
        When they parted: put the device back to the last state that was equal and learn the
        samples since again, comparing after each; then the state it had is written back.

    Attributes
    ----------
    n_samples : int
        Samples that both have learned.
    n_checks : int
        How often the whole state was compared.
    lost_answers : int
        How often the device's answer did not arrive.
    """

    def __init__(
        self, learner: StreamLearner, device: Verbs, check_every: int, *, locate: bool
    ) -> None:
        self.learner, self.device = learner, device
        self._every, self._locate = check_every, locate
        self._classes = device.facts.n_classes > 0
        self._anchor, self._since = learner.to_bytes(), list[_Step]()
        self.n_samples = self.n_checks = self.lost_answers = 0

    def step(
        self, x: npt.NDArray[np.float32], y: float | None, begins: bool = False
    ) -> Parted | None:
        """Let both predict and learn one sample; say if they parted.

        Spiking networks take samples without a label (None), with which time passes; where a
        recording ``begins`` they forget the time before.

        Raises
        ------
        RefusedError, LinkError
            If the device refuses it, or does not answer; the desk has not learned it then.
        """
        one = _Step(x.copy(), y, begins)
        said, known = self._asked(one)
        ours = _learn(self.learner, one)
        self.n_samples += 1
        self._since.append(one)
        if known and _words(said) != _words(ours):
            return self._part(f"the device predicted {said}, the desk {ours}")
        return self.check() if len(self._since) >= self._every or not known else None

    def check(self) -> Parted | None:
        """Compare the whole state, every bit."""
        self.n_checks += 1
        state = self.device.read_state()
        if state != self.learner.state.tobytes():
            return self._part("the predictions were the same until then", state)
        self._anchor, self._since = self.learner.to_bytes(), []
        return None

    def _asked(self, one: _Step) -> tuple[Any, bool]:
        """Return what the device predicted, and whether its answer came."""
        try:
            return _teach(self.device, one), True
        except SilentError:
            self.lost_answers += 1
            self.device.resync()
            if self.device.read_state() != self.learner.state.tobytes():
                return None, False  # it learned the sample, or something else: the check will tell
            return _teach(self.device, one), True

    def _part(self, why: str, state: bytes | None = None) -> Parted:
        """Find out more about two that parted since the latest check."""
        state = self.device.read_state() if state is None else state
        first, last = self.n_samples - len(self._since) + 1, self.n_samples
        why = f"{why}; {_difference(self.learner, state)}"
        if first == last:
            return Parted(first, last, why, state)
        if not self._locate:
            hint = ". --locate learns these again, one by one"
            return Parted(first, last, why + hint, state)
        at, said = self._again()
        self.device.write_state(state)
        if at is None:
            return Parted(first, last, why + (
                f". From the state after sample {first - 1} both learn these samples alike: no "
                "sample and no program did it. A bit was flipped, or something else wrote to the "
                "device's memory"
            ), state)  # fmt: skip
        at += first - 1
        return Parted(at, at, f"{said}. It happens again whenever this sample is learned", state)

    def _again(self) -> tuple[int | None, str]:
        """Learn the samples since the latest check again, on both, from the state there."""
        desk = read(self._anchor, "the desk's state at the latest check")
        self.device.write_state(desk.state.tobytes())
        for number, one in enumerate(self._since, 1):
            said, ours = _teach(self.device, one), _learn(desk, one)
            state = self.device.read_state()
            if _words(said) != _words(ours) or state != desk.state.tobytes():
                return number, (
                    f"the device predicts {said}, the desk {ours}; {_difference(desk, state)}"
                )
        return None, ""


def begin(learner: StreamLearner, device: Verbs, start: str) -> None:
    """Bring both to one state before the first sample.

    Parameters
    ----------
    learner
        As exported; takes the device's state with ``start="device"``.
    device
    start
        "same": they have to be; "device": the desk takes the device's state; "desk": the other way.

    Raises
    ------
    CommandError
        If they differ with "same", the device runs another firmware, or the learner's numbers are
        floats, which a desk and a chip round differently.
    """
    fits(learner, device)
    if not is_exact(learner):
        raise CommandError(
            f"a {learner.arithmetic} learner cannot be followed bit by bit: desk and chip round "
            "floats differently. Learn in integers (q16, q8)"
        )
    if start == "desk":
        device.write_state(learner.state.tobytes())
    state = device.read_state()
    if start == "device":
        learner.state = state
    elif state != learner.state.tobytes():
        raise CommandError(
            f"{device.name} is in another state than the export: {_difference(learner, state)}. "
            "--start device takes its state to the desk, --start desk writes the export's to it"
        )


def fits(learner: StreamLearner, device: Verbs) -> None:
    """Refuse a device with another firmware.

    Raises
    ------
    CommandError
        If its sizes are others.
    """
    facts, spec = device.facts, learner.spec
    for what, found, wanted in (
        ("features", facts.n_features, spec.n_features),
        ("classes", facts.n_classes, spec.n_classes),
        ("bytes of state", facts.state_bytes, learner.state.nbytes),
    ):
        if found != wanted:
            raise CommandError(
                f"{device.name} runs the firmware of another learner: it has {found} {what}, this "
                f"one {wanted}"
            )


def _teach(device: Verbs, one: _Step) -> Any:
    if one.begins:
        device.reset_time()
    if one.y is None:
        return device.advance(one.x)
    if device.facts.n_classes:
        return device.learn(one.x, int(one.y))
    return device.learn_target(one.x, one.y)


def _learn(learner: StreamLearner, one: _Step) -> Any:
    """Learn on the desk as a device does: by class index."""
    x = one.x.astype(np.float64)
    with learner._lock:
        if one.begins:
            spiking.reset(learner._state)
        if one.y is None:
            return learner._engine.advance(learner._state, x).class_index
        target = int(one.y) if learner.spec.n_classes else float(np.float32(one.y))
        return learner._engine.learn(learner._state, x, target)


def _words(prediction: Any) -> bytes:
    """Return a prediction's bits."""
    if isinstance(prediction, tuple):
        return np.array(prediction, np.float32).tobytes()
    return np.array([int(prediction)], np.int64).tobytes()


def _difference(learner: StreamLearner, state: bytes) -> str:
    """Return in words where a device's state differs from the desk's."""
    other = read(learner.to_bytes(), "the desk's state")
    other.state = state_from_bytes(learner.spec, learner.config, learner.arithmetic, state)
    said = differing(learner, other)
    if not said:
        return "the states are the same"
    counts = f"it has learned {other.n_samples} samples, the desk {learner.n_samples}; "
    text = ", ".join(said[:5]) + (", ..." if len(said) > 5 else "")
    return (counts if other.n_samples != learner.n_samples else "") + f"different are {text}"
