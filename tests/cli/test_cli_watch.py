"""What an owner looks at: report, predictions, log, terminal; and runs side by side."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_helpers import CUT, LABEL, LABELS, Cli, check_manifest, one_line, read_json, toy_csv
from rich.console import Console

from streamlearn.cli import lookout
from streamlearn.cli.terminal import panel
from streamlearn.report.page import render
from streamlearn.watching import Now, Watch

N = 150
GIVEN = ("--label", LABEL, "--hidden", 8)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_log_that_cannot_be_written_ends_no_run(cli: Cli, toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert cli("run", "--stream", toy, *GIVEN, "--out", out, "--quiet").code == 0
    (out / "run.log").unlink()
    (out / "run.log").symlink_to("/dev/full")
    assert cli("run", "--resume", out, "--stream", toy, "--quiet").code == 0
    assert read_json(out / "metrics.json")["n_samples"] == N


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        return [*csv.DictReader(io.StringIO(path.read_text("utf-8")))]
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_the_report_has_what_an_owner_looks_at(cli: Cli, toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert cli("run", "--stream", toy, *GIVEN, "--out", out, "--quiet").code == 0
    page = (out / "report.html").read_text("utf-8")
    for part in (
        "accuracy over the stream", "uncertainty over the stream", "health over the stream",
        "weights over the stream", "confusion matrix", "classes", "saturations", "bytes", "kappas",
    ):  # fmt: skip
        assert f'data-part="{part}"' in page, part
    for name in ("majority", "no change", "SGD", "nearest neighbour", "Novelty was", "step mult"):
        assert name in page, name
    assert "<script" not in page
    values = read_json(out / "metrics.json")
    assert 0.5 < values["baselines"]["SGD"] <= 1
    assert 0.5 < values["baselines"]["nearest neighbour"] <= 1
    assert values["baselines"]["nearest_bytes"] <= values["memory"]["state_bytes"]
    assert 0 < values["uncertainty"]["novelty"] < 1
    assert 0 < values["uncertainty"]["epistemic"] < values["uncertainty"]["predictive"]
    assert sum(values["memory"]["state_parts"].values()) == values["memory"]["state_bytes"]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_what_the_live_page_draws_is_of_one_moment(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    """It is drawn in another thread, while the run goes on."""
    stream, looked = tmp_path / "s.csv", []
    rows = (f"{i % 7},{i % 5},{(i % 7) // 4}\n" for i in range(600))
    stream.write_text("a,b,y\n" + "".join(rows))

    class Page:
        def __init__(self, title: str, look: Any) -> None:
            del title
            self.n, see = 0, Watch.see

            def seen(watch: Watch, block: Any) -> None:
                see(watch, block)
                self.n += 1
                if self.n == 3:
                    looked.append(look()[1])
                    looked.append(render(looked[0]))

            monkeypatch.setattr(Watch, "see", seen)

    monkeypatch.setattr(lookout, "LivePage", Page)
    monkeypatch.setattr(lookout, "LiveServer", Served)
    given = ("run", "--stream", stream, "--label", "y", "--task", task, "--serve", 0, "--quiet")
    assert cli(*given).code == 0
    data, page = looked
    assert render(data) == page


class Served:
    """A server that serves nothing."""

    url = "http://127.0.0.1/"

    def __init__(self, port: int, page: object) -> None:
        del port, page

    def end(self, why: str) -> None:
        assert why == "the stream is at its end"


def test_baselines_can_be_switched_off(cli: Cli, toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    given = ("run", "--stream", toy, *GIVEN, "--out", out, "--no-baselines", "--quiet")
    assert cli(*given).code == 0
    assert read_json(out / "metrics.json")["baselines"] is None
    assert "nearest neighbour" not in (out / "report.html").read_text("utf-8")
    assert cli("run", "--resume", out, "--quiet").code == 0
    assert read_json(out / "metrics.json")["baselines"] is None, "as the run had it"


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_predictions_are_those_of_the_figures(
    cli: Cli, toy: Path, tmp_path: Path, kind: str
) -> None:
    file, out = tmp_path / "deep" / f"p.{kind}", tmp_path / "run"
    run = ("run", "--stream", toy, *GIVEN, "--out", out, "--quiet")
    assert cli(*run, "--predictions", file).code == 0
    rows = rows_of(file)
    assert [int(row["sample"]) for row in rows] == [*range(1, N + 1)]
    assert [int(row["line"]) for row in rows] == [*range(2, N + 2)]
    assert {row["label"] for row in rows} == set(LABELS)
    right = sum(row["label"] == row["prediction"] for row in rows)
    assert right / N == read_json(out / "metrics.json")["accuracy_prequential"]
    shares = [float(row["probability"]) for row in rows]
    assert min(shares) >= 0.333
    assert max(shares) <= 1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_kill_leaves_predictions_of_one_moment(
    cli: Cli, toy: Path, tmp_path: Path, kind: str
) -> None:
    """The folder goes on to the same bytes; what came behind the checkpoint is taken back."""
    run = ("run", "--stream", toy, *GIVEN, "--checkpoint-every", 7, "--quiet")
    whole = tmp_path / f"whole.{kind}"
    assert cli(*run, "--out", tmp_path / "whole", "--predictions", whole).code == 0
    out = tmp_path / "run"
    file = out / f"p.{kind}"
    killed = [sys.executable, "-c", CUT, "60", *map(str, run)]
    killed += ["--out", str(out), "--predictions", str(file)]
    done = subprocess.run(killed, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert cli("run", "--resume", out, "--quiet").code == 0
    assert file.read_bytes() == whole.read_bytes()
    check_manifest(out)
    assert f"p.{kind}" in read_json(out / "manifest.json")["files"]
    same = ("baselines", "accuracy_prequential", "state_sha256", "predictions_sha256")
    one, other = (read_json(run / "metrics.json") for run in (out, tmp_path / "whole"))
    assert {key: one[key] for key in same} == {key: other[key] for key in same}
    log = (out / "run.log").read_text("utf-8")
    assert "the run begins" in log
    assert "the run goes on after" in log


def test_a_new_run_takes_old_predictions_away(cli: Cli, toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = ("run", "--stream", toy, *GIVEN, "--out", out, "--quiet")
    assert cli(*run, "--predictions", out / "p.csv").code == 0
    assert cli(*run).code == 0
    assert not (out / "p.csv").exists()
    check_manifest(out)


def test_predictions_that_would_be_lost_are_refused(cli: Cli, toy: Path, tmp_path: Path) -> None:
    out, file = tmp_path / "run", tmp_path / "mine.csv"
    run = ("run", "--stream", toy, *GIVEN, "--out", out, "--quiet", "--predictions")
    file.write_text("dear,data\n1,2\n")
    ended = cli(*run, file)
    assert ended.code == 1
    assert "holds no predictions of an earlier run" in one_line(ended.err)
    assert file.read_text() == "dear,data\n1,2\n"
    assert "expected a name that ends in .csv" in one_line(cli(*run, tmp_path / "p.txt").err)
    assert cli(*run, tmp_path / "p.csv").code == 0
    with (tmp_path / "p.csv").open("r+b") as cut:
        cut.truncate(1000)
    ended = cli("run", "--resume", out, "--quiet")
    assert ended.code == 1
    assert "has 1000 bytes, the checkpoint counts on" in one_line(ended.err)


def test_a_log_for_months(cli: Cli, toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert cli("run", "--stream", toy, *GIVEN, "--out", out, "--quiet").code == 0
    lines = (out / "run.log").read_text("utf-8").splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} [A-Z]+ \S", one) for one in lines)
    log = "\n".join(lines)
    values = read_json(out / "metrics.json")
    for text in (
        "the run begins: streamlearn", str(toy), f"label '{LABEL}'", "memory_window=",
        "the run ended: the stream is at its end; 150 samples", "dropped: nothing",
    ):  # fmt: skip
        assert text in log, text
    assert f"{100 * values['accuracy_prequential']:.2f} %" in log
    bad = tmp_path / "bad.csv"
    bad.write_text(toy.read_text("utf-8") + "x,y,z\n", "utf-8")
    other = tmp_path / "other"
    assert cli("run", "--stream", bad, *GIVEN, "--out", other, "--quiet").code in (1, 3)


def test_a_password_does_not_come_into_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlearn.cli.host import command_line

    monkeypatch.setattr(sys, "argv", ["streamlearn", "run", "--stream", "mqtt://me:secret@host/t"])
    assert "secret" not in command_line()
    assert "mqtt://…@host/t" in command_line()


def test_no_live_view_without_a_terminal(cli: Cli, toy: Path) -> None:
    ended = cli("run", "--stream", toy, *GIVEN)
    assert "\x1b" not in ended.out + ended.err
    assert "samples/s" not in ended.err


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal")
def test_the_live_view_on_a_terminal() -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "streamlearn.cli", "run", "--stream", "-", *map(str, GIVEN)]
    run = subprocess.Popen(
        [*command, "--classes", ",".join(sorted(LABELS))],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(theirs)
    assert run.stdin is not None
    run.stdin.write(toy_csv(40).encode())
    run.stdin.flush()
    seen = b""
    while b"step" not in seen or b"dropped" not in seen:  # while the pipe is open: it is live
        seen += os.read(ours, 4096)
    run.stdin.close()
    try:
        while True:
            seen += os.read(ours, 4096)
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert run.wait(60) == 0
    for word in (b"right of 40", b"novelty", b"blind", b"nothing"):
        assert word in seen, word


def test_a_view_that_is_full() -> None:
    now = Now(
        "[red] file.csv", n_samples=1_234_567, rate=89.123, accuracy=0.95, accuracy_latest=0.9,
        window=300, novelty=0.5, usual_novelty=0.25, step=2.5, blind=("a\x1b", "[red]", *"cdef"),
        dropped={"bad rows": 3, "torn": 0}, n_drifts=7, seconds=90_061.0,
    )  # fmt: skip
    to = Console(width=80, record=True, file=io.StringIO())
    to.print(panel(now))
    text = to.export_text()
    for word in (
        "[red] file.csv", "1,234,567", "89.1", "90.00 %", "95.00 %", "0.500 (0.250)", "× 2.50",
        "a�, [red], c, d and 2 more", "3 bad rows", "1 d 01:01:01",
    ):  # fmt: skip
        assert word in text, word
    assert "\x1b" not in text


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, toy: Path) -> tuple[Path, Path]:
    from streamlearn import cli as command_line

    folder = tmp_path_factory.mktemp("runs")
    for name, hidden in (("small", 2), ("large", 16)):
        given = ("run", "--stream", toy, "--label", LABEL, "--hidden", hidden, "--quiet")
        more = ("--out", folder / name, "--predictions", folder / f"{name}.csv")
        assert command_line.run([str(word) for word in (*given, *more)]) == 0
    return folder / "small", folder / "large"


def test_compare_sets_runs_side_by_side(cli: Cli, runs: tuple[Path, Path], tmp_path: Path) -> None:
    page = tmp_path / "compare.html"
    ended = cli("compare", *runs, "--html", page)
    assert ended.code == 0, ended.err
    for run in runs:
        accuracy = read_json(run / "metrics.json")["accuracy_prequential"]
        assert f"{100 * accuracy:.2f}" in ended.out.replace("\xa0", " ")
    assert "3, 2, 3" in ended.out
    assert "3, 16, 3" in ended.out
    assert "large against small:" in ended.out
    a, b = (rows_of(run.with_suffix(".csv")) for run in runs)
    pairs = [
        (p["prediction"] == p["label"], q["prediction"] == q["label"])
        for p, q in zip(a, b, strict=True)
    ]
    assert f"only small was right on {pairs.count((True, False))}," in ended.out
    html = page.read_text("utf-8")
    assert html.count("<svg") == 2
    assert "against small: " in html


def test_compare_flags_other_samples(
    cli: Cli, runs: tuple[Path, Path], toy: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text(toy_csv(N, seed=5), "utf-8")
    given = ("run", "--label", LABEL, "--hidden", 8, "--quiet", "--stream")
    assert cli(*given, other, "--out", tmp_path / "other").code == 0
    ended = cli("compare", runs[0], tmp_path / "other")
    assert ended.code == 0
    assert "different streams" in ended.out
    assert "do not say which learner is better" in ended.out
    assert "against" not in ended.out
    assert cli(*given, toy, "--out", tmp_path / "same").code == 0
    assert "made with --predictions" in cli("compare", runs[0], tmp_path / "same").out


def test_compare_says_what_it_needs(cli: Cli, runs: tuple[Path, Path], tmp_path: Path) -> None:
    ended = cli("compare", runs[0])
    assert ended.code == 1
    assert "two run folders or more" in one_line(ended.err)
    ended = cli("compare", runs[0], tmp_path)
    assert ended.code == 1
    assert "holds no figures of a run" in one_line(ended.err)
