"""Faults of the storage: no wrong bit is ever taken for a state, and it learns on afterwards."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import firmware_sim_helpers as helpers
import pytest

import firmware_sim as fs
from firmware_sim import toolchain
from firmware_sim.faults import EVENT_OF, KINDS, Fault, Kind, read_fault, swarm
from firmware_sim.power import Cut, schedule
from firmware_sim.worlds import Outcome, PromiseBroken, Trial, World

BOARDS = [board.name for board in fs.list_boards() if board.emulate["flash"]["model"] != "memory"]


def has_room_for_a_log(board: str) -> bool:
    """Two pages for the state, three for the ring, and one at least for code."""
    flash = fs.get_board(board).flash
    return flash.bytes // flash.page_bytes > 5


def trial(board: str, folder: Path, samples: int = 10) -> Trial:
    export = helpers.make_export(folder / "export")
    firmware = fs.build_firmware(export, fs.get_board(board), folder / "out")
    return Trial(firmware, *helpers.make_stream(samples))


def logging(board: str, folder: Path) -> Trial:
    """A board with a log of events: a state after each sample; a commit after every fifth."""
    export = helpers.make_export(folder / "export")
    firmware = fs.build_firmware(export, fs.get_board(board), folder / "log", log_samples=6)
    return Trial(firmware, *helpers.make_stream(20), every=5)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """One record in an area: every commit erases."""
    return trial("stm32l072", tmp_path_factory.mktemp("faults"))


def drawn(tried: Trial, power: str, kinds: tuple[Kind, ...], seed: int) -> list[Outcome]:
    cuts = schedule(power, tried.operations, tried.instructions, seed)
    return [tried.run(world) for world in tried.drawn(cuts, kinds, seed)]


@pytest.mark.parametrize("kind", KINDS)
def test_one_fault_costs_at_most_one_record(kind: Kind, small: Trial) -> None:
    """No cut: the newest confirmed state is there, or the one before; all faults do happen."""
    outcomes = drawn(small, "none(12)", (kind,), 100)
    assert {fault.kind for one in outcomes for fault in one.happened} == {kind}
    assert {fault.permanent for one in outcomes for fault in one.happened} == {True, False}
    assert any(one.damaged or one.refused or one.older for one in outcomes)


def test_faults_and_cuts_together_never_bring_a_wrong_bit(small: Trial) -> None:
    outcomes = drawn(small, "random(40)", KINDS, 0)
    assert sum(one.cuts for one in outcomes) > 20
    assert len({len(one.happened) for one in outcomes}) > 2, "a swarm: some have many, some few"


@pytest.mark.slow
@pytest.mark.parametrize("board", BOARDS)
def test_swarms_of_faults_and_cuts_on_every_board(board: str, tmp_path: Path) -> None:
    tried = trial(board, tmp_path)
    many = fs.get_board(board).flash.page_bytes < 1 << 16  # a boot reads both areas
    drawn(tried, "random(400)" if many else "random(40)", KINDS, 1)


@pytest.mark.slow
@pytest.mark.parametrize("board", ["stm32l072", "stm32f103"])
def test_a_cut_at_every_operation_of_a_faulty_flash(board: str, tmp_path: Path) -> None:
    drawn(trial(board, tmp_path, samples=6), "linear", KINDS, 2)


def test_a_failed_commit_is_tried_again_in_another_place(tmp_path: Path) -> None:
    """A moment's fault costs nothing: the commit is confirmed."""
    tried = trial("nrf51822", tmp_path)
    outcome = tried.run(World(faults=(Fault("misdirected", 10, seed=3),)))
    assert outcome.happened
    assert outcome.refused == 0


def test_an_erasure_that_lies_for_good_is_told_and_spares_the_newest(small: Trial) -> None:
    outcome = small.run(World(faults=(Fault("lying-erase", 2, permanent=True),)))
    assert outcome.refused > 0
    assert outcome.older == 0


CANARIES = {
    "what was checked may be read otherwise": (
        "return words_at(at + SL_UNIT_BYTES + DATA_BYTES)[0] == crc_of(words_at(at), state);",
        "return 1u;",
        Fault("bit-rot", 1),
    ),
    "a commit is confirmed without reading it": (
        "wrong |= words_at(address)[i] ^ words[i];",
        "(void)0;",
        Fault("worn-page", 2, permanent=True, seed=1),
    ),
}


@pytest.mark.parametrize("name", CANARIES)
def test_canary_a_firmware_that_trusts_its_flash_is_seen(name: str, tmp_path: Path) -> None:
    old, new, fault = CANARIES[name]
    folder = tmp_path / "firmware"
    shutil.copytree(toolchain._FIRMWARE_DIR, folder)
    text = (folder / "storage.c").read_text()
    assert text.count(old) == 1
    text = text.replace(old, new)
    if "worn" in fault.kind:
        text = text.replace("|| !is_whole(at)", "")
    (folder / "storage.c").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toolchain, "_FIRMWARE_DIR", folder)
        tried = trial("stm32l072", tmp_path)
    if fault.kind == "worn-page":
        faults = [fault]
    else:  # the reads of the copy at the last boot lie near the end
        last = tried.events["read"]
        faults = [Fault("bit-rot", at, seed=at) for at in range(last - 80, last - 25)]

    def all_of_them() -> None:
        for one in faults:
            tried.run(World(faults=(one,)))

    with pytest.raises(PromiseBroken, match=r"never had|were confirmed"):
        all_of_them()


def test_a_broken_promise_says_how_to_see_it_again(small: Trial) -> None:
    """The line holds the whole world, and a world is the same each time."""
    cut, fault = Cut(flash_operation=7, seed=4), Fault("bit-rot", 17, permanent=True, seed=2)
    world = World((cut, cut), (fault, Fault("lying-erase", 1)))
    broken = str(PromiseBroken("it broke", world))
    assert broken == (
        "it broke; again: --power-cuts operation:7:part:4+operation:7:part:4 "
        "--fault bit-rot:17:permanent:2 --fault lying-erase:1:transient:0"
    )
    assert next(schedule(world.power, 1, 1)) == world.cuts
    assert tuple(map(read_fault, ("bit-rot:17:permanent:2", "lying-erase:1:transient:0"))) == (
        world.faults
    )
    assert small.run(world) == small.run(world)


def test_a_swarm_turns_some_kinds_off_and_never_all() -> None:
    events = dict.fromkeys(set(EVENT_OF.values()), 50)
    seen = [swarm(events, KINDS, seed) for seed in range(60)]
    assert {fault.kind for some in seen for fault in some} == set(KINDS)
    assert {len(some) for some in seen} == set(range(1, len(KINDS) + 1))
    assert seen[7] == swarm(events, KINDS, 7)
    assert swarm({"read": 0, "program": 0, "erase": 0}, KINDS, 1) == ()


@pytest.mark.parametrize("text", ["rust:1:permanent:0", "bit-rot", "bit-rot:0:permanent:1", "a:b"])
def test_a_fault_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(fs.InputError, match=r"expected (KIND|a kind)"):
        read_fault(text)


def test_damage_lies_over_what_should_be_there(small: Trial) -> None:
    device = small.device
    device.reflash()
    device.add_faults([Fault("stuck-bit", 1, permanent=True, seed=5)])
    cells = device.hardware.cells
    device.commit()
    overlay = cells.overlay
    assert overlay is not None
    storage = device.firmware.storage
    found = cells.read(storage.origin, storage.bytes)
    wrong = sum(is_ != should for is_, should in zip(found, overlay.truth, strict=True))
    assert wrong == cells.damaged_bytes() <= 1
    device.heal()
    assert cells.damaged_bytes() == 0
    assert cells.read(storage.origin, storage.bytes) == found, "what is damaged stays"


def test_a_log_keeps_answered_samples_and_takes_no_wrong_bit(tmp_path: Path) -> None:
    tried = logging("stm32l072", tmp_path)
    assert len(tried.states) == 21
    cut = drawn(tried, "random(12)", (), 1)
    assert sum(one.cuts for one in cut) > 8
    assert not any(one.older for one in cut), "what was answered is there"
    swarms = drawn(tried, "random(12)", KINDS, 3)
    assert sum(len(one.happened) for one in swarms) > 10


@pytest.mark.slow
@pytest.mark.parametrize("board", [name for name in BOARDS if has_room_for_a_log(name)])
def test_swarms_with_a_log_on_every_board(board: str, tmp_path: Path) -> None:
    tried = logging(board, tmp_path)
    drawn(tried, "random(40)", KINDS, 5)


@pytest.mark.parametrize("board", [name for name in BOARDS if not has_room_for_a_log(name)])
def test_a_flash_of_few_large_pages_refuses_a_log_with_the_numbers(
    board: str, tmp_path: Path
) -> None:
    with pytest.raises(fs.DeviceTooSmallError, match="the largest part is the log") as caught:
        logging(board, tmp_path)
    said = str(caught.value)
    assert str(3 * fs.get_board(board).flash.page_bytes) in said
    assert "or no log" in said
    advised = re.findall(r"[\w-]+", said[said.index("Try board") + 9 : said.index(", a smaller")])
    assert advised
    assert all(has_room_for_a_log(name) for name in advised)


@pytest.mark.parametrize(
    ("board", "cut", "faults"),
    [
        pytest.param(
            "stm32l072", "operation:404:nothing:961800795",
            "bit-rot:1501:permanent:1548935407 lying-erase:2:permanent:688227201 "
            "worn-page:3:transient:1085468569", id="a number of a record came again",
        ),
        pytest.param(
            "rp2040", "instruction:70847:part:43276847",
            "bit-rot:2526:transient:1962541046 lying-erase:1:permanent:1402040298 "
            "stuck-bit:17:permanent:1959751277 worn-page:1:permanent:644148388",
            id="an entry was read with another bit after its check",
        ),
    ],
)  # fmt: skip
def test_worlds_in_which_a_log_gave_a_wrong_state(
    board: str, cut: str, faults: str, tmp_path: Path
) -> None:
    tried = logging(board, tmp_path)
    (cuts,) = schedule(cut, tried.operations, tried.instructions, 0)
    tried.run(World(cuts, tuple(read_fault(fault) for fault in faults.split())))


def test_canary_a_log_with_a_gap_is_seen(tmp_path: Path) -> None:
    """A sample that neither log nor record took, and the next one logged behind it."""
    folder = tmp_path / "firmware"
    shutil.copytree(toolchain._FIRMWARE_DIR, folder)
    text = (folder / "log.c").read_text()
    saves = "if (is_off != 0u || commit() != 0u) {"
    assert text.count(saves) == 1
    (folder / "log.c").write_text(text.replace(saves, "if (1) {"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toolchain, "_FIRMWARE_DIR", folder)
        tried = logging("stm32l072", tmp_path)
    with pytest.raises(PromiseBroken, match="a state that the board never had"):
        _ = [drawn(tried, "random(40)", KINDS, seed) for seed in range(12)]  # few worlds meet it
