"""Random bits in a graph: the hash of (seed, sample, stream, index), :mod:`quant.noise`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from export.graph.builder import GraphBuilder
from export.graph.shapes import reshaped, transposed
from export.graph.whole import Value, lookup
from quant import noise
from quant.tables import EPSILON


def mix32(g: GraphBuilder, x: str) -> str:
    """Scramble uint32 words."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, None)):
        moved = g.op("BitShift", x, np.array(shift, np.uint32), direction="RIGHT")
        x = g.op("BitwiseXor", x, moved)
        if factor is not None:
            x = g.op("Mul", x, np.array(factor, np.uint32))
    return x


def sample_key(g: GraphBuilder, seed: str, n_samples: str) -> str:
    """The key of the learning step that a state is at, uint32[]."""
    golden = np.array(noise.GOLDEN, np.uint32)
    of_seed = mix32(g, g.op("Add", seed, golden))
    return mix32(g, g.op("Add", of_seed, g.op("Mul", n_samples, golden)))


def words(g: GraphBuilder, key: str, wanted: Sequence[tuple[int, int]]) -> list[str]:
    """The first words of streams, uint32[n] each: all of them are drawn at once.

    Parameters
    ----------
    g : GraphBuilder
    key : str
    wanted : sequence of (int, int)
        A stream and how many of its words.
    """
    counters = [
        (np.arange(n, dtype=np.uint32) + np.uint32(stream << 24)) * np.uint32(noise.GOLDEN)
        for stream, n in wanted
    ]
    drawn = mix32(g, g.op("Add", key, np.concatenate(counters)))
    return g.split(drawn, [n for _, n in wanted])


def epsilons(g: GraphBuilder, key: str, n_draws: int, columns: Sequence[int]) -> list[Value]:
    """One standard normal for each draw and unit of a layer, ``[draws, columns]``, Q7.8."""
    sizes = [-(-n * n_draws // 4) for n in columns]
    counters = np.concatenate(
        [
            (np.arange(n, dtype=np.uint32) + np.uint32(noise.STREAM_EPSILON + k << 24))
            * np.uint32(noise.GOLDEN)
            for k, n in enumerate(sizes)
        ]
    )
    packed = g.unsqueeze(mix32(g, g.op("Add", key, counters)), 1)
    octets = g.op("BitShift", packed, np.array([0, 8, 16, 24], np.uint32), direction="RIGHT")
    octets = g.op("BitwiseAnd", octets, np.array(255, np.uint32))
    flat = g.op("Reshape", octets, np.array([-1]))
    cuts: list[int] = []
    for n, size in zip(columns, sizes, strict=True):
        cuts += [n * n_draws, 4 * size - n * n_draws]
    parts = g.split(lookup(EPSILON, Value(g, flat)).name, cuts)
    return [
        transposed(reshaped(Value(g, part), [n, n_draws]))
        for part, n in zip(parts[::2], columns, strict=True)
    ]


def dither(g: GraphBuilder, rows: str, columns: str) -> tuple[str, Value]:
    """Rank-one dither ``[rows, columns]``: its low half as uint32, its high half as a number."""
    both = g.op("BitwiseXor", g.unsqueeze(rows, 1), columns)
    low = g.op("BitwiseAnd", both, np.array(0xFFFF, np.uint32))
    return low, high_half(g, both)


def high_half(g: GraphBuilder, x: str) -> Value:
    """The 16 high bits of words, as a number."""
    high = g.op("BitShift", x, np.array(16, np.uint32), direction="RIGHT")
    return Value(g, g.cast(high, TensorProto.DOUBLE))


def low_half(g: GraphBuilder, x: str) -> Value:
    """The 16 low bits of words, as a number."""
    low = g.op("BitwiseAnd", x, np.array(0xFFFF, np.uint32))
    return Value(g, g.cast(low, TensorProto.DOUBLE))


def number(g: GraphBuilder, x: Any) -> Value:
    """Words as a number."""
    return Value(g, g.cast(x, TensorProto.DOUBLE))
