"""Behind a key: without it nobody reads the state, writes it, or lets the flash be written."""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import firmware_sim_helpers as helpers
import numpy as np
import pytest

import firmware_sim as fs
from firmware_sim import locking, toolchain
from firmware_sim.link import REPLY, Request, Status, decode_frames, encode_frame
from firmware_sim.stack_pointer import Moves

KEY, FOREIGN = bytes(range(32)), bytes(range(1, 33))
N_FEATURES, N_CLASSES = 8, 3
X = np.linspace(-1, 1, N_FEATURES, dtype=np.float32)


def build(folder: Path, board: str = "stm32l072", key: bytes | None = KEY) -> fs.Firmware:
    export = helpers.make_export(folder / "export", N_FEATURES, N_CLASSES)
    return fs.build_firmware(
        export, fs.get_board(board), folder / "out", key=key, warnings_are_errors=True
    )


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> fs.Firmware:
    return build(tmp_path_factory.mktemp("lock"))


class Heard(fs.Device):
    """A device on a line that somebody listens to."""

    def send_bytes(self, data: bytes, doing: str = "handling raw bytes") -> bytes:
        answer = super().send_bytes(data, doing)
        if not hasattr(self, "sent"):
            self.sent: list[bytes] = []
            self.heard: list[bytes] = []
        self.sent.append(data)
        self.heard.append(answer)
        return answer


def inside(device: fs.Device) -> tuple[bytes, int]:
    """The state in RAM, and how often the flash was changed: what no stranger may move."""
    at = device.firmware.address_of("sl_state") - device.firmware.board.ram.origin
    return device.ram()[at : at + device.firmware.state_bytes], device.flash_operations


def worked(device: fs.Device) -> bytes:
    """Do everything that the key allows; return the state."""
    device.learn(X, 1)
    state = device.read_state()
    device.commit()
    device.learn(-X, 2)
    device.write_state(state)
    assert device.read_state() == state
    return state


def answers(device: fs.Device, data: bytes) -> list[int]:
    return [frame.status for frame in decode_frames(device.send_bytes(data))]


@pytest.mark.parametrize("board", ["stm32l072", "nrf52840", "stm32u585", "riscv-virt"])
def test_with_the_key_everything_works_and_survives(board: str, tmp_path: Path) -> None:
    firmware = build(tmp_path, board)
    device = fs.Device(firmware, key=KEY)
    state = worked(device)
    device.power_on()
    assert device.read_state() == state  # a new session, by itself
    assert device.stored().source == "newest"
    assert device.stack_peak_bytes() <= firmware.ram_bytes.stack_reserved < 2048


@pytest.mark.parametrize("key", [None, FOREIGN], ids=["no key", "a foreign key"])
def test_without_the_key_nothing_is_given_taken_or_stored(
    firmware: fs.Firmware, key: bytes | None
) -> None:
    device = fs.Device(firmware, key=key)
    device.learn(X, 1)  # samples come from the sensor: they need no key
    assert device.predict(X) in range(N_CLASSES)
    before = inside(device)
    for do in (device.read_state, device.commit, lambda: device.write_state(before[0])):
        with pytest.raises(fs.RefusedError, match="open the link with the key"):
            do()
    assert inside(device) == before
    assert device.stored().sequence == 0


def test_what_was_heard_is_good_for_nothing_later(firmware: fs.Firmware) -> None:
    """Said again in this session, in the next one, and after resets: from every beginning."""
    device = Heard(firmware, key=KEY)
    worked(device)
    heard = [frame for frame in device.sent if frame[3] not in (Request.LEARN, Request.HELLO)]
    assert [frame[3] for frame in heard].count(Request.SESSION) == 1
    assert {frame[3] for frame in heard} >= locking.LOCKED - {Request.LOG}
    for resets in range(3):
        for first in reversed(range(len(heard))):  # at 0 a session begins
            before = inside(device)
            for frame in heard[first:]:
                status = answers(device, frame)
                assert status == [0 if frame[3] == Request.SESSION else Status.LOCKED], resets
            assert inside(device) == before
        device.power_on()


def test_a_request_that_is_heard_twice_is_done_once(firmware: fs.Firmware) -> None:
    """A host that heard no answer sends the same bytes again: the same answer, the same seal."""
    device = Heard(firmware, key=KEY)
    device.read_state()
    device.commit()
    commits = device.stored().commits
    device.commit()
    frame, answer = device.sent[-1], device.heard[-1]
    for _ in range(3):
        assert device.send_bytes(frame) == answer
    assert device.stored().commits == commits + 1


def test_every_flipped_bit_and_every_cut_is_refused(firmware: fs.Firmware) -> None:
    device = Heard(firmware, key=KEY)
    device.learn(X, 1)
    device.read_state()  # the session is there, and its number is in the flash
    lock = device._lock
    sealed = lock._seal(Request.ADOPT, b"\1\2\3\4", set(), 9)
    before = inside(device)
    for bit in range(8 * len(sealed)):
        wrong = bytearray(sealed)
        wrong[bit // 8] ^= 1 << bit % 8
        assert answers(device, encode_frame(Request.ADOPT, 9, bytes(wrong))) == [Status.LOCKED]
    for size in range(len(sealed)):
        for part in (sealed[:size], sealed[len(sealed) - size :]):
            assert answers(device, encode_frame(Request.ADOPT, 9, part)) == [Status.LOCKED]
    for wrong_head in (
        encode_frame(Request.COMMIT, 9, sealed),
        encode_frame(Request.ADOPT, 8, sealed),
        encode_frame(Request.ADOPT, 9, sealed, status=1),
    ):
        assert answers(device, wrong_head) == [Status.LOCKED]
    assert inside(device) == before
    # As it was meant it is let in: no state came before it.
    assert answers(device, encode_frame(Request.ADOPT, 9, sealed)) == [Status.OUT_OF_ORDER]


def test_a_flood_wears_nothing_out_and_the_key_still_opens(firmware: fs.Firmware) -> None:
    device = fs.Device(firmware, key=KEY)
    device.learn(X, 1)
    state = device.read_state()
    before = inside(device)
    rng = np.random.default_rng(0)
    for i in range(1000):
        request = (Request.SESSION, *sorted(locking.LOCKED))[i % 5]
        size = 16 if request == Request.SESSION else int(rng.integers(0, 64))
        device.send_bytes(encode_frame(request, i & 255, rng.bytes(size)))
    assert inside(device) == before
    assert device.read_state() == state


class Meddling(fs.Device):
    """A line on which somebody changes what the device says."""

    change: Callable[[bytes], bytes] = staticmethod(lambda data: data)

    def send_bytes(self, data: bytes, doing: str = "handling raw bytes") -> bytes:
        return self.change(super().send_bytes(data, doing))


def test_an_answer_that_the_device_did_not_write_is_not_believed(firmware: fs.Firmware) -> None:
    device = Meddling(firmware, key=KEY)
    device.learn(X, 1)
    device.read_state()

    def other_state(data: bytes) -> bytes:
        (frame,) = decode_frames(data)
        payload = bytes([frame.payload[0] ^ 1]) + frame.payload[1:]
        return encode_frame(frame.type, frame.sequence, payload, frame.status)

    def no_seal(data: bytes) -> bytes:
        (frame,) = decode_frames(data)
        return encode_frame(frame.type, frame.sequence, b"", 0)

    kept: list[bytes] = []

    def the_one_before(data: bytes) -> bytes:
        (frame,) = decode_frames(data)
        kept.append(frame.payload)
        return encode_frame(frame.type, frame.sequence, kept[0], frame.status)

    for change in (other_state, no_seal):
        device.change = change
        with pytest.raises(fs.LinkError, match="not the seal of this session"):
            device.read_state()
    device.change = the_one_before
    device.read_state()
    with pytest.raises(fs.LinkError, match="not the seal of this session"):
        device.read_state()


class Loopback:
    """A serial port with the device at its end; it loses each n-th answer."""

    def __init__(self, device: fs.Device, lose: int) -> None:
        self.device, self.lose, self.n, self.waiting = device, lose, 0, b""

    def write(self, data: bytes) -> int:
        self.n += 1
        answer = self.device.send_bytes(data)
        self.waiting += b"" if self.n % self.lose == 0 else answer
        return len(data)

    def read(self, size: int) -> bytes:
        found, self.waiting = self.waiting[:size], self.waiting[size:]
        return found


def test_over_a_port_that_loses_answers(firmware: fs.Firmware) -> None:
    device = fs.Device(firmware)
    device.learn(X, 1)
    remote = fs.RemoteDevice(Loopback(device, 4), "there", timeout_s=0.6, key=KEY)
    state = remote.read_state()
    for _ in range(4):
        remote.commit()
    # One more than was asked for: before the first sealed request is done.
    assert remote.stored().commits == 5
    remote.learn(-X, 0)
    assert remote.read_state() != state
    remote.write_state(state)
    assert remote.read_state() == state
    device.power_on()
    assert remote.read_state() == state
    with pytest.raises(fs.RefusedError, match="refused by there: LOCKED"):
        fs.RemoteDevice(Loopback(device, 99), "there", timeout_s=5, key=FOREIGN).read_state()


def test_a_cut_before_it_is_done_lets_a_request_in_once(firmware: fs.Firmware) -> None:
    """The flash is given its number first: cut while that is done, then say it again."""
    device = Heard(firmware, key=KEY)
    before = device.flash_operations
    device.commit()
    operations = device.flash_operations - before
    for at in range(1, operations + 1, 5):
        device = Heard(firmware, key=KEY)
        device.cut_power(fs.Cut(flash_operation=at))
        with pytest.raises(fs.PowerLost):
            device.commit()
        frames = device.sent[:2]
        done = 0
        for _ in range(3):
            device.power_on()
            done += [answers(device, frame) for frame in frames] == [[0], [0]]
        assert done <= 1


def forged(like: bytes, request: int, sequence: int) -> bytes:
    """Return a frame of this type that ends with the CRC-32 of another frame."""
    wanted, size = int.from_bytes(like[-4:], "little"), 4 + locking.SEAL_BYTES
    head = encode_frame(request, sequence, bytes(size))[2:8]
    # CRC-32 is affine: each bit of the last four bytes of the payload flips the same bits of it.
    at_zero = zlib.crc32(head + bytes(size))
    flips = [
        at_zero ^ zlib.crc32(head + bytes(size - 4) + (1 << bit).to_bytes(4, "little"))
        for bit in range(32)
    ]
    rows, left, chosen = [(flip, 1 << bit) for bit, flip in enumerate(flips)], at_zero ^ wanted, 0
    for bit in range(32):
        pivot = next(row for row in rows if row[0] >> bit & 1)
        rows = [
            (row[0] ^ pivot[0], row[1] ^ pivot[1]) if row[0] >> bit & 1 else row
            for row in rows
            if row != pivot
        ]
        if left >> bit & 1:
            left, chosen = left ^ pivot[0], chosen ^ pivot[1]
    frame = encode_frame(request, sequence, bytes(size - 4) + chosen.to_bytes(4, "little"))
    assert frame[-4:] == like[-4:]
    return frame


def test_the_answer_to_one_request_is_not_sealed_for_another(firmware: fs.Firmware) -> None:
    """A stranger's LEARN is answered with OK. Its CRC on an ADOPT must not turn a no into a yes."""
    device = Heard(firmware, key=KEY)
    device.read_state()
    lock, sent = device._lock, set[int]()
    sealed = encode_frame(Request.ADOPT, 9, lock._seal(Request.ADOPT, bytes(4), sent, 9))
    (answer,) = decode_frames(device.send_bytes(sealed))
    said = lock._open(sent, answer)
    assert said is not None
    assert said.status == Status.OUT_OF_ORDER
    learn = encode_frame(Request.LEARN, 3, X.astype("<f4").tobytes() + bytes(2))
    assert answers(device, learn) == [0]
    (answer,) = decode_frames(device.send_bytes(forged(learn, Request.ADOPT, 9)))
    believed = lock._open(sent, answer)
    assert believed is not None
    assert believed.status == Status.LOCKED


def test_two_devices_with_one_key_have_other_sessions(firmware: fs.Firmware) -> None:
    """What one board was told the other does not take: the session holds the chip's number."""
    device = fs.Device(firmware, key=KEY)
    said = decode_frames(device.send_bytes(encode_frame(Request.SESSION, 1, bytes(16))))[0]
    assert said.type == Request.SESSION | REPLY
    assert said.payload[:8].hex() == device.identity()


def test_canary_a_lock_that_takes_a_counter_twice_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "firmware"
    shutil.copytree(toolchain._FIRMWARE_DIR, folder)
    text = (folder / "lock.c").read_text()
    assert text.count("counter <= last || ") == 1
    (folder / "lock.c").write_text(text.replace("counter <= last || ", ""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toolchain, "_FIRMWARE_DIR", folder)
        firmware = build(tmp_path)
    with pytest.raises(AssertionError):
        test_what_was_heard_is_good_for_nothing_later(firmware)


def test_canary_a_lock_that_forgets_its_boot_is_seen(tmp_path: Path) -> None:
    """The same lock without the commit before the first request: heard once, good after a reset."""
    folder = tmp_path / "firmware"
    shutil.copytree(toolchain._FIRMWARE_DIR, folder)
    text = (folder / "lock.c").read_text()
    assert text.count("sl_storage.sequence <= start && ") == 1
    (folder / "lock.c").write_text(text.replace("sl_storage.sequence <= start && ", "0 && "))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toolchain, "_FIRMWARE_DIR", folder)
        firmware = build(tmp_path)
    device = Heard(firmware, key=KEY)
    device.read_state()
    heard = list(device.sent)
    device.power_on()
    assert [answers(device, frame) for frame in heard][-1] == [0]


def test_a_firmware_without_a_key_says_so(tmp_path: Path) -> None:
    device = fs.Device(build(tmp_path, key=None), key=KEY)
    with pytest.raises(fs.RefusedError, match="built without a key; leave the key out"):
        device.read_state()


def test_keys_that_are_none_are_refused(firmware: fs.Firmware, tmp_path: Path) -> None:
    with pytest.raises(fs.InputError, match="is 31 bytes: expected 32 bytes"):
        fs.Device(firmware, key=bytes(31))
    with pytest.raises(fs.InputError, match="is a str: expected 32 bytes"):
        fs.Device(firmware, key="secret")  # type: ignore[arg-type]
    with pytest.raises(fs.InputError, match="a key needs a firmware that commits"):
        fs.build_firmware(
            tmp_path, fs.get_board("rp2040"), tmp_path / "out", key=KEY, commit="never"
        )
    drawn = fs.new_key(tmp_path / "key")
    assert fs.read_key(tmp_path / "key") == drawn
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    with pytest.raises(fs.InputError, match="is there already"):
        fs.new_key(tmp_path / "key")
    (tmp_path / "half").write_text(drawn.hex()[:-2])
    with pytest.raises(fs.InputError, match="expected 64 hexadecimal digits"):
        fs.read_key(tmp_path / "half")


def test_a_stack_that_is_aligned_has_a_bound_and_one_of_any_size_has_none() -> None:
    """SHA-256's words lie at multiples of 16: the pointer is copied, cleared and set."""

    def taken(*instructions: tuple[str, str]) -> int | None:
        moves = Moves()
        for name, operands in instructions[:-1]:
            moves.note(name, operands)
        return moves.to_sp(*instructions[-1])

    copy, back = ("mov", "r4, sp"), ("mov", "sp, r4")
    assert taken(copy, ("bfc", "r4, #0, #4"), back) == 15
    assert taken(copy, ("lsrs", "r4, r4, #4"), ("lsls", "r4, r4, #4"), back) == 15
    assert taken(("subs", "r4, r7, #7"), ("subs", "r4, #5"), back) == 0
    assert taken(copy, ("subs", "r4, #5"), back) is None
    assert taken(copy, ("sub", "r4, r4, r1"), back) is None
    assert taken(copy, ("lsrs", "r4, r4, #4"), ("lsls", "r4, r4, #5"), back) is None
    assert taken(copy, ("adds", "r4, r4, r1"), back) is None
    assert taken(back) is None
