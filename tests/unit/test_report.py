"""The report: one page that stands alone, whatever the run did not reach."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest

from streamlearn.errors import ShapeError
from streamlearn.report import ReportData, write_report
from streamlearn.report.verdict import judge

N, N_CLASSES = 900, 6
CLASSES = ("Acetaldehyde", "Acetone", "Ammonia", "Ethanol", "Ethylene", "Toluene")
VOID = {"meta", "br", "hr", "img", "link", "input"}
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


def make_data(n: int = N, n_layers: int = 2, **changes: Any) -> ReportData:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, N_CLASSES, n)

    def predicted(accuracy: float, seed: int) -> np.ndarray:
        draw = np.random.default_rng(seed)
        return np.where(draw.random(n) < accuracy, labels, draw.integers(0, N_CLASSES, n))

    real = predicted(0.9, 1)
    q16 = np.where(rng.random(n) < 0.98, real, predicted(0.9, 2))
    hashes = {"state_sha256": "ab" * 32, "predictions_sha256": "cd" * 32}
    other = {"state_sha256": "12" * 32, "predictions_sha256": "34" * 32}
    entry = {"accuracy_prequential": 0.91, "samples_per_s": 4321.0}
    at = np.linspace(0, n, 20).astype(np.int64)
    spread = np.array([0.3, 0.7, 1.0, 1.3, 1.6])
    levels = 0.1 * np.exp(-at / n)[:, None] / (1 + np.arange(n_layers))
    data = ReportData(
        title="streamlearn demo: gas-drift",
        metrics={
            "n_samples": n,
            "accuracy_prequential": 0.91,
            "accuracy_no_change": 0.18,
            "accuracy_majority": 0.2,
            "arithmetic": "q16",
            "seed": 0,
            **hashes,
            "spec": {"network": {"layers": [128, 64, 6]}, "config": {"memory_window": 30000}},
            "versions": {"streamlearn": "0.1.0", "numpy": "2.4.6"},
            "engines": {
                "float64": {**entry, **other, "arithmetic": "float64"},
                "q16 golden": {**entry, **hashes, "arithmetic": "q16"},
                "q16 C": {**entry, **hashes, "arithmetic": "q16"},
            },
            "baselines": {"SGD MLP": 0.84, "River ARF": 0.88},
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
                **hashes,
                "model": {"ms_per_sample": 21.3, "uj_per_sample": None},
            },
        },
        labels=labels,
        batch=np.repeat([1, 2, 3], n // 3),
        predictions={
            "float64": real,
            "q16 golden": q16,
            "q16 C": q16.copy(),
            "device nrf52840": q16.copy(),
            "no change": np.concatenate([[0], labels[:-1]]),
            "majority": np.zeros(n, np.int64),
            "River ARF": predicted(0.85, 5),
        },
        sigma_at=at,
        sigma=levels[:, :, None] * spread,
        memory={
            "flash": {"bytes_available": 1 << 20, "parts": {"code": 20000, "start state": 61234}},
            "ram": {"bytes_available": 1 << 18, "parts": {"state": 54000, "scratch": 3000}},
        },
        instructions={"learn": rng.integers(1200000, 1334567, n)},
        classes=CLASSES,
        saturations={"logits": 3, "weights": 0},
    )
    return replace(data, **changes)


def with_metrics(data: ReportData, **changes: Any) -> ReportData:
    return replace(data, metrics={**data.metrics, **changes})


def cut(data: ReportData, m: int) -> ReportData:
    """Return what an interruption after m samples leaves, before the device had its turn."""
    metrics = {key: value for key, value in data.metrics.items() if key != "device"}
    kept = {k: p[:m] for k, p in data.predictions.items() if not k.startswith("device")}
    seen = data.sigma_at <= m
    return replace(
        data,
        metrics={**metrics, "n_samples": m},
        predictions=kept,
        sigma_at=data.sigma_at[seen],
        sigma=data.sigma[seen],
        memory={},
        instructions={"learn": None},
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
    assert page.tags.count("svg") == 6
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
    assert len([label for label in page.values("aria-label") if len(label) > 20]) == 6


def test_size_of_a_full_stream(rendered: Any) -> None:
    html, _ = rendered(make_data(n=6696))
    assert len(html.encode()) < 1_000_000


def test_equal_data_give_equal_bytes(full: tuple[str, Page], rendered: Any) -> None:
    first, _ = full
    with matplotlib.rc_context({"font.size": 20, "svg.hashsalt": None, "lines.linewidth": 9}):
        second, _ = rendered(make_data())
    assert first == second


def test_leaves_the_settings_of_matplotlib_alone(rendered: Any) -> None:
    with matplotlib.rc_context({"font.size": 20, "svg.fonttype": "none"}):
        before = dict(matplotlib.rcParams)
        rendered(make_data())
        assert dict(matplotlib.rcParams) == before


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
    data = make_data()
    device = {**data.metrics["device"], "state_sha256": "00" * 32}
    verdict = judge(with_metrics(data, device=device))
    assert verdict.kind == "differs"
    assert verdict.sentence == "Not the same bits: the device differs from the golden model"
    assert "hashes of the final state differ" in verdict.details[0]


def test_verdict_sees_different_hashes_of_predictions() -> None:
    data = make_data(predictions={})
    device = {**data.metrics["device"], "predictions_sha256": "00" * 32}
    verdict = judge(with_metrics(data, device=device))
    assert verdict.kind == "differs"
    assert "hashes of the predictions differ" in verdict.details[0]


def test_verdict_sees_different_predictions() -> None:
    data = make_data()
    host = data.predictions["q16 C"].copy()
    host[41] = (host[41] + 1) % N_CLASSES
    verdict = judge(replace(data, predictions={**data.predictions, "q16 C": host}))
    assert verdict.kind == "differs"
    assert verdict.sentence.endswith("host C differs from the golden model")
    assert "1 of 900 samples, first on sample 42" in verdict.details[0]


def test_verdict_names_all_that_differ() -> None:
    data = make_data()
    golden = {**data.metrics["engines"]["q16 golden"], "state_sha256": "00" * 32}
    engines = {**data.metrics["engines"], "q16 golden": golden}
    verdict = judge(with_metrics(data, engines=engines))
    assert verdict.sentence.endswith("host C and the device differ from the golden model")


def test_verdict_names_only_what_was_compared() -> None:
    data = make_data()
    engines = {**data.metrics["engines"], "q16 C": {"arithmetic": "q16"}}
    verdict = judge(with_metrics(data, engines=engines))
    assert verdict.kind == "same"
    assert verdict.sentence.startswith("Golden model and the device ended with the same state")
    assert "Host C left no final state to compare." in verdict.details


def test_verdict_without_hashes_is_no_verdict() -> None:
    data = make_data(metrics={"fidelity": {"bit_exact": True}})
    assert judge(data).kind == "unknown"


def test_verdict_of_a_shorter_device_run() -> None:
    data = make_data()
    device = {**data.metrics["device"], "state_sha256": "00" * 32, "predictions_sha256": "11" * 32}
    short = {**data.predictions, "device nrf52840": data.predictions["device nrf52840"][:500]}
    verdict = judge(replace(with_metrics(data, device=device), predictions=short))
    assert verdict.kind == "same"
    assert verdict.sentence.startswith("Golden model and host C ended with the same state")
    assert "The device did 500 samples" in verdict.details[-1]


def test_verdict_matches_names_that_are_spelt_otherwise() -> None:
    data = make_data()
    engines = {name.replace(" ", "-"): entry for name, entry in data.metrics["engines"].items()}
    verdict = judge(with_metrics(data, engines=engines))
    assert verdict.sentence == SAME
    assert verdict.details == ("Their 900 predictions are the same too.",)


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
        metrics={},
        predictions={},
        batch=None,
        memory={},
        instructions={},
        saturations={},
        sigma_at=np.zeros(0, np.int64),
        sigma=np.zeros((0, 2, 5)),
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
        {"instructions": {"learn": np.full(N, 12345)}},
        {"sigma": np.full((20, 2, 5), 0.1)},
        {"sigma": np.full((20, 2, 5), np.nan)},
        {"sigma": np.zeros((20, 2, 5))},
        {"memory": {"ram": {"bytes_available": 100, "parts": {"state": 200, "none": 0}}}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_odd_data(rendered: Any, changes: dict[str, Any]) -> None:
    _, page = rendered(make_data(**changes))
    assert SAME in page.words


def test_one_layer(rendered: Any) -> None:
    _, page = rendered(make_data(n_layers=1))
    assert "layer 1 from 0.10 to" in page.words
    assert "layer 2" not in page.words


def test_memory_that_does_not_fit(rendered: Any) -> None:
    memory = {"ram": {"bytes_available": 100, "parts": {"state": 200}}}
    _, page = rendered(make_data(memory=memory))
    assert "RAM does not fit: 200 B of 100 B" in page.words


def test_metrics_may_hold_nan_and_none(rendered: Any) -> None:
    data = make_data()
    engines = {"float64": None, "q16 golden": {"accuracy_prequential": float("nan")}}
    _, page = rendered(with_metrics(data, engines=engines, baselines={"SGD MLP": None}))
    assert "nan" not in page.words.lower().split()


def test_text_is_escaped(rendered: Any) -> None:
    nasty = '<b>&"$x_1$--></svg>\x00'
    data = make_data(
        title=nasty,
        classes=(nasty, "$\\frac$", "_hidden", "a" * 300, "日本", "f"),
        memory={"ram": {"bytes_available": 1000, "parts": {nasty: 50}}},
        saturations={nasty: 2},
    )
    data = replace(data, predictions={**data.predictions, nasty: data.predictions["majority"]})
    html, page = rendered(with_metrics(data, spec={nasty: nasty}, versions={nasty: nasty}))
    assert "b" not in page.tags
    assert "<b>" not in html
    assert "\x00" not in html
    assert '<b>&"$x_1$--></svg>' in page.words


def test_saturations(full: tuple[str, Page], rendered: Any) -> None:
    assert "3 values met the end" in full[1].words
    _, page = rendered(make_data(saturations={"logits": 0}))
    assert "No value met the end" in page.words


@pytest.mark.parametrize(
    "changes",
    [
        {"batch": np.zeros(3, np.int64)},
        {"predictions": {"q16 C": np.zeros(N + 1, np.int64)}},
        {"sigma": np.zeros((20, 2, 4))},
        {"sigma": np.zeros((19, 2, 5))},
    ],
)
def test_lengths_that_do_not_match(changes: dict[str, Any]) -> None:
    with pytest.raises(ShapeError):
        make_data(**changes)


def test_folder_must_exist(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_report(tmp_path / "none" / "report.html", make_data())
