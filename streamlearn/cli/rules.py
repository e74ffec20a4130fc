"""The learning rules as the command line sees them: their names, learners and settings."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from quant.metaplastic_config import MetaplasticConfig
from quant.spec import MesuConfig
from quant.state import ARITHMETICS, REAL
from streamlearn.classifier import MesuClassifier
from streamlearn.cli.folders import CommandError
from streamlearn.metaplastic_classifier import MetaplasticClassifier
from streamlearn.stream_classifier import StreamClassifier

#: What the command line has options of its own for, or finds in the stream.
NO_SETTINGS = ("self", "layers", "classes", "arithmetic", "seed", "features", "backend", "variance")


@dataclass(frozen=True)
class Choice:
    """A rule that can be chosen.

    Attributes
    ----------
    make : callable
        Makes its classifier.
    config : type
        The dataclass of its hyperparameters.
    leaves_out : tuple of str
        Parameters of the classifier that this rule does not have.
    """

    make: Callable[..., StreamClassifier]
    config: type[Any]
    leaves_out: tuple[str, ...] = ()


_CHOICES = {
    "mesu": Choice(MesuClassifier, MesuConfig),
    "mesu_factored": Choice(
        partial(MesuClassifier, variance="factored"), MesuConfig, ("mu_frac_bits",)
    ),
    "metaplastic": Choice(MetaplasticClassifier, MetaplasticConfig),
}


def rule_names() -> tuple[str, ...]:
    """Return the names that ``--rule`` takes, the default first."""
    return tuple(_CHOICES)


def arithmetic_names() -> tuple[str, ...]:
    """Return the names that ``--arithmetic`` takes; which of them a rule has, its learner says."""
    return (*ARITHMETICS, "q8")


def is_exact(arithmetic: str) -> bool:
    """Say whether an arithmetic computes in integers, so that its bits are defined everywhere."""
    return arithmetic not in REAL


def settings_of(rule: str) -> dict[str, Any]:
    """Return the settings of a rule and their defaults: what ``--set`` takes.

    They are the fields of its configuration and the network parameters of its classifier.
    """
    choice = _CHOICES[rule]
    found = {
        name: parameter.default
        for name, parameter in inspect.signature(choice.make).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }
    found |= {field.name: field.default for field in dataclasses.fields(choice.config)}
    hidden = (*NO_SETTINGS, *choice.leaves_out)
    return {name: default for name, default in found.items() if name not in hidden}


def read_settings(
    rule: str, assignments: Sequence[str], shortcuts: Mapping[str, Any]
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

    Raises
    ------
    CommandError
        If a text has no ``=``, the rule has no setting of that name, or one is given twice.
    """
    known = settings_of(rule)
    given: dict[str, Any] = {}
    options = [(f"--{name.replace('_', '-')}", name, v) for name, v in shortcuts.items()]
    for option, name, value in [(o, n, v) for o, n, v in options if v is not None] + [
        ("--set", *_split(text)) for text in assignments
    ]:
        if name not in known:
            raise CommandError(_unknown(rule, option, name, list(known)))
        if name in given:
            raise CommandError(f"{option}: {name} is given twice; give it once")
        given[name] = value
    return given


def new_classifier(
    rule: str, layers: tuple[int, ...], settings: Mapping[str, Any], **more: Any
) -> StreamClassifier:
    """Make the rule's classifier; what is not given keeps its default."""
    return _CHOICES[rule].make(layers, **settings, **more)


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
