"""Many learners of one kernel, a few samples of each: no array is asked for its address on the way.

NumPy takes longer to tell an address than the kernel takes for a sample.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from quant.errors import ShapeError
from quant.library import address
from quant.native import NativeKernel
from quant.status import check_complete


class PackedKernel:
    """A kernel that learns samples that are bytes; for one thread.

    Parameters
    ----------
    kernel : NativeKernel
    """

    def __init__(self, kernel: NativeKernel) -> None:
        self._kernel, self._library = kernel, kernel._library
        self.target_type = np.float32 if self._library.target_is_number else np.uint32
        self._row_bytes = 4 * self._library.n_features
        self._room(64)

    def _room(self, n: int) -> None:
        self._said = np.zeros((n, self._library.prediction_words), np.uint32)
        self._said_at = address(self._said)

    def learn(self, state_at: int, x: bytes, targets: bytes, n: int) -> npt.NDArray[Any]:
        """Test, then train, on a block of samples, as :meth:`NativeKernel.learn`.

        Parameters
        ----------
        state_at : int
            The address of the state, which changes in place.
        x : bytes
            Of float32 ``[n, n_features]``, finite.
        targets : bytes
            Of :attr:`target_type` ``[n]``: class indices, or numbers.
        n : int

        Returns
        -------
        int32[n] or uint32[n, 3]
            As :meth:`NativeKernel.learn`; they stay until the next call.

        Raises
        ------
        ShapeError
            If the bytes are not n samples.
        StreamlearnError
            At the first sample that the kernel refuses; those before it have been learned.
        """
        kernel, library = self._kernel, self._library
        if (len(x), len(targets)) != (n * self._row_bytes, 4 * n):
            raise ShapeError(
                f"{len(x)} and {len(targets)} bytes: {n} samples of {library.n_features} features "
                f"have {n * self._row_bytes}, and their targets {4 * n}"
            )
        if n > len(self._said):
            self._room(2 * n)
        desk = library.desk()
        done = library.c.sl_host_learn(
            state_at, desk.scratch_at, kernel._counts_at, x, targets, n, self._said_at,
            desk.status_at,
        )  # fmt: skip
        status = desk.status.value
        library.desks.append(desk)
        check_complete(done, n, status, "have been learned")
        return kernel._given(self._said[:n])
