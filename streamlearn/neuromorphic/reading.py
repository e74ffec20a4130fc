"""A learner from a graph of NIR that another tool, or ours, has written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from quant.errors import ConfigError, StateFormatError
from streamlearn.interchange import posterior, set_posterior
from streamlearn.neuromorphic.given import number, package, seconds
from streamlearn.neuromorphic.layers import layers_of
from streamlearn.rules.mesu.spiking import SpikingClassifier

if TYPE_CHECKING:
    import nir  # type: ignore[import-untyped, import-not-found, unused-ignore]

#: What the graph says, and no one else.
_OF_THE_GRAPH = ("layers", "leaks", "bias")
#: What the readers of HDF5 and NIR raise for a file that is damaged or another's.
_UNREADABLE = (
    OSError, KeyError, ValueError, TypeError, AssertionError, AttributeError, RuntimeError,
    OverflowError, MemoryError,
)  # fmt: skip


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
        if the graph does not say how events are made.

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
    for name in _OF_THE_GRAPH:
        if name in parameters:
            raise ConfigError(f"{name}={parameters[name]!r}: that is the graph's to say")
    if isinstance(graph, str | Path):
        graph = _read(Path(graph))
    if not isinstance(graph, package().NIRGraph):
        raise ConfigError(f"a {type(graph).__name__}: expected a NIRGraph, or the path of a file")
    about = graph.metadata if isinstance(graph.metadata, dict) else {}
    dt = about.get("dt") if dt is None else dt
    if dt is None:
        raise ConfigError("dt=None, and the graph does not say it: give the seconds of a step")
    found = layers_of(graph, seconds(dt))
    parameters = _events(about) | parameters
    n_inputs = found[0].weight.shape[1]
    if parameters["threshold"] is not None:
        if n_inputs % 2:
            raise ConfigError(
                f"the graph has {n_inputs} inputs: with a threshold each feature is two of them, "
                "one for rises and one for falls; give threshold=None, or another graph"
            )
        n_inputs //= 2
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


def _events(about: dict[str, Any]) -> dict[str, Any]:
    """Return how a graph's events are made, as parameters of a learner."""
    if about.get("threshold") is None:
        return {"threshold": None, "front_end": "none"}
    drift = number(about.get("drift", 0), "drift of the graph's metadata")
    return {
        "threshold": number(about["threshold"], "threshold of the graph's metadata"),
        "drift": int(drift) if drift.is_integer() else drift,
    }


def _read(path: Path) -> Any:
    nir = package()
    if not path.is_file():
        raise StateFormatError(f"{path}: there is no such file")
    try:
        return nir.read(str(path))
    except _UNREADABLE as error:
        raise StateFormatError(f"{path}: no graph of NIR: {error}") from error
