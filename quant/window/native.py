"""The C of windows on the host, loaded by ctypes: the same source that runs on the chip."""

from __future__ import annotations

import ctypes
import functools

import numpy as np
import numpy.typing as npt

from quant.c_config import KERNEL_DIR
from quant.compiler import build_shared
from quant.layout import State
from quant.library import address
from quant.window import Window
from quant.window.c_text import CONFIG_FILE, config_header
from quant.window.c_text import KERNEL_DIR as WINDOW_DIR

Float32 = npt.NDArray[np.float32]


@functools.lru_cache(16)
def _library(header: str) -> ctypes.CDLL:
    built = build_shared(
        [WINDOW_DIR / "sl_window.c"], {CONFIG_FILE: header}, WINDOW_DIR, KERNEL_DIR
    )
    found = ctypes.CDLL(str(built))
    look, push = found.sl_window_look, found.sl_window_push
    look.argtypes, look.restype = [ctypes.c_void_p] * 4, ctypes.c_int32
    push.argtypes, push.restype = [ctypes.c_void_p] * 2, None
    return found


class NativeWindow:
    """The compiled code of one window; verbs and results are those of the golden model.

    Parameters
    ----------
    window : Window

    Raises
    ------
    BuildError
        If the compiler fails.
    """

    def __init__(self, window: Window) -> None:
        self._library = _library(config_header(window))
        self._window = window
        self._scratch = np.zeros(window.n, np.int32)

    def look(self, state: State, x: Float32) -> Float32 | None:
        """See :func:`quant.window.golden.look`."""
        values = np.ascontiguousarray(x, np.float32)
        found = np.zeros(self._window.n_features, np.float32)
        at = address(state), address(self._scratch), address(values), address(found)
        return found if self._library.sl_window_look(*at) == 1 else None

    def push(self, state: State, x: Float32) -> None:
        """See :func:`quant.window.golden.push`."""
        values = np.ascontiguousarray(x, np.float32)
        self._library.sl_window_push(address(state), address(values))
