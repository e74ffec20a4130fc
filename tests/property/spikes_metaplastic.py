"""The metaplastic rule where units spike: charges and gradients at their ends."""

from __future__ import annotations

import math

import numpy as np
from limits_metaplastic import BOUNDS

from quant.counters import Saturations
from quant.front_end import INPUT_MAX
from quant.integers import shift_round
from quant.network import NetworkSpec
from quant.noise import key_of
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.golden import (
    DELTA_MAX,
    Forward,
    forward,
    pulse_layer,
    scale_logits,
    update,
)
from quant.rules.metaplastic.plan import make_metaplastic_plan
from quant.rules.metaplastic.state import weight_view
from quant.spiking import golden
from quant.spiking.sums import CHARGE_MAX, spiked
from quant.state import init_state
from quant.tables import EXP2

LEAKS = (1, 1)


def exercise_spikes() -> None:
    """The largest sums of a layer of one input and of very many, and gradients at their ends."""
    _charges()
    _logits()
    _passed()


def _charges() -> None:
    for rows, window in ((1, 1 / 64), (1, 16.0), (65535, 16.0), (65535, 1 / 64)):
        config = MetaplasticConfig(window=window)
        spec = NetworkSpec((rows, 2, 2), False, "none", leaks=LEAKS)
        plan = make_metaplastic_plan(spec, config)
        mantissa, exponent = plan.charges[0]
        real = 16 * window * math.sqrt(rows)
        assert math.isclose(mantissa * 2.0**-exponent, real, rel_tol=2.0**-15)
        right = 31 - exponent - 16
        assert right >= -2
        most = INPUT_MAX * rows
        for value in (most, -most, 16, 0):
            sums, count, left = np.full((2, 1), value), Saturations(), Forward()
            product = value * ((1 << 31) // mantissa)
            BOUNDS.hold("charged", product << max(-right, 0))
            charge = min(max(value / real * 65536, -CHARGE_MAX), CHARGE_MAX)
            BOUNDS.hold("charge", round(charge))
            state = init_state(spec, config, "q8")
            x = spiked(spec, plan.charges[0], state, 0, sums, 0, left, count)
            assert (x == (16 if charge >= 65536 else 0)).all()
            assert (count.activation > 0) == (abs(charge) == CHARGE_MAX)


def _logits() -> None:
    """All traces full, of one sign, for every width."""
    for rows in (1, 2, 3, 515, 65535):
        spec = NetworkSpec((rows, 2), False, "none", leaks=(1,))
        plan = make_metaplastic_plan(spec, MetaplasticConfig(logit_scale=8.0))
        top = int(scale_logits(np.array([INPUT_MAX * rows]), plan.charges[0], plan)[0])
        BOUNDS.hold("trace_logit", top)
        BOUNDS.hold("trace_below", 2 * top)
        BOUNDS.hold("trace_distance", 2 * top * int(EXP2[0]))
        assert math.isclose(top, 8 * 65536 * INPUT_MAX / 16 * math.sqrt(rows), rel_tol=2.0**-14)


def _passed() -> None:
    """A gradient that is clamped meets every gate, and moves the rows whose traces are full."""
    spec = NetworkSpec((2, 3, 40, 2), False, "none", leaks=(1, 1, 1))
    config = MetaplasticConfig(window=1 / 64, skip=0.0, logit_scale=8.0, lr=16.0)
    plan, state = make_metaplastic_plan(spec, config), init_state(spec, config, "q8")
    for layer, value in enumerate((0, 0)):
        weight_view(spec, state, layer)[:] = value
    weight_view(spec, state, 2)[:] = [-128, 127]
    count = Saturations()
    passed = forward(spec, plan, state, np.full(2, INPUT_MAX), count)
    w, key = weight_view(spec, state, 0).copy(), key_of(state)
    for gate in (0, 1, 63, golden.GATE_MAX):
        for part in passed.gate:
            part[:] = gate
        after = state.copy()
        update(spec, plan, after, passed, 0, Saturations())
        delta = _gradients(spec, plan, state, passed)
        BOUNDS.hold("passed", DELTA_MAX * gate + 64)
        expected = w.copy()
        pulse_layer(expected, passed.inputs[0], delta, 0, plan, key, plan.gains[0])
        np.testing.assert_array_equal(weight_view(spec, after, 0), expected)
        assert (expected != w).any() == (gate > 1), "gates let the weights move"


def _gradients(spec, plan, state, passed):  # type: ignore[no-untyped-def]
    """The gradient by the first layer's sums, from its definition."""
    z = passed.logits
    share = np.exp((z - z.max()) / 65536)
    delta = np.round(4096 * (share / share.sum() - np.eye(2)[0])).astype(np.int64)
    for layer in (2, 1):
        signs = np.where(weight_view(spec, state, layer) < 0, -1, 1)
        below = shift_round(signs @ delta, plan.backward_shifts[layer])
        kept = np.clip(below, -DELTA_MAX, DELTA_MAX)
        delta = kept * passed.gate[layer - 1][:, 0] + 64 >> 7
    return delta
