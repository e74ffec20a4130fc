"""Firmware built for size: the state of every other build, the same counters, and less flash."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firmware_sim as fs
from experiments.device import builds
from experiments.device.instructions import learners
from export import write_export
from firmware_sim.stack import stack_use
from firmware_sim.stack_pointers import Pointers
from quant.heads import HEADS
from quant.state import state_to_bytes
from quant.tables import EPSILON, EXP2, EXP2_COARSE, EXP2_FACTOR_BITS, EXP2_FINE
from streamlearn import MesuClassifier, MesuFactoredClassifier, MetaplasticClassifier
from streamlearn.chain import Bank, Delta, Stages, Traces, Window
from streamlearn.streams import load_gas_concentration, load_gas_drift

ROOM = 4 << 20


def roomy(name: str) -> fs.Board:
    board = fs.get_board(name)
    return replace(
        board, flash=replace(board.flash, bytes=ROOM), ram=replace(board.ram, bytes=ROOM)
    )


def boot(learner: Any, board: str, folder: Path, **build: Any) -> fs.Device:
    write_export(learner, folder / "export")
    firmware = fs.build_firmware(
        folder / "export", roomy(board), folder / "run", warnings_are_errors=True, **build
    )
    return fs.Device(firmware)


def stream_of(learner: Any, n: int) -> Any:
    number = HEADS[learner.spec.head].target == "number"
    return load_gas_concentration(limit=n) if number else load_gas_drift(limit=n)


def learns_the_same(learner: Any, board: str, n: int, folder: Path) -> None:
    """A device built for size ends where the host does, and within the stack that it has."""
    device, stream = boot(learner, board, folder, optimize="size"), stream_of(learner, n)
    device.run_stream(stream.x, stream.y)
    for x, y in zip(stream.x, stream.y.tolist(), strict=True):
        learner.learn_one(x, y)
    assert device.read_state() == state_to_bytes(learner.state)
    assert device.health().saturations == asdict(learner.saturations)
    for x in stream.x[:3]:
        if HEADS[learner.spec.head].target == "number":
            assert device.predict_target(x).mean == learner.predict_one(x)
        else:
            assert device.predict(x) == learner.predict_one(x)
    assert device.stack_peak_bytes() <= stack_use(device.firmware.elf_path).bound


@pytest.mark.parametrize("name", learners())
def test_every_rule_head_and_variant_ends_in_the_state_of_the_host(
    name: str, tmp_path: Path
) -> None:
    learns_the_same(learners()[name], "nrf52840", 40, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("board", ["rp2040", "nrf52840", "stm32f103", "riscv-virt"])
@pytest.mark.parametrize("name", builds.learners())
def test_so_does_every_rule_on_every_kind_of_core(name: str, board: str, tmp_path: Path) -> None:
    learns_the_same(builds.learners()[name], board, 300, tmp_path)


ODD = {
    "an odd number of draws and units, large steps": lambda: MesuClassifier(
        (128, 30, 9, 6), classes=range(6), n_draws=3, lr_mu=40.0
    ),
    "more draws than a short sum takes": lambda: MesuClassifier(
        (128, 31, 6), classes=range(6), n_draws=50
    ),
    "samples that are learned again": lambda: MesuClassifier(
        (128, 16, 6), classes=range(6), replay_bytes=2000
    ),
    "one layer": lambda: MesuClassifier((128, 6), classes=range(6)),
    "one draw": lambda: MesuClassifier((128, 9, 6), classes=range(6), n_draws=1, bias=False),
    "a memory by linear discriminants": lambda: MesuClassifier(
        (128, 8, 6), classes=range(6), memory="lda", memory_features=25
    ),
    "a memory of means": lambda: MetaplasticClassifier(
        (128, 16, 6), classes=range(6), memory="mean"
    ),
    "factored, an odd number of draws": lambda: MesuFactoredClassifier(
        (128, 31, 9, 6), classes=range(6), n_draws=3
    ),
}


@pytest.mark.filterwarnings("ignore::streamlearn.NoiseWarning")
@pytest.mark.parametrize("name", ODD)
def test_odd_shapes_too(name: str, tmp_path: Path) -> None:
    learns_the_same(ODD[name](), "nrf52840", 30, tmp_path)


@pytest.mark.filterwarnings("ignore::streamlearn.NoiseWarning")
def test_large_steps_are_counted_as_elsewhere() -> None:
    """Canary: what the test above compares is not 0 throughout."""
    learner = ODD["an odd number of draws and units, large steps"]()
    stream = stream_of(learner, 30)
    for x, y in zip(stream.x, stream.y.tolist(), strict=True):
        learner.learn_one(x, y)
    assert learner.saturations.gradient > 0


def test_floats_have_the_bits_of_the_build_for_speed(tmp_path: Path) -> None:
    made = lambda: MesuClassifier((128, 8, 6), classes=range(6), arithmetic="float32")  # noqa: E731
    states = []
    for build in ("speed", "size"):
        device, stream = (
            boot(made(), "nrf52840", tmp_path / build, optimize=build),
            stream_of(made(), 20),
        )
        device.run_stream(stream.x, stream.y)
        states.append(device.read_state())
    assert states[0] == states[1]


def test_it_takes_less_flash() -> None:
    """The bars of a learner on a Cortex-M4F: 12, 9 and 14 KB for learner, link and storage."""
    board = roomy("nrf52840")
    limits = {"mesu": 12, "metaplastic": 9, "mesu_factored": 14}
    for name, learner in builds.learners().items():
        rule = name.split(",")[0]
        if rule in limits:
            parts = builds.parts(learner, board, "size")
            assert parts["learner"] + parts["link and storage"] <= 1024 * limits[rule], name
            assert sum(parts.values()) < 0.8 * sum(builds.parts(learner, board, "speed").values())


@pytest.mark.parametrize(
    ("board", "build"),
    [
        ("nrf52840", {"key": bytes(32), "log_samples": 50, "watchdog": True}),
        ("stm32l072", {"key": bytes(32)}),
        ("esp32c3", {}),
        pytest.param("riscv-virt", {"log_samples": 50}, marks=pytest.mark.slow),
        *(
            pytest.param(board.name, {}, marks=pytest.mark.slow)
            for board in fs.list_boards()
            if board.name not in ("nrf52840", "stm32l072", "esp32c3", "riscv-virt")
        ),
    ],
)
def test_all_that_serves_a_learner_fits_in_one_file(
    board: str, build: dict[str, Any], tmp_path: Path
) -> None:
    learner = MesuClassifier((8, 4, 3), classes=range(3))
    key = build.get("key")
    device = boot(learner, board, tmp_path, optimize="size", **build)
    assert device.firmware.flash_bytes < 24 * 1024
    device = device if key is None else fs.Device(device.firmware, key=key)
    x = np.random.default_rng(0).normal(size=(12, 8)).astype(np.float32)
    for i, row in enumerate(x):
        device.learn(row, i % 3)
        learner.learn_one(row, i % 3)
        if i == 7:
            device.commit()
    state = state_to_bytes(learner.state)
    assert device.read_state() == state
    if "log_samples" in build:
        logged = fs.read_log(device)[-1]
        assert logged.state is not None
        assert logged.targets.tolist() == [i % 3 for i in range(8, 12)]
        assert np.array_equal(logged.xs, x[8:])
    device.power_on()
    if "log_samples" not in build:
        assert device.read_state() != state, "what was learned after the commit is lost"
        device.write_state(state)
    assert device.read_state() == state
    assert device.stack_peak_bytes() <= stack_use(device.firmware.elf_path).bound


@pytest.mark.parametrize("arithmetic", ["q16", "float32"])
@pytest.mark.parametrize(
    "stages",
    [
        Stages(Window(16, 6, magnitude=True), 2),
        Stages((Bank(100, 16, 4, 6, 5.0), Delta(0.5, 4), Traces((0, 3))), 2),
    ],
)
def test_stages_in_front_do_too(stages: Stages, arithmetic: Any, tmp_path: Path) -> None:
    learner = MesuClassifier((stages.n_features, 8, 3), classes=range(3), arithmetic=arithmetic)
    write_export(learner, tmp_path / "export", stages=stages)
    rng, states = np.random.default_rng(0), []
    x, y = rng.normal(9.81, 2, (70, 2)).astype(np.float32), np.arange(70) // 20 % 3
    for build in ("speed", "size"):
        firmware = fs.build_firmware(
            tmp_path / "export", roomy("nrf52840"), tmp_path / build, optimize=build,
            warnings_are_errors=True,
        )  # fmt: skip
        device = fs.Device(firmware)
        found = device.run_stream(x, y)
        states.append((device.read_state(), found.predictions.tolist()))
        assert (found.statuses == 0).sum() > 7
        assert device.stack_peak_bytes() <= stack_use(firmware.elf_path).bound
    assert states[0] == states[1]
    assert states[0][0] != state_to_bytes(learner.state), "something was learned"


def test_what_else_is_wanted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(fs.InputError, match="optimize is 'fast': expected speed or size"):
        boot(MesuClassifier((8, 4, 3), classes=range(3)), "rp2040", tmp_path, optimize="fast")
    with pytest.raises(fs.InputError, match="expected speed or size"):
        fs.optimize_of("small")
    assert fs.optimize_of("size") == "size"


def products(coarse: Any, fine: Any) -> list[int]:
    shift = 2 * EXP2_FACTOR_BITS - 15
    return [
        (int(coarse[i >> 4]) * int(fine[i & 15]) + (1 << (shift - 1))) >> shift for i in range(256)
    ]


def test_two_short_tables_are_the_long_one() -> None:
    assert products(EXP2_COARSE, EXP2_FINE) == EXP2.tolist()
    assert products(EXP2_COARSE - 40_000, EXP2_FINE) != EXP2.tolist(), "canary"
    assert np.array_equal(EPSILON[:128], -EPSILON[::-1][:128])


def test_a_call_through_a_register_goes_where_its_word_says() -> None:
    pointers = Pointers(entered={0x20})

    def load() -> None:
        pointers.before(0x10, "ldr", "r4, [pc, #8]")
        pointers.load("r4", 0x101)

    load()
    assert pointers.before(0x12, "mov", "r0, r5") is None
    assert pointers.before(0x14, "blx", "r4") == 0x100
    assert pointers.before(0x16, "blx", "r4") == 0x100, "a call leaves r4"
    for name, operands in (("movs", "r4, #1"), ("pop", "{r4, pc}"), ("umull", "r0, r4, r1, r2")):
        load()
        pointers.before(0x18, name, operands)
        assert pointers.before(0x1A, "blx", "r4") is None, name
    load()
    pointers.before(0x1C, "b", "#0x40")
    assert pointers.before(0x1E, "blx", "r4") is None, "nobody comes here from above"
    load()
    assert pointers.before(0x20, "blx", "r4") is None, "a branch may come with another word"
    pointers.load("r3", 0x101)
    pointers.before(0x22, "bl", "#0x200")
    assert pointers.before(0x24, "blx", "r3") is None, "a call may change r3"
