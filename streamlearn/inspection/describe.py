"""What one learner's state holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.description import to_json
from quant.front_end.hold import blind_features
from quant.heads.categorical.taught import candidates
from quant.layout import C_TYPES, Field
from quant.rule import arithmetic_of
from quant.state import layout_of
from streamlearn.certainty import certainty_of
from streamlearn.learners.base import StreamLearner
from streamlearn.version import __version__

#: Of what is said of a layer's weights.
PERCENTILES = (5, 50, 95)


def describe(learner: StreamLearner) -> dict[str, Any]:
    """Return what a learner is and what its state holds, as JSON values.

    Parameters
    ----------
    learner : StreamLearner

    Returns
    -------
    dict
        ``rule``, ``network``, ``config``, ``arithmetic``; ``labels``, ``taught`` (the labels that
        were taught) and ``features``; ``n_samples``, ``seed``, ``levels``; ``state_bytes``,
        ``state_sha256``, ``image_bytes``; ``inputs``: of each feature mean and standard deviation;
        ``layers``: of each the range of its weights and percentiles of how settled they are;
        ``fields``: of each member of the state its range, and how many numbers lie at the end of
        their format; ``streamlearn``: the version that says so.
    """
    state = learner.state
    layout = layout_of(learner.spec, learner.config, learner.arithmetic)
    taught = None
    if learner.spec.n_classes:
        there = candidates(state, learner.spec.n_classes)
        names = [*learner.labels, *[None] * (learner.spec.n_classes - len(learner.labels))]
        taught = [name for name, is_taught in zip(names, there, strict=True) if is_taught]
    features = learner._features
    return {
        **to_json(learner.spec, learner.config),
        "arithmetic": learner.arithmetic,
        "labels": list(learner.labels),
        "taught": taught,
        "features": None if features is None else list(features),
        "n_samples": learner.n_samples,
        "seed": int(state["seed"][0]),
        "levels": asdict(learner.levels),
        "state_bytes": state.nbytes,
        "state_sha256": learner.state_sha256,
        "image_bytes": len(learner.to_bytes()),
        "inputs": _inputs(learner, state),
        "certainty": _certainty(learner),
        "layers": _layers(learner, state),
        "fields": [_field(field, state[field.name]) for field in layout if _tells(field)],
        "streamlearn": __version__,
    }


def _tells(field: Field) -> bool:
    return not field.name.startswith(("padding", "reserved"))


def _field(field: Field, values: npt.NDArray[Any]) -> dict[str, Any]:
    """Return the range of a member, and how many of its numbers can go no further."""
    if field.name == "reference":  # a binary32 in integers too
        values = values.view(f"<f{values.itemsize}")
    floats = values.dtype.kind == "f"
    found: dict[str, Any] = {
        "name": field.name,
        "type": C_TYPES[field.dtype],
        "count": int(values.size),
        "least": values.min().item(),
        "most": values.max().item(),
        "meaning": field.meaning,
    }
    if not floats and field.shape and values.dtype.kind == "i":
        ends = np.iinfo(values.dtype)
        low = ends.min if field.least is None else field.least
        high = ends.max if field.most is None else field.most
        found["at_end"] = int(np.count_nonzero((values <= low) | (values >= high)))
    return found


def _certainty(learner: StreamLearner) -> dict[str, str] | None:
    found = certainty_of(learner.config.rule)
    return None if found is None else {"quantity": found.quantity, "meaning": found.meaning}


def _layers(learner: StreamLearner, state: npt.NDArray[Any]) -> list[dict[str, Any]]:
    found = certainty_of(learner.config.rule)
    given = learner.spec, learner.config, state
    settled = None if found is None else found.values(*given)
    means = None if found is None or found.means is None else found.means(*given)
    layers = []
    for i, (rows, columns) in enumerate(learner.spec.shapes):
        layer: dict[str, Any] = {"rows": rows, "columns": columns}
        if means is not None:
            layer["weights"] = {
                "least": float(means[i].min()),
                "most": float(means[i].max()),
                "rms": float(np.sqrt(np.mean(means[i] ** 2))),
            }
        if settled is not None:
            values = np.percentile(settled[i], PERCENTILES).tolist()
            layer["settled"] = dict(zip((f"p{p}" for p in PERCENTILES), values, strict=True))
        layers.append(layer)
    return layers


def _inputs(learner: StreamLearner, state: npt.NDArray[Any]) -> list[dict[str, Any]] | None:
    """Return what the front end knows of each feature, in the feature's own units."""
    names = state.dtype.names or ()
    if "mean" not in names:
        return None
    mean = state["mean"][0].astype(np.float64)
    variance = state["variance"][0].astype(np.float64)
    if "exponent" in names:
        exponent = state["exponent"][0].astype(np.int64)
        mean, variance = np.ldexp(mean, -exponent), np.ldexp(variance, -2 * exponent)
    labels = learner._features or range(learner.spec.n_features)
    blind = blind_features(state)
    return [
        {"feature": name, "mean": float(m), "sd": float(np.sqrt(v)), "blind": bool(b)}
        for name, m, v, b in zip(labels, mean, variance, blind, strict=True)
    ]


def has_kernel(learner: StreamLearner) -> bool:
    """Tell whether a board can run a learner."""
    return arithmetic_of(learner.spec, learner.config, learner.arithmetic).kernel is not None
