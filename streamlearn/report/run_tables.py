"""Tables that only a run has: what was dropped, what it takes in memory, the baselines' cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamlearn.report.data import ReportData
from streamlearn.report.text import count, escaped, size, table


def beside(data: ReportData) -> str:
    """Return what has to be known of the baselines, empty if there is nothing."""
    found = _dict(data.metrics, "baselines")
    if not found:
        return ""
    text = (
        f"The nearest neighbour keeps {count(found.get('nearest_samples'))} samples in "
        f"{size(found.get('nearest_bytes'))}, as many bytes as the learner's state has. SGD has "
        "the learner's shape."
    )
    since = found.get("since")
    if since:
        text += (
            f" The baselines began at sample {count(since)}: what they knew before was not kept, "
            "and their figures are over fewer samples."
        )
    return f'<p class="sub">{escaped(text)}</p>'


def dropped(data: ReportData) -> str:
    """Return what came and was not learned, and why; empty if nothing was."""
    reasons = {k: n for k, n in _dict(data.metrics, "dropped").items() if n}
    skipped = _dict(data.metrics, "skipped")
    if skipped.get("count"):
        reasons = {"bad rows, skipped": skipped["count"], **reasons}
    if not reasons:
        return ""
    html = "<h2>Not learned</h2>" + table(
        [(why, count(n)) for why, n in reasons.items()], ("reason", "rows"), "numbers"
    )
    messages = "".join(f"<li>{escaped(text)}</li>" for text in skipped.get("messages") or ())
    return html + (f"<p>The first of them:</p><ul>{messages}</ul>" if messages else "")


def memory(data: ReportData) -> str:
    """Return the table of bytes: the state by its parts, and the process; empty if unknown."""
    found = _dict(data.metrics, "memory")
    if not found:
        return ""
    parts = _largest(_dict(found, "state_parts"))
    rows: list[tuple[object, ...]] = [("Learner's state", size(found.get("state_bytes")))]
    rows += [(f"– {name}", size(n)) for name, n in parts.items()]
    rows.append(("State image, as a file", size(found.get("image_bytes"))))
    if found.get("process_peak_bytes"):
        rows.append(("This program on the host, at its peak", size(found["process_peak_bytes"])))
    return "<h2>Memory</h2>" + table(rows, classes="facts")


def _largest(parts: Mapping[str, Any], most: int = 6) -> dict[str, Any]:
    """Return the largest parts by name, and the sum of the others."""
    by_size = sorted(parts.items(), key=lambda part: -part[1])
    others = sum(n for _, n in by_size[most:])
    return {**dict(by_size[:most]), **({"others": others} if others else {})}


def _dict(outer: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = outer.get(key)
    return found if isinstance(found, Mapping) else {}
