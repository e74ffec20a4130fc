"""What learners of the same parameters share: their network, their configuration, their start."""

from __future__ import annotations

import dataclasses
import marshal
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from quant.errors import ConfigError
from quant.labels import shown
from quant.layout import State
from quant.network import NetworkSpec
from quant.rule import RULES, Config
from quant.state import blank_state
from streamlearn.memory import with_memory

#: Parameters that are the network's, where a learner has them.
SPEC_OPTIONS = (
    "front_end_ranges",
    "replay_bytes",
    "replays",
    "leaks",
    "delta",
    "recurrent",
    "average_window",
)
#: Parameters that each learner has for itself.
_OWN = ("self", "__class__", "seed", "classes", "features", "backend")
_N_KEPT = 64


class Template(NamedTuple):
    """The parts that cost time to make and can be shared, for none of them ever changes.

    Attributes
    ----------
    spec : NetworkSpec
    config : the rule's configuration
    blank : State
        Before anything is drawn (:func:`quant.state.blank_state`).
    """

    spec: NetworkSpec
    config: Config
    blank: State


_MADE: dict[tuple[int, str, str, bytes], Template] = {}


def template(rule: str, head: str, given: Mapping[str, Any]) -> Template:
    """Return what learners with these parameters share; made once for parameters that are plain.

    Parameters
    ----------
    rule, head : str
    given : mapping
        A constructor's parameters.

    Raises
    ------
    ConfigError
        If a value is out of range, or parts do not fit each other.
    """
    shared = {name: value for name, value in given.items() if name not in _OWN}
    try:
        values = marshal.dumps(tuple(shared.items()), 2)  # -0.0 is not 0.0, nor True 1
    except ValueError:  # of another type than Python's own
        return _made(rule, head, shared)
    kind = RULES[rule].config
    key = id(kind), kind.__qualname__, head, values
    found = _MADE.get(key)
    if found is None:
        found = _made(rule, head, shared)
        if len(_MADE) >= _N_KEPT:
            _MADE.clear()
        _MADE[key] = found
    return found


def _made(rule: str, head: str, given: Mapping[str, Any]) -> Template:
    kind = RULES[rule].config
    own = {f.name for f in dataclasses.fields(kind)}
    spec = NetworkSpec(
        as_tuple("layers", given["layers"]),
        given["bias"],
        given["front_end"],
        head,
        **{name: given[name] for name in SPEC_OPTIONS if name in given},
    )
    spec = with_memory(spec, given)
    config = kind(**{name: value for name, value in given.items() if name in own})
    return Template(spec, config, blank_state(spec, config, given["arithmetic"]))


def as_tuple(name: str, values: Any) -> tuple[Any, ...]:
    """Return an ordered collection as a tuple; text and sets would give letters, or any order."""
    ordered = isinstance(values, Sequence | np.ndarray) and not isinstance(values, str | bytes)
    if not ordered or (isinstance(values, np.ndarray) and not values.ndim):
        raise ConfigError(f"{name}={shown(values)}: expected a list or tuple")
    return tuple(values)
