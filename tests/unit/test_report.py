"""The report: one page that stands alone, whatever the run did not reach."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamlearn.errors import ShapeError, WriteError
from streamlearn.report import Baseline, Engine, LayerHistory, ReportData, write_report
from streamlearn.report.accuracy import draw_accuracy
from streamlearn.report.colours import BLUE, DARK, variable
from streamlearn.report.figure import Figure
from streamlearn.report.picture import standalone
from streamlearn.report.sheet import WIDE
from streamlearn.report.verdict import judge

N, N_CLASSES = 900, 6
CLASSES = ("Acetaldehyde", "Acetone", "Ammonia", "Ethanol", "Ethylene", "Toluene")
VOID = {"meta", "br", "hr", "img", "link", "input", "wbr"}
N_PICTURES = 6
SAME = "Golden model, host C and the device ended with the same state, bit for bit"


class Page(HTMLParser):
    """Collects text and attributes; fails on a tag that is closed wrongly."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())

    def values(self, attribute: str) -> list[str]:
        return [value for _, name, value in self.attributes if name == attribute]


STATE, PREDICTIONS = "ab" * 32, "cd" * 32


def make_data(n: int = N, n_layers: int = 2, **changes: Any) -> ReportData:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, N_CLASSES, n)

    def predicted(accuracy: float, seed: int) -> np.ndarray:
        draw = np.random.default_rng(seed)
        return np.where(draw.random(n) < accuracy, labels, draw.integers(0, N_CLASSES, n))

    real = predicted(0.9, 1)
    q16 = np.where(rng.random(n) < 0.98, real, predicted(0.9, 2))
    whole = {"rule": "mesu", "head": "categorical", "samples_per_s": 4321.0}
    other = {"state_sha256": "12" * 32, "predictions_sha256": "34" * 32}
    same = {"state_sha256": STATE, "predictions_sha256": PREDICTIONS}
    exact: dict[str, Any] = {**whole, **same, "arithmetic": "q16", "exact": True}
    engines = (
        Engine(
            "float64",
            arithmetic="float64",
            backend="numpy",
            exact=False,
            predictions=real,
            **whole,
            **other,
        ),
        Engine("q16 golden", backend="numpy", predictions=q16, **exact),
        Engine("q16 C", backend="c", predictions=q16.copy(), **exact),
        Engine("device nrf52840", backend="device", predictions=q16.copy(), **exact),
    )
    baselines = (
        Baseline("no change", np.concatenate([[0], labels[:-1]]), trivial=True),
        Baseline("majority", np.zeros(n, np.int64), trivial=True),
        Baseline("River ARF", predicted(0.85, 5)),
        Baseline("SGD MLP", accuracy=0.84),
    )
    at = np.linspace(0, n, 20).astype(np.int64)
    shares = np.array([0.3, 0.7, 1.0, 1.3, 1.6])
    levels = 0.1 * np.exp(-at / n)[:, None] / (1 + np.arange(n_layers))
    data = ReportData(
        title="streamlearn demo: gas-drift",
        metrics={
            "n_samples": n,
            "seed": 0,
            "spec": {"network": {"layers": [128, 64, 6]}, "config": {"memory_window": 30000}},
            "versions": {"streamlearn": "0.1.0", "numpy": "2.4.6"},
            "fidelity": {
                "bit_exact": True,
                "agreement_q16_float64": 0.98,
                "accuracy_difference": 0.001,
            },
            "device": {
                "board": "nrf52840",
                "core": "Cortex-M4F",
                "flash_bytes": 81234,
                "ram_bytes": {"state": 54000, "scratch": 3000, "stack_peak": 900, "total": 57900},
                "instructions_per_sample": {
                    "learn_median": 1234567,
                    "learn_max": 1334567,
                    "predict_median": 234567,
                },
                "model": {"ms_per_sample": 21.3, "uj_per_sample": None},
            },
        },
        labels=labels,
        batch=np.repeat([1, 2, 3], n // 3),
        engines=engines,
        baselines=baselines,
        history=LayerHistory("σ", "Small is sure.", at, levels[:, :, None] * shares),
        memory={
            "flash": {"bytes_available": 1 << 20, "parts": {"code": 20000, "start state": 61234}},
            "ram": {"bytes_available": 1 << 18, "parts": {"state": 54000, "scratch": 3000}},
        },
        instructions=rng.integers(1200000, 1334567, n),
        classes=CLASSES,
        saturations={"logits": 3, "weights": 0},
    )
    return replace(data, **changes)


def with_metrics(data: ReportData, **changes: Any) -> ReportData:
    return replace(data, metrics={**data.metrics, **changes})


def with_engine(data: ReportData, backend: str, **changes: Any) -> ReportData:
    """Change the exact engine of a backend."""
    engines = tuple(
        replace(e, **changes) if e.exact and e.backend == backend else e for e in data.engines
    )
    return replace(data, engines=engines)


def with_percentiles(data: ReportData, percentiles: np.ndarray) -> ReportData:
    assert data.history is not None
    return replace(data, history=replace(data.history, percentiles=percentiles))


def shortened(one: Any, m: int) -> Any:
    return one if one.predictions is None else replace(one, predictions=one.predictions[:m])


def cut(data: ReportData, m: int) -> ReportData:
    """Return what an interruption after m samples leaves, before the device had its turn."""
    metrics = {key: value for key, value in data.metrics.items() if key != "device"}
    assert data.history is not None
    seen = data.history.at <= m
    return replace(
        data,
        metrics={**metrics, "n_samples": m},
        engines=tuple(shortened(e, m) for e in data.engines if e.backend != "device"),
        baselines=tuple(shortened(b, m) for b in data.baselines),
        history=replace(
            data.history, at=data.history.at[seen], percentiles=data.history.percentiles[seen]
        ),
        memory={},
        instructions=None,
    )


@pytest.fixture
def rendered(tmp_path: Path) -> Any:
    def write(data: ReportData) -> tuple[str, Page]:
        path = tmp_path / "report.html"
        write_report(path, data)
        html = path.read_bytes().decode("utf-8")
        return html, Page(html)

    return write


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Page]:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, make_data())
    html = path.read_bytes().decode("utf-8")
    return html, Page(html)


def test_whole_page(full: tuple[str, Page]) -> None:
    html, page = full
    assert html.startswith("<!DOCTYPE html>")
    assert page.tags.count("svg") == 2 * N_PICTURES
    for sheet in ("wide", "narrow"):
        assert page.attributes.count(("svg", "class", sheet)) == N_PICTURES
    assert "Not drawn" not in page.words
    for text in ("nrf52840", "ab" * 32, "memory_window", "81,234 B", "prequential", "modelled"):
        assert text in page.words
    assert page.words.index(SAME) < page.words.index("Summary") < page.words.index("Hashes")


def test_stands_alone(full: tuple[str, Page]) -> None:
    html, page = full
    assert not {"link", "script", "img", "iframe", "image", "object"} & set(page.tags)
    assert not re.search(r"https?:|file:|@import|url\((?!#)|/home/|/work/|/tmp/", html)
    references = page.values("href") + re.findall(r"url\((#[^)]+)\)", html)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert references
    assert {reference.lstrip("#") for reference in references} == set(ids)
    assert not page.values("src")


def test_picture_has_words_for_screen_readers(full: tuple[str, Page]) -> None:
    _, page = full
    labels = [label for label in page.values("aria-label") if len(label) > 20]
    assert len(labels) == 2 * N_PICTURES
    assert len(set(labels)) == N_PICTURES, "the narrow picture says what the wide one says"


def test_size_of_a_full_stream(rendered: Any) -> None:
    html, _ = rendered(make_data(n=6696))
    assert len(html.encode()) < 1_000_000


def test_equal_data_give_equal_bytes(full: tuple[str, Page], rendered: Any) -> None:
    first, _ = full
    second, _ = rendered(make_data())
    assert first == second


def test_a_run_does_without_matplotlib() -> None:
    """Its import alone costs more than a report."""
    code = "import sys, streamlearn.cli.app; print('matplotlib' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"


def test_verdict_same(full: tuple[str, Page]) -> None:
    html, page = full
    assert 'class="verdict same"' in html
    assert f"✓ {SAME}" in page.words


def test_verdict_reported_difference(rendered: Any) -> None:
    html, page = rendered(with_metrics(make_data(), fidelity={"bit_exact": False}))
    assert 'class="verdict differs"' in html
    assert "Not the same bits" in page.words
    assert SAME not in page.words


def test_verdict_does_not_trust_bit_exact() -> None:
    verdict = judge(with_engine(make_data(), "device", state_sha256="00" * 32))
    assert verdict.kind == "differs"
    assert verdict.sentence == "Not the same bits: the device differs from the golden model"
    assert "hashes of the final state differ" in verdict.details[0]


def test_verdict_sees_different_hashes_of_predictions() -> None:
    data = make_data()
    for backend in ("numpy", "c", "device"):
        data = with_engine(data, backend, predictions=None)
    verdict = judge(with_engine(data, "device", predictions_sha256="00" * 32))
    assert verdict.kind == "differs"
    assert "hashes of the predictions differ" in verdict.details[0]


def test_verdict_sees_different_predictions() -> None:
    data = make_data()
    host = data.engines[2].predictions
    assert host is not None
    wrong = host.copy()
    wrong[41] = (wrong[41] + 1) % N_CLASSES
    verdict = judge(with_engine(data, "c", predictions=wrong))
    assert verdict.kind == "differs"
    assert verdict.sentence.endswith("host C differs from the golden model")
    assert "1 of 900 samples, first on sample 42" in verdict.details[0]


def test_verdict_names_all_that_differ() -> None:
    verdict = judge(with_engine(make_data(), "numpy", state_sha256="00" * 32))
    assert verdict.sentence.endswith("host C and the device differ from the golden model")


def test_verdict_names_only_what_was_compared() -> None:
    verdict = judge(with_engine(make_data(), "c", state_sha256=None))
    assert verdict.kind == "same"
    assert verdict.sentence.startswith("Golden model and the device ended with the same state")
    assert "Host C left no final state to compare." in verdict.details


def test_verdict_without_hashes_is_no_verdict() -> None:
    data = make_data()
    for backend in ("numpy", "c", "device"):
        data = with_engine(data, backend, state_sha256=None, predictions_sha256=None)
    assert judge(data).kind == "unknown"


def test_verdict_of_a_shorter_device_run() -> None:
    data = make_data()
    whole = data.engines[3].predictions
    assert whole is not None
    short = {"state_sha256": "00" * 32, "predictions_sha256": "11" * 32}
    verdict = judge(with_engine(data, "device", predictions=whole[:500], **short))
    assert verdict.kind == "same"
    assert verdict.sentence.startswith("Golden model and host C ended with the same state")
    assert "The device did 500 samples" in verdict.details[-1]


def test_display_names_decide_nothing(rendered: Any) -> None:
    """The page goes by the facts of an engine: names that mislead change the names and no more."""
    data = make_data()
    misleading = ("device q16", "majority", "float32 golden", "no change")
    engines = tuple(replace(e, name=name) for e, name in zip(data.engines, misleading, strict=True))
    baselines = tuple(replace(b, name=f"q16 golden {i}") for i, b in enumerate(data.baselines))
    renamed = replace(data, engines=engines, baselines=baselines)
    assert judge(renamed) == judge(data)
    _, page = rendered(renamed)
    assert SAME in page.words
    assert "majority = float32 golden = no change" in page.words


def test_one_learner_owes_no_verdict(rendered: Any) -> None:
    """A run of one engine: no box about bits, no list of what is missing, its own arithmetic."""
    data = make_data()
    q8 = replace(data.engines[2], name="q8", arithmetic="q8", rule="metaplastic")
    html, page = rendered(
        replace(
            data,
            engines=(q8,),
            metrics={"n_samples": N, "seed": 4},
            memory={},
            instructions=None,
        )
    )
    assert "verdict " not in html.split("</style>")[1]
    assert "Not drawn" not in page.words
    assert "q8 predicted" in page.words
    assert "rule metaplastic, seed 4." in page.words
    assert "same as" not in page.words
    assert "golden model" not in page.words, "the glossary explains what the page uses"


@pytest.mark.parametrize("m", [0, 1, 7, 450])
def test_interrupted(rendered: Any, m: int) -> None:
    html, page = rendered(cut(make_data(), m))
    assert f"Interrupted: {m} of 900 samples" in page.words
    assert "On the device" not in page.words
    assert "Not drawn" in page.words
    assert "memory" in html
    assert "Golden model and host C ended with the same state, bit for bit" in page.words


def test_almost_nothing_is_known(rendered: Any) -> None:
    data = make_data(
        metrics={"fidelity": {}},
        engines=(),
        baselines=(),
        batch=None,
        memory={},
        instructions=None,
        saturations=None,
        history=None,
    )
    html, page = rendered(data)
    assert 'class="verdict unknown"' in html
    assert "svg" not in page.tags


@pytest.mark.parametrize(
    "changes",
    [
        {"batch": None},
        {"batch": np.arange(N) % 7},
        {"classes": ()},
        {"classes": tuple(f"class {i}" for i in range(20))},
        {"classes": tuple(f"class {i}" for i in range(200))},
        {"instructions": np.full(N, 12345)},
        {"history": None},
        {"memory": {"ram": {"bytes_available": 100, "parts": {"state": 200, "none": 0}}}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_odd_data(rendered: Any, changes: dict[str, Any]) -> None:
    _, page = rendered(make_data(**changes))
    assert SAME in page.words


@pytest.mark.parametrize("value", [0.1, 0.0, np.nan])
def test_odd_percentiles(rendered: Any, value: float) -> None:
    _, page = rendered(with_percentiles(make_data(), np.full((20, 2, 5), value)))
    assert SAME in page.words
    assert page.tags.count("svg") == 2 * (N_PICTURES if value > 0 else N_PICTURES - 1)


def test_one_layer(rendered: Any) -> None:
    _, page = rendered(make_data(n_layers=1))
    assert "layer 1 from 0.10 to" in page.words
    assert "layer 2" not in page.words


def test_memory_that_does_not_fit(rendered: Any) -> None:
    memory = {"ram": {"bytes_available": 100, "parts": {"state": 200}}}
    _, page = rendered(make_data(memory=memory))
    assert "RAM does not fit: 200 B of 100 B" in page.words


def test_figures_may_be_missing(rendered: Any) -> None:
    data = make_data()
    slow = tuple(replace(e, samples_per_s=float("nan")) for e in data.engines)
    unknown = (*data.baselines, Baseline("unheard of"))
    _, page = rendered(replace(data, engines=slow, baselines=unknown))
    assert "nan" not in page.words.lower().split()
    assert "unheard of–" in page.words


def test_text_is_escaped(rendered: Any) -> None:
    nasty = '<b>&"$x_1$--></svg>\x00'
    data = make_data(
        title=nasty,
        classes=(nasty, "$\\frac$", "_hidden", "a" * 300, "日本", "f"),
        memory={"ram": {"bytes_available": 1000, "parts": {nasty: 50}}},
        saturations={nasty: 2},
    )
    named = replace(data.baselines[2], name=nasty)
    data = replace(data, baselines=(*data.baselines, named))
    html, page = rendered(with_metrics(data, spec={nasty: nasty}, versions={nasty: nasty}))
    assert "b" not in page.tags
    assert "<b>" not in html
    assert "\x00" not in html
    assert '<b>&"$x_1$--></svg>' in page.words


def test_saturations(full: tuple[str, Page], rendered: Any) -> None:
    assert "3 values reached the end" in full[1].words
    _, page = rendered(make_data(saturations={"logits": 0}))
    assert "No value reached the end" in page.words


@pytest.mark.parametrize(
    "changes",
    [
        {"batch": np.zeros(3, np.int64)},
        {"baselines": (Baseline("too long", np.zeros(N + 1, np.int64)),)},
    ],
)
def test_lengths_that_do_not_match(changes: dict[str, Any]) -> None:
    with pytest.raises(ShapeError):
        make_data(**changes)


@pytest.mark.parametrize("shape", [(20, 2, 4), (19, 2, 5), (20, 5)])
def test_percentiles_that_do_not_match(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"percentiles must be \[20, n_layers, 5\]"):
        with_percentiles(make_data(), np.zeros(shape))


# -- light and dark ------------------------------------------------------------------------------


def test_pictures_follow_the_colour_scheme(full: tuple[str, Page]) -> None:
    """Every colour of every picture is a variable that the page gives a light and a dark value."""
    html, page = full
    pictures = "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL))
    styles = re.findall(r'style="([^"]*)"', pictures)
    assert not [style for style in styles if re.search(r"#[0-9a-f]{3}|rgb|white|black;", style)]
    used = set(re.findall(r"var\((--c-[a-z-]+)\)", pictures))
    assert len(used) > 10
    css = html[: html.index("</style>")]
    light, dark = css.split("prefers-color-scheme: dark", 1)
    for name in used:
        assert f"{name}: #" in light
        assert f"{name}: #" in dark
    assert "fill=" not in pictures
    assert page.tags.count("svg") == 2 * N_PICTURES


def test_canary_a_colour_without_a_dark_value_is_refused() -> None:
    figure = Figure(1.0, WIDE)
    (panel,) = figure.panels()
    panel.line([0, 1], [0, 1], BLUE)
    assert "--c-blue" in figure.svg("x", "x")
    with pytest.raises(KeyError):
        panel.line([0, 1], [0, 1], "#123456")


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_letters_can_be_read_on_the_paper(dark: bool) -> None:
    """WCAG's 4.5 for text: what is written on the paper, and what is written on a full cell."""
    shade = {name: value if dark else light for light, (name, value) in DARK.items()}
    for letters, ground in (("pen", "paper"), ("grey", "paper"), ("on-cell", "cell")):
        assert contrast(shade[letters], shade[ground]) >= 4.5, (letters, ground)


def test_a_picture_alone_follows_the_colour_scheme_too() -> None:
    picture = draw_accuracy(make_data())
    assert picture is not None
    svg = standalone(picture)
    assert svg.count("<svg ") == svg.count("</svg>") == 1
    assert 'xmlns="http://www.w3.org/2000/svg"' in svg
    assert "prefers-color-scheme: dark" in svg
    assert variable("#0072B2") == "var(--c-blue)"


def test_folder_must_exist(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="make its folder first"):
        write_report(tmp_path / "none" / "report.html", make_data())


# -- what the accuracy alone does not say ---------------------------------------------------------

FIGURES: dict[str, Any] = {
    "accuracy_prequential": 0.9, "balanced_accuracy": 0.61, "kappa": 0.7, "kappa_m": -0.25,
    "kappa_t": None,
    "latest": {"n_samples": 300, "accuracy": 0.8, "balanced_accuracy": 0.5, "kappa": 0.4321,
               "kappa_m": 0.1, "kappa_t": 0.2},
    "classes": [
        {"class": "idle <b>", "n_samples": 1234, "recall": 0.98, "precision": 0.97},
        {"class": "worn", "n_samples": 0, "recall": None, "precision": None},
    ],
    "n_drifts": 1,
    "drifts": [{"at": 400, "seen": 432, "accuracy_before": 0.9, "accuracy_after": 0.5}],
    "advice": ["worse than the majority: 1 < 2"],
}  # fmt: skip


def test_figures_beside_the_accuracy(rendered: Any) -> None:
    html, page = rendered(with_metrics(make_data(), **FIGURES))
    for text in (
        "Before you use it", "Worse than the majority: 1 < 2.", "61.00 %", "0.700", "-0.250",
        "latest 300", "0.432", "Recall and precision of each class", "idle <b>", "1,234",
        "Triangles: the accuracy fell here", "ADWIN",
    ):  # fmt: skip
        assert text in page.words.replace("\xa0", " "), text
    assert "idle <b>" not in html, "names are escaped"


def test_a_good_run_has_no_box_and_no_marks(rendered: Any) -> None:
    good = {**FIGURES, "advice": [], "drifts": [], "n_drifts": 0}
    _, page = rendered(with_metrics(make_data(), **good))
    for text in ("Before you use it", "Triangles", "ADWIN"):
        assert text not in page.words


def test_drifts_are_drawn() -> None:
    with_marks, without = (
        draw_accuracy(with_metrics(make_data(), drifts=drifts))
        for drifts in (FIGURES["drifts"], [])
    )
    assert with_marks is not None
    assert without is not None
    assert with_marks.svg.count("<path") > without.svg.count("<path")


def test_too_many_drifts_and_classes_are_left_out(rendered: Any) -> None:
    many = {**FIGURES, "drifts": FIGURES["drifts"] * 61, "classes": FIGURES["classes"] * 51}
    _, page = rendered(with_metrics(make_data(), **many))
    assert "Triangles" not in page.words
    assert "Recall and precision of each class" not in page.words
