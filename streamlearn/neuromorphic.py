"""Spiking networks from and for other tools, as graphs of NIR.

NIR, the Neuromorphic Intermediate Representation, is what snnTorch, Norse, SpikingJelly, Rockpool
and neuromorphic chips exchange networks in. A layer is a ``Linear`` or ``Affine`` node and the
``LIF`` node that it drives; the readout is a ``Linear`` or ``Affine`` and an ``LI`` node.

NIR's neurons live in continuous time, ``τ dv/dt = v_leak − v + R I``. A step of ``dt`` of Euler's
method, as snnTorch takes it, leaks by ``1 − dt/τ`` and weighs a current by ``R dt/τ``. Ours leaks
by ``1 − 2^−k``, fires at 1 and has a reset by subtraction, which the graph's metadata say.

References
----------
Pedersen et al., "Neuromorphic intermediate representation: a unified instruction set for
interoperable brain-inspired computing", Nature Communications 15, 8122 (2024).
"""

from __future__ import annotations

import itertools
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from quant.errors import ConfigError, StateFormatError
from quant.spiking import EVENT_SHIFT, LEAK_MAX, LEAK_MIN, THRESHOLD
from streamlearn.interchange import posterior, set_posterior
from streamlearn.rules.mesu.spiking import SpikingClassifier
from streamlearn.version import __version__

if TYPE_CHECKING:
    import nir  # type: ignore[import-untyped, import-not-found, unused-ignore]

Float = npt.NDArray[np.float64]
_MISSING = "NIR graphs need that package: pip install 'streamlearn[nir]'"
#: A time constant that differs by more than this from the nearest power of two is told of.
_NEAR = 0.01
_KINDS = ("Input", "Output", "Linear", "Affine", "LIF", "LI")


class _Layer(NamedTuple):
    """A layer in our terms: weights ``[outputs, inputs]``, bias ``[outputs]``, leak k."""

    weight: Float
    bias: Float | None
    leak: int


def to_nir(learner: SpikingClassifier, dt: float = 1e-4) -> nir.NIRGraph:
    """Return a learner's mean network as a graph of NIR.

    Its inputs are currents where the learner has no events (``threshold=None``), after the front
    end, and else events: line i counts rises of feature i, line ``n_features + i`` its falls. σ,
    front end and labels are no part of NIR; the metadata have the labels and how events are made.

    Parameters
    ----------
    learner : SpikingClassifier
    dt : float
        Seconds of a step.

    Returns
    -------
    nir.NIRGraph
        Nodes ``input``, ``weight_0``, ``lif_0``, …, ``weight_n``, ``readout``, ``output``.

    Raises
    ------
    ConfigError
        If the package ``nir`` is missing, or ``dt`` is not above 0.
    """
    nir = _package()
    _check_dt(dt)
    spec, weights = learner.spec, posterior(learner)
    nodes: dict[str, Any] = {"input": nir.Input(np.array([spec.layers[0]]))}
    for i, leak in enumerate(spec.leaks):
        weight = weights[f"{2 * i}.weight_mu"].astype(np.float32)
        if i == 0 and spec.delta:
            weight = weight * 2**EVENT_SHIFT
        if spec.bias:  # ours is a level of the membrane, theirs a current
            bias = weights[f"{2 * i}.bias_mu"].astype(np.float32) * 2.0**-leak
            nodes[f"weight_{i}"] = nir.Affine(weight, bias)
        else:
            nodes[f"weight_{i}"] = nir.Linear(weight)
        n = weight.shape[0]
        tau, r, zero = np.full(n, dt * 2.0**leak), np.full(n, 2.0**leak), np.zeros(n)
        if i < len(spec.leaks) - 1:
            nodes[f"lif_{i}"] = nir.LIF(tau, r, zero, np.full(n, THRESHOLD), zero)
        else:
            nodes["readout"] = nir.LI(tau, r, zero)
    nodes["output"] = nir.Output(np.array([spec.n_classes]))
    names = list(nodes)
    about = {
        "producer": f"streamlearn {__version__}",
        "dt": dt,
        "reset": "subtract",
        "labels": [str(label) for label in learner.labels],
    }
    if learner.threshold is not None:
        about |= {"threshold": learner.threshold, "drift": learner.drift}
    graph = nir.NIRGraph(nodes, list(itertools.pairwise(names)))
    graph.metadata = about
    return graph


def save_nir(learner: SpikingClassifier, path: str | Path, dt: float = 1e-4) -> None:
    """Write :func:`to_nir` of a learner as a file of the package ``nir`` (HDF5).

    Raises
    ------
    ConfigError
        As of :func:`to_nir`.
    """
    _package().write(str(path), to_nir(learner, dt))


def from_nir(
    graph: nir.NIRGraph | str | Path, *, dt: float | None = None, **parameters: Any
) -> SpikingClassifier:
    """Return a learner that goes on learning from a trained network's weights.

    Parameters
    ----------
    graph : nir.NIRGraph or path
        A chain of ``Linear`` or ``Affine`` and ``LIF`` nodes, with an ``LI`` at the end. A ``LIF``
        at the end becomes a leaky readout: its membrane counts, and does not fire.
    dt : float, optional
        Seconds of a step. Default: what the graph's metadata say. snnTorch means 1e-4, Norse 1e-3.
    **parameters
        Of :class:`SpikingClassifier`, but ``layers``, ``leaks`` and ``bias``. The defaults are
        those of a network whose inputs are currents, ``threshold=None`` and ``front_end="none"``,
        if the graph is of another tool.

    Returns
    -------
    SpikingClassifier
        Its means are the graph's weights, scaled so that every unit fires at 1; its σ are those
        that it starts with. A bias counts from the first step as much as theirs does after a few
        time constants.

    Raises
    ------
    ConfigError
        If the package ``nir`` is missing, the graph has what our layers have not (it names the
        node), no ``dt`` is known, or a weight is beyond what ``mu_frac_bits`` can hold.
    StateFormatError
        If the file is no graph of NIR.

    Warns
    -----
    UserWarning
        A time constant is no power of two of steps: from what it became the nearest one; or the
        last node is a ``LIF``.
    """
    if isinstance(graph, str | Path):
        graph = _read(Path(graph))
    about = graph.metadata if isinstance(graph.metadata, dict) else {}
    dt = about.get("dt") if dt is None else dt
    if dt is None:
        raise ConfigError("dt=None, and the graph does not say it: give the seconds of a step")
    found = _layers(graph, _check_dt(float(dt)))
    if "threshold" in about:
        parameters = {
            "threshold": float(about["threshold"]),
            "drift": int(about["drift"]),
        } | parameters
    else:
        parameters = {"threshold": None, "front_end": "none"} | parameters
    n_inputs = found[0].weight.shape[1]
    if parameters["threshold"] is not None:
        if n_inputs % 2:
            raise ConfigError(
                f"the graph has {n_inputs} inputs: with a threshold each feature is two of them, "
                "one for rises and one for falls; give threshold=None, or another graph"
            )
        n_inputs //= 2
        found[0] = found[0]._replace(weight=found[0].weight / 2**EVENT_SHIFT)
    biased = any(layer.bias is not None and layer.bias.any() for layer in found)
    learner = SpikingClassifier(
        (n_inputs, *(len(layer.weight) for layer in found)),
        bias=biased,
        leaks=[layer.leak for layer in found],
        **parameters,
    )
    arrays = posterior(learner)
    for i, layer in enumerate(found):
        arrays[f"{2 * i}.weight_mu"] = layer.weight
        if biased:
            zero = np.zeros(len(layer.weight))
            arrays[f"{2 * i}.bias_mu"] = zero if layer.bias is None else layer.bias
    set_posterior(learner, arrays)
    return learner


def _package() -> Any:
    try:
        import nir
    except ImportError:
        raise ConfigError(_MISSING) from None
    return nir


def _check_dt(dt: float) -> float:
    if not (math.isfinite(dt) and dt > 0):
        raise ConfigError(f"dt={dt!r}: expected the seconds of a step, above 0")
    return dt


def _read(path: Path) -> Any:
    nir = _package()
    if not path.is_file():
        raise StateFormatError(f"{path}: there is no such file")
    try:
        return nir.read(str(path))
    except (OSError, KeyError, ValueError, TypeError, AssertionError, AttributeError) as error:
        raise StateFormatError(f"{path}: no graph of NIR: {error}") from error


def _layers(graph: Any, dt: float) -> list[_Layer]:
    """Return the layers of a graph, in order."""
    chain = _chain(graph)
    found = []
    for i in range(0, len(chain), 2):
        pair = chain[i : i + 2]
        kinds = [type(node).__name__ for _, node in pair]
        last = i + 2 >= len(chain)
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
                stacklevel=4,
            )
        found.append(_layer(pair, dt, last))
    if not found:
        raise ConfigError("the graph has no layers between its input and its output")
    return found


def _chain(graph: Any) -> list[tuple[str, Any]]:
    """Return the nodes between input and output, in order; refuse what is no chain."""
    for name, node in graph.nodes.items():
        if type(node).__name__ not in _KINDS:
            raise ConfigError(f"{name} ({type(node).__name__}): expected {', '.join(_KINDS)}")
    after: dict[str, str] = {}
    for source, target in dict.fromkeys(graph.edges):
        if source in after or target in after.values():
            raise ConfigError(f"the edge {source} to {target}: expected a chain, no branches")
        after[source] = target
    starts = [name for name, node in graph.nodes.items() if type(node).__name__ == "Input"]
    if len(starts) != 1:
        raise ConfigError(f"the graph has {len(starts)} inputs: expected 1")
    found: list[tuple[str, Any]] = []
    at = after.get(starts[0])
    while at is not None and type(graph.nodes[at]).__name__ != "Output" and len(found) < len(after):
        found.append((at, graph.nodes[at]))
        at = after.get(at)
    if (
        at is None
        or type(graph.nodes[at]).__name__ != "Output"
        or len(found) + 2 < len(graph.nodes)
    ):
        raise ConfigError("no path from the input leads through all nodes to the output")
    return found


def _layer(pair: list[tuple[str, Any]], dt: float, last: bool) -> _Layer:
    (weight_name, linear), (name, neuron) = pair
    weight = np.asarray(linear.weight, np.float64)
    if weight.ndim != 2:
        raise ConfigError(
            f"{weight_name}: weights of shape {weight.shape}: expected two dimensions"
        )
    n = len(weight)

    def of_unit(values: Any, what: str) -> Float:
        given = np.asarray(values, np.float64).ravel()
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
        bias = np.asarray(linear.bias, np.float64).ravel() * scale * 2.0**leak
    return _Layer(weight * scale[:, None], bias, leak)


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
