"""The page of a regressor: it stands alone, whatever the run did not reach."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_report import Page

from streamlearn.cli.target_figures import target_figures_of
from streamlearn.evaluation import RegressionMetrics
from streamlearn.report import Engine, LayerHistory, ReportData, write_report
from streamlearn.report.page import render

PICTURES = ("Mean absolute error", "Predicted against true", "The 95 % intervals", "Median σ")


def figures(n: int = 900, sd: float = 0.5, wild: bool = False) -> RegressionMetrics:
    rng = np.random.default_rng(1)
    y = 20 + 2 * rng.normal(size=n)
    error = rng.normal(size=n) * np.where(np.arange(n) < 2 * n // 3, sd, 3 * sd)
    if wild:
        error[n // 2] = 1e30
    p = np.column_stack([y + error, np.full(n, 0.6 * sd), np.full(n, 0.8 * sd)])
    return RegressionMetrics().update_many(y, p)


def data(found: RegressionMetrics, **changes: Any) -> ReportData:
    engine = Engine(
        name="q16", rule="mesu", head="gaussian", arithmetic="q16", backend="c", exact=True,
        state_sha256="ab" * 32, predictions_sha256="cd" * 32,
    )  # fmt: skip
    at = np.arange(0, 900, 100)
    shares = np.array([0.3, 0.7, 1.0, 1.3, 1.6])
    given: dict[str, Any] = {
        "title": "streamlearn run: <pump & fan>.csv",
        "n_stream": found.n_samples,
        "targets": found,
        "classes": (),
        "engines": (engine,),
        "metrics": {"seed": 3, **target_figures_of(found)},
        "history": LayerHistory("σ", "Small is sure.", at, np.ones((9, 2, 1)) * shares),
        "saturations": {"input": 0, "gradient": 5},
    }
    return ReportData(**{**given, **changes})


def test_the_page_stands_alone_and_shows_all() -> None:
    found = figures()
    html = render(data(found))
    page = Page(html)
    for title in PICTURES:
        assert title in page.words
    assert page.tags.count("svg") == 2 * len(PICTURES)  # wide and narrow
    assert len(page.ids) == len(set(page.ids))
    assert not any(value.startswith(("http", "//")) for value in page.values("src"))
    assert "<pump & fan>.csv" in page.words
    assert "900 samples, a number to predict, rule mesu, seed 3" in page.words
    assert "Triangles" in page.words
    assert found.n_drifts
    for word in ("skill", "log-likelihood", "R²", "interval"):
        assert f"<dt>{word}</dt>" in html
    assert "abababab" in html
    assert html == render(data(found))


def test_figures_of_the_tables_are_those_of_the_run() -> None:
    found = figures()
    words = Page(render(data(found))).words
    assert f"{100 * found.coverage(0.9):.2f}\u00a0%".replace("\u00a0", " ") in words
    assert f"{found.skill_no_change:.3f}" in words
    assert f"{found.latest.r2:.3f}" in words


@pytest.mark.parametrize("n", [0, 1, 2, 3, 40])
def test_short_runs_have_a_page(n: int) -> None:
    found = figures(n)
    page = Page(render(data(found, history=None, saturations=None)))
    assert f"{n} samples, a number to predict" in page.words


def test_one_wild_prediction_flattens_no_picture() -> None:
    found = figures(wild=True)
    assert "1.0e+" not in Page(render(data(found))).words.split("Summary")[0]


def test_without_standard_deviations_there_are_no_intervals() -> None:
    y = np.arange(500) % 17 + 0.5
    found = RegressionMetrics().update_many(y, y + 0.1)
    words = Page(render(data(found, history=None))).words
    assert "Predicted against true" not in words
    assert "intervals held" not in words
    assert "Mean absolute error 0.100" in words


def test_it_is_written(tmp_path: Any) -> None:
    found = figures(200)
    write_report(tmp_path / "report.html", data(found))
    assert (tmp_path / "report.html").read_text("utf-8") == render(data(found))
