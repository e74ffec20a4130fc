"""Small data, fresh learners and refusals: what the checks share."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from quant.errors import StreamlearnError
from quant.rule import RULES

N_FEATURES, N_CLASSES = 5, 3
#: The layers that a learner has to be made with to be checked, by head.
LAYERS = {"categorical": (N_FEATURES, 8, N_CLASSES), "gaussian": (N_FEATURES, 8, 1)}
FLOAT32_MAX = float(np.finfo(np.float32).max)

Sample = tuple[list[float], Any]


def fresh(learner: Any, **changes: Any) -> Any:
    """Return a learner with the same parameters but for ``changes``, that has learned nothing."""
    return type(learner)(**{**learner.get_params(), **changes})


def samples(learner: Any, n: int, seed: int = 0) -> list[Sample]:
    """Return ``n`` samples that a learner of this kind can learn.

    Features are Gaussian blobs well apart, in float32, of very different scales; the label is the
    blob's number, or a number that depends on it and on a feature.
    """
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(N_CLASSES, N_FEATURES)) * 3
    blob = rng.integers(0, N_CLASSES, n)
    noise = rng.normal(size=(n, N_FEATURES))
    x = (centres[blob] + noise) * [1, 1e-3, 50, 1e4, 1] + 7
    labels = blob if learner.spec.n_classes else 20.0 + 5 * blob + noise[:, 0]
    return list(zip(x.astype(np.float32).tolist(), labels.tolist(), strict=True))


def trained(learner: Any, n: int = 30, **changes: Any) -> Any:
    """Return a fresh learner that has learned ``n`` samples."""
    made = fresh(learner, **changes)
    for x, y in samples(learner, n):
        made.learn_one(x, y)
    return made


def copy_of(learner: Any) -> Any:
    """Return a learner from another's state image, in the same backend."""
    return type(learner).from_bytes(learner.to_bytes(), backend=learner.get_params()["backend"])


def answers(learner: Any, x: Any) -> Any:
    """Return everything that a learner says of a sample."""
    if learner.spec.n_classes:
        return learner.predict_one(x), learner.predict_proba_one(x)
    return learner.predict_distribution_one(x)


def weights_of(learner: Any) -> str:
    """Return the name of the field of the state that holds the weights."""
    return RULES[learner.config.rule].weight


def noisy(learner: Any) -> bool:
    """Tell whether learning draws random bits."""
    return RULES[learner.config.rule].arithmetics[learner.arithmetic].noisy


@contextlib.contextmanager
def refuses(learner: Any, error: type[Exception], message: str) -> Iterator[None]:
    """Assert that the block raises ``error`` with a matching message and changes nothing."""
    before, labels = learner.state_sha256, learner.labels
    raised: Exception | None = None
    try:
        yield
    except Exception as caught:  # noqa: BLE001 - the point is to look at whatever comes
        raised = caught
    assert isinstance(raised, error), f"expected {error.__name__}, got {raised!r}"
    assert isinstance(raised, StreamlearnError)
    assert re.search(message, str(raised)), f"message {str(raised)!r} lacks {message!r}"
    assert learner.state_sha256 == before, "a refused sample changed the state"
    assert learner.labels == labels, "a refused sample left a label behind"
