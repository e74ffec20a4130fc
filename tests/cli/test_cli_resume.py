"""A run that was cut anywhere goes on with the same bits, and its folder is one moment."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pty
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import tty
from pathlib import Path
from typing import Any

import pytest
from cli_helpers import CUT, HEADER, LABEL, LABELS, Cli, check_manifest, one_line, read_json, start
from cli_helpers import toy_csv as csv_of

from streamlearn import MesuClassifier
from streamlearn.cli import checkpoints, keeper, sitting
from streamlearn.cli.checkpoints import Checkpoint, Place, decode, encode, newest
from streamlearn.cli.kept_learner import learner_of
from streamlearn.cli.stream_paths import stream_at, stream_path
from streamlearn.cli.whole_samples import WholeSamples
from streamlearn.errors import StateFormatError, WriteError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

N = 150
#: What no interruption may change; times differ.
SAME = (
    "n_samples", "accuracy_prequential", "accuracy_no_change", "accuracy_majority", "kappa",
    "kappa_m", "kappa_t", "balanced_accuracy", "latest", "classes", "n_drifts", "drifts", "advice",
    "state_sha256", "predictions_sha256", "skipped",
)  # fmt: skip
CLASSES = ("--classes", ",".join(sorted(LABELS)))
GIVEN = ("--label", LABEL, "--hidden", 8, "--quiet")


def same(folder: Path) -> dict[str, Any]:
    """Return the figures of a run that are the same however it was cut; check that it is whole."""
    check_manifest(folder)
    values = read_json(folder / "metrics.json")
    learner = MesuClassifier.load(folder / "state.sls")
    assert (learner.n_samples, learner.state_sha256) == (
        values["n_samples"],
        values["state_sha256"],
    )
    return {key: values[key] for key in SAME}


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of which some are bad, also at the end."""
    file = tmp_path_factory.mktemp("stream") / "x.csv"
    lines = csv_of(N).splitlines(keepends=True)
    for at in (9, 40, 41, 100, len(lines)):
        lines.insert(at, f"nan,{LABELS[0]},1,{at}\n")
    file.write_text("".join(lines), "utf-8")
    return file


@pytest.fixture(scope="module")
def whole(stream: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run that nobody cuts finds."""
    from streamlearn import cli as command_line

    out = tmp_path_factory.mktemp("whole") / "run"
    given = ("run", "--stream", stream, *GIVEN, "--on-bad", "skip", "--out", out)
    assert command_line.run([str(a) for a in given]) == 0
    found = same(out)
    assert (found["n_samples"], found["skipped"]["count"]) == (N, 5)
    return found


class Killed(BaseException):
    """What a kill is to a process, in a test that has only one."""


def cut_after(patch: pytest.MonkeyPatch, n: int) -> None:
    """End what stands for a process inside the learning of its n-th sample."""
    learn, left = WholeSamples.test_then_learn_block, [n]

    def cut(self: Any, x: Any, y: Any, *begins: Any) -> Any:
        left[0] -= len(y)
        if left[0] <= 0:
            patch.setattr(keeper.Keeper, "_try", lambda _: None)  # the dead write nothing
            raise Killed
        return learn(self, x, y, *begins)

    patch.setattr(WholeSamples, "test_then_learn_block", cut)


def killed(n: int, *arguments: object) -> None:
    """Run a command that is killed in its n-th sample."""
    done = subprocess.run(
        [sys.executable, "-c", CUT, str(n), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_killed_and_killed_again(stream: Path, tmp_path: Path, whole: dict[str, Any]) -> None:
    """A true kill -9, three times over; each time the folder tells one moment."""
    out = tmp_path / "run"
    run: tuple[object, ...] = ("run", "--stream", stream, *GIVEN, "--on-bad", "skip")
    run = (*run, "--checkpoint-every", 7, "--out", out)
    for n in (60, 50, 30):
        killed(n, *run)
        run = ("run", "--resume", out, "--quiet", "--checkpoint-every", 7)
        assert read_json(out / "manifest.json")["files"] == {}, "nothing is said to be done"
        assert not (out / "state.sls").exists()
        found = newest(out)
        assert found is not None
        assert found.n_samples % 7 == 0
        assert learner_of(out).n_samples == found.n_samples
    from streamlearn import cli as command_line

    assert command_line.run([str(a) for a in run]) == 0
    assert same(out) == whole


@pytest.mark.parametrize("places", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_cut_at_many_places(
    cli: Cli,
    stream: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: dict[str, Any],
    places: int,
) -> None:
    """What a kill leaves, without the seconds that a process takes: nothing is written after it."""
    monkeypatch.setattr(sitting, "write_report", lambda path, _: path.write_text("a page"))
    rng = random.Random(0)
    for place in sorted(rng.sample(range(1, N + 1), places)):
        out = tmp_path / f"run{place}"
        every = ("--checkpoint-every", rng.randint(1, 40), "--checkpoint-seconds", 0)
        with monkeypatch.context() as patch:
            cut_after(patch, place)
            given = ("run", "--stream", stream, *GIVEN, "--on-bad", "skip", "--out", out)
            with pytest.raises(Killed):
                cli(*given, *every)
        found = newest(out)
        assert found is not None
        assert place - every[1] <= found.n_samples < place
        ended = cli("run", "--resume", out, "--quiet", *every)
        assert ended.code == 0, ended.err
        assert same(out) == whole
        shutil.rmtree(out)


def test_a_folder_that_moved_with_its_stream(
    cli: Cli,
    stream: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: dict[str, Any],
) -> None:
    before, after = tmp_path / "before", tmp_path / "elsewhere" / "after"
    before.mkdir()
    shutil.copy(stream, before / "x.csv")
    run = ("run", "--stream", before / "x.csv", *GIVEN, "--on-bad", "skip", "--out", before / "r")
    with monkeypatch.context() as patch:
        cut_after(patch, 70)
        with pytest.raises(Killed):
            cli(*run, "--checkpoint-every", 20)
    assert read_json(before / "r" / "manifest.json")["source"]["stream"] == "../x.csv"
    after.parent.mkdir()
    before.rename(after)
    ended = cli("run", "--resume", after / "r")
    assert ended.code == 0, ended.err
    assert "goes on behind line" in ended.err
    assert str(tmp_path) not in (after / "r" / "manifest.json").read_text()
    found = same(after / "r")
    assert found["skipped"]["count"] == whole["skipped"]["count"]
    assert {**found, "skipped": None} == {**whole, "skipped": None}  # whose messages name the file


def test_how_a_stream_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    out = Path("runs") / "a"
    for stream in ("-", "/dev/ttyACM0", "serial:/dev/ttyACM0@9600", "mqtts://host:8883/a/b"):
        assert stream_path(stream, out) == stream_at(stream, out) == stream
    assert stream_path(str(tmp_path / "x.csv"), out) == "../../x.csv"
    assert stream_at("../../x.csv", out) == stream_at("../../x.csv", tmp_path / out) == "x.csv"
    assert stream_path(str(tmp_path / "x.csv"), None) == str(tmp_path / "x.csv")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_keeps_everything(tmp_path: Path, name: str, whole: dict[str, Any]) -> None:
    """The stream pauses, the signal comes; the rest of the stream comes to another process."""
    out, number = tmp_path / "run", signal.Signals[name]
    lines = csv_of(N).splitlines(keepends=True)[1:]
    given = ("--stream", "-", *GIVEN, *CLASSES, "--out", out, "--checkpoint-seconds", 0.2)
    process = start("run", *given, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(HEADER + "".join(lines[:90]))
    process.stdin.flush()
    end = time.monotonic() + 60
    while (found := newest(out)) is None or found.n_samples < 90:  # the clock keeps a pause too
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    what = "interrupted" if name == "SIGINT" else f"stopped by {name}"
    assert one_line(err) == (
        f"streamlearn: {what} after 90 samples (standard input line 91); what was learned until "
        f"then is in {out}\n"
    )
    assert same(out)["n_samples"] == 90
    process = start("run", "--resume", out, "--quiet", stdin=subprocess.PIPE)
    _, err = process.communicate(HEADER + "".join(lines[90:]), timeout=60)
    assert (process.returncode, err) == (0, "")
    assert {**same(out), "skipped": None} == {**whole, "skipped": None}


@pytest.mark.parametrize("within", [False, True])
def test_an_unplugged_port(tmp_path: Path, within: bool) -> None:
    out, (master, slave) = tmp_path / "run", pty.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)
    process = start(
        "run", "--stream", name, *GIVEN, *CLASSES, "--out", out, "--checkpoint-every", 1
    )
    os.write(master, csv_of(20).encode())
    end = time.monotonic() + 60
    while (found := newest(out)) is None or found.n_samples < 20:
        assert time.monotonic() < end
        time.sleep(0.05)
    if within:
        os.write(master, b"1.5,")
    os.close(slave)
    os.close(master)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert re.search(rf"{name}: .*after line 21.*; what was learned until then is", one_line(err))
    assert same(out)["n_samples"] == 20


def test_a_pipe_that_ends_within_a_line(tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start("run", "--stream", "-", *GIVEN, *CLASSES, "--out", out, stdin=subprocess.PIPE)
    _, err = process.communicate(csv_of(20) + "1.5,two", timeout=60)
    assert process.returncode == 3
    assert "line 22: expected 4 values as in the header, got 2" in one_line(err)
    assert "(the stream ended within this line); what was learned until then is in" in err
    assert same(out)["n_samples"] == 20


# -- streams -------------------------------------------------------------------------------------


def test_next_months_file(cli: Cli, tmp_path: Path) -> None:
    """One file after the other is what both in one are; columns go by name."""
    lines, out = csv_of(120).splitlines(keepends=True), tmp_path / "run"
    may, june, both = (tmp_path / name for name in ("may.csv", "june.csv", "both.csv"))
    may.write_text("".join(lines[:71]), "utf-8")
    both.write_text("".join(lines), "utf-8")
    order = [2, 0, 3, 1]
    rows = [line.rstrip("\n").split(",", 3) for line in lines[:1] + lines[71:]]
    june.write_text("".join(",".join(row[i] for i in order) + "\n" for row in rows), "utf-8")
    assert cli("run", "--stream", both, *GIVEN, "--out", tmp_path / "both").code == 0
    assert cli("run", "--stream", may, *GIVEN, "--out", out).code == 0
    ended = cli("run", "--resume", out, "--stream", june)
    assert ended.code == 0, ended.err
    assert f"70 samples learned; learns {june} from its beginning" in ended.err
    assert same(out) == same(tmp_path / "both")
    assert cli("run", "--resume", out, "-q").code == 0, "of june.csv, which is learned"
    assert same(out) == same(tmp_path / "both")
    june.write_text("a" + june.read_text("utf-8"), "utf-8")
    ended = cli("run", "--resume", out, "--stream", june)
    assert ended.code == 1
    assert "other feature columns; missing here: ['x y'], unknown: ['ax y']" in one_line(ended.err)


def test_a_file_that_grew_and_one_that_is_another(cli: Cli, tmp_path: Path) -> None:
    file, out = tmp_path / "x.csv", tmp_path / "run"
    lines = csv_of(60).splitlines(keepends=True)
    file.write_text("".join(lines[:41]), "utf-8")
    assert cli("run", "--stream", file, *GIVEN, "--out", out).code == 0
    file.write_text("".join(lines), "utf-8")
    assert cli("run", "--resume", out, "-q").code == 0
    assert same(out)["n_samples"] == 60
    file.write_text(csv_of(60, seed=1), "utf-8")
    ended = cli("run", "--resume", out)
    assert ended.code == 1
    assert "does not begin with the 61 lines that were learned of it" in one_line(ended.err)
    assert same(out)["n_samples"] == 60, "a refusal changes nothing"
    assert cli("run", "--resume", out, "--stream", file, "-q").code == 0
    assert same(out)["n_samples"] == 120


def test_a_folder_of_another_stream_is_not_lost(cli: Cli, stream: Path, tmp_path: Path) -> None:
    out, other = tmp_path / "run", tmp_path / "other.csv"
    other.write_text(csv_of(30), "utf-8")
    run = ("run", *GIVEN, "--out", out)
    assert cli(*run, "--stream", other).code == 0
    assert cli(*run, "--stream", other).code == 0, "the same again is the same"
    ended = cli(*run, "--stream", stream, "--on-bad", "skip")
    assert ended.code == 1
    assert f"holds a learner of 30 samples of {other}. To go on with" in one_line(ended.err)
    assert same(out)["n_samples"] == 30
    assert cli("demo", "--limit", 2, "--out", out).code == 1
    assert cli(*run, "--stream", stream, "--on-bad", "skip", "--force").code == 0
    assert same(out)["n_samples"] == N
    assert cli("run", "--resume", out, "--stream", other, "-q").code == 0
    ended = cli(*run, "--stream", other)
    assert ended.code == 1, "what two streams taught is not learned again from one"


@pytest.mark.parametrize(
    "option", [("--hidden", "8"), ("--out", "x"), ("--seed", "0"), ("--force",)]
)
def test_what_a_run_has_is_not_given_again(cli: Cli, tmp_path: Path, option: tuple[str]) -> None:
    ended = cli("run", "--resume", tmp_path, *option)
    assert ended.code == 1
    assert f"{option[0]}: --resume goes on with what the run has; leave it out" in one_line(
        ended.err
    )


def test_folders_that_cannot_be_gone_on_with(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    for folder, message in (
        (tmp_path / "no", "is no folder: --resume takes one that `run --out` made"),
        (tmp_path, "is not empty and no streamlearn-run folder"),
    ):
        ended = cli("run", "--resume", folder)
        assert ended.code == 1
        assert message in one_line(ended.err)
    (tmp_path / "empty").mkdir()
    assert "holds no checkpoint" in cli("run", "--resume", tmp_path / "empty").err


# -- two processes -------------------------------------------------------------------------------


def test_the_second_is_told_who_works_there(cli: Cli, stream: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start("run", "--stream", "-", *GIVEN, *CLASSES, "--out", out, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(csv_of(20))
    process.stdin.flush()
    end = time.monotonic() + 60
    while newest(out) is None:
        assert time.monotonic() < end
        time.sleep(0.05)
    for second in (
        ("run", "--resume", out),
        ("run", "--stream", stream, *GIVEN, "--on-bad", "skip", "--out", out, "--force"),
        ("demo", "--limit", 1, "--out", out),
    ):
        ended = cli(*second)
        assert ended.code == 5
        assert re.search(
            rf"run is in use by process {process.pid} on \S+ since \d{{4}}-.*Wait for it, stop it,",
            one_line(ended.err),
        )
    process.kill()
    process.communicate()
    assert cli("run", "--resume", out, "--stream", stream, "--on-bad", "skip", "-q").code == 0
    assert not (out / ".lock").exists()


# -- disks ---------------------------------------------------------------------------------------


def full(monkeypatch: pytest.MonkeyPatch, after: int) -> list[int]:
    """Let checkpoints fail after so many; return how often they were tried."""
    write, tried = checkpoints.write, [0]

    def fail(run_dir: Path, checkpoint: Checkpoint) -> None:
        tried[0] += 1
        if tried[0] > after:
            raise WriteError(errno.ENOSPC, "cannot be written: No space left", str(run_dir))
        write(run_dir, checkpoint)

    monkeypatch.setattr(checkpoints, "write", fail)
    return tried


def test_a_disk_that_is_full_from_the_beginning(
    cli: Cli, stream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full(monkeypatch, 0)
    ended = cli("run", "--stream", stream, *GIVEN, "--on-bad", "skip", "--out", tmp_path / "run")
    assert ended.code == 4
    assert "cannot be written: No space left" in one_line(ended.err)


def test_a_disk_that_fills_up_and_has_room_again(
    cli: Cli, stream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, Any]
) -> None:
    """It is said once, learning goes on, and nothing is missing in the end."""
    tried, write = full(monkeypatch, 3), checkpoints.write
    monkeypatch.setattr(
        checkpoints, "write", lambda d, c: (write if c.n_samples < N else WRITE)(d, c)
    )
    out = tmp_path / "run"
    run = ("run", "--stream", stream, *GIVEN, "--on-bad", "skip", "--out", out)
    ended = cli(*run, "--checkpoint-every", 10)
    assert ended.code == 0
    assert tried[0] > 10
    assert ended.err.count("The latest checkpoint is that of sample 20; learning goes on") == 1
    assert same(out) == whole


WRITE = checkpoints.write


def test_a_disk_that_stays_full(
    cli: Cli, stream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, Any]
) -> None:
    out = tmp_path / "run"
    run = ("run", "--stream", stream, *GIVEN, "--on-bad", "skip", "--out", out)
    with monkeypatch.context() as patch:
        full(patch, 3)
        ended = cli(*run, "--checkpoint-every", 10)
    assert ended.code == 4
    last = ended.err.splitlines()[-1]
    assert f"The first 20 samples are kept in {out}; the {N - 20} after them are lost" in last
    assert cli("run", "--resume", out, "-q").code == 0
    assert same(out) == whole


def test_a_true_disk_of_small_size(cli: Cli, tmp_path: Path, whole: dict[str, Any]) -> None:
    """Others fill it up while the run goes on; the room that was kept aside is enough."""
    disk, out = tmp_path / "disk", tmp_path / "disk" / "run"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        given = ("--stream", "-", *GIVEN, *CLASSES, "--out", out, "--checkpoint-every", 10)
        process = start("run", *given, stdin=subprocess.PIPE)
        assert process.stdin is not None
        lines = csv_of(N).splitlines(keepends=True)
        process.stdin.write("".join(lines[:51]))
        process.stdin.flush()
        end = time.monotonic() + 60
        while (found := newest(out)) is None or found.n_samples < 50:
            assert time.monotonic() < end
            time.sleep(0.05)
        with contextlib.suppress(OSError), (disk / "others").open("wb", buffering=0) as filler:
            while filler.write(bytes(4096)):
                pass
        _, err = process.communicate("".join(lines[51:]), timeout=60)
        # The report fits into that room too, or resuming writes it.
        kept = f"All {N} samples are kept in {out / 'checkpoints'}" in err
        assert (process.returncode, kept) in ((0, False), (4, True)), err
        (disk / "others").unlink()
        rest = tmp_path / "nothing.csv"
        rest.write_text(lines[0] + f"nan,{LABELS[0]},1,1\n", "utf-8")
        more = ("--stream", rest, "--on-bad", "skip", "-q", "--json", tmp_path / "x.json")
        assert cli("run", "--resume", out, *more).code == 0
        values = read_json(tmp_path / "x.json")
        assert values["state_sha256"] == whole["state_sha256"]
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


# -- the folder ----------------------------------------------------------------------------------


def test_checkpoints_are_synced_before_and_after_their_rename(stream: Path, tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    out, log = tmp_path / "run", tmp_path / "log"
    command = ("run", "--stream", stream, *GIVEN, "--on-bad", "skip", "--out", out)
    trace = ["strace", "-f", "-y", "-e", "trace=fsync,rename,renameat,renameat2", "-o", log]
    done = subprocess.run(
        [str(a) for a in (*trace, sys.executable, "-m", "streamlearn.cli", *command)]
        + ["--checkpoint-every", "25", "--checkpoint-seconds", "0"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    if "ptrace" in done.stderr:
        pytest.skip("strace may not look here")
    assert done.returncode == 0, done.stderr
    calls = [line.partition(" ")[2].strip() for line in log.read_text().splitlines()]
    renames = [i for i, call in enumerate(calls) if call.startswith("rename") and ".slc" in call]
    assert len(renames) == 7
    for i in renames:
        name = re.search(r"/(\d+\.slc)\"\)", calls[i])
        assert name is not None
        assert re.match(rf"fsync\(\d+<.*/\.{re.escape(name[1])}\.\d+-\w+\.new>\)", calls[i - 1])
        assert re.match(r"fsync\(\d+<.*/checkpoints>\)", calls[i + 1])
    manifest = [i for i, call in enumerate(calls) if 'manifest.json"' in call][-1]
    assert manifest > max(i for i, call in enumerate(calls) if 'state.sls"' in call)


def test_the_last_two_are_kept(cli: Cli, stream: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = ("run", "--stream", stream, *GIVEN, "--on-bad", "skip", "--out", out)
    assert cli(*run, "--checkpoint-every", 20).code == 0
    names = {file.name for file in (out / "checkpoints").iterdir()}
    assert names == {f"000000000{n}.{kind}" for n in (140, 150) for kind in ("slc", "watch")}


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "gone"])
def test_the_checkpoint_before_takes_over(
    cli: Cli, stream: Path, tmp_path: Path, whole: dict[str, Any], damage: str
) -> None:
    out = tmp_path / "run"
    run = ("run", "--stream", stream, *GIVEN, "--on-bad", "skip", "--out", out)
    assert cli(*run, "--checkpoint-every", 20).code == 0
    file = out / "checkpoints" / "000000000150.slc"
    data = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        flipped = data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
        bad = {"cut": data[:-9], "bit": flipped, "empty": b""}[damage]
        file.write_bytes(bad)
    found = newest(out)
    assert found is not None
    assert found.n_samples == 140
    assert cli("run", "--resume", out, "-q").code == 0
    assert same(out) == whole


def test_what_a_killed_command_of_old_left_is_used_again(
    cli: Cli, stream: Path, tmp_path: Path, whole: dict[str, Any]
) -> None:
    """0.1.0 could leave a manifest of no bytes, and the folder refused every later command."""
    out = tmp_path / "run"
    run = ("run", "--stream", stream, *GIVEN, "--on-bad", "skip", "--out", out)
    out.mkdir()
    for name in ("manifest.json", "state.sls", ".lock", ".state.sls.12-0123abcd.new"):
        (out / name).touch()
    assert cli(*run).code == 0
    assert same(out) == whole
    (out / "manifest.json").write_bytes(b"")
    (out / "precious").touch()
    assert cli(*run).code == 1, "but not if there is anything else"


def test_export_takes_what_is_newest_and_whole(cli: Cli, stream: Path, tmp_path: Path) -> None:
    out, to = tmp_path / "run", tmp_path / "e"
    run = ("run", "--stream", stream, *GIVEN, "--on-bad", "skip", "--out", out)
    killed(100, *run, "--checkpoint-every", 30)
    assert cli("export", out, "--to", to).code == 0
    assert read_json(to / "manifest.json")["n_samples"] == 90
    shutil.rmtree(out / "checkpoints")
    MesuClassifier((3, 8, 3), classes=LABELS).save(out / "state.sls")
    ended = cli("export", out, "--to", to)
    assert ended.code == 1
    assert "a command was cut short in this folder; run it again" in one_line(ended.err)


def test_checkpoints_are_checked() -> None:
    place = Place("x.csv", "y", "stop", 3, 7)
    made = Checkpoint(
        2, 3, 0.5, place, ("a.csv",), 1, ("m",), {"mu": 1}, chain="ab", image=b"image", part=b"part"
    )
    data = encode(made)
    assert decode(data, "x") == made
    for bad, message in (
        (b"", "no checkpoint"),
        (b"PK" + data[2:], "no checkpoint"),
        (data[:4] + b"\x09" + data[5:], "format version 9, this streamlearn reads version 2"),
        (data[:-1], "was cut or is damaged"),
        (data + b"\0", "was cut or is damaged"),
        (data[:30] + b"\xff" + data[31:], "was cut or is damaged"),
    ):
        with pytest.raises(StateFormatError, match=message):
            decode(bad, "x")
    other = json.loads(data[24:-9])
    assert other["n_samples"] == 2
