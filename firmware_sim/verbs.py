"""What every device can be asked over its link, however its bytes travel."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from .answers import COUNTERS, Health, Hello, TargetPrediction
from .errors import InputError, LinkError
from .link import Request
from .state_verbs import StateVerbs

#: How far a sample that asks for its label lowers the threshold, Q.16; the most it is raised by.
ASK_STEP, ASK_UP_MAX = 1 << 14, 1 << 20
_HELLO = struct.Struct("<6I")
_PREDICTION = struct.Struct("<3f")
_HEALTH = struct.Struct(f"<Ii{len(COUNTERS)}I")


def _predicting(draws: bool) -> Request:
    return Request.PREDICT if draws else Request.PREDICT_MEAN


class Verbs(StateVerbs):
    """The requests of the link as methods; a subclass has `exchange`, `facts` and `name`."""

    def hello(self) -> Hello:
        """Ask the device what it is.

        Raises
        ------
        LinkError, DeviceFault
            As for `exchange`.
        """
        return Hello(*_HELLO.unpack(self._ask(Request.HELLO)))

    def health(self) -> Health:
        """Ask how the learner is: its levels, and what saturated since the reset.

        Raises
        ------
        LinkError, DeviceFault
            As for `exchange`; also if the reply has another number of words.
        """
        payload = self._ask(Request.HEALTH)
        if len(payload) != _HEALTH.size:
            raise LinkError(
                f"HEALTH: the reply has {len(payload)} bytes, expected {_HEALTH.size}; build the "
                "firmware again"
            )
        blind, step_log2, *counts = _HEALTH.unpack(payload)
        return Health(blind, 2.0 ** (step_log2 / 65536), dict(zip(COUNTERS, counts, strict=True)))

    def predict(self, x: npt.ArrayLike, *, draws: bool = True) -> int:
        """Return the class index the device predicts.

        Parameters
        ----------
        x : float32[n_features]
            Raw sensor values.
        draws : bool
            False: with the mean weights, in fewer instructions (the learner's
            ``predict_one(x, draws=False)``).

        Raises
        ------
        InputError
            If `x` has another shape, or the firmware predicts a number.
        RefusedError
            If the device refuses, e.g. because a value is not finite.
        LinkError, DeviceFault
            As for `exchange`.
        """
        self._expect(classes=True)
        return int.from_bytes(self._ask(_predicting(draws), self._features(x)), "little")

    def recall(self, x: npt.ArrayLike) -> int:
        """Return the class index by the memory of the device's learner alone.

        Parameters and errors are those of `predict`; the device also refuses if its learner has no
        memory.
        """
        self._expect(classes=True)
        return int.from_bytes(self._ask(Request.RECALL, self._features(x)), "little")

    def ask(self, x: npt.ArrayLike, budget: float = 0.05) -> tuple[int, bool]:
        """Return the class index the device predicts, and whether its label is worth asking for.

        What the learner's ``wants_label(x, budget)`` says, with a threshold that the device keeps
        until its reset (docs/labels.md).

        Parameters
        ----------
        x : float32[n_features]
            Raw sensor values.
        budget : float
            The share of samples that may ask, above 0, and at most 1; the same in every call.

        Raises
        ------
        InputError
            If the budget is no such share; also as `predict`.
        RefusedError
            As `predict`; also if the device's learner does not draw, in integers.
        LinkError, DeviceFault
            As for `exchange`.
        """
        self._expect(classes=True)
        if not 0 < budget <= 1:
            raise InputError(f"budget is {budget!r}: expected a share of the samples, such as 0.05")
        up = 0 if budget == 1 else int(ASK_STEP * budget / (1 - budget) + 0.5)
        up = 0 if budget == 1 else min(max(up, 1), ASK_UP_MAX)
        reply = self._ask(Request.ASK, self._features(x) + up.to_bytes(4, "little"))
        word = int.from_bytes(reply, "little")
        return word & 0x7FFFFFFF, bool(word >> 31)

    def learn(self, x: npt.ArrayLike, label: int) -> int:
        """Let the device learn one sample; return the class it predicted *before* learning.

        Parameters
        ----------
        x : float32[n_features]
            Raw sensor values.
        label : int
            Class index, 0 to 65535; the device refuses those it does not know.

        Raises
        ------
        InputError, RefusedError, LinkError, DeviceFault
            As for `predict`.
        """
        self._expect(classes=True)
        if not 0 <= label <= 0xFFFF:
            raise InputError(f"label is {label}: a frame holds 0 to 65535")
        payload = self._features(x) + int(label).to_bytes(2, "little")
        return int.from_bytes(self._ask(Request.LEARN, payload), "little")

    def advance(self, x: npt.ArrayLike) -> int:
        """Let a step of time without a label pass; return the class index predicted at its end.

        Of a spiking network, or of a learner behind stages, which says NO_FEATURES of a sample
        with which none come. Parameters and errors are those of `predict`; another device refuses.
        """
        self._expect(classes=True)
        return int.from_bytes(self._ask(Request.ADVANCE, self._features(x)), "little")

    def reset_time(self) -> None:
        """Let a recording begin: what came before is forgotten, not what was learned.

        Raises
        ------
        RefusedError
            If the network does not spike, and no stages stand in front of it.
        LinkError, DeviceFault
            As for `exchange`.
        """
        self._ask(Request.RESET)

    def predict_target(self, x: npt.ArrayLike, *, draws: bool = True) -> TargetPrediction:
        """Return the number the device predicts, and how unsure it is.

        Parameters and errors are those of `predict`; the firmware must predict a number.
        """
        self._expect(classes=False)
        return TargetPrediction(
            *_PREDICTION.unpack(self._ask(_predicting(draws), self._features(x)))
        )

    def learn_target(self, x: npt.ArrayLike, y: float) -> TargetPrediction:
        """Let the device learn one target; return what it predicted *before* learning.

        Parameters
        ----------
        x : float32[n_features]
            As for `predict`.
        y : float
            Rounded to float32; the device refuses one that is not finite.

        Raises
        ------
        InputError, RefusedError, LinkError, DeviceFault
            As for `predict_target`.
        """
        self._expect(classes=False)
        payload = self._features(x) + np.float32(y).tobytes()
        return TargetPrediction(*_PREDICTION.unpack(self._ask(Request.LEARN, payload)))

    def _expect(self, *, classes: bool) -> None:
        if classes != (self.facts.n_classes > 0):
            raise InputError(
                "this firmware predicts a number: use predict_target and learn_target"
                if classes
                else "this firmware predicts a class: use predict and learn"
            )

    def _features(self, x: npt.ArrayLike) -> bytes:
        values = np.asarray(x, dtype="<f4")
        if values.shape != (self.facts.n_features,):
            raise InputError(
                f"x has shape {values.shape}: this firmware takes ({self.facts.n_features},)"
            )
        return values.tobytes()
