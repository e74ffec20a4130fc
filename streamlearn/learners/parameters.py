"""The parameters that a learner was made with: their names, their values, and misspelt ones."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import inspect
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from quant.errors import ParameterError
from quant.rule import RULES

if TYPE_CHECKING:
    from typing_extensions import Self


def constructor(kind: type) -> inspect.Signature:
    """Return the signature of a class's constructor.

    Where a subclass passes ``**more`` on, its parents' parameters follow its own, by keyword only.
    """
    found: dict[str, inspect.Parameter] = {}
    for base in (base for base in kind.__mro__ if "__init__" in vars(base)):
        own = list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]
        named = [p for p in own if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        if found:
            named = [p.replace(kind=p.KEYWORD_ONLY) for p in named if p.name not in found]
        found.update((p.name, p) for p in named)
        if not any(p.kind == p.VAR_KEYWORD for p in own):
            break
    return inspect.Signature(list(found.values()))


def refuse_unknown(kind: str, given: Iterable[str], known: tuple[str, ...]) -> None:
    """Refuse names that are no parameters.

    Raises
    ------
    ParameterError
        It names the class and suggests the parameter that was meant.
    """
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            meant = f"did you mean {close[0]}?" if close else f"it has {', '.join(known)};"
            raise ParameterError(
                f"{kind} has no parameter {name}: {meant} help({kind}) says what each does"
            )


#: In a learner's docstring: its parent's sections, and what its configuration says of the fields.
INHERITED, HYPERPARAMETERS = re.compile(r"\{inherited\}\n((?:.+\n)*)"), "{hyperparameters}\n"
#: In it: the names of its rule's arithmetics.
ARITHMETICS = "{arithmetics}"
_TITLES = ("Parameters", "Raises", "Notes")


def section(kind: type, title: str) -> str:
    """Return what a class's docstring says under a title, "" where it does not have that."""
    text = inspect.cleandoc(kind.__doc__ or "")
    found = re.search(rf"^{title}\n-+\n(.*?)(?=\n\n\w+\n-+\n|\Z)", text, re.M | re.S)
    return f"{found[1]}\n" if found else ""


def explanations(config: type, names: Iterable[str]) -> str:
    """Return what a configuration's docstring says of some of its fields."""
    found: list[str] = []
    for kind in reversed(config.__mro__[:-1]):
        for entry in re.split(r"\n(?=\S)", section(kind, "Parameters").rstrip()):
            if set(entry.partition(" :")[0].split(", ")) & set(names):
                found += entry.splitlines()
    return "".join(f"{line}\n" for line in found)


def complete(kind: Any) -> str:
    """Return a learner's docstring with its parent's sections and its configuration's words.

    ``{inherited}`` stands for Parameters, Raises and Notes of the nearest parent that has
    Parameters; lines right behind it are more Parameters. ``{hyperparameters}``, its own or taken
    over, stands for the fields of the configuration, ``{arithmetics}`` for the arithmetics of its
    rule.
    """
    text = inspect.cleandoc(kind.__doc__ or "") + "\n"
    parents = [parent for parent in kind.__mro__[1:] if section(parent, _TITLES[0])]
    place = INHERITED.search(text)
    if parents and place is not None:
        more = {_TITLES[0]: place[1]}
        found = ((title, section(parents[0], title) + more.get(title, "")) for title in _TITLES)
        parts = [f"{title}\n{'-' * len(title)}\n{words}" for title, words in found if words]
        text = text.replace(place[0], "\n".join(parts))
    if HYPERPARAMETERS in text and hasattr(kind, "_rule"):
        rule = RULES[kind._rule]
        names = [name for name in kind._parameters if name not in kind._made]
        text = text.replace(HYPERPARAMETERS, explanations(rule.config, names))
        known = ", ".join(f'"{name}"' for name in rule.arithmetics)
        text = text.replace(ARITHMETICS, f"{{{known}}}")
    return text


class Parameters:
    """What knows the parameters of its constructor; each is also a read-only attribute.

    A subclass has ``spec``, ``config``, ``arithmetic`` and the attributes named below.
    """

    __signature__: inspect.Signature
    _parameters: tuple[str, ...] = ()
    #: Parameters that became something else in its network, or have another name there.
    _made: tuple[str, ...] = ()
    _rule: str
    spec: Any
    config: Any
    arithmetic: Any
    _backend: Any
    _state: Any
    #: Labels and names of features as they were given, not as they were learned.
    _given: tuple[tuple[Any, ...] | None, tuple[str, ...] | None]

    def __new__(cls, *args: Any, **given: Any) -> Self:  # noqa: ARG004 - __init__ takes them
        """Refuse a parameter that the class does not have, before ``__init__`` would.

        Raises
        ------
        ParameterError
            It names the class and suggests the parameter that was meant.
        """
        refuse_unknown(cls.__name__, given, cls._parameters)
        return super().__new__(cls)

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        annotated = {name for base in cls.__mro__ for name in vars(base).get("__annotations__", {})}
        # Python below 3.11.3 would show __new__'s.
        cls.__signature__ = constructor(cls)
        cls._parameters = tuple(cls.__signature__.parameters)
        if cls.__doc__:
            cls.__doc__ = complete(cls)
        for name in cls._parameters:
            if not hasattr(cls, name) and name not in annotated:
                setattr(cls, name, property(functools.partial(parameter, name=name)))

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 - the ecosystem's
        """Return the constructor's parameters by name: ``type(learner)(**learner.get_params())``
        makes a learner that has learned nothing yet.

        Parameters
        ----------
        deep : bool
            For scikit-learn's sake; a learner has no parts with parameters of their own.
        """
        return {name: parameter(self, name) for name in self._parameters}


def parameter(learner: Any, name: str) -> Any:
    """Return what a parameter is or became, such as a default that follows from another."""
    if name == "seed":
        return int(learner._state["seed"][0])
    if name in ("classes", "features"):
        return learner._given[("classes", "features").index(name)]
    if name in ("arithmetic", "backend"):
        return learner.arithmetic if name == "arithmetic" else learner._backend
    if name == "memory_bytes":
        return None  # it became memory_features
    in_config = name in {field.name for field in dataclasses.fields(learner.config)}
    return getattr(learner.config if in_config else learner.spec, name)
