"""What is known of each device, as people read it: the columns of the table and of the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from streamlearn.fleet.devices.registry import Registry, status_of
from streamlearn.report.text import ABSENT


def facts(registry: Registry) -> list[dict[str, Any]]:
    """Return the devices in order of their names, each as the registry knows it.

    ``waiting`` is how many samples have come that it has not learned yet.
    """
    rows = registry.rows(
        "SELECT *, (SELECT count(*) FROM inbox WHERE device = name) AS waiting "
        "FROM devices ORDER BY name"
    )
    return [status_of(row) for row in rows]


@dataclass(frozen=True)
class Cell:
    """A column: its name, what it shows of a device, and whether that is text."""

    name: str
    show: Callable[[dict[str, Any]], str]
    text: bool = False


def _known(name: str, form: str) -> Callable[[dict[str, Any]], str]:
    return lambda one: ABSENT if one.get(name) is None else format(one[name], form)


def _hash(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda one: ABSENT if one[name] is None else str(one[name])[:8]


def _score(one: dict[str, Any]) -> str:
    if one.get("accuracy") is not None:
        return f"{one['accuracy']:.1%}"
    return ABSENT if one.get("error") is None else f"± {one['error']:.3g}"


def _seen(one: dict[str, Any]) -> str:
    if one["seen"] is None:
        return "never"
    return datetime.fromtimestamp(one["seen"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")


CELLS = (
    Cell("device", lambda one: one["name"], text=True),
    Cell("link", lambda one: "up" if one["connected"] else "down", text=True),
    Cell("samples", _known("samples", ",")),
    Cell("right", _score),
    Cell("novelty", _known("novelty", ".3f")),
    Cell("blind", _known("blind", "")),
    Cell("step", _known("step", ".2f")),
    Cell("saturated", _known("saturations", ",")),
    Cell("waiting", _known("waiting", ",")),
    Cell("last seen", _seen, text=True),
    Cell("board", lambda one: one["board"], text=True),
    Cell("firmware", _hash("firmware"), text=True),
    Cell("image", _hash("image"), text=True),
    Cell("state", _hash("state"), text=True),
)
