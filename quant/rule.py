"""The rules: what a learning rule is, and where its parts are found.

A rule is a name that has one room on every floor: ``quant/rules/NAME`` (numbers),
``streamlearn/rules/NAME`` (equations and learners) and ``export/rules/NAME`` (ONNX graphs). A rule
of another package has the same three parts in one folder and is announced by :func:`register`.
Nothing outside a rule's rooms says its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from quant.c_text import RuleKernel
from quant.counters import Saturations
from quant.errors import ConfigError, RuleError
from quant.layout import Field, Range, State
from quant.network import NetworkSpec
from quant.rooms import FLOORS, OUTSIDE, inside, part
from quant.starts import Copy, Draw

Numbers = Literal["integer", "float32", "float64"]
#: The dataclass of a rule's hyperparameters; its ``rule`` is the rule's name.
Config = Any


@dataclass(frozen=True)
class Model:
    """A rule as pure functions in NumPy: integers (golden model) or float64 (equations).

    Attributes
    ----------
    plan : callable
        ``plan(spec, config)``: the constants that the other two run on.
    forward : callable
        ``forward(spec, plan, state, x, count)``: run the network on the inputs of one sample; the
        state is as before. What it returns has ``outputs``, ``[n_outputs, draws]``, and whatever
        ``update`` needs.
    update : callable
        ``update(spec, plan, state, forward, target, count)``: one learning step, in place. The
        target is a class index, or a standardised number.
    undecided : callable, optional
        ``undecided(spec, plan, forward)``: how many hidden units a small change would turn over.
    mean : callable, optional
        Of a rule that draws: as ``forward``, with the mean weights and nothing drawn.
    """

    plan: Callable[[NetworkSpec, Config], Any]
    forward: Callable[[NetworkSpec, Any, State, Any, Saturations], Any]
    update: Callable[[NetworkSpec, Any, State, Any, Any, Saturations], None]
    undecided: Callable[[NetworkSpec, Any, Any], int] | None = None
    mean: Callable[[NetworkSpec, Any, State, Any, Saturations], Any] | None = None


@dataclass(frozen=True)
class Arithmetic:
    """What a rule is computed in.

    Attributes
    ----------
    numbers : {"integer", "float32", "float64"}
        The kind of numbers, which front end and head share.
    fields : callable
        ``fields(spec, config)``: what the rule keeps in the state.
    init : callable
        ``init(spec, config, state)``: draw the start of a zeroed state, in place.
    golden : Model, optional
        The model in integers; the equations in float64 live on the floor ``streamlearn``.
    kernel : RuleKernel, optional
        The same in C.
    logits : callable, optional
        ``logits(state, mean)``: mean logits as a probability is made of them, such as divided by
        a temperature.
    log2_temperature : str, optional
        The field, Q15.16, that ``logits`` goes by: the logarithm of what divides them.
    noisy : bool
        Whether learning draws random bits.
    check_state : callable, optional
        ``check_state(spec, config, state)`` raises ShapeError if a state is of another setting,
        or one that no learner comes to.
    ranges : callable, optional
        ``ranges(spec, config)``: what of that is a range of a field, for C on a device.
    starts : callable, optional
        ``starts(spec, config)``: what ``init`` draws and copies, so that a board makes the state
        from its seed (:mod:`quant.starts`). Without it the state is kept in flash.
    """

    numbers: Numbers
    fields: Callable[[NetworkSpec, Config], list[Field]]
    init: Callable[[NetworkSpec, Config, State], None]
    golden: Model | None = None
    kernel: RuleKernel | None = None
    logits: Callable[[State, Any], Any] | None = None
    log2_temperature: str | None = None
    noisy: bool = True
    check_state: Callable[[NetworkSpec, Config, State], None] | None = None
    ranges: Callable[[NetworkSpec, Config], list[Range]] | None = None
    starts: Callable[[NetworkSpec, Config], list[Draw | Copy]] | None = None


@dataclass(frozen=True)
class Rule:
    """A learning rule.

    Attributes
    ----------
    name : str
    config : type
        A frozen dataclass: its fields are the keyword parameters of the learners.
    heads : tuple of str
        Names in :data:`quant.heads.HEADS` that it learns with.
    arithmetics : mapping
        By name; the first one is the learners' default.
    check : callable
        ``check(spec, config)`` raises ConfigError if the two do not fit.
    variants : mapping
        Settings that change code paths or layout, by a name: what every list of checks goes
        through beside the defaults. Values are keyword parameters of a learner.
    weight : str
        The field of the state that holds the weights.
    draws : bool
        Whether a prediction draws from what the weights may be; then the rule also predicts with
        their mean, and its models have ``mean``.
    spiking : tuple of str
        The arithmetics in which it learns spiking layers (:mod:`quant.spiking`).
    recurrent : tuple of str
        The arithmetics in which its spiking layers may read their own units.
    averages : tuple of str
        The arithmetics in which its spiking layers may have averaged weights
        (:mod:`quant.averages`): those whose state has ``mu``.
    charges : bool
        Whether what arrives in a step charges its hidden layers' membranes. Else it takes traces
        for inputs in every step, and its membranes are sums over them.
    title : str
        What tables call it; its name if empty.
    """

    name: str
    config: type[Any]
    heads: tuple[str, ...]
    arithmetics: Mapping[str, Arithmetic]
    check: Callable[[NetworkSpec, Config], None]
    weight: str
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    draws: bool = False
    spiking: tuple[str, ...] = ()
    recurrent: tuple[str, ...] = ()
    averages: tuple[str, ...] = ()
    charges: bool = False
    title: str = ""


def register(name: str, package: str) -> None:
    """Announce a rule that lives outside: ``package.quant``, ``.streamlearn`` and ``.export``.

    Raises
    ------
    RuleError
        If the name is taken, a part is missing, or the rule calls itself otherwise; the message
        names it.
    """
    if name in RULES:
        raise RuleError(f"rule {name!r} exists already: give yours another name")
    OUTSIDE[name] = package
    try:
        for floor in FLOORS:
            part(name, floor)
        _ = RULES[name]
    except BaseException:  # whatever it was, no list may hold half a rule
        del OUTSIDE[name]
        raise


def unregister(name: str) -> None:
    """Take back :func:`register`."""
    OUTSIDE.pop(name, None)


class _Rules(Mapping[str, Rule]):
    """Every rule by its name, found by its folder; loaded when it is asked for."""

    def __getitem__(self, name: str) -> Rule:
        if name not in self:
            raise KeyError(name)
        rule: Rule = part(name, "quant").RULE
        if rule.name != name:
            raise RuleError(f"the room of rule {name!r} holds a rule called {rule.name!r}")
        return rule

    def __iter__(self) -> Iterator[str]:
        yield from inside()
        yield from OUTSIDE

    def __contains__(self, name: object) -> bool:
        return name in inside() or name in OUTSIDE

    def __len__(self) -> int:
        return sum(1 for _ in self)


#: The only place that knows all rules.
RULES: Mapping[str, Rule] = _Rules()


def _spiking() -> list[Rule]:
    """Return the rules that learn spiking layers."""
    return [rule for rule in RULES.values() if rule.spiking]


def rule_of(config: Config) -> Rule:
    """Return the rule of a configuration, or of a rule's name.

    Raises
    ------
    ConfigError
        If there is no such rule.
    """
    name = config if isinstance(config, str) else getattr(config, "rule", None)
    if not isinstance(name, str) or name not in RULES:
        known = ", ".join(map(repr, RULES))
        raise ConfigError(f"rule={name!r}: expected one of {known}")
    return RULES[name]


def arithmetic_of(spec: NetworkSpec, config: Config, arithmetic: str) -> Arithmetic:
    """Return what a rule is computed in, after checking that all parts fit each other.

    Raises
    ------
    ConfigError
        If the rule does not know the head or the arithmetic, or refuses the network.
    """
    rule = rule_of(config)
    if spec.head not in rule.heads:
        raise ConfigError(
            f"head={spec.head!r}: the rule {rule.name!r} learns with "
            f"{' or '.join(map(repr, rule.heads))}"
        )
    if not isinstance(arithmetic, str) or arithmetic not in rule.arithmetics:
        raise ConfigError(
            f"arithmetic={arithmetic!r}: expected one of {', '.join(rule.arithmetics)}"
        )
    window = spec.average_window
    for asked, given, of, what in (
        (spec.leaks, f"leaks={spec.leaks}", "spiking", "spiking layers"),
        (spec.recurrent, "recurrent=True", "recurrent", "recurrent connections"),
        (window, f"average_window={window}", "averages", "averaged weights"),
    ):
        if asked and arithmetic not in getattr(rule, of):
            those = [(r.name, getattr(r, of)) for r in _spiking()]
            known = ", ".join(f"{name} in {' or '.join(found)}" for name, found in those if found)
            raise ConfigError(
                f"{given}: the rule {rule.name!r} in {arithmetic} has no {what}; there are {known}"
            )
    rule.check(spec, config)
    return rule.arithmetics[arithmetic]
