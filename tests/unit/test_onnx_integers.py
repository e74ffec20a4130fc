"""Each operation on whole numbers in ONNX equals the golden model's own, in both runtimes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from export.graph import bits, statistics, whole
from export.graph.builder import GraphBuilder
from export.graph.shapes import read, stored
from export.graph.whole import Value
from quant import integers

Int64 = npt.NDArray[np.int64]
Run = Callable[..., Any]


def build(
    write: Callable[[GraphBuilder], str], types: dict[str, int], result: int = TensorProto.INT64
) -> list[Run]:
    """The graph that ``write`` makes of inputs ``[n]``, in ONNX Runtime and in the reference."""
    g = GraphBuilder()
    output = write(g)
    graph = helper.make_graph(
        g.nodes,
        "op",
        [helper.make_tensor_value_info(name, kind, ["n"]) for name, kind in types.items()],
        [helper.make_tensor_value_info(output, result, ["n"])],
        g.initializers,
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    reference = ReferenceEvaluator(model)
    return [lambda **x: session.run(None, x)[0], lambda **x: reference.run(None, x)[0]]


def assert_equal(runs: list[Run], expected: npt.NDArray[Any], **inputs: npt.NDArray[Any]) -> None:
    for run in runs:
        np.testing.assert_array_equal(run(**inputs), expected)


def words(bits: int) -> st.SearchStrategy[Int64]:
    """Signed words of up to ``bits`` bits of magnitude, the edges of every octave among them."""
    edges = [sign * ((1 << b) + d) for b in range(bits) for d in (-1, 0, 1) for sign in (-1, 1)]
    limit = (1 << bits) - 1
    word = st.sampled_from([*edges, limit, -limit]) | st.integers(-limit, limit)
    return st.lists(word, min_size=1, max_size=40).map(lambda x: np.array(x, np.int64))


INT = {"x": TensorProto.INT64}
PAIR = {"x": TensorProto.INT64, "right": TensorProto.INT64}


def integers_of(operation: Callable[..., Any], *names: str) -> Callable[[GraphBuilder], str]:
    """Write an operation on int64 inputs whose result is int64."""

    def write(g: GraphBuilder) -> str:
        return stored(operation(*(read(g, name) for name in names)), TensorProto.INT64)

    return write


FLOOR = build(integers_of(whole.shift_floor, "x", "right"), PAIR)
ROUND = build(integers_of(whole.shift_round, "x", "right"), PAIR)
TRUNCATE = build(integers_of(whole.shift_truncate, "x", "right"), PAIR)
FIXED = build(integers_of(lambda x: whole.shift_round(x, 16), "x"), INT)
BITS = build(integers_of(lambda x: bits.bit_length(x, 48, scalar=False), "x"), INT)
ROOT = build(integers_of(whole.isqrt, "x"), INT)
QUOTIENT = build(integers_of(whole.divide_floor, "x", "right"), PAIR)
DOUBLE = {"x": TensorProto.DOUBLE}
FLOAT_BITS = build(
    lambda g: stored(bits.bit_length_wide(Value(g, "x"), 256), TensorProto.INT64), DOUBLE
)
AWAY = build(lambda g: statistics.round_half_away(Value(g, "x")).name, DOUBLE, TensorProto.DOUBLE)


@settings(deadline=None)
@given(x=words(51), right=st.integers(0, 62))
def test_shift_floor_is_the_arithmetic_shift(x: Int64, right: int) -> None:
    assert_equal(FLOOR, x >> right, x=x, right=np.full_like(x, right))


@settings(deadline=None)
@given(x=words(31), right=st.integers(-20, 62))
@example(x=np.array([524288], np.int64), right=-12)
def test_shifts_both_ways_equal_the_golden_ones(x: Int64, right: int) -> None:
    amounts = np.full_like(x, right)
    assert_equal(ROUND, integers.shift_round(x, right), x=x, right=amounts)
    assert_equal(TRUNCATE, integers.shift_truncate(x, right), x=x, right=amounts)


@settings(deadline=None)
@given(x=words(51))
def test_shift_by_a_constant_equals_the_golden_one(x: Int64) -> None:
    assert_equal(FIXED, integers.shift_round(x, 16), x=x)


@settings(deadline=None)
@given(x=words(48))
def test_bit_length_equals_the_golden_one(x: Int64) -> None:
    assert_equal(BITS, integers.bit_lengths(np.abs(x)), x=np.abs(x))


@settings(deadline=None)
@given(x=words(32), roots=words(16))
def test_isqrt_equals_the_golden_one(x: Int64, roots: Int64) -> None:
    x = np.concatenate([np.abs(x), roots**2, np.maximum(roots**2 - 1, 0)])
    assert_equal(ROOT, integers.isqrt(x), x=x)


@pytest.mark.parametrize("below", [False, True])
def test_bits_of_floats_change_at_powers_of_two(below: bool) -> None:
    power = np.arange(-240, 256)
    x = np.ldexp(1.0, power)
    expected = np.maximum(power + 1, 0)
    if below:
        x, expected = np.nextafter(x, 0), np.maximum(power, 0)
    assert_equal(FLOAT_BITS, expected, x=x)
    assert_equal(FLOAT_BITS, np.array([0]), x=np.array([0.0]))


def test_halves_round_away_from_zero() -> None:
    x = np.array([-2.5, -1.5, -0.5, -0.49, -0.0, 0.49, 0.5, 1.5, 2.5])
    assert_equal(AWAY, np.array([-3.0, -2, -1, 0, 0, 0, 1, 2, 3]), x=x)


def test_constants_are_stored_once() -> None:
    g = GraphBuilder()
    assert g.constant(3) == g.constant(3) == g.constant(np.array(3))
    assert g.constant(3) != g.constant(np.array([3]))
    assert g.constant(3) != g.constant(np.array(3, np.int32))
    assert g.constant(np.array(0.0)) != g.constant(np.array(-0.0))


@settings(deadline=None)
@given(x=words(51), by=st.integers(1, 1 << 40))
def test_a_quotient_is_the_whole_one(x: Int64, by: int) -> None:
    assert_equal(QUOTIENT, x // by, x=x, right=np.full_like(x, by))


BITS_OF_A_FLOAT = build(
    lambda g: stored(
        statistics.to_binary32(
            statistics.without_subnormals(Value(g, "x")),
            statistics.exponent_of(statistics.without_subnormals(Value(g, "x"))),
        ),
        TensorProto.UINT32,
    ),
    DOUBLE,
    TensorProto.UINT32,
)
FLOAT_OF_BITS = build(
    lambda g: statistics.from_binary32(read(g, "x")).name,
    {"x": TensorProto.UINT32},
    TensorProto.DOUBLE,
)


@settings(deadline=None)
@given(x=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
@example(x=[0.0, -0.0, 1e-45, float(np.finfo(np.float32).max), -float(np.finfo(np.float32).tiny)])
def test_bit_patterns_of_floats(x: list[float]) -> None:
    values = np.array(x, np.float32)
    kept = np.where(np.abs(values) < np.finfo(np.float32).tiny, np.float32(0), values)
    assert_equal(BITS_OF_A_FLOAT, kept.view(np.uint32), x=values.astype(np.float64))
    assert_equal(FLOAT_OF_BITS, kept.astype(np.float64), x=kept.view(np.uint32))


def test_what_is_known_needs_no_node() -> None:
    known = whole.where(np.array([True, False]), whole.shift_floor(np.array([9.0, 9.0]), 1), 5)
    assert known.tolist() == [4.0, 5.0]
    g = GraphBuilder()
    value = Value(g, "x")
    assert whole.where(np.array(True), value, 0) is value
    assert not whole.both(value, np.array(False))
    assert whole.either(value, np.array(False)) is value
    assert not g.nodes
