"""The list of experiments, what they need, and that a recorded table is what its result says."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from experiments.catalogue import CATALOGUE, load
from experiments.command import execute, main, without_folders
from experiments.errors import MissingError, UsageError
from experiments.figures import RESULTS, ROOT
from experiments.loop import experiment as loop
from experiments.loop.experiment import Experiment
from experiments.needs import missing_packages
from experiments.options import Parser, add_seeds, seeds_of
from experiments.speed import command as speed_command
from experiments.study import RESULT_FILE, Study, read_record
from streamlearn.cli import reproduce as command
from streamlearn.cli import run as command_line

LOOPED = [name for name in CATALOGUE if isinstance(load(name), Experiment)]
STUDIES = [name for name in CATALOGUE if isinstance(load(name), Study)]


def test_a_recorded_command_names_no_folder_of_a_machine() -> None:
    typed = ["streams", "--work", "/a/b", "--seeds", "1", "--results=/c", "--quick"]
    assert without_folders(typed) == ["streams", "--seeds", "1", "--quick"]
    for file in RESULTS.rglob("*.json"):
        assert not re.search(r"--work|--results", file.read_text("utf-8")), file


def test_every_experiment_is_a_run_of_the_loop_or_a_study() -> None:
    assert {*CATALOGUE} - {*LOOPED, *STUDIES} == {"figures", "tracked"}
    assert len(LOOPED) > 10 < len(STUDIES)
    assert all(load(name).name == name for name in (*LOOPED, *STUDIES))


def test_logs_of_different_runs_have_different_names() -> None:
    runs = [run for name in LOOPED for run in load(name).all_runs()]
    assert len({(run.folder, run.name) for run in runs}) == len(set(runs))


@pytest.mark.parametrize("name", CATALOGUE)
def test_help_says_what_it_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert f"usage: python -m experiments {name} " in out
    assert CATALOGUE[name].title in out
    assert "--results" in out
    assert name in ("figures", "tracked") or "--report-only" in out
    assert ("--seeds N" in out) == ("--seed K" in out)


@pytest.mark.parametrize("arguments", [[], ["list"], ["--help"]])
def test_the_list_names_all(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    named = re.findall(r"^  (\S+)  ", capsys.readouterr().out, re.M)
    assert named == list(CATALOGUE)
    assert main(arguments) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 100


def test_importing_the_list_imports_no_optional_package() -> None:
    import subprocess

    program = (
        "import sys, experiments.catalogue as c; [c.load(n) for n in c.CATALOGUE]; "
        "assert not {'torch', 'numba', 'river', 'jax'} & {*sys.modules}"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nothing"], 2, "no experiment 'nothing'"),
        (["size", "--sample", "3"], 2, "unrecognized arguments: --sample 3 (see `"),
        (["mesu-pmnist", "--seeds", "0"], 2, "'0': expected a whole number of 1 or more"),
        (["mesu-pmnist", "--seeds", "0,1"], 2, "'0,1': expected a whole number of 1 or more"),
        (["mesu-pmnist", "--seed", "1,1"], 2, "'1,1': expected one whole number, or different"),
        (["mesu-pmnist", "--seed", "1", "--seeds", "2"], 2, "not allowed with argument"),
        (["mesu-pmnist", "--algorithms", "adam"], 1, "algorithm 'adam': mesu-pmnist has mesu"),
        (["streaming-tune", "--algorithms", "adam"], 1, "algorithm 'adam': there are"),
        (["speed", "--only", "bytes,heat"], 2, "--only heat: there are speed"),
    ],
)
def test_refusals(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str], data: Path
) -> None:
    del data
    if words[0] == "streaming-tune":
        pytest.importorskip("numba")
    assert main(words) == code
    err = capsys.readouterr().err
    assert said in err
    assert err.startswith("experiments: ")
    assert err.count("\n") == 1
    assert command_line(["reproduce", *words]) == code
    assert said in capsys.readouterr().err


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with the names of all files and nothing in them."""
    from streamlearn.streams.mnist import IMAGE_SETS

    for images in IMAGE_SETS.values():
        (tmp_path / images.folder).mkdir()
        for split in images.splits:
            for name in images.files(split):
                (tmp_path / images.folder / name).touch()
    monkeypatch.setenv("STREAMLEARN_DATA", str(tmp_path))
    return tmp_path


# -- seeds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "seeds"),
    [
        ("", (0, 1, 2)),
        ("--seeds 1", (0,)),
        ("--seeds 2", (0, 1)),
        ("--seed 1", (1,)),
        ("--seed 4,2", (4, 2)),
    ],
)
def test_seeds_are_a_number_and_a_seed_is_that_one(words: str, seeds: tuple[int, ...]) -> None:
    parser = Parser("x", "y")
    add_seeds(parser, 3)
    assert seeds_of(parser.parse_args(words.split())) == seeds


# -- what is missing -----------------------------------------------------------------------------


def nothing_runs(*_: object) -> list[str]:
    raise AssertionError("a run was started")


def test_everything_missing_is_said_once_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setenv("STREAMLEARN_DATA", str(tmp_path))
    monkeypatch.setattr(loop, "execute_all", nothing_runs)
    words = ["mesu-pmnist", "--results", str(tmp_path / "r")]
    assert main(words) == 1
    said = capsys.readouterr().err
    assert said.count("numba") == 1
    assert 'pip install -e ".[reproduce]" in ' in said
    assert said.count("train-images-idx3-ubyte.gz") == 1
    assert "cifar10_gray28/ with t10k-images" in said
    assert f"Looked in {tmp_path}" in said
    assert len(said) < 1200
    assert not (tmp_path / "r").exists()
    assert command_line(["reproduce", *words]) == 1
    assert 'pip install -e ".[reproduce]"' in capsys.readouterr().err


def test_only_what_is_left_to_run_has_needs(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del data
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr(loop, "execute_all", nothing_runs)
    results = ["--results", str(tmp_path / "r"), "--seeds", "1"]
    with pytest.raises(MissingError, match=r"\(mesu, sgd\) needs numba"):
        execute(["mesu-pmnist", "--algorithms", "mesu,sgd", *results])
    with pytest.raises(AssertionError, match="a run was started"):
        execute(["mesu-pmnist", "--algorithms", "mesu,mesu-q16", *results])


@pytest.mark.parametrize("name", [n for n in STUDIES if CATALOGUE[n].packages])
def test_a_study_says_what_it_needs(name: str, monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    del data
    for package in CATALOGUE[name].packages:
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        MissingError, match=f"{name} needs {' and '.join(CATALOGUE[name].packages)}"
    ):
        execute([name])


def test_speed_needs_packages_for_what_is_beside_them_alone(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del data
    for package in ("torch", "numba", "jax"):
        monkeypatch.setitem(sys.modules, package, None)
    results = ["--results", str(tmp_path)]
    with pytest.raises(MissingError, match="speed needs numba and torch"):
        execute(["speed", "--only", "bytes,rivals", *results])
    assert not (tmp_path / "speed").exists()
    monkeypatch.setattr(speed_command, "_measured_apart", lambda *_: {"origin": {}})
    execute(["speed", "--only", "rivals,cores,along", *results])
    assert (tmp_path / "speed" / RESULT_FILE).is_file()


def test_a_folder_of_that_name_is_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "surely_not_installed").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert missing_packages(["surely_not_installed", "numpy"]) == ["surely_not_installed"]


# -- what was recorded ---------------------------------------------------------------------------


def recorded() -> list[str]:
    return sorted({path.parent.name for path in RESULTS.rglob("table.md")} | {"speed"})


@pytest.mark.parametrize("name", recorded())
def test_every_recorded_table_is_what_its_result_says(name: str) -> None:
    experiment = load(name)
    if isinstance(experiment, Experiment):
        tables = {"table": experiment.table(experiment.records(experiment.all_runs(), RESULTS))}
    else:
        assert isinstance(experiment, Study)
        tables = dict(experiment.tables(read_record(RESULTS / name)))
    assert {path.stem for path in (RESULTS / name).glob("*.md")} == set(tables)
    for title, text in tables.items():
        path = RESULTS / name / f"{title}.md"
        assert path.read_text("utf-8") == text, f"{name} --report-only writes it again"


def test_canary_a_changed_result_changes_its_table() -> None:
    record = read_record(RESULTS / "noise-limits")
    before = load("noise-limits").tables(record)["table"]
    record["rows"][0][-1] = "0.01"
    assert load("noise-limits").tables(record)["table"] != before


# -- the studies, tiny ---------------------------------------------------------------------------

TINY = {
    "instructions": ["--samples", "2", "--boards", "nrf52840"],
    "metaplastic-columns": ["--samples", "40", "--seeds", "2"],
    "metaplastic-gas": ["--limit-samples", "12", "--seeds", "2"],
    "noise-limits": ["--limit-samples", "8", "--quick"],
    "regression": ["--limit-samples", "120", "--seeds", "1", "--quick"],
    "recorder": ["--samples", "300", "--tries", "1"],
    "size": ["--boards", "nrf52840,stm32l072"],
}


@pytest.mark.parametrize("name", TINY)
def test_a_study_measures_and_makes_its_tables_again_from_its_result(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [name, "--results", str(tmp_path)]
    assert main([*words, *TINY[name]]) == 0
    printed = capsys.readouterr().out
    record = read_record(tmp_path / name)
    assert record["origin"]["command"].startswith(f"python -m experiments {name}")
    table = tmp_path / name / "table.md"
    text = table.read_text("utf-8")
    assert text in printed
    lines = [line for line in text.split("\n\n", maxsplit=1)[0].splitlines() if line]
    assert len({line.count("|") for line in lines}) == 1
    assert len(lines) > 3
    table.unlink()
    assert main([*words, "--report-only", "--quiet"]) == 0
    assert table.read_text("utf-8") == text
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("quiet", [True, False])
def test_quiet_is_silent(quiet: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["noise-limits", "--limit-samples", "2", "--quick", "--results", str(tmp_path)]
    assert main([*words, *["--quiet"] * quiet]) == 0
    captured = capsys.readouterr()
    assert (captured.out == "") == (captured.err == "") == quiet


def test_tables_of_nothing_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["size", "--report-only", "--results", str(tmp_path)]) == 1
    assert f"{RESULT_FILE} is missing: nothing was measured yet" in capsys.readouterr().err


# -- streamlearn reproduce -----------------------------------------------------------------------


def test_reproduce_lists_and_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["reproduce", "--list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in CATALOGUE)
    assert command_line(["reproduce"]) == 2
    capsys.readouterr()
    assert command_line(["reproduce", "size", "--help"]) == 0
    assert "usage: streamlearn reproduce size" in capsys.readouterr().out


def test_an_installation_without_experiments_says_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site-packages" / "streamlearn"
    here = tmp_path / "here"
    for folder in (site, here / "experiments"):  # somebody else's folder of that name
        folder.mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setattr(command, "streamlearn", Namespace(__file__=str(site / "__init__.py")))
    assert command_line(["reproduce", "size"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("streamlearn: experiments are not part of an installation")
    assert "the source distribution" in said


def test_an_installation_in_a_checkout_takes_its_experiments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site-packages" / "streamlearn" / "__init__.py"
    monkeypatch.setattr(command, "streamlearn", Namespace(__file__=str(site)))
    monkeypatch.chdir(ROOT)
    assert command_line(["reproduce", "--list"]) == 0
    monkeypatch.setattr(command, "__version__", "0.0.1")
    capsys.readouterr()
    assert command_line(["reproduce", "--list"]) == 1
    assert "has the experiments of another version" in capsys.readouterr().err


def test_only_that_command_imports_them() -> None:
    """import-linter sees no import by name; this does."""
    for package in ("quant", "streamlearn", "export", "firmware_sim"):
        for path in (ROOT / package).rglob("*.py"):
            found = re.search(r"""["']experiments[."']""", path.read_text("utf-8"))
            assert not found or path == Path(command.__file__), path


def test_usage_errors_are_errors_of_usage() -> None:
    with pytest.raises(UsageError, match="`x --help`"):
        Parser("x", "y").parse_args(["--no"])
