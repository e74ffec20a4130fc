"""A learner on the desk follows a device, and says at which sample they part."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firmware_sim as fs
from export.package import write_export
from firmware_sim.link import Request
from streamlearn import MesuClassifier, MesuRegressor, cli, load
from streamlearn.cli.following import Follower, begin
from streamlearn.errors import StreamlearnError
from streamlearn.recorder import Record

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals")
N = 60
CLASSES = ("ok", "worn")
FEATURES = ("a", "b")


def samples(n: int = N) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    return np.round(rng.normal(size=(n, 2)) + 3 * y[:, None], 2).astype(np.float32), y


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> fs.Firmware:
    folder = tmp_path_factory.mktemp("follow")
    write_export(learner(), folder / "export")
    return fs.build_firmware(folder / "export", fs.get_board("nrf52840"), folder / "run")


def learner() -> MesuClassifier:
    return MesuClassifier((2, 4, 2), classes=CLASSES, features=FEATURES)


def flip(device: fs.Device) -> None:
    """Flip a bit of a weight in the device's memory, as a particle would."""
    offset = learner().state.dtype.fields["mu"][1]  # type: ignore[index]
    at = device.firmware.address_of("sl_state") - device.firmware.board.ram.origin + offset
    cell = ctypes.c_uint8.from_buffer(device._ram, at)
    cell.value ^= 1


def teach(follower: Follower, before: Callable[[int], None] = lambda _: None) -> Any:
    for i, (x, y) in enumerate(zip(*samples(), strict=True), 1):
        before(i)
        parted = follower.step(x, int(y))
        if parted is not None:
            return parted
    return follower.check()


def test_device_and_desk_stay_together(firmware: fs.Firmware) -> None:
    follower = Follower(learner(), fs.Device(firmware), 7, locate=True)
    assert teach(follower) is None
    assert (follower.n_samples, follower.n_checks) == (N, N // 7 + 1)


@pytest.mark.parametrize("at", [1, 17, N])
def test_a_flipped_bit_is_found_at_its_sample(firmware: fs.Firmware, at: int) -> None:
    device = fs.Device(firmware)
    follower = Follower(learner(), device, 1, locate=True)
    parted = teach(follower, lambda i: flip(device) if i == at else None)
    assert (parted.first, parted.last) == (at, at)
    assert parted.where == f"at sample {at}"
    assert "different are" in parted.why
    assert parted.device_state == device.read_state()


def test_between_checks_a_flipped_bit_is_told_from_a_fault_of_the_program(
    firmware: fs.Firmware,
) -> None:
    device = fs.Device(firmware)
    follower = Follower(learner(), device, 20, locate=True)
    parted = teach(follower, lambda i: flip(device) if i == 25 else None)
    assert parted.first == 21
    assert 25 <= parted.last <= 40
    assert "both learn these samples alike" in parted.why
    assert device.read_state() == parted.device_state, "it is as it was found"


class Wrong(fs.Device):
    """A device whose program is wrong for one sample."""

    def learn(self, x: Any, label: int) -> int:
        found = super().learn(x, label)
        if np.array_equal(x, samples()[0][32]):
            flip(self)
        return found


def test_a_fault_of_the_program_is_found_at_its_sample(firmware: fs.Firmware) -> None:
    parted = teach(Follower(learner(), Wrong(firmware), 20, locate=True))
    assert (parted.first, parted.last) == (33, 33)
    assert "happens again" in parted.why


def test_unless_asked_a_device_is_not_written_to(firmware: fs.Firmware) -> None:
    device = Wrong(firmware)
    asked = []
    real = device.exchange
    device.exchange = lambda r, p=b"": (asked.append(r), real(r, p))[1]  # type: ignore[method-assign]
    parted = teach(Follower(learner(), device, 20, locate=False))
    assert parted.first == 21
    assert "--locate" in parted.why
    assert Request.WRITE_STATE not in asked


def test_a_reset_shows_in_the_number_of_samples(firmware: fs.Firmware) -> None:
    device = fs.Device(firmware)
    follower = Follower(learner(), device, 1, locate=True)
    parted = teach(follower, lambda i: device.power_on() if i == 30 else None)
    assert parted.first == 30
    assert "it has learned 1 samples, the desk 30" in parted.why


def test_where_both_begin(firmware: fs.Firmware) -> None:
    device, desk = fs.Device(firmware), learner()
    desk.learn_many(*samples()[:1], [CLASSES[k] for k in samples()[1]])
    with pytest.raises(StreamlearnError, match="--start device"):
        begin(desk, device, "same")
    other = learner()
    begin(desk, device, "desk")
    begin(other, device, "device")
    assert other.state_sha256 == desk.state_sha256
    with pytest.raises(StreamlearnError, match="firmware of another learner: it has 2 features"):
        begin(MesuClassifier((3, 4, 2)), device, "same")


def test_floats_are_not_followed(tmp_path: Path) -> None:
    desk = MesuClassifier((2, 4, 2), classes=CLASSES, arithmetic="float32")
    write_export(desk, tmp_path / "export")
    board = fs.get_board("nrf52840")
    device = fs.Device(fs.build_firmware(tmp_path / "export", board, tmp_path / "run"))
    with pytest.raises(StreamlearnError, match="a float32 learner cannot be followed bit by bit"):
        begin(desk, device, "same")


def test_a_learner_of_numbers_is_followed_too(tmp_path: Path) -> None:
    desk = MesuRegressor((2, 4, 1))
    write_export(desk, tmp_path / "export")
    board = fs.get_board("nrf52840")
    device = fs.Device(fs.build_firmware(tmp_path / "export", board, tmp_path / "run"))
    follower = Follower(desk, device, 10, locate=True)
    for x, y in zip(*samples(20), strict=True):
        assert follower.step(x, 0.1 * float(y)) is None
    flip(device)
    assert follower.check() is not None


# -- over a serial line ---------------------------------------------------------------------------


@contextmanager
def served(
    device: fs.Device, spoil: Callable[[int, bytes], bytes | None] = lambda _, sent: sent
) -> Iterator[str]:
    """A simulated board at the other end of a pseudo terminal; the name to open it by.

    ``spoil`` is told the number of each answer and returns what arrives of it; None: nothing.
    """
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    stop = threading.Event()

    def serve() -> None:
        number = 0
        while not stop.is_set():
            try:
                sent = device.send_bytes(os.read(ours, 4096))
            except OSError:
                return
            if sent:
                number += 1
                os.write(ours, spoil(number, sent) or b"")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"serial:{os.ttyname(theirs)}@115200"
    finally:
        stop.set()
        os.close(theirs)
        thread.join(5)
        os.close(ours)


def csv(path: Path, n: int = N) -> Path:
    x, y = samples(n)
    rows = [f"{a:.2f},{b:.2f},{CLASSES[k]}" for (a, b), k in zip(x.tolist(), y, strict=True)]
    path.write_text("\n".join(["a,b,state", *rows]) + "\n")
    return path


@pytest.fixture
def follow(
    firmware: fs.Firmware, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    pytest.importorskip("serial")
    export = tmp_path / "export"
    write_export(learner(), export)
    stream = csv(tmp_path / "s.csv")

    def run(*more: object) -> tuple[int, str, str]:
        command = ["follow", export, "--stream", stream, "--label", "state"]
        capsys.readouterr()
        code = cli.run([*map(str, command), "--out", str(tmp_path / "out"), *map(str, more)])
        return (code, *capsys.readouterr())

    del firmware
    return run


def test_follow_over_a_serial_line(
    firmware: fs.Firmware, tmp_path: Path, follow: Callable[..., tuple[int, str, str]]
) -> None:
    with served(fs.Device(firmware)) as port:
        code, out, err = follow("--port", port, "--record", tmp_path / "r.slr")
    assert code == 0, err
    assert f"{N} samples" in out
    assert "keeps no log of events" in out
    expected = learner()
    x, y = samples()
    expected.learn_many(x, [CLASSES[k] for k in y])
    for name in ("desk.sls", "device.sls"):
        assert (tmp_path / "out" / name).read_bytes() == expected.to_bytes()
    assert Record(tmp_path / "r.slr").state_at().to_bytes() == expected.to_bytes()


def test_answers_that_are_lost_or_damaged_lose_no_sample(
    firmware: fs.Firmware, follow: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """A request is sent again; where no answer ever comes, the state says whether it was done."""
    spoilt: dict[int, Callable[[bytes], bytes]] = {
        25: lambda sent: sent[:9] + bytes([sent[9] ^ 1]) + sent[10:],
        31: lambda _: b"\xa5\x5a\x01 noise",
        40: lambda _: b"",
    }

    def spoil(_: int, sent: bytes) -> bytes | None:
        request = sent[4]  # its number: the same if it is sent again
        if request == 20:
            return None
        return spoilt.pop(request, lambda same: same)(sent)

    with served(fs.Device(firmware), spoil) as port:
        code, out, err = follow("--port", port, "--timeout", "0.7")
    assert code == 0, err
    assert "answers that did not arrive: 1" in out
    assert load(tmp_path / "out" / "device.sls").n_samples == N


def test_a_flipped_bit_ends_follow_with_its_own_code(
    firmware: fs.Firmware, follow: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    device = fs.Device(firmware)

    def spoil(number: int, sent: bytes) -> bytes:
        if number == 40:
            flip(device)
        return sent

    record = tmp_path / "r.slr"
    with served(device, spoil) as port:
        code, _, err = follow("--port", port, "--check-every", 10, "--record", record, "--locate")
    assert code == 6
    assert "parted between samples" in err
    assert "A bit was flipped" in err
    good = int(err.split("--to ")[1].split("`")[0])
    assert load(tmp_path / "out" / "device.sls").state_sha256 != (
        load(tmp_path / "out" / "desk.sls").state_sha256
    )
    assert Record(record).state_at(good).n_samples == good


def test_a_port_that_is_none_or_silent(
    follow: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    for port, why in (
        ("serial:/dev/none@115200", "cannot be opened"),
        ("/dev/ttyACM0", "expected serial:PORT@BAUD"),
    ):
        code, _, err = follow("--port", port)
        assert code == 1
        assert why in err
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    code, _, err = follow("--port", f"serial:{os.ttyname(theirs)}", "--timeout", "0.3")
    os.close(ours)
    os.close(theirs)
    assert code == 1
    assert "no answer to HELLO" in err
    del tmp_path


def test_a_device_that_goes_away_keeps_the_desk(
    firmware: fs.Firmware, follow: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    with served(fs.Device(firmware), lambda n, sent: sent if n < 30 else None) as port:
        code, _, err = follow("--port", port, "--timeout", "0.3")
    assert code == 3
    assert "no answer to" in err
    assert "desk.sls" in err
    assert load(tmp_path / "out" / "desk.sls").n_samples > 20


def test_follow_and_push_with_a_key(
    follow: Callable[..., tuple[int, str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "key")
    assert cli.run(["link-key", "--to", file]) == 0
    key = fs.read_key(file)
    export, state = tmp_path / "export", str(tmp_path / "out" / "desk.sls")
    firmware = fs.build_firmware(export, fs.get_board("nrf52840"), tmp_path / "run", key=key)
    with served(fs.Device(firmware)) as port:
        code, _, err = follow("--port", port, "--timeout", "2")
        assert code == 1
        assert "open the link with the key" in err
        code, _, err = follow("--port", port, "--link-key", file)
        assert code == 0, err
        for more, expected in (([], 1), (["--link-key", file], 0)):
            assert cli.run(["push", state, "--port", port, *more]) == expected
    assert "open the link with the key" in capsys.readouterr().err


def test_a_log_is_a_record_that_gives_the_state_of_the_device(
    follow: Callable[..., tuple[int, str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = tmp_path / "export"
    firmware = fs.build_firmware(
        export, fs.get_board("nrf52840"), tmp_path / "run", log_samples=100
    )
    device = fs.Device(firmware)
    with served(device) as port:
        code, out, err = follow("--port", port)
        assert code == 0, err
        assert f"log has {N} samples since its stored state 0" in out
        device.commit()
        for x, y in zip(*samples(10), strict=True):
            device.learn(x, int(y))
        for record, since, n in (("new.slr", [], 10), ("old.slr", ["--since", "0"], N)):
            command = ["log", export, "--port", port, "--out", tmp_path / record, *since]
            assert cli.run([*map(str, command)]) == 0
            assert f"{n} samples that" in capsys.readouterr().out
    found = Record(tmp_path / "new.slr")
    assert found.state_at().state.tobytes() == device.read_state()
    assert Record(tmp_path / "old.slr").state_at().to_bytes() == found.state_at(0).to_bytes()
    assert cli.run(["replay", str(tmp_path / "new.slr")]) == 0
    assert f"10 samples: {found.state_at().state_sha256[:12]}" in capsys.readouterr().out


def test_push_writes_a_state_to_a_device(
    firmware: fs.Firmware, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("serial")
    taught = learner()
    x, y = samples()
    taught.learn_many(x, [CLASSES[k] for k in y])
    taught.save(tmp_path / "s.sls")
    device = fs.Device(firmware)
    with served(device) as port:
        assert cli.run(["push", str(tmp_path / "s.sls"), "--port", port]) == 0
        MesuClassifier((3, 4, 2)).save(tmp_path / "other.sls")
        assert cli.run(["push", str(tmp_path / "other.sls"), "--port", port]) == 1
    captured = capsys.readouterr()
    assert f"holds {tmp_path / 's.sls'} now, {N} samples" in captured.out
    assert "firmware of another learner" in captured.err
    assert device.read_state() == taught.state.tobytes()
