"""Spiking learners in floats, a signal for them, and how far apart two results are."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamlearn import SpikingClassifier

LEARNERS: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "events": ((3, 16, 2), {}),
    "currents, two hidden layers": (
        (6, 12, 7, 2),
        {"leaks": (3, 4, 2), "threshold": None, "front_end": "none", "n_draws": 3},
    ),
    "bias, adaptive step": (
        (3, 12, 7, 2),
        {"leaks": (5, 2, 4), "bias": True, "step": "adaptive", "front_end": "standardise"},
    ),
    "nine draws, no drift": ((4, 9, 2), {"n_draws": 9, "drift": 0, "threshold": 0.125}),
    "no hidden layer": ((3, 2), {"leaks": (6,)}),
    "recurrent": ((3, 16, 2), {"recurrent": True, "sigma_init": 1.5}),
    "recurrent, two hidden layers": (
        (3, 12, 9, 2),
        {"recurrent": True, "leaks": (3, 4, 2), "sigma_init": 1.5, "n_draws": 3},
    ),
    "recurrent, bias, adaptive step": (
        (4, 9, 7, 5, 2),
        {
            "recurrent": True, "leaks": (2, 5, 2, 4), "sigma_init": 2.0, "threshold": None,
            "bias": True, "step": "adaptive", "front_end": "standardise", "n_draws": 9,
        },
    ),
    "BiMU, events": ((3, 16, 2), {"rule": "bimu"}),
    "BiMU, relaxed, two hidden layers, bias": (
        (3, 12, 7, 2),
        {
            "rule": "bimu", "relaxed": 1, "bias": True, "leaks": (5, 2, 4), "n_draws": 9,
            "front_end": "standardise",
        },
    ),
    "BiMU, no hidden layer": ((3, 2), {"rule": "bimu", "leaks": (6,)}),
    "BiMU, recurrent": ((3, 16, 2), {"rule": "bimu", "recurrent": True}),
    "BiMU, recurrent, bias, three hidden layers": (
        (4, 9, 7, 5, 2),
        {
            "rule": "bimu", "recurrent": True, "leaks": (2, 5, 2, 4), "threshold": None,
            "bias": True, "front_end": "standardise", "n_draws": 3,
        },
    ),
    "metaplastic, events": ((3, 16, 2), {"rule": "metaplastic"}),
    "metaplastic, adaptive step, two hidden layers, bias": (
        (3, 13, 8, 2),
        {
            "rule": "metaplastic", "step": "adaptive", "bias": True, "leaks": (5, 2, 4),
            "unit_threshold": 0.2, "front_end": "standardise",
        },
    ),
    "metaplastic, no hidden layer": ((3, 2), {"rule": "metaplastic", "leaks": (6,)}),
    "metaplastic, recurrent": ((3, 16, 2), {"rule": "metaplastic", "recurrent": True}),
    "metaplastic, recurrent, bias, three hidden layers": (
        (4, 9, 7, 5, 2),
        {
            "rule": "metaplastic", "recurrent": True, "leaks": (2, 5, 2, 4), "threshold": None,
            "bias": True, "front_end": "standardise", "unit_threshold": 0.2,
        },
    ),
}  # fmt: skip
RECURRENT = [name for name, (_, settings) in LEARNERS.items() if settings.get("recurrent")]


def signal(n: int, n_features: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.normal(size=(n, n_features)), axis=0).astype(np.float32).astype(float)


def made(name: str, arithmetic: str) -> SpikingClassifier:
    layers, settings = LEARNERS[name]
    return SpikingClassifier(layers, classes=range(2), seed=2, arithmetic=arithmetic, **settings)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference, of the largest value."""
    ours, theirs = (np.asarray(v, float).ravel() for v in (one, other))
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-9)) if len(ours) else 0
