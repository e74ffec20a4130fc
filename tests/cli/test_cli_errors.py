"""Every way to fail: its message in one line, its exit code, no traceback unless asked for."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from cli_helpers import LABEL, Cli, call, one_line, toy_csv

from streamlearn import StreamlearnError
from streamlearn import cli as command_line
from streamlearn.streams import load_gas_drift

TOY = ("run", "--stream", "{toy}", "--label", LABEL)

USAGE = [
    (("sing",), r"No such command 'sing' \(see `streamlearn --help`\)"),
    (("--loud",), r"No such option: --loud"),
    (("run",), r"Missing option '--stream' \(see `streamlearn run --help`\)"),
    (("run", "--stream", "x.csv"), r"Missing option '--label'"),
    ((*TOY, "--fast"), r"No such option: --fast"),
    ((*TOY, "--arithmetic", "q4"), r"'--arithmetic': 'q4' is not one of q16, float32, "),
    ((*TOY, "--rule", "sgd"), r"'--rule': 'sgd' is not one of mesu, "),
    ((*TOY, "--rule", "metaplstic"), r"'--rule': .* Did you mean 'metaplastic'\?"),
    ((*TOY, "--on-bad", "shrug"), r"'--on-bad': .*'shrug' is not one of 'stop', 'skip'"),
    ((*TOY, "--seed", "-1"), r"Invalid value for '--seed': "),
    ((*TOY, "--seed", "4294967296"), r"Invalid value for '--seed': "),
    ((*TOY, "--seed", "one"), r"Invalid value for '--seed': "),
    ((*TOY, "--memory-window", "long"), r"Invalid value for '--memory-window': "),
    *(
        (
            (*TOY, "--hidden", bad),
            rf"--hidden: '{bad}': expected one number above 0 per hidden layer",
        )
        for bad in ("many", "0", "-3", "32,", "", "1.5", "8,x")
    ),
    (("demo", "--limit", "0"), r"Invalid value for '--limit': "),
    (("export", "somewhere"), r"Missing option '--to'"),
    (("export",), r"Missing argument '(source|SOURCE)'"),
    (("simulate", "e", "--label", "x"), r"Missing option '--stream'"),
]

FAILURES = [
    ((*TOY, "--memory-window", "0"), r"memory_window=0.0: expected a number of samples"),
    ((*TOY, "--memory-window", "-5"), r"memory_window=-5.0: expected a number of samples"),
    ((*TOY, "--memory-window", "nan"), r"memory_window=nan: expected"),
    ((*TOY, "--memory-window", "300"), r"memory_window=300: too short for fixed point.*at least"),
    ((*TOY, "--set", "memory_window"), r"--set memory_window: expected NAME=VALUE, such as"),
    ((*TOY, "--set", "=3"), r"--set =3: expected NAME=VALUE"),
    (
        (*TOY, "--set", "memry_window=3"),
        r"memry_window: the rule mesu has no such setting\. Did you mean 'memory_window'\? It has ",
    ),
    (
        (*TOY, "--rule", "metaplastic", "--set", "n_draws=3"),
        r"n_draws: the rule metaplastic has no such setting\. It has .*, n_blocks, n_active",
    ),
    ((*TOY, "--rule", "mesu_factored", "--set", "mu_frac_bits=12"), r"has no such setting"),
    ((*TOY, "--set", "seed=3"), r"--set seed: the rule mesu has no such setting"),
    ((*TOY, "--set", "n_draws=many"), r"n_draws='many': expected a number"),
    ((*TOY, "--set", "n_draws=0"), r"n_draws=0: expected 1 to 64 draws"),
    ((*TOY, "--set", "n_draws=3", "--set", "n_draws=4"), r"--set: n_draws is given twice"),
    ((*TOY, "--memory-window", "3000", "--set", "memory_window=2000"), r"is given twice; give it"),
    ((*TOY, "--hidden", "70000"), r"layers=\(3, 70000, 3\): every size must be 1 to 65535"),
    ((*TOY, "--classes", "one"), r"expected at least 2 classes, got \['one'\]"),
    ((*TOY, "--classes", "a,b,a"), r"a class is named twice"),
    (("run", "--stream", "{tmp}/no.csv", "--label", "y"), r"no such file: '.*no\.csv'"),
    (("run", "--stream", "{tmp}", "--label", "y"), r"is a folder; expected a CSV file"),
    (
        ("run", "--stream", "-", "--label", "y"),
        r"standard input can be read only.*--classes",
    ),
    (
        ("run", "--stream", "{toy}", "--label", "what it iss"),
        rf"line 1: no label column 'what it iss'; the columns .* Did you mean '{LABEL}'\?",
    ),
    (("export", "{tmp}", "--to", "{tmp}/e"), r"state\.sls is missing: .* is no run folder; make"),
    (("export", "{tmp}/no", "--to", "{tmp}/e"), r"state\.sls is missing: .* is no run folder"),
    (
        ("simulate", "{tmp}", "--stream", "{toy}", "--label", LABEL),
        r"manifest\.json cannot be read .*expected an export folder; export it again",
    ),
    (
        ("demo", "--board", "abacus", "--out", "{tmp}/d"),
        r"unknown board 'abacus': expected one of nrf52840, esp32c3, mps2-an385, ",
    ),
    (
        ("simulate", "{tmp}", "--stream", "{toy}", "--label", LABEL, "--board", "abacus"),
        r"unknown board 'abacus': expected one of nrf52840, esp32c3, mps2-an385, ",
    ),
    (("demo", "--out", "{toy}"), r"toy .*\.csv is a file; give a folder"),
    (("demo", "--out", "{toy}/below"), r"cannot make the folder .*below: Not a directory"),
    ((*TOY, "--out", "{toy}"), r"is a file; give a folder"),
    ((*TOY, "--out", "{toy}/below"), r"cannot make the folder .*below: Not a directory"),
    ((*TOY, "--json", "{toy}/x.json"), r"cannot make the folder .*: File exists"),
    ((*TOY, "--json", "{tmp}"), r"is a folder: --json takes a file"),
    ((*TOY, "--json", "{toy}"), r"is the stream, which would be overwritten"),
    (
        (*TOY, "--out", "{tmp}/r", "--json", "{tmp}/r/state.sls"),
        r"is in the run folder, whose metrics\.json has the same figures",
    ),
    (("demo", "--json", "{tmp}", "--out", "{tmp}/d"), r"is a folder: --json takes a file"),
]

CONTENTS = [
    ("a,y\n1,p\nnan,q\n", r"x\.csv line 3, column 'a': expected a finite number, got 'nan'"),
    ("a,y\n1,p\n-inf,q\n", r"line 3, column 'a': expected a finite number, got '-inf'"),
    ("a,y\n1,p\nwarm,q\n", r"x\.csv line 3, column 'a': expected a number, got 'warm'"),
    ("a,y\n1,p\n1e39,q\n", r"line 3, column 'a': '1e39' is outside the range of float32"),
    ("a,y\n1,p\n2,\n", r"expected at least 2 classes in column 'y', found only 'p'"),
    ("a,y\n1,p\n2\n", r"x\.csv line 3: expected 2 values as in the header, got 1; .*'y'"),
    ("a,y\n1,p\n2,q,3\n", r"line 3: expected 2 values as in the header, got 3; .*too many is '3'"),
    ("a,y\n1,p\n2,p\n", r"expected at least 2 classes in column 'y', found only 'p'"),
    ("a,y\n", r"a header but no rows under it"),
    ("", r"is empty; expected a header row"),
    ("1,2\n3,4\n", r"no header row with a column 'y': the first row looks like data"),
    ("a:y\n1:p\n", r"no label column 'y'; .*or by what --delimiter names"),
    ("y\np\nq\n", r"the only column is the label 'y'; expected features beside it"),
    (b"\x1f\x8b\x08\0\0\0", r"gzip data is cut or damaged"),
    (b"\x7fELF\x02\x01\x01\0\n\0\0", r"NUL byte; expected CSV text, not a binary file"),
    (b"\x89PNG\r\n\x1a\n", r"is not UTF-8; expected CSV text in UTF-8, not a binary file"),
]


def filled(arguments: tuple[str, ...], toy: Path, tmp_path: Path) -> list[str]:
    return [a.replace("{toy}", str(toy)).replace("{tmp}", str(tmp_path)) for a in arguments]


@pytest.mark.parametrize(("arguments", "message"), USAGE)
def test_wrong_usage_is_2(
    cli: Cli, toy: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    ended = cli(*filled(arguments, toy, tmp_path))
    assert ended.code == 2
    assert re.search(message, one_line(ended.err)), ended.err
    assert ended.out == ""


@pytest.mark.filterwarnings("default::streamlearn.NoiseWarning")
@pytest.mark.parametrize(("arguments", "message"), FAILURES)
def test_failures_are_1(
    cli: Cli, toy: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    given = filled(arguments, toy, tmp_path)
    ended = cli(*given)
    assert ended.code == 1
    assert re.search(message, one_line(ended.err)), ended.err
    assert ended.out == ""
    with pytest.raises((StreamlearnError, ValueError)):
        command_line.run([*given, "--debug"])


@pytest.mark.parametrize(("content", "message"), CONTENTS)
def test_a_bad_file_is_named_by_line_and_column(
    cli: Cli, tmp_path: Path, content: str | bytes, message: str
) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    ended = cli("run", "--stream", file, "--label", "y", "--out", tmp_path / "out")
    assert ended.code == 1
    assert re.search(message, one_line(ended.err)), ended.err
    assert not (tmp_path / "out").exists()


def test_only_debug_shows_the_traceback() -> None:
    plain = call("run", "--stream", "no.csv", "--label", "y")
    assert (plain.code, plain.out) == (1, "")
    assert one_line(plain.err) == "streamlearn: no such file: 'no.csv'\n"
    debug = call("--debug", "run", "--stream", "no.csv", "--label", "y")
    assert debug.code == 1
    assert debug.err.startswith("Traceback (most recent call last)")
    assert "DataNotFoundError: no such file: 'no.csv'" in debug.err


# -- rows that are skipped -----------------------------------------------------------------------


def test_bad_rows_are_skipped_and_counted(cli: Cli, tmp_path: Path) -> None:
    file, figures = tmp_path / "x.csv", tmp_path / "x.json"
    bad = "nan,a,1,1\n2,a\n3,nan,1,1\n"
    file.write_text(f"v,y,w,u\n1,a,1,1\n{bad}2,b,2,2\n1,[/bold] c,0,0\n")
    common = ("run", "--stream", file, "--label", "y", "--on-bad", "skip", "--json", figures)
    ended = cli(*common)
    assert ended.code == 0
    skipped = json.loads(figures.read_text())["skipped"]
    assert skipped["count"] == 3
    assert [re.search(r"line (\d+)", m)[1] for m in skipped["messages"]] == ["3", "4", "5"]  # type: ignore[index]
    assert f"3 rows skipped, first: {file} line 3, column 'v': expected a finite" in ended.err
    assert json.loads(figures.read_text())["n_samples"] == 3

    ended = cli(*common, "--classes", "a,b")
    assert ended.code == 0
    assert json.loads(figures.read_text())["skipped"]["count"] == 4
    assert "unknown label '[/bold] c'; the classes are 'a', 'b'" in figures.read_text()


def test_an_unknown_label_stops_and_what_was_learned_is_kept(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("v,y\n1,hot\n2,cold\n3,code\n")
    common = ("run", "--stream", file, "--label", "y", "--classes", "hot,cold")
    ended = cli(*common)
    assert ended.code == 3
    assert "line 4, column 'y': unknown label 'code'; the classes are 'hot', 'cold'. Did you" in (
        one_line("streamlearn: " + ended.err.split("streamlearn: ")[-1])
    )
    out = tmp_path / "out"
    ended = cli(*common, "--out", out, "--quiet")
    assert ended.code == 3
    assert f"; what was learned until then is in {out}" in one_line(ended.err)
    assert json.loads((out / "metrics.json").read_text())["n_samples"] == 2
    with pytest.raises(StreamlearnError, match="unknown label 'code'"):
        command_line.run([*map(str, common), "--debug"])


def test_a_bad_first_row_of_a_pipe_leaves_no_results(tmp_path: Path) -> None:
    out = tmp_path / "out"
    given = ("run", "--stream", "-", "--label", "y", "--classes", "p,q", "--out", out)
    ended = call(*given, stdin="a,y\nwarm,p\n")
    assert ended.code == 1
    assert "standard input line 2, column 'a': expected a number" in one_line(ended.err)
    assert not (out / "metrics.json").exists()


# -- folders -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "demo", "export", "simulate"])
def test_a_folder_of_somebody_else_is_left_alone(
    cli: Cli, toy: Path, q16: Path, tmp_path: Path, command: str
) -> None:
    (tmp_path / "c").mkdir()
    precious = tmp_path / "c" / "main.c"
    precious.write_text("int main(void) { return 0; }\n")
    stream = ("--stream", toy, "--label", LABEL)
    ended = {
        "run": lambda: cli("run", *stream, "--out", tmp_path),
        "demo": lambda: cli("demo", "--limit", 1, "--out", tmp_path),
        "export": lambda: cli("export", q16 / "run", "--to", tmp_path),
        "simulate": lambda: cli("simulate", q16 / "export", *stream, "--out", tmp_path),
    }[command]()
    assert ended.code == 1
    assert f"{tmp_path} is not empty and no streamlearn-" in one_line(ended.err)
    assert [p.name for p in tmp_path.rglob("*")] == ["c", "main.c"]


def test_an_export_never_replaces_the_run_it_is_made_from(cli: Cli, q16: Path) -> None:
    ended = cli("export", q16 / "run", "--to", q16 / "run")
    assert ended.code == 1
    assert "is not empty and no streamlearn-export folder" in one_line(ended.err)


# -- learners and exports ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-8], r"the file was cut or something was added"),
        (lambda data: data[:10], r"10 bytes, a state image has at least 24"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), r"CRC-32 is .* contents are damaged"),
        (lambda data: b"PK\x03\x04" + data[4:], r"begins with b'PK.*another kind of file"),
        (
            lambda data: data[:4] + b"\x09\0" + data[6:],
            r"state format version 9, this ",
        ),
    ],
)
def test_a_damaged_state_is_refused(
    cli: Cli, q16: Path, tmp_path: Path, damage: object, message: str
) -> None:
    image = tmp_path / "state.sls"
    image.write_bytes(damage((q16 / "run" / "state.sls").read_bytes()))  # type: ignore[operator]
    ended = cli("export", tmp_path, "--to", tmp_path / "e")
    assert ended.code == 1
    assert re.search(rf"state\.sls: .*{message}", one_line(ended.err)), ended.err
    assert not (tmp_path / "e").exists()


def test_float64_cannot_be_exported(cli: Cli, toy: Path, tmp_path: Path) -> None:
    arguments = ("--arithmetic", "float64", "--out", tmp_path / "run", "--quiet")
    assert cli("run", "--stream", toy, "--label", LABEL, *arguments).code == 0
    ended = cli("export", tmp_path / "run", "--to", tmp_path / "e")
    assert ended.code == 1
    assert "a float64 learner cannot be exported: no board runs it" in one_line(ended.err)


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (
            lambda e: (e / "c" / "sl_learner.c").write_text("int x;"),
            r"sl_learner\.c has 6 bytes",
        ),
        (lambda e: (e / "state.sls").unlink(), r"state\.sls cannot be read .*export it again"),
        (lambda e: (e / "c" / "evil.c").write_text(";"), r"evil\.c is not in the manifest"),
        (
            lambda e: (e / "manifest.json").write_text("{"),
            r"manifest\.json: no JSON: .*again",
        ),
        (
            lambda e: (e / "manifest.json").write_text('{"format": "streamlearn-run"}'),
            r"format is 'streamlearn-run', this version reads 'streamlearn-export'",
        ),
    ],
)
def test_a_tampered_export_is_refused(
    cli: Cli, toy: Path, q16: Path, tmp_path: Path, tamper: object, message: str
) -> None:
    export = tmp_path / "export"
    shutil.copytree(q16 / "export", export)
    tamper(export)  # type: ignore[operator]
    arguments = ("--stream", toy, "--label", LABEL, "--out", tmp_path / "out")
    ended = cli("simulate", export, *arguments)
    assert ended.code == 1
    assert re.search(message, one_line(ended.err)), ended.err
    assert not (tmp_path / "out").exists()


def test_simulate_wants_the_stream_that_the_learner_was_made_for(
    cli: Cli, q16: Path, tmp_path: Path
) -> None:
    header, *rows = toy_csv(3).splitlines(keepends=True)
    arguments = ("--label", LABEL, "--out", tmp_path / "out")
    fewer, swapped = tmp_path / "fewer.csv", tmp_path / "swapped.csv"
    fewer.write_text(f"temp,{LABEL}\n1,two words\n", "utf-8")
    ended = cli("simulate", q16 / "export", "--stream", fewer, *arguments)
    assert ended.code == 1
    assert re.search(
        r"fewer\.csv has 1 feature columns, .* was exported for 3; give the stream",
        one_line(ended.err),
    )
    swapped.write_text(header.replace("x y,größe", "größe,x y") + "".join(rows), "utf-8")
    ended = cli("simulate", q16 / "export", "--stream", swapped, *arguments)
    assert ended.code == 1
    assert "feature column 2 is 'größe', the learner of" in one_line(ended.err)
    assert not (tmp_path / "out").exists()


def test_simulate_stops_at_an_unknown_label_and_keeps_what_was_learned(
    cli: Cli, q16: Path, tmp_path: Path
) -> None:
    file = tmp_path / "more.csv"
    file.write_text(toy_csv(5) + "1,surprise,2,3\n", "utf-8")
    out = tmp_path / "out"
    arguments = ("--stream", file, "--label", LABEL, "--out", out, "--quiet")
    ended = cli("simulate", q16 / "export", *arguments)
    assert ended.code == 3
    assert "line 7, column 'what it is': unknown label 'surprise'" in one_line(ended.err)
    assert ended.err.endswith(f"; what was learned until then is in {out}\n")
    assert json.loads((out / "metrics.json").read_text())["n_samples"] == 5


def test_a_board_too_small_says_by_how_much(cli: Cli, tmp_path: Path) -> None:
    gas = load_gas_drift(limit=12)
    file, run, export = tmp_path / "gas.csv", tmp_path / "run", tmp_path / "export"
    names = [f"f{i}" for i in range(gas.n_features)]
    lines = [",".join([*map(repr, x.tolist()), f"c{i % 6}"]) for i, x in enumerate(gas.x)]
    file.write_text("\n".join([",".join([*names, "y"]), *lines]) + "\n")
    stream = ("--stream", file, "--label", "y")
    assert cli("run", *stream, "--out", run, "--quiet").code == 0
    assert cli("export", run, "--to", export).code == 0
    small = ("simulate", export, *stream, "--board", "stm32l072", "--out", tmp_path / "s")
    ended = cli(*small)
    assert ended.code == 1
    found = re.search(
        r"stm32l072 is too small: the firmware needs (\d+) bytes of RAM, the board has 20480, "
        r"over by (\d+); the largest part is the learner's state \(20448 bytes\)\. Try board ",
        one_line(ended.err),
    )
    assert found is not None, ended.err
    assert int(found[1]) == 20480 + int(found[2])
    assert not (tmp_path / "s" / "metrics.json").exists()
    again = (*small[:-3], "nrf52840", "--out", tmp_path / "s", "--quiet")
    assert cli(*again).code == 0, "the folder of a failed run can be used again"


def test_no_result_is_written_over_what_is_read(cli: Cli, tmp_path: Path) -> None:
    lines = "".join(f'{{"a": {i % 7}, "y": "{"pq"[i % 2]}"}}\n' for i in range(20))
    stream, out = tmp_path / "x.jsonl", tmp_path / "run"
    stream.write_text(lines)
    given = ("run", "--stream", stream, "--label", "y", "--quiet")
    for more, said in (
        (("--json", stream), "--json .* is the stream"),
        (("--predictions", tmp_path / "." / "x.jsonl"), "--predictions .* is the stream"),
        (("--record", stream), "--record .* is the stream"),
        (
            ("--predictions", tmp_path / "p.jsonl", "--json", tmp_path / "p.jsonl"),
            "is the file of --json",
        ),
    ):
        ended = cli(*given, "--out", out, *more)
        assert ended.code == 1
        assert re.search(said, one_line(ended.err)), ended.err
        assert not out.exists()
    other = tmp_path / "y.jsonl"
    other.write_text(lines)
    ended = cli(*given, "--json", other)
    assert ended.code == 1
    assert "holds no figures of an earlier command" in one_line(ended.err)
    assert (stream.read_text(), other.read_text()) == (lines, lines)


@pytest.mark.parametrize("files", [[1], "x", None, -1])
def test_a_manifest_of_another_kind_is_no_bug(
    cli: Cli, q16: Path, tmp_path: Path, files: object
) -> None:
    run = tmp_path / "run"
    shutil.copytree(q16 / "run", run)
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "files": files}))
    assert cli("export", run, "--to", tmp_path / "e").code == 0, "the checkpoint is whole"
    figures = json.loads((run / "metrics.json").read_text())
    wrong = {name: [1] for name in ("task", "kappa", "latest", "classes", "baselines")}
    (run / "metrics.json").write_text(json.dumps({**figures, **wrong}))
    assert cli("compare", run, run).code == 0


def test_seconds_without_end(cli: Cli, toy: Path, tmp_path: Path) -> None:
    given = ("run", "--stream", toy, "--label", LABEL, "--out", tmp_path / "run", "--quiet")
    for seconds in ("inf", "1e300"):
        assert cli(*given, "--checkpoint-seconds", seconds).code == 0
