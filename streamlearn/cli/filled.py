"""Options that several commands share: said once, in the function that makes something of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from types import SimpleNamespace
from typing import Any, get_type_hints

Command = Callable[..., None]


def filled(**groups: Callable[..., Any]) -> Callable[[Command], Command]:
    """Fill parameters of a command from options of their own.

    Parameters
    ----------
    groups
        By the name of the command's parameter, a function that returns its value; the parameters
        of the function become options of the command.

    Examples
    --------
    >>> def size(width: int = 1, height: int = 1) -> int:
    ...     return width * height
    >>> @filled(area=size)
    ... def show(area: int, name: str = "") -> None:
    ...     print(name, area)
    >>> show(width=2, height=3, name="desk")
    desk 6
    >>> [*inspect.signature(show).parameters]
    ['width', 'height', 'name']
    """
    options = {name: _parameters(group) for name, group in groups.items()}

    def decorate(command: Command) -> Command:
        found: dict[str, inspect.Parameter] = {}
        for name, parameter in _parameters(command, groups).items():
            found |= options.get(name, {name: parameter})

        def with_options(**given: Any) -> None:
            own = {
                name: given[name] for name in inspect.signature(command).parameters.keys() - groups
            }
            for name, group in groups.items():
                own[name] = group(**{option: given[option] for option in options[name]})
            command(**own)

        made: Any = with_options
        made.__name__, made.__doc__ = command.__name__, command.__doc__
        made.__module__ = command.__module__
        made.__signature__ = inspect.Signature([*found.values()])
        made.__annotations__ = {name: p.annotation for name, p in found.items()}
        return with_options

    return decorate


def _parameters(
    function: Callable[..., Any], without: Collection[str] = ()
) -> dict[str, inspect.Parameter]:
    """Return the parameters by name; an option may stand behind one without a default.

    Annotations of those in ``without`` stay text: their types are not imported before they run.
    """
    found = inspect.signature(function).parameters
    text = {name: p.annotation for name, p in found.items() if name not in without}
    hints = get_type_hints(
        SimpleNamespace(__annotations__=text),
        function.__globals__,
        include_extras=True,
    )
    kind = inspect.Parameter.KEYWORD_ONLY
    return {
        name: p.replace(kind=kind, annotation=hints.get(name, p.annotation))
        for name, p in found.items()
    }
