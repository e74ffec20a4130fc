"""Spiking layers in a graph that learns: :mod:`quant.spiking.golden`, bit for bit."""

from __future__ import annotations

from typing import Any

from export.graph.bits import bit_length_wide
from export.graph.builder import GraphBuilder
from export.graph.fields import Fields
from export.graph.shapes import concatenated, expanded, read, reshaped, squeezed, transposed
from export.graph.whole import (
    Value,
    absolute,
    clip,
    divide_floor,
    equal,
    floor,
    isqrt,
    maximum,
    minimum,
    reduce,
    scaled,
    shift_floor,
    sign,
    where,
)
from quant.front_end import INPUT_FRAC_BITS
from quant.network import NetworkSpec
from quant.spiking import CHARGE_MAX, EVENTS_MAX, INPUT_TRACE_MAX
from quant.spiking.golden import (
    ARRIVING_FRAC_BITS,
    GATE_MAX,
    GATE_SHIFT,
    INPUT_SHIFT,
    MEMBRANE_SHIFT,
    OUTPUT_FRAC_BITS,
    THRESHOLD,
    TRACE_FRAC_BITS,
    TRACE_MAX,
    VARIANCE_MAX,
)
from quant.spiking.recurrence import brings


class Time:
    """A step of time: traces in front of the first layer, membranes behind the hidden ones.

    Parameters
    ----------
    g : GraphBuilder
    spec : NetworkSpec
        Of a spiking network.
    n_draws : int
        Membranes of a unit.
    fields : Fields
        The state before the step.
    charges : bool
        Whether what arrives charges membranes (:class:`quant.rule.Rule`).

    Attributes
    ----------
    gates : list of number[draws, units]
        Of each hidden layer: the surrogate derivative of a spike, Q0.7.
    now : number[1, draws or 1, rows]
        What arrived at the layer that comes: Q3.4, or 2^-7 a spike; without a bias.
    """

    def __init__(
        self, g: GraphBuilder, spec: NetworkSpec, n_draws: int, fields: Fields, charges: bool
    ) -> None:
        self._g, self._spec, self._fields, self._n_draws = g, spec, fields, n_draws
        self._brings = [brings(k, charges) for k in spec.leaks]
        self._sizes = [n * n_draws for n in spec.layers[1:-1]]
        self._spike_sizes = [*spec.layers[1:2], *self._sizes[1:]]
        self._new: dict[str, Any] = {}
        self._layers: dict[str, list[Any]] = {}
        self.gates: list[Any] = []
        self.now: Any = None

    def arrive(self, z: Value) -> Any:
        """Let the values of a step, ``number[1, n]`` in Q3.4, arrive; return their traces."""
        if self._spec.delta:
            z = self._send_on_delta(z)
        if self._spec.recurrent:
            own = read(self._g, self._fields.parts("own_spikes", self._spike_sizes)[0])
            z = concatenated([z, expanded(own, 0)], 1)
        left = decay(self._field("input_trace"), self._spec.leaks[0])
        trace = clip(left + z * 2.0**INPUT_SHIFT, -INPUT_TRACE_MAX, INPUT_TRACE_MAX)
        x = sign(trace) * shift_floor(absolute(trace), INPUT_SHIFT)
        self._new["input_trace"] = trace
        self._count(z, x)
        self.now = expanded(z, 1)
        return x

    def _send_on_delta(self, z: Value) -> Any:
        threshold, leak = float(self._spec.delta[0] << INPUT_SHIFT), self._spec.delta[1]
        reference = self._field("delta_reference")
        if leak:
            reference = decay(reference, leak)
        apart = z * 2.0**INPUT_SHIFT - reference
        n = sign(apart) * minimum(divide_floor(absolute(apart), threshold), EVENTS_MAX)
        self._new["delta_reference"] = reference + n * threshold
        return concatenated([maximum(n, 0), maximum(-n, 0)], 1) * 2.0**INPUT_FRAC_BITS

    def current(self, layer: int, frac_bits: int) -> Any:
        """What arrives of a hidden layer's bias: :func:`quant.spiking.golden.bias_current`."""
        low = self._spec.leaks[layer] - frac_bits
        if low <= 0:
            return 2.0**-low
        steps = self._fields.value("time_steps")
        return where(equal(steps - floor(steps * 2.0**-low) * 2.0**low, 0), 1.0, 0.0)

    def charge(self, layer: int, mean: Any, variance: Any) -> tuple[Any, Any]:
        """As :func:`quant.spiking.golden.charge`, of ``number[1, draws or 1, units]``."""
        units, k = self._spec.layers[layer + 1], self._spec.leaks[layer]
        draws = 1 if layer == 0 else self._n_draws

        def before(name: str) -> Any:
            part = self._fields.parts(name, self._spike_sizes)[layer]
            return expanded(transposed(reshaped(read(self._g, part), [units, draws])), 0)

        mean = clip(decay(before("charge_mean"), k) + mean, -CHARGE_MAX, CHARGE_MAX)
        left = decay(decay(before("charge_variance"), k), k)
        variance = minimum(left + variance, VARIANCE_MAX)
        for name, values in (("charge_mean", mean), ("charge_variance", variance)):
            flat = reshaped(transposed(squeezed(values, 0)), [-1])
            self._layers.setdefault(name, []).append(flat)
        return mean, deviation(variance)

    def fire(self, layer: int, a: Any) -> tuple[Any, Any]:
        """Let a hidden layer fire, of ``a`` number[1, draws, units] in Q15.16; its outputs."""
        units, leaks = self._spec.layers[layer + 1], self._spec.leaks

        def before(name: str) -> Any:
            part = self._fields.parts(name, self._sizes)[layer]
            whole = reshaped(read(self._g, part), [units, self._n_draws])
            return expanded(transposed(whole), 0)

        left = decay(before("membrane_reset"), leaks[layer])
        u = a - left * 2.0**MEMBRANE_SHIFT
        spikes = where(u >= float(THRESHOLD), 1.0, 0.0)
        one = spikes * 2.0**TRACE_FRAC_BITS
        trace = minimum(decay(before("output_trace"), leaks[layer + 1]) + one, TRACE_MAX)
        x = shift_floor(trace, TRACE_FRAC_BITS - OUTPUT_FRAC_BITS)
        away = shift_floor(absolute(u - float(THRESHOLD)), GATE_SHIFT)
        self.gates.append(squeezed(maximum(GATE_MAX - away, 0), 0))
        resets = minimum(left + one, TRACE_MAX)
        for name, values in (("membrane_reset", resets), ("output_trace", trace)):
            flat = reshaped(transposed(squeezed(values, 0)), [-1])
            self._layers.setdefault(name, []).append(flat)
        self.now = spikes * 2.0**ARRIVING_FRAC_BITS
        if not self._spec.recurrent:
            self._count(spikes, x)
            return x, OUTPUT_FRAC_BITS
        self._keep_spikes(layer, spikes)
        return self._with_own(layer + 1, spikes, x), OUTPUT_FRAC_BITS

    def _keep_spikes(self, layer: int, spikes: Any) -> None:
        """Keep a layer's spikes for itself: of the first one the share of the draws that fired."""
        if layer == 0:
            fired = reduce("Sum", squeezed(spikes, 0), 0, keepdims=False)
            mine = divide_floor(
                fired * (2 * self._brings[0]) + self._n_draws, float(2 * self._n_draws)
            )
        else:
            mine = reshaped(transposed(squeezed(spikes, 0)), [-1])
        self._layers.setdefault("own_spikes", []).append(mine)

    def _with_own(self, layer: int, spikes: Any, x: Any) -> Any:
        """Append a later hidden layer's own units: :func:`quant.spiking.golden.with_own`."""
        if layer == len(self._spec.shapes) - 1:
            self._count(spikes, x)
            return x
        units = self._spec.layers[layer + 1]

        def before(name: str, sizes: list[int], at: int) -> Any:
            part = read(self._g, self._fields.parts(name, sizes)[at])
            return expanded(transposed(reshaped(part, [units, self._n_draws])), 0)

        own = before("own_spikes", self._spike_sizes, layer)
        left = decay(before("own_trace", self._sizes[1:], layer - 1), self._spec.leaks[layer])
        trace = minimum(left + own * float(self._brings[layer] << INPUT_SHIFT), TRACE_MAX)
        mine = shift_floor(trace, TRACE_FRAC_BITS - OUTPUT_FRAC_BITS)
        flat = reshaped(transposed(squeezed(trace, 0)), [-1])
        self._layers.setdefault("own_trace", []).append(flat)
        self._count(concatenated([spikes, own], 2), concatenated([x, mine], 2))
        self.now = concatenated([self.now, own * 2.0**ARRIVING_FRAC_BITS], 2)
        return concatenated([x, mine], 2)

    def after(self) -> dict[str, Any]:
        """The fields of the state after this step, as numbers."""
        for name, parts in self._layers.items():
            self._new[name] = parts[0] if len(parts) == 1 else concatenated(parts, 0)
        self._new["time_steps"] = 1.0
        for name in ("time_steps", "events", "live_inputs"):
            total = self._fields.value(name) + self._new[name]
            self._new[name] = total - floor(total * 2.0**-32) * 2.0**32
        return self._new

    def _field(self, name: str) -> Value:
        return expanded(self._fields.value(name), 0)  # type: ignore[no-any-return]

    def _count(self, events: Any, inputs: Any) -> None:
        """Count a layer's events and live inputs."""
        for name, values in (("events", events), ("live_inputs", inputs)):
            found = reduce("Sum", where(equal(values, 0), 0.0, 1.0), None, keepdims=False)
            found = reshaped(found, [1])
            known = self._new.get(name)
            self._new[name] = found if known is None else concatenated([known, found], 0)


def deviation(variance: Any) -> Any:
    """As :func:`quant.spiking.golden.deviation`."""
    up = shift_floor(32 - bit_length_wide(variance, 32), 1)
    return floor(scaled(isqrt(scaled(variance, up * 2)), 2 - up))


def decay(trace: Any, k: int) -> Any:
    """Take 2^-k of a trace's size, rounded up."""
    size = absolute(trace)
    return sign(trace) * (size - shift_floor(size + float((1 << k) - 1), k))
