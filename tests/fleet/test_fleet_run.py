"""``streamlearn fleet run``: every key learns each of its rows exactly once, whatever is killed."""

from __future__ import annotations

import random
import sqlite3
import warnings
from pathlib import Path

import numpy as np
import pytest
from fleet_streams import alone, command, in_folder, kill_in_the_middle, start, write_stream

from streamlearn import MesuClassifier, MesuRegressor, load
from streamlearn.cli import run as cli
from streamlearn.fleet.folder import Images

pytest.importorskip("bytewax", reason="fleets run on Bytewax, the extra fleet")


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    path = tmp_path / "pumps.csv"
    write_stream(path, 40, 12)
    return path


def failed(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    assert cli(arguments) != 0
    return capsys.readouterr().err


@pytest.mark.parametrize(("workers", "block"), [(1, 32768), (3, 50)])
def test_every_key_is_its_own_learner_fed_alone(
    stream: Path, tmp_path: Path, workers: int, block: int
) -> None:
    out = tmp_path / "fleet"
    more = ("--workers", str(workers), "--block-rows", str(block), "-q")
    assert cli(command(stream, out, *more)) == 0
    found, expected = in_folder(out), alone(stream)
    assert found == expected
    assert len(found) == 40


def test_canary_a_row_that_was_learned_twice_shows(stream: Path) -> None:
    found = alone(stream)
    lines = stream.read_text("utf-8").splitlines(keepends=True)
    stream.write_text("".join([*lines, lines[-1]]), "utf-8")
    again = alone(stream)
    assert sum(found[key] != again[key] for key in found) == 1


def killed_and_resumed(tmp_path: Path, keys: int, rows: int, kills: int, *more: str) -> None:
    """Kill a run again and again, with other numbers of workers; then compare every key."""
    stream, out, drawn = tmp_path / "pumps.csv", tmp_path / "fleet", random.Random(keys)
    write_stream(stream, keys, rows)
    n_killed = 0
    for turn in range(kills):
        workers = ("--workers", "142"[turn % 3])
        process = start(command(stream, out, "--snapshot-seconds", "0", *workers, *more))
        n_killed += kill_in_the_middle(process, out, drawn.random() * 0.05)
    assert n_killed > 0, "no run was killed in its middle: the test shows nothing"
    last = start(command(stream, out, "--workers", "2", "-q", *more))
    assert last.communicate(timeout=1800)[1] == b""
    assert last.returncode == 0
    found = in_folder(out)
    assert found == alone(stream)
    lines = sorted(line for _, said in found.values() for line, _ in said)
    assert lines == list(range(2, 2 + keys * rows)), "no row lost, none twice"


def test_a_run_that_is_killed_goes_on(tmp_path: Path) -> None:
    killed_and_resumed(tmp_path, 300, 20, 2, "--block-rows", "500")


@pytest.mark.slow
def test_ten_thousand_keys_killed_ten_times(tmp_path: Path) -> None:
    killed_and_resumed(tmp_path, 10_000, 200, 10, "--block-rows", "65536")


def test_a_file_that_has_grown_is_gone_on_with(stream: Path, tmp_path: Path) -> None:
    out, text = tmp_path / "fleet", stream.read_text("utf-8")
    head, body = text.split("\n", 1)
    half = body.index("\n", len(body) // 2) + 1
    stream.write_text(f"{head}\n{body[:half]}", "utf-8")
    assert cli(command(stream, out, "-q")) == 0
    stream.write_text(text, "utf-8")
    assert cli(["fleet", "run", "--out", str(out), "-q"]) == 0
    assert in_folder(out) == alone(stream)


def test_a_run_at_its_end_changes_nothing(
    stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fleet"
    for _ in range(2):
        assert cli(command(stream, out)) == 0
        assert "40 keys, 480 samples learned" in capsys.readouterr().out
    assert in_folder(out) == alone(stream)


def test_numbers_are_predicted_too(tmp_path: Path) -> None:
    stream, out = tmp_path / "loads.csv", tmp_path / "fleet"
    x = np.random.default_rng(0).normal(size=(60, 5)).round(3)
    rows = [f"p{i % 3},{','.join(map(str, row))},{row.sum():.3f}" for i, row in enumerate(x)]
    stream.write_text("\n".join(["pump,a,b,c,d,e,load", *rows]), "utf-8")
    arguments = ["fleet", "run", "--stream", str(stream), "--key", "pump", "--label", "load", "-q"]
    arguments += ["--task", "regression", "--hidden", "8", "--out", str(out)]
    assert cli(arguments) == 0
    alone = MesuRegressor((5, 8, 1), features=tuple("abcde"))
    predicted = alone.test_then_learn_many(x[::3], [float(row.split(",")[-1]) for row in rows[::3]])
    assert Images(out).get("p0") == alone.to_bytes()
    said = [row.split(",") for row in (out / "predictions.csv").read_text("utf-8").splitlines()]
    assert [float(row[2]) for row in said if row[0] == "p0"] == predicted[:, 0].tolist()


def test_rows_without_a_label_are_predicted_only(stream: Path, tmp_path: Path) -> None:
    out, lines = tmp_path / "fleet", stream.read_text("utf-8").splitlines()
    lines[1:5] = [line.rpartition(",")[0] + "," for line in lines[1:5]]
    stream.write_text("\n".join(lines), "utf-8")
    assert cli(command(stream, out, "-q")) == 0
    assert Images(out).n_samples == 480 - 4
    said = (out / "predictions.csv").read_text("utf-8").splitlines()
    assert len(said) == 481
    assert sum(line.endswith(",") for line in said) == 4


def test_the_learner_of_a_key_is_exported(
    stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, to = tmp_path / "fleet", tmp_path / "export"
    assert cli(command(stream, out, "-q")) == 0
    assert cli(["fleet", "export", "p7", "--from", str(out), "--to", str(to)]) == 0
    assert "the learner of 'p7' after 12 samples" in capsys.readouterr().out
    (image,) = to.glob("*.sls")
    learner = load(image)
    assert isinstance(learner, MesuClassifier)
    assert learner.state_sha256 == alone(stream)["p7"][0]
    message = failed(capsys, ["fleet", "export", "p99", "--from", str(out), "--to", str(to)])
    assert "no key 'p99'; it has 40 keys, such as 'p0'" in message


# -- what goes wrong -------------------------------------------------------------------------------


def test_a_bad_row_ends_the_run_and_is_named(
    stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, lines = tmp_path / "fleet", stream.read_text("utf-8").splitlines(keepends=True)
    good = lines[400]
    lines[400] = good.replace(good.split(",")[1], "broken")
    stream.write_text("".join(lines), "utf-8")
    arguments = command(stream, out, "--block-rows", "50", "--snapshot-seconds", "0", "-q")
    assert "line 401" in failed(capsys, arguments)
    lines[400] = good
    stream.write_text("".join(lines), "utf-8")
    assert cli(arguments) == 0
    assert in_folder(out) == alone(stream)


def test_rows_that_are_skipped_are_said(
    stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stream.write_text(stream.read_text("utf-8") + "p1,1,2,3,4,broken,x\n", "utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert cli(command(stream, tmp_path / "fleet", "--on-bad", "skip")) == 0
    captured = capsys.readouterr()
    assert "1 rows skipped in this run, first: " in captured.err
    assert "480 samples learned" in captured.out


def test_predictions_that_were_cut_elsewhere_are_refused(
    stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fleet"
    assert cli(command(stream, out, "-q")) == 0
    (out / "predictions.csv").write_text("key", "utf-8")
    assert "predictions.csv has 3 bytes, and" in failed(capsys, command(stream, out, "-q"))


def test_a_row_without_a_key_is_named(
    stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = stream.read_text("utf-8") + ",1,2,3,4,5,x\n"
    stream.write_text(text, "utf-8")
    message = failed(capsys, command(stream, tmp_path / "fleet", "-q"))
    assert "line 482: no key" in message


def test_another_file_in_the_place_of_the_stream_is_refused(
    stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fleet"
    assert cli(command(stream, out, "-q")) == 0
    write_stream(stream, 40, 12, seed=1)
    assert "are not those that the fleet has learned" in failed(capsys, command(stream, out, "-q"))


REFUSED = {
    "no key": (["--label", "state"], "--key: "),
    "the label as key": (["--label", "state", "--key", "state"], "it is the label's column"),
    "a column that is not there": (["--label", "state", "--key", "pumpe"], "'pumpe'"),
    "a port": (
        ["--label", "state", "--key", "pump", "--stream", "serial:/dev/none"],
        "a fleet takes a file, MQTT topics or",
    ),
    "an unknown setting": (["--label", "state", "--key", "pump", "--set", "n_drows=3"], "n_drows"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_fleet_is_refused_before_anything_is_learned(
    name: str, stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more, words = REFUSED[name]
    out = tmp_path / "fleet"
    arguments = ["fleet", "run", "--out", str(out), "--stream", str(stream), *more]
    assert words in failed(capsys, arguments)
    assert not (out / "fleet.json").exists()


def test_a_fleet_goes_on_as_it_began(
    stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fleet"
    assert cli(command(stream, out, "-q")) == 0
    message = failed(capsys, [*command(stream, out), "--seed", "3"])
    assert "--seed 3: the fleet in" in message
    assert "begun with none given" in message


def test_a_folder_of_something_else_is_refused(
    stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "diary.txt").write_text("monday", "utf-8")
    message = failed(capsys, command(stream, tmp_path / "notes"))
    assert "holds 'diary.txt', which no fleet wrote" in message
    nothing = ["fleet", "export", "p1", "--from", str(tmp_path), "--to", str(tmp_path / "e")]
    assert "holds no fleet" in failed(capsys, nothing)


def test_a_fleet_without_an_end_has_no_images_yet(
    stream: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fleet"
    assert cli(command(stream, out, "-q")) == 0
    (out / "images.sqlite").unlink()
    message = failed(
        capsys, ["fleet", "export", "p1", "--from", str(out), "--to", str(tmp_path / "e")]
    )
    assert "has no images yet" in message
    (out / "images.sqlite").write_text("no store at all" * 99, "utf-8")
    message = failed(
        capsys, ["fleet", "export", "p1", "--from", str(out), "--to", str(tmp_path / "e")]
    )
    assert "images.sqlite is damaged" in message
    (out / "images.sqlite").unlink()
    assert cli(command(stream, out, "-q")) == 0
    assert len(Images(out)) == 40


def test_images_are_replaced_all_or_none(tmp_path: Path) -> None:
    images = Images(tmp_path)
    images.put([("a", 1, b"one"), ("b", 2, b"two")])
    with pytest.raises(sqlite3.Error):
        images.put([("a", 9, b"nine"), ("c", None, b"")])  # type: ignore[list-item]
    assert list(images) == [("a", 1, b"one"), ("b", 2, b"two")]
