"""``simulate`` and ``follow`` read a stream as the run read it that was exported."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
from cli_helpers import Cli, one_line, read_json

#: What the pump's columns need to be read; said once, to `run`.
READ = (
    "--label", "state", "--missing", "hold", "--time", "when", "--ignore", "site,note",
    "--encoding", "latin-1", "--on-bad", "skip",
)  # fmt: skip


def month(path: Path, seed: int, valves: tuple[str, ...] = ("offen", "zu")) -> Path:
    """A table as a spreadsheet has it: decimal commas, words, gaps, a row without a label."""
    draw = random.Random(seed)
    lines = ["when;site;größe;valve;flow;note;state"]
    for i in range(90):
        worn = draw.random() < 0.4
        size = "" if i % 11 == 0 else f"{draw.gauss(21 + 2 * worn, 1):.2f}".replace(".", ",")
        flow = f"{draw.gauss(1, 0.3) + worn:.2f}".replace(".", ",")
        state = "" if i == 50 else "worn" if worn else "normal"
        lines.append(f"{i};A{i};{size};{draw.choice(valves)};{flow};ü{i};{state}")
    path.write_text("\n".join(lines) + "\n", "latin-1")
    return path


@pytest.fixture
def pump(cli: Cli, tmp_path: Path) -> Path:
    """A run of the first month, and its export."""
    first, run = month(tmp_path / "may.csv", 0), tmp_path / "run"
    ended = cli("run", "--stream", first, *READ, "--hidden", 4, "--out", run, "--quiet")
    assert ended.code == 0, ended.err
    assert cli("export", run, "--to", tmp_path / "export").code == 0
    return tmp_path


def test_simulate_reads_as_the_run_did(cli: Cli, pump: Path) -> None:
    more, out = month(pump / "june.csv", 1, ("zu", "offen")), pump / "sim"
    ended = cli("simulate", pump / "export", "--stream", more, "--out", out)
    assert ended.code == 0, ended.err
    found = read_json(out / "metrics.json")
    assert cli("run", "--resume", pump / "run", "--stream", more, "--quiet").code == 0
    state = read_json(pump / "run" / "metrics.json")["state_sha256"]
    assert found["device"]["state_sha256"] == found["state_sha256"] == state
    assert (found["n_samples"], found["unlabelled"], found["missing"]) == (89, 1, {"größe": 9})
    assert "1 rows without a label were passed over" in ended.err
    assert "decimal comma" in ended.err, "what is guessed is said"


def test_follow_reads_as_the_run_did(cli: Cli, pump: Path) -> None:
    more, out = month(pump / "june.csv", 1), pump / "follow"
    ended = cli("follow", pump / "export", "--stream", more, "--out", out, "--check-every", 40)
    assert ended.code == 0, ended.err
    found = read_json(out / "follow.json")
    assert (found["parted"], found["n_samples"], found["unlabelled"]) == (None, 89, 1)
    assert cli("run", "--resume", pump / "run", "--stream", more, "--quiet").code == 0
    assert found["state_sha256"] == read_json(pump / "run" / "metrics.json")["state_sha256"]


def test_an_option_wins_over_what_the_run_had(cli: Cli, pump: Path) -> None:
    given = ("--stream", month(pump / "june.csv", 1), "--out", pump / "sim", "--quiet")
    ended = cli("simulate", pump / "export", *given, "--missing", "skip")
    assert ended.code == 0, ended.err
    assert read_json(pump / "sim" / "metrics.json")["n_samples"] == 80
    ended = cli("simulate", pump / "export", *given, "--missing", "stop", "--on-bad", "stop")
    assert ended.code == 1
    assert "june.csv line 2" in one_line(ended.err), "nothing was learned before it"
    ended = cli("simulate", pump / "export", *given, "--ignore", "flow")
    assert ended.code == 1
    assert "has 3 feature columns" in one_line(ended.err)


def test_columns_that_are_no_features_need_not_be_there(cli: Cli, pump: Path) -> None:
    whole, less = month(pump / "june.csv", 1), pump / "less.csv"
    rows = [line.split(";")[1:] for line in whole.read_text("latin-1").splitlines()]
    kept = [1, 2, 3, 5]  # size, valve, flow, state; without the time, too
    text = "\n".join(";".join(row[i] for i in kept) for row in rows) + "\n"
    less.write_text(text, "latin-1")
    states = []
    for stream, out in ((whole, pump / "a"), (less, pump / "b")):
        ended = cli("simulate", pump / "export", "--stream", stream, "--out", out, "--quiet")
        assert ended.code == 0, ended.err
        states.append(read_json(out / "metrics.json")["state_sha256"])
    assert states[0] == states[1]


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (None, r"--label: .*export does not say which column holds the label"),
        ([1], r"stream is \[1\], expected an object; export it again"),
        ({"label": 1, "on_bad": "stop", "columns": {}, "held": {}}, r"does not fit \(label 1"),
        (
            {"label": "state", "on_bad": "stop", "columns": {"decimal": "x"}, "held": {}},
            r"does not fit \(decimal: expected",
        ),
        ({"label": "state", "on_bad": "stop", "columns": {"x": 1}, "held": {}}, "does not fit"),
    ],
)
def test_an_export_that_does_not_say_how_to_read_is_an_error(
    cli: Cli, pump: Path, stream: object, message: str
) -> None:
    manifest = pump / "export" / "manifest.json"
    found = json.loads(manifest.read_text())
    del found["stream"]
    manifest.write_text(json.dumps(found if stream is None else {**found, "stream": stream}))
    ended = cli("simulate", pump / "export", "--stream", pump / "may.csv", "--out", pump / "sim")
    assert ended.code == 1
    assert re.search(message, one_line(ended.err)), ended.err
    assert not (pump / "sim").exists()
