"""A learner's mean network as a graph of NIR."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from quant.durable import write_durably
from quant.errors import ConfigError
from quant.spiking import THRESHOLD
from streamlearn.interchange import posterior
from streamlearn.learners.base import StreamLearner
from streamlearn.neuromorphic.given import package, seconds
from streamlearn.rules.mesu.spiking import SpikingClassifier
from streamlearn.version import __version__

if TYPE_CHECKING:
    import nir  # type: ignore[import-untyped, import-not-found, unused-ignore]

#: Seconds of a step: time constants beyond have no place in the float32 of other tools.
_SHORTEST, _LONGEST = 1e-30, 1e30


def to_nir(learner: StreamLearner, dt: float = 1e-4) -> nir.NIRGraph:
    """Return a learner's mean network as a graph of NIR: the one that it predicts with.

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
        If the package ``nir`` is missing, ``dt`` is not above 0, it is another learner, or it has
        recurrent connections.
    """
    nir = package()
    if not isinstance(learner, SpikingClassifier):
        raise ConfigError(
            f"a {type(learner).__name__}: NIR describes spiking networks; give a SpikingClassifier"
        )
    if learner.spec.recurrent:
        raise ConfigError(
            "recurrent=True: only chains of layers are written as NIR; learn without recurrence"
        )
    dt = seconds(dt)
    if not _SHORTEST <= dt <= 1 / _SHORTEST:
        raise ConfigError(
            f"dt={dt!r}: expected the seconds of a step, {_SHORTEST} to {1 / _SHORTEST}"
        )
    spec, weights = learner.spec, posterior(learner, averaged=True)
    nodes: dict[str, Any] = {"input": nir.Input(np.array([spec.layers[0]]))}
    for i, leak in enumerate(spec.leaks):
        weight = weights[f"{2 * i}.weight_mu"].astype(np.float32)
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


def save_nir(learner: StreamLearner, path: str | Path, dt: float = 1e-4) -> None:
    """Write :func:`to_nir` of a learner as a file of the package ``nir`` (HDF5).

    Raises
    ------
    ConfigError
        As of :func:`to_nir`.
    WriteError
        An OSError. If it cannot be written; what was there before is untouched.
    """
    content = io.BytesIO()
    package().write(content, to_nir(learner, dt))
    write_durably(path, content.getvalue())
