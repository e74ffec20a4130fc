"""The golden model's prediction as ONNX nodes: the front end and the layers, in integers.

Step for step :mod:`quant.front_end_q16` and :mod:`quant.mesu_q16`, with a batch axis in front;
every block shift is one row's own. The state, the noise and the formats are constants.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, numpy_helper

from export import onnx_factored
from export.onnx_blocks import block_squares, blocked_mean
from export.onnx_builder import GraphBuilder, Operand
from export.onnx_integers import (
    at_most,
    bit_length,
    float_bit_length,
    isqrt,
    positive_part,
    power_of_two,
    round_half_away,
    scale,
    shift_floor,
    shift_left,
    shift_round,
    shift_truncate_both,
)
from quant import noise
from quant.factored_plan import FactoredPlan
from quant.factored_state import FACTORS, factor_view
from quant.front_end_q16 import (
    DELTA_BITS,
    MAGNITUDE_BITS,
    RATE_ONE,
    VARIANCE_BITS,
    VARIANCE_LOW_BITS,
)
from quant.mesu_q16 import (
    ACTIVATION_BITS,
    ACTIVATION_FRAC_BITS,
    SPREAD_MAX,
)
from quant.plan import INPUT_FRAC_BITS, INPUT_MAX, LayerPlan, Plan
from quant.spec import NetworkSpec
from quant.state import EXPONENT_START, State, layer_view

# What a bit length may find: any float32 at the finest exponent, 2^127; |x_q - mean| and |mean|
# with an int32 mean; variances before they are brought back to 28 bits.
_INPUT_BITS = 256
_MEAN_BITS = 33
_VARIANCE_BITS_MAX = 48


def quantise_input(g: GraphBuilder, x: Operand) -> str:
    """float64 inputs to Q3.4 within ±127, rounding half away from zero."""
    scaled = round_half_away(g, g.op("Mul", x, np.array(2.0**INPUT_FRAC_BITS)))
    limit = float(INPUT_MAX)
    return g.cast(g.op("Clip", scaled, np.array(-limit), np.array(limit)), TensorProto.INT64)


def standardise_q16(g: GraphBuilder, x: Operand, state: State, window: int) -> str:
    """Standardise by the statistics of the state and of the sample itself.

    Parameters
    ----------
    g : GraphBuilder
    x : float64[batch, n_features]
        Exact copies of finite float32 values.
    state : State
        Its statistics become constants.
    window : int
        Samples over which the statistics follow the sensor.

    Returns
    -------
    int64[batch, n_features]
        Q3.4, within ±127.
    """
    count = min(int(state["front_end_count"][0]) + 1, window)
    if count == 1:
        zero = numpy_helper.from_array(np.zeros(1, np.int64))
        return g.op("ConstantOfShape", g.op("Shape", x), value=zero)
    rate = RATE_ONE // count
    tiny = g.op("Less", g.op("Abs", x), np.array(np.finfo(np.float32).tiny, np.float64))
    x = g.op("Where", tiny, np.array(0.0), x)
    start = {name: state[name][0].astype(np.int64) for name in ("mean", "variance", "exponent")}

    # No value may need more than 28 bits.
    size = g.op("Abs", scale(g, x, start["exponent"] - MAGNITUDE_BITS))
    exponent, mean, variance = _coarsen(g, float_bit_length(g, size, _INPUT_BITS), **start)
    x_q = _at_exponent(g, x, exponent)

    # No deviation may need more than 20 bits.
    bits = bit_length(g, g.op("Abs", g.op("Sub", x_q, mean)), _MEAN_BITS)
    down = positive_part(g, g.op("Sub", bits, DELTA_BITS))
    exponent, mean, variance = _coarsen(g, down, exponent, mean, variance)
    x_q = _at_exponent(g, x, exponent)

    delta = g.op("Sub", x_q, mean)
    mean = g.op("Add", mean, shift_round(g, g.op("Mul", delta, rate), 16))
    after = g.op("Sub", x_q, mean)
    surplus = g.op("Sub", g.op("Mul", delta, after), variance)
    variance = g.op("Add", variance, shift_round(g, g.op("Mul", surplus, rate), 16))

    bits = bit_length(g, variance, _VARIANCE_BITS_MAX)
    down = g.op("Div", positive_part(g, g.op("Sub", bits, VARIANCE_BITS - 1)), 2)
    exponent, mean, variance = _coarsen(g, down, exponent, mean, variance)
    after = shift_round(g, after, down)

    up = _finer(g, exponent, mean, variance)
    variance = shift_left(g, variance, g.op("Mul", up, 2))
    after = shift_left(g, after, up)

    spread = isqrt(g, variance)
    safe = g.op("Max", spread, 1)
    size = g.op("Mul", g.op("Abs", after), 1 << INPUT_FRAC_BITS)
    size = g.op("Div", g.op("Add", size, g.op("Div", safe, 2)), safe)
    size = g.op("Min", size, INPUT_MAX)
    size = g.op("Where", g.op("Greater", spread, 0), size, 0)
    return g.op("Mul", g.op("Sign", after), size)


def _at_exponent(g: GraphBuilder, x: Operand, exponent: Operand) -> str:
    """``x`` as int64 in units of 2^-exponent, rounding half away from zero."""
    return g.cast(round_half_away(g, scale(g, x, exponent)), TensorProto.INT64)


def _coarsen(
    g: GraphBuilder, down: str, exponent: Operand, mean: Operand, variance: Operand
) -> tuple[str, str, str]:
    """Coarser units by 2^down."""
    return (
        g.op("Sub", exponent, down),
        shift_round(g, mean, down),
        g.op("Div", variance, power_of_two(g, g.op("Mul", down, 2))),
    )


def _finer(g: GraphBuilder, exponent: str, mean: str, variance: str) -> str:
    """By how many bits units may become finer so that a small variance gets its bits back."""
    bits = bit_length(g, variance, _VARIANCE_BITS_MAX)
    room = g.op("Sub", MAGNITUDE_BITS - 1, bit_length(g, g.op("Abs", mean), _MEAN_BITS))
    room = positive_part(g, g.op("Min", room, g.op("Sub", EXPONENT_START, exponent)))
    wanted = g.op("Div", positive_part(g, g.op("Sub", VARIANCE_BITS, bits)), 2)
    low = g.op("And", g.op("Greater", bits, 0), g.op("LessOrEqual", bits, VARIANCE_LOW_BITS))
    return g.op("Where", low, g.op("Min", wanted, room), 0)


def forward(
    g: GraphBuilder, z_q: Operand, spec: NetworkSpec, plan: Plan | FactoredPlan, state: State
) -> str:
    """All layers with the noise of the state's next sample.

    Parameters
    ----------
    g : GraphBuilder
    z_q : int64[batch, n_features]
        Q3.4.
    spec, plan, state : NetworkSpec, Plan, State
        Their numbers become constants.

    Returns
    -------
    int64[batch, classes]
        Sum over the draws of the logits in Q.16.
    """
    return g.reduce("ReduceSum", draws(g, z_q, spec, plan, state)[0], 1, keepdims=False)


def draws(
    g: GraphBuilder, z_q: Operand, spec: NetworkSpec, plan: Plan | FactoredPlan, state: State
) -> tuple[str, str, npt.NDArray[np.int64]]:
    """The same before the sum over the draws: outputs, their spread and the noise.

    ``int64[batch, draws, outputs]`` in Q.16, ``int64[batch, draws or 1, outputs]`` in .12, and
    ``int64[draws, outputs]`` in Q7.8.
    """
    key = noise.sample_key(int(state["seed"][0]), int(state["n_samples"][0]))
    x: str = g.unsqueeze(z_q, 1)
    frac_bits: Operand = INPUT_FRAC_BITS
    last = len(spec.shapes) - 1
    for layer, (_, n_out) in enumerate(spec.shapes):
        if spec.bias:
            if isinstance(frac_bits, int):
                x = g.append_last(x, 3, np.array(1 << frac_bits))
            else:
                one = g.op("Mul", power_of_two(g, frac_bits), np.ones((1, plan.n_draws, 1), int))
                x = g.op("Concat", x, one, axis=2)
        mu = layer_view(spec, state, "mu", layer)
        epsilon = noise.epsilon_q(key, layer, n_out, plan.n_draws).T
        if isinstance(plan, FactoredPlan):
            row, column = (factor_view(spec, state, field, layer) for field in FACTORS)
            a, spread = onnx_factored.forward_layer(
                g, x, frac_bits, mu, int(state["mu_frac_bits"][0, layer]), row, column,
                plan.layers[layer].v_exponent, epsilon,
            )  # fmt: skip
        else:
            rho = layer_view(spec, state, "rho", layer)
            a, spread = _forward_layer(g, x, frac_bits, mu, rho, plan.layers[layer], epsilon)
        if layer < last:
            x, frac_bits = _rectify(g, a)
    return a, spread, epsilon


def _rectify(g: GraphBuilder, a: str) -> tuple[str, str]:
    """ReLU in at most 15 bits, and the fraction bits of each row, ``int64[batch, 1, 1]``."""
    h = positive_part(g, a)
    most = g.reduce("ReduceMax", g.reduce("ReduceMax", h, 2), 1)
    whole = g.op("Sub", bit_length(g, most, 32), 16)
    frac_bits = at_most(g, g.op("Sub", ACTIVATION_BITS, whole), ACTIVATION_FRAC_BITS)
    return shift_floor(g, h, g.op("Sub", 16, frac_bits)), frac_bits


def _forward_layer(
    g: GraphBuilder,
    x: str,
    frac_bits: Operand,
    mu: npt.NDArray[np.int16],
    rho: npt.NDArray[np.uint16],
    plan: LayerPlan,
    epsilon: npt.NDArray[np.int64],
) -> tuple[str, str]:
    """``a = x·μ + ε √(x²·σ²)`` in Q15.16, ``int64[batch, draws, columns]``, and its spread.

    ``x`` is ``int64[batch, draws or 1, rows]``, ``epsilon`` ``int64[draws, columns]``.
    """
    blocked, k_mean, centre = blocked_mean(g, x, frac_bits, mu, plan.mu_frac_bits)
    squares, k_square = block_squares(g, blocked, (12 - plan.v_exponent) & 1)
    # 12 - v_exponent + k_square is even, so that Div is exact whatever its sign.
    halved = g.op("Div", g.op("Add", 12 - plan.v_exponent, k_square), 2)
    half_exponent = g.op("Sub", g.op("Add", halved, frac_bits), k_mean)
    root = isqrt(g, _power(g, squares, rho))
    spread = shift_truncate_both(g, root, g.op("Sub", half_exponent, 12))
    spread = at_most(g, spread, SPREAD_MAX)
    return g.op("Add", centre, shift_round(g, g.op("Mul", spread, epsilon), 4)), spread


def _power(g: GraphBuilder, squares: str, rho: npt.NDArray[np.uint16]) -> str:
    """``Σ_rows (mantissa · square) >> (31 - octave)``, ``int64[batch, draws, columns]``.

    Squares of a draw sum to less than 2^20 and mantissas have 12 bits, so that uint32 holds every
    product and every sum. The products, ``uint32[batch, draws, rows, columns]``, are by far the
    largest value of the graph. The sum is a MatMul with ones: ReduceSum knows no uint32.
    """
    mantissa = ((rho & 2047) | 2048).astype(np.uint32)
    right = (31 - (rho >> 11)).astype(np.uint32)
    columns = g.unsqueeze(g.cast(squares, TensorProto.UINT32), 3)
    terms = g.op("BitShift", g.op("Mul", columns, mantissa), right, direction="RIGHT")
    ones = np.ones((1, len(rho)), np.uint32)
    return g.cast(g.squeeze(g.op("MatMul", ones, terms), 2), TensorProto.INT64)
