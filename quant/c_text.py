"""The text of generated C: constants and tables. Data, never logic."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from quant.network import NetworkSpec

#: C for every rule that draws normal noise: a room for :class:`RuleKernel`.
DRAWS_DIR = Path(__file__).parent / "draws" / "kernel"


def table(values: Iterable[object]) -> str:
    """Return a C initialiser: ``{a, b, c}``."""
    return "{" + ", ".join(map(str, values)) + "}"


def whole(values: Iterable[int]) -> str:
    """Return a C initialiser of whole numbers of any integer type."""
    return table(int(value) for value in values)


def unsigned(value: int) -> str:
    """Return a C constant without a sign."""
    return f"{int(value)}u"


def real(value: float) -> str:
    """Return the nearest binary32 number as a C constant, to the last bit."""
    return f"{float(np.float32(value))!r}f"


@dataclass(frozen=True)
class Constants:
    """What a rule adds to ``sl_config.h``.

    Attributes
    ----------
    defines : mapping
        Name and value of each constant.
    layers : sequence of sequences
        One row of ``sl_layers`` for each layer, in the order of the members of ``sl_layer_t``.
    """

    defines: Mapping[str, object]
    layers: Sequence[Sequence[object]]


def _none(spec: NetworkSpec, config: Any) -> tuple[str, ...]:
    del spec, config
    return ()


@dataclass(frozen=True)
class RuleKernel:
    """What a rule adds to the C build.

    Attributes
    ----------
    folder : Path
        Its C files, one folder for each arithmetic that it is computed in.
    constants : callable
        Of the network, the configuration and the arithmetic: what it adds to ``sl_config.h``.
    rooms : tuple of Path
        Folders of C files that it shares with other rules; in each, one folder for each kind of
        number, ``integer`` and ``float32``.
    parts : callable
        Of the network and the configuration: folders within ``folder`` that it needs beside that
        of its arithmetic.
    """

    folder: Path
    constants: Callable[[NetworkSpec, Any, str], Constants]
    rooms: tuple[Path, ...] = ()
    parts: Callable[[NetworkSpec, Any], tuple[str, ...]] = _none
