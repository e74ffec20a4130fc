"""run --record, replay, verify: a record and its run folder are one transaction."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

import pytest
from cli_helpers import HEADER as CSV_HEADER
from cli_helpers import LABEL, LABELS, Cli, call, csv_line, one_line, read_json, start, toy_rows

from streamlearn import load
from streamlearn.recorder import Record

N = 150
RUN = ("--label", LABEL, "--hidden", "4")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, toy: Path) -> Path:
    """A recorded run of the whole toy stream: ``run``, ``r.slr``."""
    folder = tmp_path_factory.mktemp("whole")
    done = call(
        "run", "--stream", toy, *RUN, "--out", folder / "run", "--record", folder / "r.slr", "-q"
    )
    assert done.code == 0, done.err
    return folder


def test_the_record_holds_what_the_run_learned(whole: Path, cli: Cli) -> None:
    record = Record(whole / "r.slr")
    rows = toy_rows(N)
    assert record.label == LABEL
    assert [(s.x.tolist(), s.y, s.line) for s in record] == [
        (pytest.approx(x, rel=1e-6), label, line) for line, (x, label) in enumerate(rows, 2)
    ]
    assert record.state_at().to_bytes() == (whole / "run" / "state.sls").read_bytes()
    for state in ("run", "run/state.sls"):
        done = cli("verify", whole / "r.slr", whole / state)
        assert done.code == 0
        assert f"the state after sample {N} of" in done.out


def test_recording_changes_nothing(whole: Path, toy: Path, cli: Cli, tmp_path: Path) -> None:
    assert cli("run", "--stream", toy, *RUN, "--out", tmp_path / "run", "-q").code == 0
    ours, without = (f / "run" / "state.sls" for f in (whole, tmp_path))
    assert ours.read_bytes() == without.read_bytes()


def test_replay_to_a_sample_and_without_some(whole: Path, cli: Cli, tmp_path: Path) -> None:
    done = cli("replay", whole / "r.slr", "--to", 40, "--out", tmp_path / "40.sls")
    assert done.code == 0, done.err
    done = cli("verify", whole / "r.slr", tmp_path / "40.sls", "--json", tmp_path / "v.json")
    assert done.code == 0
    assert read_json(tmp_path / "v.json")["sample"] == 40
    condition = f"temp > 2 and [{LABEL}] != 'two words'"
    done = cli(
        "replay", whole / "r.slr", "--without", condition, "--without-rows", "1..10",
        "--out", tmp_path / "less.sls", "--json", tmp_path / "m.json",
    )  # fmt: skip
    assert done.code == 0, done.err
    gone = [
        i < 10 or (x[0] > 2 and label != "two words") for i, (x, label) in enumerate(toy_rows(N))
    ]
    metrics = read_json(tmp_path / "m.json")
    assert metrics["n_left_out"] == sum(gone)
    assert metrics["state_sha256"] == load(tmp_path / "less.sls").state_sha256
    done = cli("verify", whole / "r.slr", tmp_path / "less.sls")
    assert done.code == 6
    assert "did not come from" in one_line(done.err)


def test_what_is_refused(whole: Path, toy: Path, cli: Cli, tmp_path: Path) -> None:
    record, other = whole / "r.slr", tmp_path / "other.csv"
    other.write_text(toy.read_text("utf-8"), "utf-8")
    for arguments, why in (
        (("replay", record, "--to", N + 1), f"holds {N} samples, not {N + 1}"),
        (("replay", toy), "another kind of file"),
        (("replay", record, "--out", toy), "holds no state image"),
        (("replay", tmp_path / "none.slr"), "No such file"),
        (("replay", record, "--without", "tem > 1"), "Did you mean temp?"),
        (("verify", record, toy), "another kind of file"),
        (("run", "--stream", toy, *RUN, "--record", record), "is there already"),
        (("run", "--stream", toy, *RUN, "--record", toy, "--force"), "which would be overwritten"),
        (("run", "--stream", toy, *RUN, "--record", other, "--force"), "something else"),
    ):
        done = cli(*arguments)
        assert done.code == 1, arguments
        assert why in one_line(done.err)
    for file in (toy, other):
        assert file.read_text("utf-8").startswith(CSV_HEADER)


def test_a_record_that_is_there_costs_no_run(toy: Path, cli: Cli, tmp_path: Path) -> None:
    """It is refused before the folder of the run is emptied."""
    run, record = tmp_path / "run", tmp_path / "r.slr"
    again = ("run", "--stream", toy, *RUN, "--out", run, "--record", record, "-q")
    assert cli(*again).code == 0
    state = (run / "state.sls").read_bytes()
    assert cli(*again).code == 1
    assert (run / "state.sls").read_bytes() == state
    assert cli("verify", record, run).code == 0
    assert cli(*again, "--force").code == 0
    assert len(Record(record)) == N


# -- one transaction with the run folder ----------------------------------------------------------


@pytest.mark.parametrize("at", [30, 75, 149])
def test_resume_cuts_the_record_to_the_checkpoint(
    whole: Path, toy: Path, cli: Cli, tmp_path: Path, at: int
) -> None:
    """As a kill between the record's flush and the checkpoint leaves it: the record is longer."""
    lines = toy.read_text("utf-8").splitlines(keepends=True)
    first = tmp_path / "first.csv"
    first.write_text("".join(lines[: 1 + at]), "utf-8")
    record, run = tmp_path / "r.slr", tmp_path / "run"
    done = call(
        "run", "--stream", "-", *RUN, "--out", run, "--record", record, "-q",
        "--classes", ",".join(sorted(LABELS)), stdin=first.read_text("utf-8"),
    )  # fmt: skip
    assert done.code == 0, done.err
    shutil.copy(record, tmp_path / "at.slr")
    kept = tmp_path / "kept"
    shutil.copytree(run, kept)
    rest = CSV_HEADER + "".join(lines[1 + at :])
    assert call("run", "--resume", run, "--stream", "-", "-q", stdin=rest).code == 0
    longer = record.read_bytes()
    assert Record(record).state_at().to_bytes() == (whole / "run" / "state.sls").read_bytes()
    shutil.rmtree(run)  # as if the second sitting's checkpoints had never reached the disk
    shutil.copytree(kept, run)
    assert call("run", "--resume", run, "--stream", "-", "-q", stdin=rest).code == 0
    assert len(Record(record)) == N
    assert Record(record).state_at().to_bytes() == (whole / "run" / "state.sls").read_bytes()
    assert len(record.read_bytes()) < 1.1 * len(longer)
    assert cli("verify", record, run).code == 0


def test_a_record_that_is_not_the_runs_own_is_refused(
    whole: Path, toy: Path, cli: Cli, tmp_path: Path
) -> None:
    run, record = tmp_path / "run", tmp_path / "r.slr"
    arguments = ("--out", run, "--record", record, "-q")
    assert cli("run", "--stream", toy, *RUN, *arguments).code == 0
    data = record.read_bytes()
    for change, why in (
        (data[:-5], "whole samples, 150 were expected"),
        ((whole / "r.slr").read_bytes(), "is not the record that was expected"),
        (None, "is gone"),
    ):
        record.unlink()
        if change is not None:
            record.write_bytes(change)
        done = cli("run", "--resume", run, "--stream", toy, "-q")
        assert done.code == 1
        assert why in one_line(done.err)
        if change is None:
            break
        assert record.read_bytes() == change, "nothing is touched"
    more = tmp_path / "more.slr"
    assert cli("run", "--resume", run, "--stream", toy, "-q", "--record", more).code == 0
    found = Record(more)
    assert found.start.n_samples == N
    assert found.state_at().to_bytes() == (run / "state.sls").read_bytes()


def test_run_folder_and_record_may_be_moved_together(toy: Path, cli: Cli, tmp_path: Path) -> None:
    place, other = tmp_path / "here", tmp_path / "there"
    place.mkdir()
    arguments = ("--out", place / "run", "--record", place / "r.slr", "-q")
    assert cli("run", "--stream", toy, *RUN, *arguments).code == 0
    place.rename(other)
    assert cli("run", "--resume", other / "run", "--stream", toy, "-q").code == 0
    assert len(Record(other / "r.slr")) == N
    assert cli("verify", other / "r.slr", other / "run").code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_run_and_its_record_agree(tmp_path: Path, cli: Cli, number: int) -> None:
    run, record = tmp_path / "run", tmp_path / "r.slr"
    process = start(
        "run", "--stream", "-", *RUN, "--out", run, "--record", record, "-q",
        "--classes", ",".join(sorted(LABELS)), "--checkpoint-every", "40", stdin=-1,
    )  # fmt: skip
    assert process.stdin is not None
    rows = [csv_line(x, label) for x, label in toy_rows(120)]
    process.stdin.write(CSV_HEADER + "".join(rows[:90]))
    process.stdin.flush()
    checkpoint = run / "checkpoints" / f"{80:012d}.slc"
    for _ in range(600):
        if checkpoint.exists():
            break
        time.sleep(0.1)
    process.send_signal(number)
    process.communicate(timeout=60)
    n = len(Record(record))
    assert n >= 80
    done = cli("verify", record, run)
    assert done.code == 0, done.err
    rest = CSV_HEADER + "".join(rows[int(done.out.split("sample ")[1].split()[0]) :])
    assert call("run", "--resume", run, "--stream", "-", "-q", stdin=rest).code == 0
    assert len(Record(record)) == 120
    assert cli("verify", record, run).code == 0
