"""Posteriors into and out of other tools: dictionaries of arrays, torch's layers, safetensors.

Names are those of ``state_dict()`` of ``torch.nn.Sequential(BayesianLinear, ReLU, BayesianLinear,
…)``: layer k of the network is module 2k, with ``weight_mu`` and ``weight_sigma``
``[outputs, inputs]``, and ``bias_mu`` and ``bias_sigma`` ``[outputs]``. Of a recurrent spiking
layer its own units come behind its inputs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from quant import averages
from quant.description import to_json
from quant.durable import write_durably
from quant.errors import ConfigError, ShapeError, StateFormatError
from quant.rooms import part
from streamlearn.certainty import certainty_of
from streamlearn.learners.base import StreamLearner

Arrays = dict[str, npt.NDArray[np.floating]]
_MISSING = "safetensors files need that package: pip install 'streamlearn[safetensors]'"


def posterior(learner: StreamLearner, averaged: bool = False) -> Arrays:
    """Return mean and standard deviation of every weight, float64, in any arithmetic.

    Parameters
    ----------
    learner : StreamLearner
    averaged : bool
        The averages of the means, with which a learner with an ``average_window`` predicts; of
        others it is the same. Default: the means, which learn.

    Raises
    ------
    ConfigError
        If the learner's rule has no posterior.
    """
    known = certainty_of(learner.config.rule)
    if known is None or known.means is None or known.deviations is None:
        raise ConfigError(f"the rule {learner.config.rule!r} has no posterior: no σ per weight")
    state = averages.shown(learner.state) if averaged else learner.state
    given, found = (learner.spec, learner.config, state), {}
    for part_, values in (("mu", known.means(*given)), ("sigma", known.deviations(*given))):
        for k, layer in enumerate(values):
            rows = len(layer) - learner.spec.bias
            found[f"{2 * k}.weight_{part_}"] = np.ascontiguousarray(layer[:rows].T)
            if learner.spec.bias:
                found[f"{2 * k}.bias_{part_}"] = layer[rows].copy()
    return dict(sorted(found.items()))


def set_posterior(learner: StreamLearner, arrays: Mapping[str, Any]) -> None:
    """Set mean and standard deviation of every weight; all else of the state stays.

    Parameters
    ----------
    learner : StreamLearner
        Of a rule that takes any posterior, as MESU with a variance per weight.
    arrays : mapping
        As :func:`posterior` returns it, or a ``state_dict()``: arrays or tensors by name.

    Raises
    ------
    ConfigError
        If the rule takes none, or its format cannot hold a value.
    ShapeError
        If a name or a shape is not the network's, or a value is not finite or a σ not above 0.
    """
    rule = learner.config.rule
    setter = getattr(part(rule, "streamlearn"), "set_posterior", None)
    if setter is None:
        raise ConfigError(
            f"the rule {rule!r} cannot take any posterior: its weights share what they store"
        )
    expected = posterior(learner)
    if set(arrays) != set(expected):
        raise ShapeError(f"names are {sorted(arrays)}: expected {sorted(expected)}")
    given = {name: _array(name, value, expected[name].shape) for name, value in arrays.items()}
    layers: dict[str, list[Any]] = {"mu": [], "sigma": []}
    for k in range(len(learner.spec.shapes)):
        for kind, found in layers.items():
            rows = [given[f"{2 * k}.weight_{kind}"].T]
            if learner.spec.bias:
                rows.append(given[f"{2 * k}.bias_{kind}"][None])
            found.append(np.concatenate(rows))
    state = learner.state
    setter(learner.spec, learner.config, state, layers["mu"], layers["sigma"])
    learner.state = state


def _array(name: str, value: Any, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    found = np.asarray(value, np.float64)
    low = 0.0 if name.endswith("sigma") else -np.inf
    if found.shape != shape or not np.isfinite(found).all() or not (found > low).all():
        raise ShapeError(
            f"{name}: shape {found.shape}, from {found.min():.3g} to {found.max():.3g}: expected "
            f"{shape}, finite{', above 0' if low == 0 else ''}"
        )
    return found


def save_posterior(learner: StreamLearner, path: str | Path) -> None:
    """Write the posterior as a safetensors file, float32; its metadata says whose it is.

    Raises
    ------
    ConfigError
        If the rule has no posterior, or the package ``safetensors`` is missing.
    WriteError
        If the file cannot be written.
    """
    try:
        from safetensors.numpy import save
    except ImportError:
        raise ConfigError(_MISSING) from None
    arrays = {name: value.astype(np.float32) for name, value in posterior(learner).items()}
    about = {
        "producer": "streamlearn",
        "spec": json.dumps(to_json(learner.spec, learner.config)),
        "arithmetic": learner.arithmetic,
        "state_sha256": learner.state_sha256,
        "n_samples": str(learner.n_samples),
    }
    write_durably(path, save(arrays, about))


def load_posterior(learner: StreamLearner, path: str | Path) -> None:
    """Set a learner's posterior from a safetensors file; see :func:`set_posterior`.

    Raises
    ------
    StateFormatError
        If the file is no safetensors file.
    ConfigError, ShapeError
        As of :func:`set_posterior`.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load
    except ImportError:
        raise ConfigError(_MISSING) from None
    try:
        arrays = load(Path(path).read_bytes())
    except SafetensorError as error:
        raise StateFormatError(f"{path}: no safetensors file: {error}") from error
    set_posterior(learner, arrays)
