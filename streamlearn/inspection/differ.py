"""What lies between two states of one network."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.errors import ConfigError
from streamlearn.certainty import certainty_of
from streamlearn.learners.base import StreamLearner

#: A weight has moved if its mean is more than so many of its standard deviations away.
MOVED = 1.0


def compare(before: StreamLearner, after: StreamLearner) -> dict[str, Any]:
    """Return which layers moved from one state to another, and by how much, as JSON values.

    Parameters
    ----------
    before, after : StreamLearner
        Of one rule and network; arithmetics may differ.

    Returns
    -------
    dict
        ``same``: every bit; ``n_samples``: how many more ``after`` has learned; ``fields``: names
        of the members that differ, None if the arithmetics do; ``config``: the hyperparameters that
        differ; ``layers``: of each layer ``rms`` and ``largest`` movement of a weight, ``flipped``,
        the share of weights that changed sign, ``settled``, the ratio of the medians of how settled
        the weights are, and, of a rule with a posterior, ``sigmas``: the movement in standard
        deviations of ``before``, root mean square; and ``moved``, the share that moved by more than
        one.

    Raises
    ------
    ConfigError
        If rules or layer sizes differ: their weights do not correspond.
    """
    for name, ours, theirs in (
        ("rule", before.config.rule, after.config.rule),
        ("layers", before.spec.layers, after.spec.layers),
        ("bias", before.spec.bias, after.spec.bias),
        ("head", before.spec.head, after.spec.head),
    ):
        if ours != theirs:
            raise ConfigError(
                f"{name} is {ours!r} in one and {theirs!r} in the other: weights of different "
                "networks do not correspond; compare two states of one network"
            )
    old, new = before.state, after.state
    fields = None
    if old.dtype == new.dtype:
        names = old.dtype.names or ()
        fields = [name for name in names if old[name].tobytes() != new[name].tobytes()]
    return {
        "same": before.state_sha256 == after.state_sha256,
        "n_samples": after.n_samples - before.n_samples,
        "arithmetic": [before.arithmetic, after.arithmetic],
        "labels": [list(before.labels), list(after.labels)],
        "config": _settings(before, after),
        "fields": fields,
        "layers": _layers(before, after),
    }


def _settings(before: StreamLearner, after: StreamLearner) -> dict[str, list[Any]]:
    found = {}
    for ours, theirs in ((before.spec, after.spec), (before.config, after.config)):
        for field in dataclasses.fields(ours):
            pair = [getattr(ours, field.name), getattr(theirs, field.name)]
            if pair[0] != pair[1]:
                found[field.name] = pair
    return found


def _layers(before: StreamLearner, after: StreamLearner) -> list[dict[str, Any]] | None:
    known = certainty_of(before.config.rule)
    if known is None or known.means is None:
        return None
    old, new = (_of(known.means, one) for one in (before, after))
    settled = [_of(known.values, one) for one in (before, after)]
    deviations = None if known.deviations is None else _of(known.deviations, before)
    if any(a.shape != b.shape for a, b in zip(old, new, strict=True)):
        return None
    found = []
    for i, (a, b) in enumerate(zip(old, new, strict=True)):
        away = np.abs(b - a)
        was, now = (float(np.median(one[i])) for one in settled)
        layer: dict[str, Any] = {
            "rms": float(np.sqrt(np.mean(away**2))),
            "largest": float(away.max()),
            "flipped": float(np.mean((a < 0) != (b < 0))),
            "settled": now / was if was > 0 else None,
        }
        if deviations is not None:
            by = away / deviations[i]
            layer["sigmas"] = float(np.sqrt(np.mean(by**2)))
            layer["moved"] = float(np.mean(by > MOVED))
        found.append(layer)
    return found


def _of(values: Any, learner: StreamLearner) -> list[npt.NDArray[np.float64]]:
    found: list[npt.NDArray[np.float64]] = values(learner.spec, learner.config, learner.state)
    return found
