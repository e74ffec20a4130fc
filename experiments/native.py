"""Loops in C of an experiment's own, over drawn weights of one hidden layer."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.data import Floats
from experiments.errors import ExperimentError
from quant.compiler import build_shared

HEADERS = Path(__file__).parent / "host"
#: A table of noise has 2^13 numbers: what all rows of a sample read stays in the nearest cache.
TABLE_BITS = 13


def sizes_of(layers: tuple[int, ...], n_draws: int, lanes: int) -> dict[str, int]:
    """Return the constants of ``draws.h``: units, draws, and rows filled up to whole vectors.

    Raises
    ------
    ExperimentError
        If there is not one hidden layer.
    """
    if len(layers) != 3:
        raise ExperimentError(f"layers={layers}: expected one hidden layer")
    columns, wide = (-(-n // lanes) * lanes for n in layers[1:])
    return {
        "INPUTS": layers[0], "HIDDEN": layers[1], "OUTPUTS": layers[2], "COLUMNS": columns,
        "WIDE": wide, "DRAWS": n_draws, "LANES": lanes, "TABLE_BITS": TABLE_BITS,
    }  # fmt: skip


def load_learn(source: Path, sizes: Mapping[str, int]) -> Any:
    """Compile a source file and return its function ``learn``."""
    text = "".join(f"#define {name} {value}\n" for name, value in sizes.items())
    learn = ctypes.CDLL(str(build_shared([source], {"sizes.h": text}, HEADERS))).learn
    learn.restype = None
    return learn


def filled(values: Floats, width: int) -> Floats:
    """Return a matrix with columns of 0 behind, ``float32[in, width]``."""
    rows = np.zeros((len(values), width), np.float32)
    rows[:, : values.shape[1]] = values
    return rows


def table_of(noise: npt.NDArray[Any], width: int) -> Floats:
    """Return a table of noise that a row of this width can be read from anywhere."""
    return np.concatenate([noise, noise[:width]]).astype(np.float32)


def pointer(values: npt.NDArray[Any]) -> ctypes.c_void_p:
    """Return where an array begins, for a function in C."""
    return values.ctypes.data_as(ctypes.c_void_p)
