"""The C kernel on the host, loaded by ctypes: the same sources that run on the chip."""

from __future__ import annotations

import ctypes
import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.errors import ConfigError, ShapeError
from quant.layout import State
from quant.library import Desk, address, library
from quant.network import NetworkSpec
from quant.rule import Config
from quant.status import check_complete

_SATURATIONS = [f.name for f in dataclasses.fields(Saturations)]


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
        self._library = library(spec, config, arithmetic)
        self._counts = np.zeros(len(_SATURATIONS), np.uint32)
        # Room for one sample; the addresses are kept, for NumPy takes its time to tell them.
        self._target = np.zeros(1, np.float32 if self._library.target_is_number else np.uint32)
        self._prediction = np.zeros(self.prediction_words, np.uint32)
        self._counts_at, self._target_at = address(self._counts), address(self._target)
        self._prediction_at = address(self._prediction)

    @property
    def prediction_words(self) -> int:
        """Words of one prediction."""
        return self._library.prediction_words

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
        return self._library.scratch_bytes

    @property
    def saturations(self) -> Saturations:
        """Saturations counted since this kernel was made."""
        return Saturations(**dict(zip(_SATURATIONS, self._counts.tolist(), strict=True)))

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
        x, words = self._library.rows(x), self._library.targets(targets)
        if len(x) != len(words):
            raise ShapeError(f"{len(words)} targets for {len(x)} samples: give one for each")
        predictions = np.zeros((len(words), self.prediction_words), np.uint32)
        at = address(x), address(words), len(words), address(predictions)
        done, status = self._block("sl_host_learn", state, *at)
        check_complete(done, len(words), status, "have been learned")
        return self._given(predictions)

    def predict_many(
        self, state: State, x: npt.NDArray[np.floating[Any]], draws: bool = True
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
        """Predict a block of samples, as :meth:`predict` does one by one.

        Parameters
        ----------
        state : State
        x : float32[n, n_features]
        draws : bool
            Whether to draw, or to take the mean weights.

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
        x = self._library.rows(x)
        predictions = np.zeros((len(x), self.prediction_words), np.uint32)
        outputs = np.zeros((len(x), self._library.n_outputs))
        at = address(x), len(x), draws, address(predictions), address(outputs)
        done, status = self._block("sl_host_predict_many", state, *at)
        check_complete(done, len(x), status, "could be predicted")
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
        x = self._library.rows(x)
        classes = np.zeros(len(x), np.uint32)
        outputs = np.zeros((len(x), self._library.n_outputs))
        at = address(x), len(x), address(classes), address(outputs)
        done, status = self._block("sl_host_recall_many", state, *at)
        check_complete(done, len(x), status, "could be recalled")
        return outputs

    def learn_one(self, state: State, x: npt.NDArray[np.floating[Any]], target: float) -> int:
        """Test, then train, on one sample.

        Returns the class index, or 0 if the head predicts a number, or a negative status, which
        leaves the state as it was. :attr:`prediction` has the words.
        """
        x = self._library.row(x)
        self._target[0] = target
        at = address(x), self._target_at, 1, self._prediction_at
        return self._block("sl_host_learn", state, *at)[1]

    def advance(
        self, state: State, x: npt.NDArray[np.floating[Any]]
    ) -> tuple[int, npt.NDArray[np.float64]]:
        """Let a step of time pass that has no label; return as :meth:`predict`.

        Raises
        ------
        ConfigError
            If the network does not spike.
        """
        if not self._library.spikes:
            raise ConfigError("this network does not spike: every sample of it has a label")
        x = self._library.row(x)
        outputs = np.zeros(self._library.n_outputs)
        at = address(x), self._prediction_at, address(outputs)
        return self._block("sl_host_advance", state, *at)[1], outputs

    def learn_row(self, state_at: int, row: npt.NDArray[Any], target: int) -> int:
        """Test, then train, on one sample, the quickest way.

        Parameters
        ----------
        state_at
            The address of the state.
        row : array[n_features]
            Of real numbers.
        target
            Class index.

        Returns
        -------
        int
            As :meth:`learn_one`, or REFUSED of :mod:`quant.status` if a value is no finite
            binary32: then nothing was done. :attr:`prediction` says nothing of it.
        """
        library = self._library
        desk = library.desk()
        desk.row[:] = row
        status: int = library.learn_row(
            state_at, desk.scratch_at, self._counts_at, desk.row_at, target
        )
        library.desks.append(desk)
        return status

    def predict_row(self, state_at: int, row: npt.NDArray[Any], draws: bool = True) -> int:
        """Return what :meth:`learn_row` returns, and learn nothing."""
        library = self._library
        desk = library.desk()
        desk.row[:] = row
        at = state_at, desk.scratch_at, self._counts_at, desk.row_at
        status: int = library.predict_row(*at, draws)
        library.desks.append(desk)
        return status

    def predict(
        self, state: State, x: npt.NDArray[np.floating[Any]], draws: bool = True
    ) -> tuple[int, npt.NDArray[np.float64]]:
        """Return what :meth:`learn_one` returns, and the outputs' mean over the draws."""
        desk = self._library.desk()
        found = self._predict(desk, state, x, draws)
        self._library.desks.append(desk)
        return found

    def draws(
        self, state: State, x: npt.NDArray[np.floating[Any]]
    ) -> tuple[int, npt.NDArray[np.float64]]:
        """Return :meth:`predict`'s status and the outputs of each draw.

        ``float64[outputs, draws]``: logits, or of a target the mean and the log-variance.
        """
        desk = self._library.desk()
        status, _ = self._predict(desk, state, x)
        draws = np.zeros((self._library.n_outputs, self._library.n_draws))
        if status >= 0:
            self._library.c.sl_host_draws(desk.scratch_at, address(draws))
        self._library.desks.append(desk)
        return status, draws

    def undecided(self, state: State, x: npt.NDArray[np.floating[Any]]) -> int:
        """Return how many hidden units one finite sample leaves undecided.

        Raises
        ------
        ConfigError
            If the rule does not count them.
        """
        if not hasattr(self._library.c, "sl_rule_undecided"):
            raise ConfigError("this rule counts no undecided units")
        desk = self._library.desk()
        self._predict(desk, state, x)
        count = self._library.c.sl_rule_undecided
        count.argtypes, count.restype = [ctypes.c_void_p], ctypes.c_uint32
        found = int(count(desk.scratch_at))
        self._library.desks.append(desk)
        return found

    def _given(self, predictions: npt.NDArray[np.uint32]) -> npt.NDArray[Any]:
        return predictions if self.prediction_words > 1 else predictions[:, 0].view(np.int32)

    def _predict(
        self, desk: Desk, state: State, x: npt.NDArray[np.floating[Any]], draws: bool = True
    ) -> tuple[int, npt.NDArray[np.float64]]:
        x = self._library.row(x)
        outputs = np.zeros(self._library.n_outputs)
        self._library.c.sl_host_predict_many(
            address(state), desk.scratch_at, self._counts_at, address(x), 1, draws,
            self._prediction_at, address(outputs), desk.status_at,
        )  # fmt: skip
        return desk.status.value, outputs

    def _block(self, verb: str, state: State, *arguments: int) -> tuple[int, int]:
        """Call a verb for blocks; return how many samples were done, and the last status."""
        desk = self._library.desk()
        call = getattr(self._library.c, verb)
        done = call(address(state), desk.scratch_at, self._counts_at, *arguments, desk.status_at)
        status = desk.status.value
        self._library.desks.append(desk)
        return done, status
