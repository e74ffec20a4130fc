"""A compiled kernel, loaded once for all learners of a network and configuration."""

from __future__ import annotations

import ctypes
import os
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from quant.c_config import HOST_SOURCE, config_header, kernel_folders, kernel_sources
from quant.compiler import build_shared, cache_dir
from quant.errors import BuildError, ShapeError
from quant.network import NetworkSpec
from quant.rule import Config

_POINTER, _WORD, _COUNT = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64
_STATUS = ctypes.c_int32
#: Result and arguments of each function of ``sl_host.c``.
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "sl_host_scratch_bytes": (_COUNT, []),
    "sl_host_prediction_words": (_WORD, []),
    "sl_host_target_bytes": (_WORD, []),
    "sl_host_n_draws": (_WORD, []),
    "sl_host_learn": (_COUNT, [_POINTER] * 5 + [_COUNT, _POINTER, _POINTER]),
    "sl_host_learn_row": (_STATUS, [_POINTER] * 4 + [_WORD]),
    "sl_host_advance": (_COUNT, [_POINTER] * 7),
    "sl_host_predict_many": (_COUNT, [_POINTER] * 4 + [_COUNT, _WORD] + [_POINTER] * 3),
    "sl_host_predict_row": (_STATUS, [_POINTER] * 4 + [_WORD]),
    "sl_host_recall_many": (_COUNT, [_POINTER] * 4 + [_COUNT] + [_POINTER] * 3),
    "sl_host_draws": (None, [_POINTER] * 2),
}


def address(array: npt.NDArray[Any]) -> int:
    """Return the address of an array's first byte; the array has to outlive its use."""
    return array.ctypes.data


class Desk(NamedTuple):
    """What one call of a kernel works on, and nobody else meanwhile.

    Attributes
    ----------
    row : float64[n_features]
        Room for one sample.
    row_at, scratch_at, status_at : int
        Addresses: of ``row``, of the C scratch, and of the status of a block.
    status : ctypes.c_int32
    scratch : uint64[...]
    """

    row: npt.NDArray[np.float64]
    row_at: int
    scratch_at: int
    status_at: int
    status: ctypes.c_int32
    scratch: npt.NDArray[np.uint64]


class Library:
    """The functions of a compiled kernel, what is known of it, and desks to work on.

    A desk that is not in use lies in :attr:`desks`. Taking one out and putting it back are single
    steps of the interpreter: threads, and a signal that comes in the middle, find another one.
    """

    def __init__(self, spec: NetworkSpec, config: Config, arithmetic: str) -> None:
        sources = [*kernel_sources(spec, config, arithmetic), HOST_SOURCE]
        header = {"sl_config.h": config_header(spec, config, arithmetic)}
        built = build_shared(sources, header, *kernel_folders(spec, config, arithmetic))
        try:
            self.c = ctypes.CDLL(str(built))
        except OSError as error:
            raise BuildError(
                f"the compiled kernel cannot be loaded: {error}. Set STREAMLEARN_CACHE to a folder "
                "whose files may be run (mounted without noexec)"
            ) from error
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(self.c, name)
            function.restype, function.argtypes = result, arguments
        self.spikes = bool(spec.leaks)
        self.n_features, self.n_outputs = spec.n_features, spec.n_outputs
        self.target_is_number = self.c.sl_host_target_bytes() == 4
        self.n_draws = int(self.c.sl_host_n_draws())
        self.scratch_bytes = int(self.c.sl_host_scratch_bytes())
        self.prediction_words = int(self.c.sl_host_prediction_words())
        self.learn_row: Any = self.c.sl_host_learn_row
        self.predict_row: Any = self.c.sl_host_predict_row
        self.desks: list[Desk] = []

    def desk(self) -> Desk:
        """Return a desk; put it back with ``desks.append``, unless something went wrong on it."""
        try:
            return self.desks.pop()
        except IndexError:  # all are in use
            row, status = np.zeros(self.n_features), ctypes.c_int32()
            scratch = np.zeros(self.scratch_bytes // 8 + 1, np.uint64)
            at = address(row), address(scratch), ctypes.addressof(status)
            return Desk(row, *at, status, scratch)

    def rows(self, x: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
        """Return samples as C takes them, ``float32[n, n_features]``."""
        return np.ascontiguousarray(x, np.float32).reshape(-1, self.n_features)

    def row(self, x: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
        """Return one sample as C takes it.

        Raises
        ------
        ShapeError
            If it has another number of features.
        """
        x = np.ascontiguousarray(x, np.float32)
        if x.size != self.n_features:
            raise ShapeError(f"a sample of {x.size} features: expected {self.n_features}")
        return x

    def targets(self, targets: npt.ArrayLike) -> npt.NDArray[np.uint32]:
        """Return the words of targets: class indices, or the bits of numbers."""
        kind = np.float32 if self.target_is_number else np.uint32
        return np.ascontiguousarray(targets, kind).view(np.uint32)


#: Two threads may load the same at once: then both are used.
_LOADED: WeakValueDictionary[Any, Library] = WeakValueDictionary()
#: The latest of them by the objects they were asked for with, which live as long as their entry.
_KEPT: dict[Any, tuple[Library, NetworkSpec, Config]] = {}
_N_KEPT = 64
_CACHE_VARIABLES = ("STREAMLEARN_CACHE", "XDG_CACHE_HOME", "HOME")


def library(spec: NetworkSpec, config: Config, arithmetic: str) -> Library:
    """Return the kernel of a network and configuration, compiled and loaded if it is new.

    Raises
    ------
    BuildError
        If a part has no C for this arithmetic, or the compiler fails.
    """
    same = id(spec), id(config), arithmetic, *map(os.environ.get, _CACHE_VARIABLES)
    kept = _KEPT.get(same)
    if kept is not None:
        return kept[0]
    # By their text: -0.0 and 0.0 are equal, but other bits.
    key = type(config), repr(spec), repr(config), arithmetic, cache_dir()
    found = _LOADED.get(key)
    if found is None:
        found = _LOADED[key] = Library(spec, config, arithmetic)
    if len(_KEPT) >= _N_KEPT:
        _KEPT.clear()
    _KEPT[same] = found, spec, config
    return found
