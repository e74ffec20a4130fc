"""The part of a live page that a report does not have: how the run stands now."""

from __future__ import annotations

from streamlearn.report.text import ABSENT, count, escaped, percent, significant
from streamlearn.watching.now import Now


def now_part(now: Now) -> str:
    """Return the figures of this moment as HTML."""
    numbers = now.mae is not None
    latest = significant(now.mae_latest) if numbers else percent(now.accuracy_latest)
    whole = significant(now.mae) if numbers else percent(now.accuracy)
    what = "mean absolute error" if numbers else "right"
    lost = ", ".join(f"{count(n)} {why}" for why, n in now.dropped.items() if n)
    cells = (
        ("samples", count(now.n_samples)),
        ("samples/s", significant(now.rate)),
        (f"{what} of the latest {count(now.window)}", latest),
        (f"{what} of all", whole),
        ("novelty", _novelty(now)),
        ("step multiplier", f"× {now.step:.2f}"),
        ("blind features", ", ".join(now.blind) or "none"),
        ("dropped", lost or "nothing"),
        ("drifts", count(now.n_drifts)),
    )
    title = f"{latest} · {count(now.n_samples)} · {now.source}"
    figures = "".join(
        f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd></div>" for name, value in cells
    )
    return f'<dl class="now" data-title="{escaped(title)}">{figures}</dl>'


def _novelty(now: Now) -> str:
    if now.novelty is None:
        return ABSENT
    usual = "" if now.usual_novelty is None else f", usually {now.usual_novelty:.3f}"
    return f"{now.novelty:.3f}{usual}"
