"""Learners of the gas stream: one of every rule and head, and how right they are."""

from __future__ import annotations

from functools import cache
from typing import Any

from quant.rooms import part
from quant.rule import RULES, Rule
from streamlearn.evaluation import evaluate
from streamlearn.streams import load_gas_drift
from tabled.known import value

#: Hidden units; of rules with a byte per synapse so many that they have about the same bytes.
HIDDEN, HIDDEN_OF_BYTES = 32, 128


@cache
def learners() -> dict[str, tuple[type[Any], str, Rule]]:
    """The learner class of every rule and head, with both, by the name of the class."""
    found = {}
    for rule in RULES:
        for head, cls in part(rule, "streamlearn").LEARNERS.items():
            found[cls.__name__] = cls, head, RULES[rule]
    return found


def spiking() -> dict[str, tuple[type[Any], Rule]]:
    """The spiking class of every rule that has one, with the rule, by the name of the class."""
    rooms = (
        (rule, getattr(part(name, "streamlearn"), "SPIKING", None)) for name, rule in RULES.items()
    )
    return {cls.__name__: (cls, rule) for rule, cls in rooms if cls is not None}


def is_classifier(name: str) -> bool:
    """Tell whether a learner predicts classes."""
    return learners()[name][1] == "categorical"


def make(name: str, **settings: Any) -> Any:
    """Make a learner for the gas stream, with its defaults."""
    if is_classifier(name):
        settings = {"classes": range(6), **settings}
    n_out = 6 if is_classifier(name) else 1
    return learners()[name][0]((128, hidden(name), n_out), **settings)


@cache
def hidden(name: str) -> int:
    """Return the hidden units of a learner, by the bytes of its weights."""
    cls, head, rule = learners()[name]
    weights = cls((128, HIDDEN, 6 if head == "categorical" else 1)).state[rule.weight]
    return HIDDEN_OF_BYTES if weights.dtype.itemsize == 1 else HIDDEN


def shape(name: str) -> str:
    """Layers of a learner, as "128-32-6"."""
    return "-".join(map(str, make(name).spec.layers))


@cache
def gas_accuracy(name: str) -> float:
    """Prequential accuracy over the bundled stream, with the learner's defaults and seed 0."""
    return evaluate(make(name), load_gas_drift()).accuracy


@value
def accuracy(name: str) -> str:
    """Accuracy of a learner on the gas stream, in percent."""
    return f"{100 * gas_accuracy(name):.1f}"


@value
def appearance(name: str) -> str:
    """Accuracy of a learner that is told no classes: they get outputs as they appear."""
    learner, stream = make(name, classes=None), load_gas_drift()
    right = 0
    for x, y in stream:
        right += learner.predict_one(x) == y
        learner.learn_one(x, y)
    return f"{100 * right / len(stream):.2f}"
