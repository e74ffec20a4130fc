"""The firmware boots on every board, learns the same bits everywhere, and says what it needs."""

from __future__ import annotations

import re
from pathlib import Path

import firmware_sim_helpers as helpers
import numpy as np
import pytest

import firmware_sim as fs
from firmware_sim.cores import CORES, Core
from firmware_sim.toolchain import core_flags
from firmware_sim.zig import run_cc

N_FEATURES, N_CLASSES = 8, 3
BOARDS = [board.name for board in fs.list_boards()]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return helpers.make_export(tmp_path_factory.mktemp("boot") / "export", N_FEATURES, N_CLASSES)


@pytest.fixture(scope="module")
def expected(export: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[int], bytes]:
    host = helpers.HostLearner(export, N_FEATURES, N_CLASSES, tmp_path_factory.mktemp("host"))
    xs, ys = helpers.make_stream(300)
    return [host.learn(x, int(y)) for x, y in zip(xs, ys, strict=True)], host.state()


@pytest.mark.parametrize("name", BOARDS)
def test_every_board_learns_the_same_bits_as_the_host(
    name: str, export: Path, expected: tuple[list[int], bytes], tmp_path: Path
) -> None:
    firmware = fs.build_firmware(export, fs.get_board(name), tmp_path, warnings_are_errors=True)
    device = fs.Device(firmware)
    hello = device.hello()
    assert (hello.protocol_version, hello.n_features, hello.n_classes) == (1, 8, 3)
    assert hello.state_bytes == helpers.state_bytes(N_FEATURES, N_CLASSES)
    assert device.boot_instructions > 0
    result = device.run_stream(*helpers.make_stream(300))
    assert result.predictions.tolist() == expected[0]
    assert device.read_state() == expected[1]
    assert np.mean(result.predictions == helpers.make_stream(300)[1]) > 0.8
    assert (result.learn_instructions > 100).all()
    assert (result.link_instructions > 100).all()


def test_more_flags_change_the_code_and_not_the_bits(
    export: Path, expected: tuple[list[int], bytes], tmp_path: Path
) -> None:
    board = fs.get_board("mps2-an386")
    small, fast = (
        fs.build_firmware(export, board, tmp_path / name, extra_flags=flags)
        for name, flags in (("small", ()), ("fast", ("-O2",)))
    )
    assert small.sections["text"] < fast.sections["text"]
    device = fs.Device(fast)
    device.run_stream(*helpers.make_stream(300))
    assert device.read_state() == expected[1]


@pytest.mark.parametrize("core", CORES.values(), ids=lambda core: core.name)
def test_the_compiler_knows_what_a_core_has(core: Core, tmp_path: Path) -> None:
    """DSP instructions of the M4, M7 and M33 are the compiler's option, and easily forgotten."""
    has = {
        "__ARM_FEATURE_DSP": core.name in ("cortex-m4f", "cortex-m7", "cortex-m33"),
        "__ARM_FP": core.has_fpu,
        "__thumb__": core.name.startswith("cortex-m"),
    }
    lines = [
        f"#if {'!' * known}defined({name})\n#error {name}\n#endif" for name, known in has.items()
    ]
    (tmp_path / "x.c").write_text("\n".join(lines) + "\nint x;\n")
    run_cc([*core_flags(core), "-c", "x.c", "-o", "x.o"], tmp_path)


def test_builds_are_reproducible_small_and_know_no_path(export: Path, tmp_path: Path) -> None:
    board = fs.get_board()
    one = fs.build_firmware(export, board, tmp_path / "a")
    two = fs.build_firmware(export, board, tmp_path / "deeper" / "b")
    assert one.sha256 == two.sha256
    content = one.elf_path.read_bytes()
    assert len(content) < 20_000
    for path in (str(tmp_path), str(Path(fs.__file__).parent), str(Path.home())):
        assert path.encode() not in content
    assert (tmp_path / "a" / "src" / "learner" / "sl_learner.c").exists()
    assert (tmp_path / "a" / "src" / "firmware" / "main.c").exists()
    again = fs.load_firmware(one.elf_path, board)
    assert again.ram_bytes == one.ram_bytes
    assert again.flash_bytes == one.flash_bytes


def test_sizes_add_up(export: Path, tmp_path: Path) -> None:
    firmware = fs.build_firmware(export, fs.get_board("stm32l072"), tmp_path, stack_bytes=1024)
    ram = firmware.ram_bytes
    assert ram.state == firmware.state_bytes == helpers.state_bytes(N_FEATURES, N_CLASSES)
    assert ram.stack_reserved == 1024
    assert ram.total == ram.state + ram.scratch + ram.frame + ram.stack_reserved + ram.other
    assert 0 <= ram.other < 96
    parts = firmware.sections
    stored = parts["vectors"] + parts["text"] + parts["rodata"] + parts["data"]
    assert stored <= firmware.flash_bytes < stored + 8


def test_too_large_for_the_ram_is_refused_with_the_numbers(tmp_path: Path) -> None:
    export = helpers.make_export(tmp_path / "export", 1000, 10)
    board = fs.get_board("stm32l072")
    with pytest.raises(fs.DeviceTooSmallError) as caught:
        fs.build_firmware(export, board, tmp_path / "out")
    error, message = caught.value, str(caught.value)
    roomy = fs.build_firmware(export, fs.get_board("stm32u585"), tmp_path / "roomy")
    assert error.memory == "RAM"
    assert error.needed_bytes == roomy.ram_bytes.total
    assert error.available_bytes == 20480
    for number in (error.needed_bytes, 20480, error.needed_bytes - 20480):
        assert re.search(rf"\b{number}\b", message)
    assert "learner's state" in message
    assert "Try board" in message


def test_too_large_for_the_flash_is_refused_with_the_numbers(tmp_path: Path) -> None:
    export = helpers.make_export(tmp_path / "export", N_FEATURES, N_CLASSES)
    entry = {
        "name": "tiny",
        "title": "one KB of flash",
        "core": "cortex-m0plus",
        "clock_hz": 1,
        "flash": {"origin": 0, "bytes": 1024, "page_bytes": 64},
        "ram": {"origin": 0x20000000, "bytes": 20480},
        "current": None,
        "source": "made up",
    }
    tiny = fs.board_from_dict(entry)
    for optimize, advised in (("speed", True), ("size", False)):
        with pytest.raises(
            fs.DeviceTooSmallError, match="of flash, the board has 1024, over"
        ) as no:
            fs.build_firmware(export, tiny, tmp_path / optimize, optimize=optimize)  # type: ignore[arg-type]
        assert ("--optimize size" in str(no.value)) == advised


def test_unknown_board_lists_the_names() -> None:
    with pytest.raises(fs.BoardError, match="expected one of nrf52840, esp32c3"):
        fs.get_board("esp32")


@pytest.mark.parametrize(
    "change",
    [
        {"core": "cortex-a72"},
        {"clock_hz": 0},
        {"ram": {"origin": 0, "bytes": 20480}},
        {"flash": {"origin": 0, "bytes": 1000, "page_bytes": 64}},
        {"source": None, "flash": {"origin": 0}},
        {"flash": {"origin": "0x", "bytes": 65536, "page_bytes": 64}},
        {"flash": {"origin": 0, "bytes": 65536, "page_bytes": 60}},
        {"flash": {"origin": 0, "bytes": 65536, "page_bytes": 64, "program_bytes": 3}},
        {"interrupts": 1000},
    ],
)
def test_impossible_boards_are_refused(change: dict[str, object]) -> None:
    entry = {
        "name": "odd",
        "title": "odd",
        "core": "cortex-m3",
        "clock_hz": 1,
        "flash": {"origin": 0, "bytes": 65536, "page_bytes": 64},
        "ram": {"origin": 0x20000000, "bytes": 20480},
        "current": None,
        "source": "made up",
    }
    assert fs.board_from_dict(entry).name == "odd"
    with pytest.raises(fs.BoardError):
        fs.board_from_dict({**entry, **change})


def test_model_cost_follows_its_equation() -> None:
    board = fs.get_board("nrf52840")
    cost = fs.model_cost(board, 64_000_000)
    assert cost.model_cycles == 64_000_000 * board.cycles_per_instruction
    assert cost.model_time_ms == pytest.approx(1000 * board.cycles_per_instruction)
    # 52 uA/MHz * 64 MHz * 3 V, for that time
    assert cost.model_energy_uj == pytest.approx(52 * 64 * 3 * board.cycles_per_instruction)
    assert fs.model_cost(fs.get_board("rp2040"), 1.0).model_energy_uj is None
    mean = fs.model_cost(board, np.mean([64_000_000]))
    assert repr(mean) == repr(cost), "numbers to read, whatever type they came in"
    with pytest.raises(fs.InputError):
        fs.model_cost(board, -1)
    with pytest.raises(fs.InputError):
        fs.model_cost(board, float("nan"))
