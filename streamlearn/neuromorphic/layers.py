"""The layers of a graph of NIR, in our terms; what has no place there is refused by its name."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from quant.errors import ConfigError
from quant.spiking import LEAK_MAX, LEAK_MIN, THRESHOLD
from streamlearn.neuromorphic.given import Float, reals

#: A node with its name.
_Named = tuple[str, Any]
#: A time constant that differs by more than this from the nearest power of two is told of.
_NEAR = 0.01
_KINDS = ("Input", "Output", "Linear", "Affine", "LIF", "LI")


class Layer(NamedTuple):
    """A layer in our terms: weights ``[outputs, inputs]``, bias ``[outputs]``, leak k."""

    weight: Float
    bias: Float | None
    leak: int


def layers_of(graph: Any, dt: float) -> list[Layer]:
    """Return the layers of a graph, in order.

    Raises
    ------
    ConfigError
        If it is no chain of such layers as ours.
    """
    chain = _chain(graph)
    source, inner, sink = chain[0], chain[1:-1], chain[-1]
    found, width = [], _width(source)
    for i in range(0, len(inner), 2):
        pair, last = inner[i : i + 2], i + 2 >= len(inner)
        _check_kinds(pair, last)
        layer = _layer(pair, dt, last)
        n = layer.weight.shape[1]
        if width not in (None, n):
            raise ConfigError(f"{pair[0][0]}: weights of {n} inputs, and {width} come to it")
        found.append(layer)
        width = len(layer.weight)
    if not found:
        raise ConfigError("the graph has no layers between its input and its output")
    if _width(sink) not in (None, width):
        raise ConfigError(f"{sink[0]}: {_width(sink)} outputs, and {width} come to it")
    return found


def _check_kinds(pair: list[_Named], last: bool) -> None:
    """Refuse what are no weights with a neuron behind them."""
    kinds = [type(node).__name__ for _, node in pair]
    if len(pair) < 2 or kinds[0] not in ("Linear", "Affine") or kinds[1] not in ("LIF", "LI"):
        named = [f"{name} ({kind})" for (name, _), kind in zip(pair, kinds, strict=True)]
        raise ConfigError(
            f"{' then '.join(named)}: "
            "expected a Linear or Affine, then a LIF, with an LI behind the last weights"
        )
    if kinds[1] == "LI" and not last:
        raise ConfigError(f"{pair[1][0]} (LI): an LI stands at the end; use LIF before it")
    if kinds[1] == "LIF" and last:
        warnings.warn(
            f"{pair[1][0]} (LIF): the last layer becomes a leaky readout that does not fire",
            stacklevel=5,
        )


def _chain(graph: Any) -> list[_Named]:
    """Return the nodes from input to output, in order; refuse what is no chain."""
    kinds = {name: type(node).__name__ for name, node in graph.nodes.items()}
    for name, kind in kinds.items():
        if kind not in _KINDS:
            raise ConfigError(f"{name} ({kind}): expected {', '.join(_KINDS)}")
    after: dict[str, str] = {}
    for source, target in dict.fromkeys(map(tuple, graph.edges)):
        edge = f"the edge {source} to {target}"
        for name in (source, target):
            if name not in kinds:
                raise ConfigError(f"{edge}: the graph has no node {name}")
        if kinds[source] == "Output" or kinds[target] == "Input":
            raise ConfigError(f"{edge}: expected a chain; this is recurrence")
        if source in after or target in after.values():
            raise ConfigError(f"{edge}: expected a chain, no branches")
        after[source] = target
    starts = [name for name, kind in kinds.items() if kind == "Input"]
    if len(starts) != 1:
        raise ConfigError(f"the graph has {len(starts)} inputs: expected 1")
    names = starts
    while names[-1] in after:  # it ends: nothing leads to the input, and no two to one node
        names = [*names, after[names[-1]]]
    if kinds[names[-1]] != "Output" or len(names) < len(kinds):
        raise ConfigError("no path from the input leads through all nodes to the output")
    return [(name, graph.nodes[name]) for name in names]


def _width(named: _Named) -> int | None:
    """Return how many values per input or an output has, if it says so."""
    shapes = getattr(named[1], "input_type", None) or {}
    for shape in shapes.values():
        if shape is not None:
            return int(reals(shape, named[0]).prod())
    return None


def _layer(pair: list[_Named], dt: float, last: bool) -> Layer:
    (weight_name, linear), (name, neuron) = pair
    weight = reals(linear.weight, weight_name)
    if weight.ndim != 2 or not weight.size:
        raise ConfigError(
            f"{weight_name}: weights of shape {weight.shape}: expected two dimensions, none empty"
        )
    n = len(weight)

    def of_unit(values: Any, what: str) -> Float:
        given = reals(values, f"{name}: {what}").ravel()
        if given.size not in (1, n) or not np.isfinite(given).all():
            raise ConfigError(f"{name}: {what} has {given.size} values: expected {n}, all finite")
        return np.broadcast_to(given, n)

    steps = of_unit(neuron.tau, "tau") / dt
    for what in ("v_leak", *([] if last else ["v_reset"])):
        if of_unit(getattr(neuron, what), what).any():
            raise ConfigError(f"{name}: {what} is not 0; our membranes leak and reset towards 0")
    leak = _nearest(name, steps)
    scale = of_unit(neuron.r, "r") / steps
    if not last:
        threshold = of_unit(neuron.v_threshold, "v_threshold")
        if not (threshold > 0).all():
            raise ConfigError(f"{name}: v_threshold is {threshold.min():.3g}: expected above 0")
        scale = scale * THRESHOLD / threshold
    bias = None
    if type(linear).__name__ == "Affine":
        bias = reals(linear.bias, f"{weight_name}: bias")
        if bias.shape != (n,):
            raise ConfigError(f"{weight_name}: a bias of shape {bias.shape}: expected ({n},)")
        bias = _finite(bias * scale * 2.0**leak, f"{weight_name}: the bias")
    return Layer(_finite(weight * scale[:, None], f"{weight_name}: the weights"), bias, leak)


def _finite(values: Float, what: str) -> Float:
    if not np.isfinite(values).all():
        raise ConfigError(f"{what}, scaled so that a unit fires at 1, are not all finite")
    return values


def _nearest(name: str, steps: Float) -> int:
    """Return k of the nearest leak; one per layer."""
    if not (steps > 0).all():
        raise ConfigError(f"{name}: a time constant of {steps.min():.3g} steps: expected above 1")
    k = np.rint(np.log2(steps)).astype(int)
    if k.min() != k.max() or not LEAK_MIN <= k[0] <= LEAK_MAX:
        raise ConfigError(
            f"{name}: time constants of {steps.min():.4g} to {steps.max():.4g} steps: expected one "
            f"for all units, {2**LEAK_MIN} to {2**LEAK_MAX} steps; is dt right?"
        )
    if np.abs(steps / 2.0 ** k[0] - 1).max() > _NEAR:
        warnings.warn(
            f"{name}: a time constant of {steps.mean():.4g} steps became {2 ** int(k[0])}",
            stacklevel=5,
        )
    return int(k[0])
