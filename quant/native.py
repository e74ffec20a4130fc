"""The C kernel on the host, loaded by ctypes: the same sources that run on the chip."""

from __future__ import annotations

import ctypes
import dataclasses
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.c_config import HOST_SOURCE, KERNEL_DIR, config_header, kernel_folders, kernel_sources
from quant.compiler import build_shared
from quant.counters import Saturations
from quant.errors import BuildError, ConfigError, DivergedError, ShapeError, StreamlearnError
from quant.layout import State
from quant.network import NetworkSpec
from quant.rule import Config

#: What the negative results of the C verbs mean, from the X-macro in ``sl_status.h``.
STATUS_TEXT = {
    int(value): text
    for value, text in re.findall(
        r'X\(SL_\w+, (-?\d+), "([^"]+)"\)', (KERNEL_DIR / "sl_status.h").read_text()
    )
}

#: The status of a state whose outputs are no longer finite.
DIVERGED = -3

_SATURATIONS = [f.name for f in dataclasses.fields(Saturations)]
_POINTER, _WORD, _COUNT = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64
#: Result and arguments of each function of ``sl_host.c``.
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "sl_host_scratch_bytes": (_COUNT, []),
    "sl_host_prediction_words": (_WORD, []),
    "sl_host_target_bytes": (_WORD, []),
    "sl_host_n_draws": (_WORD, []),
    "sl_host_learn": (_COUNT, [_POINTER] * 4 + [_COUNT, _POINTER, _POINTER]),
    "sl_host_predict_many": (_COUNT, [_POINTER] * 3 + [_COUNT] + [_POINTER] * 3),
    "sl_host_recall_many": (_COUNT, [_POINTER] * 3 + [_COUNT] + [_POINTER] * 3),
    "sl_host_draws": (None, [_POINTER] * 2),
    "sl_host_saturations": (None, [_POINTER] * 2),
}


def _at(array: npt.NDArray[Any]) -> int:
    """Return the address of an array's first byte; the array has to outlive its use."""
    return array.ctypes.data


class NativeKernel:
    """The compiled kernel for one network and configuration.

    A prediction has as many words as the head says (:attr:`prediction_words`): one, the index of
    the class; or three, mean, aleatoric and epistemic standard deviation as binary32 bits.

    Parameters
    ----------
    spec, config : NetworkSpec, MesuConfig or MetaplasticConfig
    arithmetic : {"float32", "q16", "q8"}

    Raises
    ------
    BuildError
        If a part has no C for this arithmetic, or the compiler fails; it asserts the place of
        each member of the state.
    """

    def __init__(self, spec: NetworkSpec, config: Config, arithmetic: str) -> None:
        sources = [*kernel_sources(spec, config, arithmetic), HOST_SOURCE]
        header = {"sl_config.h": config_header(spec, config, arithmetic)}
        built = build_shared(sources, header, *kernel_folders(spec, config, arithmetic))
        try:
            self._library = ctypes.CDLL(str(built))
        except OSError as error:
            raise BuildError(
                f"the compiled kernel cannot be loaded: {error}. Set STREAMLEARN_CACHE to a folder "
                "whose files may be run (mounted without noexec)"
            ) from error
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments
        self._n_features, self._n_outputs = spec.n_features, spec.n_outputs
        self._target_is_number = self._library.sl_host_target_bytes() == 4
        self._n_draws = int(self._library.sl_host_n_draws())
        self._scratch = np.zeros(self.scratch_bytes // 8 + 1, np.uint64)
        self._status = ctypes.c_int32()
        #: Words of one prediction.
        self.prediction_words = int(self._library.sl_host_prediction_words())
        # Room for one sample; the addresses are kept, for NumPy takes its time to tell them.
        self._target = np.zeros(1, np.float32 if self._target_is_number else np.uint32)
        self._prediction = np.zeros(self.prediction_words, np.uint32)
        self._scratch_at, self._status_at = _at(self._scratch), ctypes.addressof(self._status)
        self._target_at, self._prediction_at = _at(self._target), _at(self._prediction)

    @property
    def prediction(self) -> npt.NDArray[np.uint32]:
        """The words of the latest single prediction, ``uint32[prediction_words]``.

        Of :meth:`learn_one`, :meth:`predict` and :meth:`draws`; after an error they say nothing.
        """
        words: npt.NDArray[np.uint32] = self._prediction.copy()
        return words

    @property
    def scratch_bytes(self) -> int:
        """Size of the C scratch on the host; on a chip draws are not padded, and it is smaller."""
        return int(self._library.sl_host_scratch_bytes())

    @property
    def saturations(self) -> Saturations:
        """Saturations counted since this kernel was made."""
        counts = np.zeros(len(_SATURATIONS), np.uint32)
        self._library.sl_host_saturations(self._scratch_at, _at(counts))
        return Saturations(**dict(zip(_SATURATIONS, counts.tolist(), strict=True)))

    def learn(
        self, state: State, x: npt.NDArray[np.floating[Any]], targets: npt.ArrayLike
    ) -> npt.NDArray[Any]:
        """Test, then train, on a block of samples.

        Parameters
        ----------
        state : State
            Changes in place.
        x : float32[n, n_features]
            Finite.
        targets : array_like of n
            Class indices, or numbers if the head predicts a number.

        Returns
        -------
        int32[n] or uint32[n, 3]
            The predictions made before learning: class indices, or the words of numbers.

        Raises
        ------
        ShapeError
            If there are not as many targets as samples.
        StreamlearnError
            At the first sample that the kernel refuses; those before it have been learned.
        """
        x, words = self._rows(x), self._targets(targets)
        if len(x) != len(words):
            raise ShapeError(f"{len(words)} targets for {len(x)} samples: give one for each")
        predictions = np.zeros((len(words), self.prediction_words), np.uint32)
        done = self._learn(state, _at(x), _at(words), len(words), _at(predictions))
        self._complete(done, len(words), "have been learned")
        return self._given(predictions)

    def predict_many(
        self, state: State, x: npt.NDArray[np.floating[Any]]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
        """Predict a block of samples, as :meth:`predict` does one by one.

        Returns
        -------
        predictions : int32[n] or uint32[n, 3]
            As of :meth:`learn`.
        outputs : float64[n, outputs]
            Their mean over the draws: logits, or mean and log-variance.

        Raises
        ------
        StreamlearnError
            At the first sample that the kernel refuses.
        """
        x = self._rows(x)
        predictions = np.zeros((len(x), self.prediction_words), np.uint32)
        outputs = np.zeros((len(x), self._n_outputs))
        done = self._predict(state, _at(x), len(x), _at(predictions), _at(outputs))
        self._complete(done, len(x), "could be predicted")
        return self._given(predictions), outputs

    def recall_many(
        self, state: State, x: npt.NDArray[np.floating[Any]]
    ) -> npt.NDArray[np.float64]:
        """Return the log-probabilities of a block by the memory alone, ``float64[n, classes]``.

        Raises
        ------
        StreamlearnError
            At the first sample that the kernel refuses; at once if the learner has no memory.
        """
        x = self._rows(x)
        classes, outputs = np.zeros(len(x), np.uint32), np.zeros((len(x), self._n_outputs))
        done = self._library.sl_host_recall_many(
            _at(state), self._scratch_at, _at(x), len(x), _at(classes), _at(outputs),
            self._status_at,
        )  # fmt: skip
        self._complete(done, len(x), "could be recalled")
        return outputs

    def learn_one(self, state: State, x: npt.NDArray[np.floating[Any]], target: float) -> int:
        """Test, then train, on one sample.

        Returns the class index, or 0 if the head predicts a number, or a negative status, which
        leaves the state as it was. :attr:`prediction` has the words.
        """
        x = self._row(x)
        self._target[0] = target
        self._learn(state, _at(x), self._target_at, 1, self._prediction_at)
        return self._status.value

    def predict(
        self, state: State, x: npt.NDArray[np.floating[Any]]
    ) -> tuple[int, npt.NDArray[np.float64]]:
        """Return what :meth:`learn_one` returns, and the outputs' mean over the draws."""
        x = self._row(x)
        outputs = np.zeros(self._n_outputs)
        self._predict(state, _at(x), 1, self._prediction_at, _at(outputs))
        return self._status.value, outputs

    def draws(
        self, state: State, x: npt.NDArray[np.floating[Any]]
    ) -> tuple[int, npt.NDArray[np.float64]]:
        """Return :meth:`predict`'s status and the outputs of each draw.

        ``float64[outputs, draws]``: logits, or of a target the mean and the log-variance.
        """
        status, _ = self.predict(state, x)
        draws = np.zeros((self._n_outputs, self._n_draws))
        if status >= 0:
            self._library.sl_host_draws(self._scratch_at, _at(draws))
        return status, draws

    def undecided(self, state: State, x: npt.NDArray[np.floating[Any]]) -> int:
        """Return how many hidden units one finite sample leaves undecided.

        Raises
        ------
        ConfigError
            If the rule does not count them.
        """
        if not hasattr(self._library, "sl_rule_undecided"):
            raise ConfigError("this rule counts no undecided units")
        self.predict(state, x)
        count = self._library.sl_rule_undecided
        count.argtypes, count.restype = [_POINTER], _WORD
        return int(count(self._scratch_at))

    def _rows(self, x: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
        return np.ascontiguousarray(x, np.float32).reshape(-1, self._n_features)

    def _row(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        x = np.ascontiguousarray(x, np.float32)
        if x.size != self._n_features:
            raise ShapeError(f"a sample of {x.size} features: expected {self._n_features}")
        return x

    def _targets(self, targets: npt.ArrayLike) -> npt.NDArray[np.uint32]:
        """Return the words of targets: class indices, or the bits of numbers."""
        if self._target_is_number:
            return np.ascontiguousarray(targets, np.float32).view(np.uint32)
        return np.ascontiguousarray(targets, np.uint32)

    def _given(self, predictions: npt.NDArray[np.uint32]) -> npt.NDArray[Any]:
        return predictions if self.prediction_words > 1 else predictions[:, 0].view(np.int32)

    def _learn(self, state: State, x: int, targets: int, n: int, predictions: int) -> int:
        done: int = self._library.sl_host_learn(
            _at(state), self._scratch_at, x, targets, n, predictions, self._status_at
        )
        return done

    def _predict(self, state: State, x: int, n: int, predictions: int, outputs: int) -> int:
        done: int = self._library.sl_host_predict_many(
            _at(state), self._scratch_at, x, n, predictions, outputs, self._status_at
        )
        return done

    def _complete(self, done: int, n: int, what: str) -> None:
        if done != n:
            diverged = self._status.value == DIVERGED
            raise (DivergedError if diverged else StreamlearnError)(
                f"sample {done} of {n}: {STATUS_TEXT[self._status.value]}; "
                f"the {done} samples before it {what}"
            )
