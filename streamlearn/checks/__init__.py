"""The contract of a learner, as checks that any learner can be put through.

>>> from streamlearn import MesuClassifier
>>> from streamlearn.checks import LAYERS, yield_checks
>>> learner = MesuClassifier(LAYERS["categorical"], arithmetic="float64")
>>> for check in yield_checks(learner):
...     check(learner)

A check takes a learner, makes fresh ones with its parameters, leaves the given one alone, and
raises AssertionError if the contract is broken.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streamlearn.checks import features, labels, learning, memory, numbers, state
from streamlearn.checks.registry import Check, all_checks, checks_for
from streamlearn.checks.samples import LAYERS
from streamlearn.errors import ConfigError

__all__ = ["LAYERS", "all_checks", "check_learner", "yield_checks"]

_MODULES = (features, labels, learning, memory, numbers, state)  # importing them fills the list


def yield_checks(learner: Any) -> Iterator[Check]:
    """Yield the checks that a learner has to pass, as ``river.checks.yield_checks`` does.

    Parameters
    ----------
    learner : StreamLearner
        Made with ``layers=LAYERS[head]``, and whatever else is to be checked.

    Raises
    ------
    ConfigError
        If it has other layers.
    """
    expected = LAYERS[learner.spec.head]
    if learner.spec.layers != expected:
        raise ConfigError(
            f"a learner with layers={learner.spec.layers} cannot be checked: make it with "
            f"layers={expected}"
        )
    yield from checks_for(learner.spec.head)


def check_learner(learner: Any) -> None:
    """Put a learner through all its checks.

    Raises
    ------
    AssertionError
        If it breaks the contract; the message says how.
    """
    for check in yield_checks(learner):
        check(learner)
