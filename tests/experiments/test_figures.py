"""Figures in documents are what the recorded results say, and a figure that is not is seen."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path

import pytest

from experiments import figures

TABLE = """made by a command

| board | code | share % |
| --- | ---: | ---: |
| rp2040 | 13,916 | 12.5 ± 0.3 |
| nrf52840 | 6,958 | – |
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results" / "size"
    folder.mkdir(parents=True)
    (folder / "table.md").write_text(TABLE, "utf-8")
    values = {"mesu": {"state": 18600, "share": 0.57}, "runs": [1.5, 2.5], "name": "x"}
    (folder / "result.json").write_text(json.dumps(values), "utf-8")
    return tmp_path / "results"


def test_every_figure_of_the_documents_is_what_its_result_says() -> None:
    documents = figures.documents()
    assert len(documents) > 10
    found = 0
    for path in documents:
        text = path.read_text("utf-8")
        found += len(figures._OPENING.findall(text))
        assert figures.filled(text, path.name) == text, "run: python -m experiments figures"
    assert found > 10


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("size/table.md#rp2040 :: code", "13,916"),
        ("size/table.md#rp2040; 13,916 :: share %", "12.5 ± 0.3"),
        ("size/table.md#rp2040 :: share % {.0f}", "12"),
        ("size/table.md#rp2040 :: code {.1f/1024}", "13.6"),
        ("size/table.md#nrf52840 :: code over size/table.md#rp2040 :: code {.0%}", "50 %"),
        ("size/result.json#mesu/state", "18,600"),
        ("size/result.json#mesu/state {d}", "18600"),
        ("size/result.json#mesu/share", "0.57"),
        ("size/result.json#runs/1 {.2f}", "2.50"),
        ("size/result.json#name", "x"),
    ],
)
def test_a_source_names_one_figure(results: Path, source: str, expected: str) -> None:
    assert figures.figure(source, results) == expected
    text = f"It has <!-- figure: {source} -->old<!-- /figure --> bytes."
    new = figures.filled(text, results=results)
    assert new == text.replace("old", expected)
    assert figures.filled(new, results=results) == new


def test_a_whole_file_stands_on_lines_of_its_own(results: Path) -> None:
    text = "a\n<!-- figure: size/table.md -->\nold\n<!-- /figure -->\nb"
    assert figures.filled(text, results=results) == (
        f"a\n<!-- figure: size/table.md -->\n\n{TABLE}\n<!-- /figure -->\nb"
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("nothing/table.md", "no recorded result 'nothing/table.md'"),
        ("size/table.md#rp2040", "expected FILE.md#CELL; CELL :: COLUMN"),
        ("size/table.md#rp2040 :: colour", "the column 'colour'"),
        ("size/table.md#esp32 :: code", "0 rows have the cells esp32"),
        ("size/result.json#mesu/weight", "there is no 'weight' in ['state', 'share']"),
        ("size/result.json#runs/7", "there is no '7'"),
        ("size/result.json#mesu", "names dict, not one value"),
        ("size/table.md#nrf52840 :: share % {.0f}", "'–' has no number"),
        ("size/table.md#rp2040 :: code {q}", "'q'"),
        ("size/table.md#rp2040 :: code over size/table.md#rp2040 :: code", "and a {format}"),
    ],
)
def test_a_source_that_names_nothing_is_refused(results: Path, source: str, said: str) -> None:
    text = f"one\n<!-- figure: {source} --><!-- /figure -->"
    with pytest.raises(figures.FigureError) as caught:
        figures.filled(text, "page.md", results)
    assert said in str(caught.value)
    assert "page.md, line 2" in str(caught.value)


def test_a_comment_that_is_not_closed_is_refused(results: Path) -> None:
    opening = "<!-- figure: size/table.md -->"
    with pytest.raises(figures.FigureError, match="is closed by no"):
        figures.filled(opening, results=results)
    with pytest.raises(figures.FigureError, match="line 1: a figure inside another"):
        figures.filled(f"{opening} {opening} <!-- /figure -->", results=results)


def test_an_example_in_code_is_left_alone(results: Path) -> None:
    text = "write `<!-- figure: size/table.md -->…<!-- /figure -->`"
    assert figures.filled(text, results=results) == text


def test_canary_a_stale_figure_fails_the_check_and_is_written_without_it(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    stale = "<!-- figure: size/result.json#mesu/state -->18,601<!-- /figure -->"
    page.write_text(stale, "utf-8")
    parser = ArgumentParser()
    figures.add_options(parser)
    common = [str(page), "--results", str(results)]
    with pytest.raises(figures.FigureError, match="differ from the recorded results"):
        figures.run(parser.parse_args([*common, "--check"]))
    assert page.read_text("utf-8") == stale
    assert "18,600" in capsys.readouterr().out
    figures.run(parser.parse_args(common))
    figures.run(parser.parse_args([*common, "--check"]))
    assert "18,600<" in page.read_text("utf-8")
