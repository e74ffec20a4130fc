"""The C kernel on the host, loaded by ctypes: the same sources that run on the chip."""

from __future__ import annotations

import ctypes
import dataclasses
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.c_config import KERNEL_DIR, config_header, kernel_sources
from quant.compiler import build_shared
from quant.counters import Saturations
from quant.errors import BuildError, DivergedError, StreamlearnError
from quant.heads import HEADS
from quant.network import NetworkSpec
from quant.rule import Config
from quant.state import State, state_dtype

#: What the negative results of the C verbs mean, from the X-macro in ``sl_learner.h``.
STATUS_TEXT = {
    int(value): text
    for value, text in re.findall(
        r'X\(SL_\w+, (-?\d+), "([^"]+)"\)', (KERNEL_DIR / "sl_learner.h").read_text()
    )
}

#: The status of a state whose outputs are no longer finite.
DIVERGED = -3

_SATURATIONS = [f.name for f in dataclasses.fields(Saturations)]


class NativeKernel:
    """The compiled kernel for one network and configuration.

    Parameters
    ----------
    spec, config : NetworkSpec, MesuConfig or MetaplasticConfig
    arithmetic : {"float32", "q16", "q8"}

    Raises
    ------
    BuildError
        If the compiler fails, or lays the state out differently from :mod:`quant.state`.
    """

    def __init__(self, spec: NetworkSpec, config: Config, arithmetic: str) -> None:
        names = (*kernel_sources(arithmetic, spec.head), "sl_host.c")
        sources = [KERNEL_DIR / name for name in names]
        header = {"sl_config.h": config_header(spec, config, arithmetic)}
        self._library = ctypes.CDLL(str(build_shared(sources, header, KERNEL_DIR)))
        self._n_features, self._n_outputs = spec.n_features, spec.n_outputs
        self._head = HEADS[spec.head]
        self._n_draws = getattr(config, "n_draws", 0)
        for name in ("sl_host_state_bytes", "sl_host_scratch_bytes", "sl_host_learn"):
            getattr(self._library, name).restype = ctypes.c_uint64
        self._library.sl_host_learn.argtypes = [ctypes.c_void_p] * 4 + [
            ctypes.c_uint64,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        self._library.sl_host_predict.argtypes = [ctypes.c_void_p] * 4
        self._library.sl_learner_learn.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_uint32]
        self._library.sl_learner_learn.restype = ctypes.c_int32
        if self._n_draws:
            self._library.sl_host_draws.argtypes = [ctypes.c_void_p] * 2
            self._library.sl_host_draws.restype = None
        if spec.head == "gaussian":
            self._library.sl_host_prediction.argtypes = [ctypes.c_void_p] * 2
            self._library.sl_host_prediction.restype = None
            self._library.sl_host_learn_targets.restype = ctypes.c_uint64
            self._library.sl_host_learn_targets.argtypes = self._library.sl_host_learn.argtypes
        self._library.sl_host_saturations.argtypes = [ctypes.c_void_p] * 2
        self._library.sl_host_saturations.restype = None
        expected = state_dtype(spec, config, arithmetic).itemsize
        if self._library.sl_host_state_bytes() != expected:
            raise BuildError(
                f"the C state has {self._library.sl_host_state_bytes()} bytes, NumPy's {expected}"
            )
        self._scratch = np.zeros(self._library.sl_host_scratch_bytes() // 8 + 1, np.uint64)

    @property
    def scratch_bytes(self) -> int:
        """Size of the C scratch on the host; on a chip draws are not padded, and it is smaller."""
        return int(self._library.sl_host_scratch_bytes())

    @property
    def saturations(self) -> Saturations:
        """Saturations counted since this kernel was made."""
        counts = np.zeros(len(_SATURATIONS), np.uint32)
        self._library.sl_host_saturations(self._scratch.ctypes.data, counts.ctypes.data)
        return Saturations(**dict(zip(_SATURATIONS, counts.tolist(), strict=True)))

    def learn(
        self, state: State, x: npt.NDArray[Any], labels: npt.NDArray[Any]
    ) -> npt.NDArray[Any]:
        """Test, then train, on finite ``float32[n, n_features]`` and valid ``uint32[n]``.

        Returns the predictions made before learning, ``int32[n]``; the state changes in place.
        """
        x = np.ascontiguousarray(x, np.float32).reshape(-1, self._n_features)
        labels = np.ascontiguousarray(labels, self._head.target_dtype)
        if self._head.prediction_words:
            return self.learn_targets(state, x, labels)
        predictions = np.zeros(len(labels), np.int32)
        status = ctypes.c_int32()
        done = self._library.sl_host_learn(
            state.ctypes.data, self._scratch.ctypes.data, x.ctypes.data, labels.ctypes.data,
            len(labels), predictions.ctypes.data, ctypes.addressof(status),
        )  # fmt: skip
        self._complete(done, len(labels), status.value)
        return predictions

    def learn_one(self, state: State, x: npt.NDArray[Any], label: Any) -> int:
        """Test, then train, on one sample; return the class index, or a negative status."""
        x = np.ascontiguousarray(x, np.float32)
        return int(
            self._library.sl_learner_learn(
                state.ctypes.data,
                self._scratch.ctypes.data,
                x.ctypes.data,
                int(np.array(label, self._head.target_dtype).view(np.uint32)),
            )
        )

    def predict(self, state: State, x: npt.NDArray[Any]) -> tuple[int, npt.NDArray[np.float64]]:
        """Return the class index of one finite sample and the mean logits ``float64[classes]``."""
        x = np.ascontiguousarray(x, np.float32)
        logits = np.zeros(self._n_outputs)
        predicted = self._library.sl_host_predict(
            state.ctypes.data, self._scratch.ctypes.data, x.ctypes.data, logits.ctypes.data
        )
        return int(predicted), logits

    def draws(self, state: State, x: npt.NDArray[Any]) -> tuple[int, npt.NDArray[np.float64]]:
        """Return :meth:`predict`'s class index and the outputs of each draw.

        ``float64[outputs, draws]``: logits, or of a target the mean and the log-variance.
        """
        predicted, _ = self.predict(state, x)
        draws = np.zeros((self._n_outputs, self._n_draws))
        if predicted >= 0:
            self._library.sl_host_draws(self._scratch.ctypes.data, draws.ctypes.data)
        return predicted, draws

    def predict_many(self, state: State, x: Any) -> tuple[Any, Any]:
        """Interim."""
        results, logits = [], np.zeros((len(x), self._n_outputs))
        for i, row in enumerate(x):
            status, logits[i] = self.predict(state, row)
            results.append(self.prediction() if self._head.prediction_words else status)
        return np.array(results), logits

    def prediction(self) -> npt.NDArray[np.float32]:
        """Return the three numbers of the latest prediction or learning step."""
        return self._prediction(0)

    def learn_targets(
        self, state: State, x: npt.NDArray[Any], y: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Test, then train, on finite ``float32[n, n_features]`` and ``float32[n]``.

        Returns the predictions made before learning, ``float32[n, 3]``; the state changes in
        place.
        """
        x = np.ascontiguousarray(x, np.float32).reshape(-1, self._n_features)
        y = np.ascontiguousarray(y, np.float32)
        predictions = np.zeros((len(y), 3), np.float32)
        status = ctypes.c_int32()
        done = self._library.sl_host_learn_targets(
            state.ctypes.data, self._scratch.ctypes.data, x.ctypes.data, y.ctypes.data,
            len(y), predictions.ctypes.data, ctypes.addressof(status),
        )  # fmt: skip
        self._complete(done, len(y), status.value)
        return predictions

    def _prediction(self, status: int) -> npt.NDArray[np.float32]:
        bits = np.zeros(3, np.uint32)
        if status >= 0:
            self._library.sl_host_prediction(self._scratch.ctypes.data, bits.ctypes.data)
        return bits.view(np.float32)

    @staticmethod
    def _complete(done: int, n: int, status: int) -> None:
        if done != n:
            raise (DivergedError if status == DIVERGED else StreamlearnError)(
                f"sample {done} of {n}: {STATUS_TEXT[status]}; "
                f"the {done} samples before it have been learned"
            )

    def undecided(self, state: State, x: npt.NDArray[Any]) -> int:
        """Return how many hidden units one finite sample leaves undecided (q8 only)."""
        self.predict(state, x)
        count = self._library.sl_metaplastic_undecided
        count.argtypes, count.restype = [ctypes.c_void_p], ctypes.c_uint32
        return int(count(self._scratch.ctypes.data))
