"""The C of a chain on the host, loaded by ctypes: the same source that runs on the chip."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path

import numpy as np
import numpy.typing as npt

from quant.c_config import KERNEL_DIR
from quant.compiler import build_shared
from quant.layout import State
from quant.library import address
from quant.stages import Stages
from quant.stages.c_text import folders, generated

Float32 = npt.NDArray[np.float32]
HOST_DIR = Path(__file__).parent / "host"


@functools.lru_cache(16)
def _library(headers: tuple[tuple[str, str], ...], where: tuple[Path, ...]) -> ctypes.CDLL:
    sources = [file for folder in (*where, HOST_DIR) for file in sorted(folder.glob("*.c"))]
    found = ctypes.CDLL(str(build_shared(sources, dict(headers), *where, KERNEL_DIR)))
    pointer, word = ctypes.c_void_p, ctypes.c_uint32
    found.sl_stages_run.argtypes = [pointer, pointer, word, pointer]
    found.sl_stages_run.restype = word
    found.sl_stages_see.argtypes, found.sl_stages_see.restype = [pointer] * 3, ctypes.c_int32
    return found


class NativeStages:
    """The compiled code of a chain; verbs and results are those of the golden model.

    Parameters
    ----------
    stages : Stages

    Raises
    ------
    BuildError
        If the compiler fails.
    """

    def __init__(self, stages: Stages) -> None:
        headers = tuple(generated(stages).items())
        self._library = _library(headers, tuple(folders(stages)))
        self._stages = stages

    def look(self, state: State, x: Float32) -> Float32 | None:
        """See :func:`quant.stages.golden.look`."""
        values = np.ascontiguousarray(x, np.float32)
        found = np.zeros(self._stages.n_features, np.float32)
        at = address(state), address(values), address(found)
        return found if self._library.sl_stages_see(*at) == 1 else None

    def push(self, state: State, x: Float32) -> None:
        """See :func:`quant.stages.golden.push`."""
        self.run(state, np.asarray(x, np.float32)[None])

    def run(self, state: State, x: Float32) -> Float32:
        """Take many samples into the state, in place; return the features that came.

        Parameters
        ----------
        state : State
        x : float32[n_steps, channels]
            Raw and finite.

        Returns
        -------
        float32[rows, n_features]
        """
        values = np.ascontiguousarray(x, np.float32)
        found = np.zeros((len(values), self._stages.n_features), np.float32)
        at = address(state), address(values), len(values), address(found)
        return found[: self._library.sl_stages_run(*at)]

    def recording(self, x: Float32) -> Float32:
        """See :func:`quant.stages.golden.recording`."""
        return self.run(self._stages.start(), x)
