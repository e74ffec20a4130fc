"""Packages by ecosystem: their metadata, their C, and the same bits after a build by their tool."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from package_helpers import C99, N, golden, learner, run

from export.c_names import c_string, check_prefix
from export.target_package import MARK_FILE, package_files, write_package
from export.targets import target, targets
from quant.errors import ConfigError
from streamlearn import MesuClassifier, MetaplasticClassifier
from streamlearn.cli.packages import size_table
from streamlearn.streams import load_gas_drift

HERE = Path(__file__).parent
needs_make = pytest.mark.skipif(
    shutil.which("make") is None or shutil.which("gcc") is None, reason="no make, or no gcc"
)


def rows() -> bytes:
    stream = load_gas_drift(limit=N)
    return "".join(
        ",".join(f"{value:.9g}" for value in x) + f",{stream.classes[y]}\n"
        for x, y in zip(stream.x, stream.y, strict=True)
    ).encode()


def saved_sha256(folder: Path, state_bytes: int) -> str:
    """Return the hash of the newest state that a program saved in its folder."""
    slots = [path.read_bytes() for path in folder.glob("*_slot?.bin")]
    newest = max(slots, key=lambda slot: int.from_bytes(slot[4:8], "little"))
    return hashlib.sha256(newest[16 : 16 + state_bytes]).hexdigest()


@pytest.mark.parametrize("name", targets())
def test_a_package_is_complete_and_filled_in(name: str) -> None:
    files = package_files(learner(), target(name), "pump", "| sizes |")
    said = json.loads(files[MARK_FILE])
    assert set(said["files"]) == set(files) - {MARK_FILE}
    unfilled = {at: re.findall(r"@[A-Z0-9_]+@", text) for at, text in files.items()}
    assert not {at for at, found in unfilled.items() if found}
    ours = {at for at, text in files.items() if re.search(r"\b(sl|SL)_\w", text)}
    assert not ours, "names of the kernel under the prefix sl"
    readme = files["README.md"]
    assert len(readme.splitlines()) <= 80  # one page
    assert "| sizes |" in readme
    for mentioned in re.findall(r"`([\w./-]+\.(?:c|cpp|py))`", readme):
        assert mentioned in files
    sensor = [at for at, text in files.items() if "REPLACE" in text and "read_sensor(" in text]
    assert any(f"`{at}`" in readme for at in sensor)
    compiled = {at for at in files if at.startswith("src/") and at.endswith(".c")}
    lists = [text for at, text in files.items() if at in ("CMakeLists.txt", "micropython.cmake")]
    assert all(at in text for text in lists for at in compiled)


@needs_make
def test_make_builds_it_and_it_learns_the_golden_bits(tmp_path: Path) -> None:
    write_package(learner(), tmp_path, "make")
    run(["make", "CC=gcc", "CFLAGS=-O1 -Werror"], tmp_path)
    printed = run([tmp_path / "example" / "example"], tmp_path, rows()).decode()
    assert printed.startswith("exported state, 0 samples learned\n")
    assert printed.endswith(", saved\nsaved\n")
    assert saved_sha256(tmp_path, learner().state.nbytes) == golden(
        "mesu", "mesu 128-32-6, defaults"
    )
    again = run([tmp_path / "example" / "example"], tmp_path, b"1,2\n").decode()
    assert again.startswith(f"saved state, {N} samples learned\n")
    assert "too few numbers" in again


def test_cmake_builds_it_and_it_learns_the_golden_bits(tmp_path: Path) -> None:
    cmake = shutil.which("cmake")
    if cmake is None or shutil.which("make") is None or shutil.which("gcc") is None:
        pytest.skip("no cmake, make or gcc")
    write_package(learner(), tmp_path, "cmake", "pump")
    run([cmake, "-S", ".", "-B", "build", "-DCMAKE_C_COMPILER=gcc",
         f"-DCMAKE_C_FLAGS={' '.join(C99[1:])}"], tmp_path)  # fmt: skip
    run([cmake, "--build", "build"], tmp_path)
    run([tmp_path / "build" / "example"], tmp_path, rows())
    assert saved_sha256(tmp_path, learner().state.nbytes) == golden(
        "mesu", "mesu 128-32-6, defaults"
    )


@needs_make
def test_two_learners_in_one_program_of_c_plus_plus(tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("no g++")
    stream = load_gas_drift(limit=N)
    pump = MetaplasticClassifier((128, 32, 6), classes=stream.classes)
    write_package(learner(), tmp_path / "air", "make", "air")
    write_package(pump, tmp_path / "pump", "make", "pump")
    for prefix in ("air", "pump"):
        run(["make", "CC=gcc", "CFLAGS=-O1 -Werror", f"lib{prefix}.a"], tmp_path / prefix)
    strict = ["-std=c++11", "-pedantic", "-Wall", "-Wextra", "-Werror"]
    libraries = ["air/libair.a", "pump/libpump.a"]
    parts = ["-Iair/src", "-Ipump/src", HERE / "two_main.cpp", *libraries]
    run(["g++", *strict, *parts, "-o", "two"], tmp_path)
    samples = b"".join(
        x.astype("<f4").tobytes() + int(y).to_bytes(4, "little")
        for x, y in zip(stream.x, stream.y, strict=True)
    )
    states = run([tmp_path / "two"], tmp_path, samples)
    size = learner().state.nbytes
    found = [hashlib.sha256(part).hexdigest() for part in (states[:size], states[size:])]
    assert found == [
        golden("mesu", "mesu 128-32-6, defaults"),
        golden("metaplastic", "metaplastic 128-32-6, defaults"),
    ]


@needs_make
def test_a_power_cut_while_saving_loses_nothing(tmp_path: Path) -> None:
    small = MesuClassifier((8, 4, 3), classes=["a", "b", "c"])
    write_package(small, tmp_path, "make")
    shutil.copyfile(HERE / "power_main.c", tmp_path / "power_main.c")
    build = ["gcc", *C99, "-O1", "-Isrc", "power_main.c", *sorted((tmp_path / "src").glob("*.c"))]
    run([*build, "-o", "power"], tmp_path)
    blocks = -(-(16 + small.state.nbytes + 8) // 256)
    assert run([tmp_path / "power"], tmp_path).decode() == f"cuts {3 * (1 + blocks)}\n"
    store = tmp_path / "src" / "sl_store.c"  # the canary: it saves over the newest
    store.write_text(store.read_text().replace("1u - newest_slot", "newest_slot"))
    run([*build, "-o", "power"], tmp_path)
    assert subprocess.run([tmp_path / "power"], capture_output=True, check=False).returncode == 1


@needs_make
def test_the_arduino_sketch_compiles_as_the_ide_would_do_it(tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("no g++")
    write_package(learner(), tmp_path, "arduino", "gas")
    said = dict(
        line.split("=", 1) for line in (tmp_path / "library.properties").read_text().splitlines()
    )
    wanted = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category"}
    assert wanted | {"url", "architectures", "includes"} <= set(said)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_. -]{0,62}", said["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", said["version"])
    assert (tmp_path / "src" / said["includes"]).is_file()
    sketch = tmp_path / "examples" / "Learn"
    assert (sketch / "Learn.ino").is_file()  # called as its folder
    keywords = (tmp_path / "keywords.txt").read_text().splitlines()
    assert all(re.fullmatch(r"\w+\t(KEYWORD[12]|LITERAL1)", line) for line in keywords)
    flags = ["-I", HERE / "arduino_standin", "-I", tmp_path / "src", "-c", "-o", "/dev/null"]
    strict = ["-Wall", "-Wextra", "-Werror"]
    run(["g++", "-std=gnu++11", *strict, *flags, "-x", "c++", sketch / "Learn.ino"], tmp_path)
    run(["g++", "-std=gnu++11", *strict, *flags, sketch / "port.cpp"], tmp_path)
    for name in ("example.c", "sensor.c"):
        run(["gcc", "-std=gnu11", *strict, *flags, sketch / name], tmp_path)


def test_platformio_takes_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pio = shutil.which("pio")
    if pio is None:
        pytest.skip("no PlatformIO")
    write_package(learner(), tmp_path / "library", "platformio")
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", str(tmp_path / "core"))
    monkeypatch.setenv("PLATFORMIO_SETTING_ENABLE_TELEMETRY", "0")
    run([pio, "pkg", "pack", "library", "-o", "library.tar.gz"], tmp_path)
    assert (tmp_path / "library.tar.gz").is_file()


def test_zephyrs_kconfig_and_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kconfiglib = pytest.importorskip("kconfiglib", reason="no kconfiglib")
    write_package(learner(), tmp_path, "zephyr", "gas")
    monkeypatch.chdir(tmp_path)
    found = kconfiglib.Kconfig("Kconfig")
    assert set(found.syms) >= {"STREAMLEARN_GAS"}
    assert not found.warnings
    prj = (tmp_path / "samples" / "learn" / "prj.conf").read_text()
    assert "CONFIG_STREAMLEARN_GAS=y" in prj
    yaml = pytest.importorskip("yaml", reason="no PyYAML")
    module = yaml.safe_load((tmp_path / "zephyr" / "module.yml").read_text())
    # The keys that the schema in Zephyr's scripts/zephyr_module.py knows; others it refuses.
    assert module.keys() <= {"name", "build", "tests", "samples", "boards", "blobs"}
    assert isinstance(module["name"], str)
    assert module["build"] == {"cmake": ".", "kconfig": "Kconfig"}
    assert (tmp_path / "CMakeLists.txt").is_file()
    assert all((tmp_path / sample / "sample.yaml").is_file() for sample in module["samples"])


def test_esp_idf_takes_its_component(tmp_path: Path) -> None:
    manager = pytest.importorskip("idf_component_tools.manager", reason="no idf-component-manager")
    write_package(learner(), tmp_path, "esp-idf", "gas")
    component = manager.ManifestManager(str(tmp_path), "gas").load()
    assert str(component.version) == "0.1.0" or component.version
    table = (tmp_path / "examples" / "learn" / "partitions.csv").read_text()
    bytes_of = int(re.search(r"gas_state, data, 0x40, , *(0x[0-9a-f]+)", table)[1], 16)  # type: ignore[index]
    assert bytes_of % 8192 == 0
    assert bytes_of // 2 >= learner().state.nbytes + 24


@pytest.mark.slow
def test_its_sizes_are_measured() -> None:
    table = size_table(MesuClassifier((8, 4, 3), classes=["a", "b", "c"]))
    found = {int(n.replace(",", "")) for n in re.findall(r"\| ([\d,]+) \|", table)}
    assert len(found) >= 2
    assert min(found) > 300
    assert "rp2040" in table


def test_names_in_c_are_whole() -> None:
    assert c_string('a"b\\c??/é\n') == r'"a\042b\134c\077\077/\303\251\012"'


@pytest.mark.parametrize("prefix", ["", "1a", "Pump", "int", "a-b", "a" * 25, "gas\n"])
def test_a_prefix_that_is_none(prefix: str) -> None:
    with pytest.raises(ConfigError, match="prefix"):
        check_prefix(prefix)


def test_a_package_replaces_a_package_and_nothing_else(tmp_path: Path) -> None:
    first = write_package(learner(), tmp_path, "make", "old")
    (tmp_path / "mine.txt").write_text("mine")
    write_package(learner(), tmp_path, "arduino", "new")
    kept = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert "mine.txt" in kept
    assert not (set(first) & kept) - {MARK_FILE, "README.md"}
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds other files"):
        write_package(learner(), other, "make")
    with pytest.raises(ConfigError, match="expected one of"):
        write_package(learner(), tmp_path / "new", "keil")


def test_a_learner_goes_on_where_it_was_exported() -> None:
    stream, taught = load_gas_drift(limit=20), learner()
    for x, y in zip(stream.x, stream.y, strict=True):
        taught.learn_one(x, stream.classes[y])
    files = package_files(taught, target("make"), "sl")
    image = re.search(r"aligned\(8\)\)\) = \{\n(.*?)\n\};", files["src/sl_state_image.c"], re.S)
    assert image is not None
    numbers = np.array([int(n) for n in re.findall(r"\d+", image[1])], np.uint8)
    assert numbers.tobytes() == taught.state.tobytes()
