"""The learning rules as the command line sees them: their names, learners and settings."""

from __future__ import annotations

import ast
import difflib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from quant.heads import HEADS
from quant.rule import RULES, Arithmetic
from streamlearn.cli.endings import CommandError
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.loading import learner_class
from streamlearn.learners.spikes import spiking_class

DEFAULT_RULE = "mesu"
#: What the label's column may be, and the head that learns it.
CLASSIFICATION, REGRESSION = "classification", "regression"
TASK_HEADS = {CLASSIFICATION: "categorical", REGRESSION: "gaussian"}
#: What the command line has options of its own for, or finds in the stream.
NO_SETTINGS = ("self", "rule", "layers", "classes", "arithmetic", "seed", "features", "backend")


def rule_names() -> tuple[str, ...]:
    """Return the names that ``--rule`` takes, the default first."""
    return tuple(sorted(set(RULES), key=lambda name: (name != DEFAULT_RULE, name)))


def arithmetic_names() -> tuple[str, ...]:
    """Return the names that ``--arithmetic`` takes, the default rule's first.

    Which of them a rule has, its learner says.
    """
    return tuple(dict.fromkeys(name for rule in rule_names() for name in RULES[rule].arithmetics))


def arithmetic_of_learner(learner: StreamLearner) -> Arithmetic:
    """Return what a learner's rule says of the learner's arithmetic."""
    return RULES[learner.config.rule].arithmetics[learner.arithmetic]


def is_exact(learner: StreamLearner) -> bool:
    """Say whether a learner computes in integers: its bits are then the same everywhere."""
    return arithmetic_of_learner(learner).numbers == "integer"


def heads_of(rule: str) -> tuple[str, ...]:
    """Return the heads that a rule learns with."""
    return RULES[rule].heads


def spiking_rules() -> tuple[str, ...]:
    """Return the names of the rules that ``--spiking`` goes with."""
    return tuple(name for name in rule_names() if spiking_class(name) is not None)


def settings_of(rule: str, head: str = "categorical", spikes: bool = False) -> dict[str, Any]:
    """Return the settings of a rule and their defaults: what ``--set`` takes.

    They are the keyword parameters of its learner that are no options of their own; of its learner
    that spikes, if that is asked.
    """
    parameters = inspect.signature(learner_class(rule, head, spikes)).parameters
    return {name: p.default for name, p in parameters.items() if name not in NO_SETTINGS}


def settings_text() -> str:
    """Return the names that ``--set`` takes, with their defaults, one paragraph per rule."""
    said = []
    for rule in rule_names():
        of_classes = settings_of(rule)
        said.append(f"Settings of {rule}: {_assignments(of_classes)}")
        others = {}
        if "gaussian" in heads_of(rule):
            others["--task regression"] = settings_of(rule, "gaussian")
        if rule in spiking_rules():
            others["--spiking"] = settings_of(rule, spikes=True)
        for option, found in others.items():
            other = {k: v for k, v in found.items() if (k, v) not in of_classes.items()}
            missing = ", ".join(name for name in of_classes if name not in found)
            said.append(
                f"Settings of {rule} with {option}: the same, but {_assignments(other)}, "
                f"and without {missing}"
            )
    return "\n\n".join(said)


def _assignments(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name}={default}" for name, default in settings.items())


def read_settings(
    rule: str,
    assignments: Sequence[str],
    shortcuts: Mapping[str, Any],
    head: str = "categorical",
    spikes: bool = False,
) -> dict[str, Any]:
    """Return the settings that were given, by name.

    Parameters
    ----------
    rule
        A name of :func:`rule_names`.
    assignments
        Texts ``NAME=VALUE`` of ``--set``.
    shortcuts
        Settings with an option of their own, such as ``memory_window``; None if not given.
    head
        A name of :data:`quant.heads.HEADS`.
    spikes
        Whether the network spikes.

    Raises
    ------
    CommandError
        If the rule learns no such network or has no setting of that name, a text has no ``=``, or a
        setting is given twice.
    """
    if head not in heads_of(rule):
        able = ", ".join(name for name in rule_names() if head in heads_of(name))
        raise CommandError(
            f"--task: the rule {rule} does not predict a {HEADS[head].target}; these do: {able}"
        )
    if spikes and rule not in spiking_rules():
        able = ", ".join(spiking_rules())
        raise CommandError(f"--spiking: the rule {rule} learns no spiking layers; these do: {able}")
    known = settings_of(rule, head, spikes)
    given: dict[str, Any] = {}
    options = [(f"--{name.replace('_', '-')}", name, v) for name, v in shortcuts.items()]
    for option, name, value in [(o, n, v) for o, n, v in options if v is not None] + [
        ("--set", *_split(text)) for text in assignments
    ]:
        if name not in known:
            kind = HEADS[head].target if head != "categorical" else "spiking network"
            named = f"{rule} for a {kind}" if spikes or head != "categorical" else rule
            raise CommandError(_unknown(named, option, name, list(known)))
        if name in given:
            raise CommandError(f"{option}: {name} is given twice; give it once")
        given[name] = value
    return given


def new_learner(
    rule: str,
    head: str,
    layers: tuple[int, ...],
    settings: Mapping[str, Any],
    spikes: bool = False,
    **more: Any,
) -> Any:
    """Make the rule's learner with a head; what is not given keeps its default."""
    kind: Any = learner_class(rule, head, spikes)
    return kind(layers, **settings, **more)


def _split(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise CommandError(f"--set {text}: expected NAME=VALUE, such as --set memory_window=5000")
    return name.strip().replace("-", "_"), _value(value.strip())


def _value(text: str) -> Any:
    """Return a value in Python's spelling, ``inf`` as a number, and anything else as text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        pass
    try:
        return float(text)  # inf and nan, which are no literals
    except ValueError:
        return text


def _unknown(rule: str, option: str, name: str, known: list[str]) -> str:
    if option != "--set":
        return f"{option} is no setting of the rule {rule}; leave it out"
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"--set {name}: the rule {rule} has no such setting.{hint} It has {', '.join(known)}"
