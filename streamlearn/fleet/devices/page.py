"""The page of a fleet: one row for each device, sent again when it changes."""

from __future__ import annotations

from typing import Any

from streamlearn.fleet.devices.facts import CELLS, facts
from streamlearn.fleet.devices.registry import Registry
from streamlearn.report.page import html_page
from streamlearn.report.text import escaped
from streamlearn.serve.parts import BAR, HEAD, PartsPage

#: Seconds between two looks at the registry.
LOOK_S = 0.5
_STYLE = (
    "<style>main{max-width:80rem} .wide{overflow-x:auto} .wide table{white-space:nowrap} "
    ".wide .n{text-align:right} "
    ".dot{display:inline-block;width:.7em;height:.7em;border-radius:50%;background:#b3261e} "
    ".dot.on{background:#2e7d32}</style>"
)


class FleetPage(PartsPage):
    """Shows what the registry says; it does not write to it.

    Parameters
    ----------
    registry
        The page's own: it looks from threads of its own.
    title
    """

    def __init__(self, registry: Registry, title: str) -> None:
        super().__init__()
        self._registry, self._title = registry, title

    def html(self) -> str:
        """Return the page as it is loaded."""
        return html_page(self._title, {"bar": BAR, **self._drawn()}, HEAD + _STYLE, empty=True)

    def _draw_on(self) -> None:
        while not self._stop.wait(LOOK_S):
            if self._watchers:
                self._draw_last()

    def _draw_last(self) -> None:
        self._set(self._drawn())

    def _drawn(self) -> dict[str, str]:
        found = facts(self._registry)
        on = sum(one["connected"] for one in found)
        title = f"{on} of {len(found)} connected · {self._title}"
        samples = sum(one["number"] for one in found)
        waiting = sum(one["waiting"] for one in found)
        cells = (
            ("connected", f"{on} of {len(found)}"),
            ("samples", f"{samples:,}"),
            ("waiting", f"{waiting:,}"),
        )
        figures = "".join(f"<div><dt>{n}</dt><dd>{escaped(v)}</dd></div>" for n, v in cells)
        return {
            "now": f'<dl class="now" data-title="{escaped(title)}">{figures}</dl>',
            "devices": _table(found),
            "why": "".join(
                f"<p><b>{escaped(one['name'])}</b>: {escaped(one['why'])}</p>"
                for one in found
                if one["why"]
            ),
        }


def _table(found: list[dict[str, Any]]) -> str:
    head = "".join(f'<th class="{"t" if c.text else "n"}">{escaped(c.name)}</th>' for c in CELLS)
    rows = []
    for one in found:
        dot = f'<span class="dot{" on" if one["connected"] else ""}" aria-hidden="true"></span> '
        cells = [
            f'<td class="{"t" if c.text else "n"}">{dot if not at else ""}'
            f"{escaped(c.show(one))}</td>"
            for at, c in enumerate(CELLS)
        ]
        rows.append(f'<tr data-device="{escaped(one["name"])}">{"".join(cells)}</tr>')
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
