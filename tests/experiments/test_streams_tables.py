"""The bench: its record, its tables and pictures."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from statistics import mean

import numpy as np
import pytest

from experiments.errors import ExperimentError
from experiments.figures import figure
from experiments.streams import disturbances, records
from experiments.streams.analysis import Results
from experiments.streams.contenders import contenders
from experiments.streams.sources import SOURCES
from experiments.streams.tables import tables


def made_up() -> dict[str, object]:
    """A record of every learner on every stream, three seeds, with accuracies of its own."""
    rows = []
    for place, (name, one) in enumerate(contenders().items()):
        for stream, source in SOURCES.items():
            for seed in range(3):
                row = {"learner": name, "stream": stream, "seed": seed, "options": {}}
                row |= {"version": 1, "limit": None, "rows": 1000, "sources": "s"}
                row |= dict.fromkeys(("kappa", "kappa_m", "kappa_t", "balanced"), 50.0)
                row |= {"accuracy": 60.0 + place / 10 + seed, "unknown": 0}
                row |= {"learn_s": 0.5, "run_s": 1.0, "state_bytes": 100}
                if source.held_out is not None:
                    row["kept"] = [10.0 + place] * 4
                    if name == "mesu":
                        row["recalled"] = [90.0] * 4
                rows.append(row)
        if one.disturbed:
            cases = {
                name: [7.0, 1.5]
                for name in disturbances.cases(np.zeros((disturbances.ROWS, 6), np.float32))
            }
            cases["gas, one sample ×1e6"] = [None, 2.5]
            head = {"learner": name, "stream": "disturbances", "seed": 0, "options": {}}
            rows.append({**head, "limit": None, "disturbances": cases, "run_s": 1, "sources": "s"})
    return {"limit": None, "runs": records.pack(rows), "rows": rows}


def test_a_record_is_packed_without_loss() -> None:
    record = made_up()
    rows = {records.key(row): row for row in record["rows"]}
    again = records.unpack(json.loads(json.dumps(record["runs"])))
    assert {records.key(row): row for row in again} == rows
    assert len(again) == len(rows)
    assert records.pack(again) == record["runs"]


def test_tables_of_a_full_record() -> None:
    record = made_up()
    found = tables(record)
    for name, text in found.items():
        block = [line for line in text.split("\n\n")[0].splitlines() if line]
        assert len({line.count("|") for line in block}) == 1, name
        assert len(block) > 3, name
    assert "| gas | 61.0 ± 2.5 |" in found["table"]
    assert "`recall`" in found["memory"]
    assert "7 (1.5)" in found["disturbances"]
    best = contenders()["sgd-0.2"]  # the last of its family has the best mean
    assert f"| SGD | {best.setting} |" in found["summary"]


def test_a_figure_of_a_document_finds_its_cell(tmp_path: Path) -> None:
    folder = tmp_path / "streams"
    folder.mkdir()
    for name, text in tables(made_up()).items():
        (folder / f"{name}.md").write_text(text, "utf-8")
    assert figure("streams/summary.md#MESU :: all {.1f}", tmp_path) == "61.0"
    assert figure("streams/memory.md#MESU, `recall` :: gas-classes {.0f}", tmp_path) == "90"


def test_tables_of_half_a_record() -> None:
    record = made_up()
    rows = [row for row in record["rows"] if row["learner"] == "mesu" and row["stream"] == "gas"]
    assert "| gas | 61.00" in tables({"limit": None, "runs": records.pack(rows)})["gaps"]
    assert "mean rank" in tables({"limit": 9, "runs": []})["summary"]
    assert "Only the first 9 rows" in tables({"limit": 9, "runs": []})["summary"]


def test_ranks_and_the_best_of_a_family() -> None:
    results = Results(made_up()["rows"])
    ranks = results.ranks()
    assert sorted(ranks.values()) == list(range(1, len(ranks) + 1))
    assert "majority" not in ranks
    assert results.best("sgd", results.streams, "accuracy").name == "sgd-0.2"
    assert results.best_window("gas") == ("mesu-window-100000", "100,000")
    two = {name: mean(results.values(name, "gas")) for name in ("mesu", "metaplastic")}
    assert results.differences("metaplastic", "mesu", "gas") == pytest.approx(
        [two["metaplastic"] - two["mesu"]] * 3
    )


def test_pictures_of_a_full_and_of_an_empty_record() -> None:
    pytest.importorskip("matplotlib")
    from experiments.streams.pictures import pictures

    full, empty = pictures(made_up()), pictures({"runs": []})
    assert set(full) == set(empty) == {"picture", "ranks"}
    assert all(text.startswith("<?xml") for text in (*full.values(), *empty.values()))
    assert len(full["picture"]) > len(empty["picture"])


def test_a_record_of_another_length_is_refused(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"limit": null, "runs": []}', "utf-8")
    assert records.recorded(tmp_path, None) == {}
    with pytest.raises(ExperimentError, match="full length"):
        records.recorded(tmp_path, 10)


def test_options_are_part_of_what_a_recorded_run_is() -> None:
    assert contenders()["mesu"].identity() == {"learner": "mesu", "options": {}}
    assert "options" in inspect.signature(type(contenders()["mesu"])).parameters
