"""What only a run's page has: what was dropped, bytes, baselines, curves of what was looked at."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from streamlearn.evaluation import Curve
from streamlearn.evaluation.timeline import Timeline
from streamlearn.report import Baseline, Engine, ReportData
from streamlearn.report.health import draw_health
from streamlearn.report.page import render
from streamlearn.report.run_tables import beside, dropped, memory
from streamlearn.report.uncertainty import draw_uncertainty
from streamlearn.watching.watch import LOOKS


def page_of(metrics: dict[str, Any], **more: Any) -> ReportData:
    curve = Curve()
    curve.add(np.arange(100) % 4 > 0)
    engine = Engine("q16", "mesu", "categorical", "q16", "c", True, curve=curve)
    return ReportData(
        "a run", ("a", "b"), (engine,), (), (Baseline("SGD", curve=curve),), metrics,
        n_stream=100, **more,
    )  # fmt: skip


def looked(rows: int, epistemic: float = 0.1) -> Timeline:
    line = Timeline(LOOKS)
    for at in range(0, rows, 16):
        line.add(at, [0.5 - at / rows / 4, 0.8, epistemic, 1.0 + at / rows, at >= 64, 3])
    return line


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_what_was_dropped_is_there_with_its_reason() -> None:
    found = words(
        dropped(
            page_of(
                {
                    "dropped": {"bad rows": 2, "torn": 1, "overlong": 0},
                    "skipped": {"count": 2, "messages": ["line 3: <b>"]},
                    "waiting": {"dropped": {"rows": 4, "labels": 0}},
                }
            )
        )
    )
    assert "bad rows 2 torn 1 rows whose label did not come in time 4" in found
    assert "line 3: &lt;b&gt;" in found
    assert "overlong" not in found
    assert "labels whose row" not in found
    assert dropped(page_of({"dropped": {"bad rows": 0}})) == ""


def test_bytes_are_those_of_the_largest_parts() -> None:
    parts = {f"part {i}": 100 - i for i in range(10)}
    found = words(memory(page_of({"memory": {"state_bytes": 955, "state_parts": parts}})))
    assert "part 5 95" in found
    assert "part 6" not in found
    assert f"others {sum(100 - i for i in range(6, 10))}" in found
    assert memory(page_of({})) == ""


def test_baselines_that_began_late_are_said_to() -> None:
    known = {"nearest_samples": 9, "nearest_bytes": 99}
    assert "began at sample 1,000" in beside(page_of({"baselines": {**known, "since": 1000}}))
    assert "began" not in beside(page_of({"baselines": {**known, "since": 0}}))
    assert beside(page_of({"baselines": None})) == ""


@pytest.mark.parametrize("epistemic", [0.1, float("nan")])
def test_curves_of_what_was_looked_at(epistemic: float) -> None:
    data = page_of({}, timeline=looked(100, epistemic))
    unsure, health = draw_uncertainty(data), draw_health(data)
    assert unsure is not None
    assert health is not None
    assert unsure.finding.startswith("Novelty was 0.50 at the beginning")
    assert ("epistemic part" in unsure.reading) == (epistemic == epistemic)
    assert "blind features: 1 at most" in health.finding
    assert "21 values were held" in health.finding
    html = render(data)
    assert 'data-part="uncertainty over the stream"' in html
    assert "SGD" in html


def test_nobody_looked_and_nothing_is_drawn() -> None:
    for data in (page_of({}), page_of({}, timeline=Timeline(LOOKS))):
        assert draw_uncertainty(data) is None
        assert draw_health(data) is None
        assert "Novelty" not in render(data)
