"""The link: whatever comes down the line, the device answers with an error and goes on."""

from __future__ import annotations

import os
import signal
import zlib
from pathlib import Path

import firmware_sim_helpers as helpers
import numpy as np
import pytest

import firmware_sim as fs
from firmware_sim.link import REPLY, Frame, Request, Status, decode_frames, encode_frame
from firmware_sim.power import Cut

N_FEATURES, N_CLASSES = 8, 3
X = np.linspace(-1, 1, N_FEATURES, dtype=np.float32)
GOOD = encode_frame(Request.HELLO, 77)


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> fs.Firmware:
    folder = tmp_path_factory.mktemp("link")
    export = helpers.make_export(folder / "export", N_FEATURES, N_CLASSES)
    return fs.build_firmware(export, fs.get_board("stm32l072"), folder / "out")


@pytest.fixture
def device(firmware: fs.Firmware) -> fs.Device:
    device = fs.Device(firmware)
    device.run_stream(*helpers.make_stream(10))
    return device


def corrupted(frame: bytes, at: int) -> bytes:
    return frame[:at] + bytes([frame[at] ^ 0x10]) + frame[at + 1 :]


LEARN = encode_frame(Request.LEARN, 5, X.tobytes() + b"\x01\x00")
NAN = np.where(np.arange(N_FEATURES) == 3, np.nan, X).astype(np.float32)
INF = np.where(np.arange(N_FEATURES) == 7, -np.inf, X).astype(np.float32)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(corrupted(LEARN, 20), Status.BAD_CRC, id="payload damaged"),
        pytest.param(corrupted(LEARN, len(LEARN) - 1), Status.BAD_CRC, id="crc damaged"),
        pytest.param(corrupted(LEARN, 3), Status.BAD_CRC, id="type damaged"),
        pytest.param(corrupted(LEARN, 2), Status.BAD_VERSION, id="version"),
        pytest.param(corrupted(LEARN, 7), Status.TOO_LONG, id="length damaged"),
        pytest.param(encode_frame(99, 5), Status.UNKNOWN_TYPE, id="unknown type"),
        pytest.param(encode_frame(Request.HELLO, 5, b"x"), Status.WRONG_LENGTH, id="hello"),
        pytest.param(encode_frame(Request.HEALTH, 5, b"x"), Status.WRONG_LENGTH, id="health"),
        pytest.param(
            encode_frame(Request.LEARN, 5, X.tobytes()), Status.WRONG_LENGTH, id="no label"
        ),
        pytest.param(
            encode_frame(Request.PREDICT, 5, X.tobytes()[:-4]), Status.WRONG_LENGTH, id="short"
        ),
        pytest.param(
            encode_frame(Request.WRITE_STATE, 5, b"abc"), Status.WRONG_LENGTH, id="no offset"
        ),
        pytest.param(encode_frame(Request.PREDICT, 5, NAN.tobytes()), Status.NOT_FINITE, id="NaN"),
        pytest.param(
            encode_frame(Request.LEARN, 5, INF.tobytes() + b"\x01\x00"),
            Status.NOT_FINITE,
            id="infinity",
        ),
        pytest.param(
            encode_frame(Request.LEARN, 5, X.tobytes() + b"\x03\x00"),
            Status.UNKNOWN_LABEL,
            id="label",
        ),
        pytest.param(
            encode_frame(Request.READ_STATE, 5, b"\xff\xff\xff\xff\x02\x00"),
            Status.OUT_OF_RANGE,
            id="read beyond",
        ),
        pytest.param(
            encode_frame(Request.WRITE_STATE, 5, b"\x3b\x00\x00\x00ab"),
            Status.OUT_OF_RANGE,
            id="write beyond",
        ),
    ],
)
def test_bad_requests_are_answered_and_change_nothing(
    device: fs.Device, sent: bytes, status: Status
) -> None:
    state = device.read_state()
    frames = decode_frames(device.send_bytes(sent))
    assert [frame.status for frame in frames] == [status]
    assert device.read_state() == state
    assert device.hello().n_features == N_FEATURES
    assert decode_frames(device.send_bytes(LEARN))[0].status == Status.OK
    assert device.read_state() != state


def test_the_last_byte_of_the_state_can_be_read_and_no_more(device: fs.Device) -> None:
    size = device.firmware.state_bytes
    for length, status in ((1, Status.OK), (2, Status.OUT_OF_RANGE)):
        payload = (size - 1).to_bytes(4, "little") + length.to_bytes(2, "little")
        reply = device.exchange(Request.READ_STATE, payload)
        assert reply.status == status


@pytest.mark.parametrize("seed", range(5))
def test_resynchronises_after_garbage(device: fs.Device, seed: int) -> None:
    garbage = np.random.default_rng(seed).integers(0, 256, 300).astype(np.uint8).tobytes()
    state = device.read_state()
    frames = decode_frames(device.send_bytes(garbage + GOOD))
    assert frames[-1] == Frame(Request.HELLO | REPLY, 77, 0, frames[-1].payload)
    assert device.read_state() == state


@pytest.mark.parametrize("garbage", [b"\xa5", b"\xa5\xa5", b"\x5a", b"\xa5\x00", b"\x00" * 7])
def test_a_frame_right_behind_a_false_start_is_found(device: fs.Device, garbage: bytes) -> None:
    frames = decode_frames(device.send_bytes(garbage + GOOD))
    assert [(frame.sequence, frame.status) for frame in frames] == [(77, 0)]


@pytest.mark.parametrize("keep", [1, 2, 7, 8, 11, 30, len(LEARN) - 1])
def test_a_truncated_frame_costs_itself_only(device: fs.Device, keep: int) -> None:
    state = device.read_state()
    assert device.send_bytes(LEARN[:keep]) == b""
    device.resync()
    assert device.read_state() == state
    assert device.learn(X, 1) in range(N_CLASSES)


def test_a_frame_may_come_in_pieces_and_two_at_once(device: fs.Device) -> None:
    whole = device.send_bytes(LEARN)
    pieces = b"".join(device.send_bytes(LEARN[at : at + 1]) for at in range(len(LEARN)))
    assert len(pieces) == len(whole)
    assert [frame.status for frame in decode_frames(device.send_bytes(LEARN + GOOD))] == [0, 0]


def test_state_round_trip_over_several_frames(tmp_path: Path) -> None:
    export = helpers.make_export(tmp_path / "export", 300, 4)
    device = fs.Device(fs.build_firmware(export, fs.get_board(), tmp_path / "out"))
    before = device.read_state()
    device.run_stream(*helpers.make_stream(20, 300, 4))
    learned = device.read_state()
    assert learned != before
    device.write_state(before)
    assert device.read_state() == before
    device.write_state(learned)
    assert device.read_state() == learned
    device.power_on()
    assert device.read_state() == learned, "what was written over the link is kept"
    with pytest.raises(fs.InputError, match="bytes"):
        device.write_state(b"short")


def test_python_refuses_what_cannot_be_sent(device: fs.Device) -> None:
    with pytest.raises(fs.InputError, match="shape"):
        device.predict(X[:-1])
    with pytest.raises(fs.InputError, match="65535"):
        device.learn(X, -1)
    with pytest.raises(fs.InputError, match="shape"):
        device.run_stream(np.zeros((3, 2)), np.zeros(3, int))
    with pytest.raises(fs.InputError, match="labels"):
        device.run_stream(np.zeros((3, N_FEATURES)), np.zeros(3))
    with pytest.raises(fs.InputError, match="0 to 65535"):
        device.run_stream(np.zeros((1, N_FEATURES)), np.array([70000]))
    with pytest.raises(fs.RefusedError, match="NaN or infinite") as caught:
        device.predict(NAN)
    assert caught.value.status == Status.NOT_FINITE
    with pytest.raises(fs.LinkError, match="at most 65535"):
        encode_frame(Request.HELLO, 0, bytes(65536))


def test_a_stream_with_a_refused_sample(device: fs.Device) -> None:
    xs, ys = helpers.make_stream(6)
    xs[2] = NAN
    ys[4] = 9
    with pytest.raises(fs.RefusedError, match="sample 2 of 6"):
        device.run_stream(xs, ys)
    seen = []
    result = device.run_stream(
        xs, ys, lambda *progress: seen.append(progress), progress_every=4, on_refusal="record"
    )
    assert result.statuses.tolist() == [0, 0, Status.NOT_FINITE, 0, Status.UNKNOWN_LABEL, 0]
    assert (result.predictions == -1).tolist() == [False, False, True, False, True, False]
    assert seen == [(4, 6), (6, 6)]


@pytest.mark.parametrize("how", ["signal", "raise"])
def test_ctrl_c_stops_between_samples(firmware: fs.Firmware, how: str) -> None:
    def stop(done: int, _n: int) -> None:
        if done == 7:
            if how == "raise":
                raise KeyboardInterrupt
            os.kill(os.getpid(), signal.SIGINT)

    xs, ys = helpers.make_stream(20)
    device, straight = fs.Device(firmware), fs.Device(firmware)
    with pytest.raises(fs.StreamInterrupted) as caught:
        device.run_stream(xs, ys, stop, progress_every=1)
    assert len(caught.value.result) == 7
    straight.run_stream(xs[:7], ys[:7])
    assert device.read_state() == straight.read_state()
    device.run_stream(xs[7:], ys[7:])
    straight.run_stream(xs[7:], ys[7:])
    assert device.read_state() == straight.read_state()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    "damaged",
    [GOOD[:-1], corrupted(GOOD, 5), corrupted(GOOD, 0), GOOD[:5], GOOD + b"\x00" * 12],
)
def test_the_host_refuses_damaged_replies(damaged: bytes) -> None:
    assert len(decode_frames(GOOD)) == 1
    with pytest.raises(fs.LinkError):
        decode_frames(damaged)


def test_a_device_says_how_its_learner_is(device: fs.Device) -> None:
    health = device.health()
    assert (health.blind, health.step) == (10, 0.5)
    assert list(health.saturations.values()) == [2, 3, 4, 5, 6, 7]


def test_a_repeated_request_is_answered_and_not_done_twice(device: fs.Device) -> None:
    """What a host sends again because it did not hear the answer, even if noise came between."""
    first = device.send_bytes(LEARN)
    state = device.read_state()
    device.send_bytes(encode_frame(Request.LEARN, 6, X.tobytes() + b"\x02\x00"))
    later = device.read_state()
    assert later != state
    again = encode_frame(Request.LEARN, 7, X.tobytes() + b"\x01\x00")
    answer = device.send_bytes(again)
    learned = device._ram[:]
    for noise in (b"", b"garbage", corrupted(again, 20)):
        replies = decode_frames(device.send_bytes(noise + again))
        assert replies[-1] == decode_frames(answer)[0]
        assert len(replies) == 1 + (noise == corrupted(again, 20))
    size = device.firmware.state_bytes
    start = device.firmware.address_of("sl_state") - device.firmware.board.ram.origin
    assert device.ram()[start : start + size] == bytes(learned[start : start + size])
    # Another request between, and it is a new one.
    device.hello()
    assert device.send_bytes(again) != b""
    assert device.ram()[start : start + size] != bytes(learned[start : start + size])
    assert first != b""


def test_a_repeated_commit_is_one_commit(device: fs.Device) -> None:
    commit = encode_frame(Request.COMMIT, 9)
    replies = [decode_frames(device.send_bytes(commit)) for _ in range(3)]
    assert [reply[0].status for reply in replies] == [0, 0, 0]
    assert device.stored().commits == 1


def parts(state: bytes, chunk: int = 256) -> list[bytes]:
    return [at.to_bytes(4, "little") + state[at : at + chunk] for at in range(0, len(state), chunk)]


def adopt(state: bytes) -> bytes:
    return zlib.crc32(state).to_bytes(4, "little")


def test_a_state_is_taken_over_whole_or_not_at_all(tmp_path: Path) -> None:
    export = helpers.make_export(tmp_path / "export", 300, 4)
    device = fs.Device(fs.build_firmware(export, fs.get_board("stm32l072"), tmp_path / "out"))
    before, size = device.read_state(), device.firmware.state_bytes
    other = np.random.default_rng(1).bytes(size)
    first, second, *rest = parts(other)
    write, refused = Request.WRITE_STATE, Status.OUT_OF_ORDER
    assert device.exchange(write, second).status == refused, "it begins with the first part"
    assert device.exchange(Request.ADOPT, adopt(other)).status == refused, "nothing came"
    assert device.exchange(write, first).status == 0
    assert device.exchange(write, rest[0]).status == refused, "a part is missing"
    assert device.exchange(Request.ADOPT, adopt(other)).status == refused, "parts are missing"
    for part in (second, *rest):
        assert device.exchange(write, part).status == 0
    assert device.read_state() == before, "nothing is taken over yet"
    assert device.exchange(Request.ADOPT, adopt(before)).status == Status.STATE_DAMAGED
    assert device.exchange(Request.ADOPT, adopt(other)).status == refused, "it must come again"
    assert device.read_state() == before
    device.power_on()
    assert device.stored().source != "newest"
    for part in (first, second, *rest):
        assert device.exchange(write, part).status == 0
    device.learn([0.5] * 300, 1)  # learning goes on meanwhile
    assert device.exchange(Request.ADOPT, adopt(other)).status == 0
    assert device.read_state() == other
    device.power_on()
    assert (device.read_state(), device.stored().source) == (other, "newest")
    # A commit in between ends the transaction: both want the same place.
    assert device.exchange(write, first).status == 0
    device.commit()
    assert device.exchange(write, second).status == refused


def test_a_cut_while_a_state_comes_keeps_the_one_before(device: fs.Device) -> None:
    device.commit()
    kept = device.read_state()
    other = bytes(len(kept))
    for at in range(1, 60):
        device.cut_power(Cut(flash_operation=at, seed=at))
        try:
            device.write_state(other)
        except fs.PowerLost:
            device.power_on()
        if device.read_state() == other:
            break
        assert device.read_state() == kept
    assert 20 < at < 59


@pytest.mark.slow
def test_a_million_frames_half_of_them_damaged(device: fs.Device) -> None:
    flood(device, 1_000_000)


def test_a_flood_of_damaged_frames_changes_nothing(device: fs.Device) -> None:
    flood(device, 6_000)


def flood(device: fs.Device, n: int) -> None:
    """Send good requests that change nothing, every second one with bytes changed."""
    draw = np.random.default_rng(5)
    state = device.read_state()
    good = [
        encode_frame(Request.HELLO, 1),
        encode_frame(Request.PREDICT, 2, X.tobytes()),
        encode_frame(Request.READ_STATE, 3, bytes(4) + b"\x10\x00"),
        encode_frame(Request.STORED, 4),
    ]
    for _ in range(n // 200):
        frames = []
        for index in range(200):
            frame = bytearray(good[int(draw.integers(len(good)))])
            if index % 2:
                for at in draw.integers(0, len(frame), int(draw.integers(1, 4))):
                    frame[at] ^= int(draw.integers(1, 256))
            frames.append(bytes(frame))
        device.send_bytes(b"".join(frames))
        device.pass_time(0.6)
        assert device.hello().n_features == N_FEATURES
    assert device.read_state() == state
    assert device.stored().commits == 0
