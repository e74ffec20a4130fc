"""A record gives back every state; what a crash or damage leaves of it is told apart."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from records import FEATURES, LABELS, learner, one_byte, recorded, samples

from streamlearn import MesuClassifier, MesuRegressor
from streamlearn.errors import ConfigError, StateFormatError, WriteError
from streamlearn.recorder import Record, Recorder, layout
from streamlearn.recorder.proof import verify
from streamlearn.recorder.writer import RecordWriter

N, BLOCK = 100, 20


@pytest.mark.parametrize("make", [learner, one_byte])
@pytest.mark.parametrize("snapshot_every", [None, 30])
def test_every_state_comes_back(tmp_path: Path, make: Any, snapshot_every: int | None) -> None:
    taught, (x, y) = make(), samples(N)
    states = [taught.to_bytes()]
    with Recorder(taught, tmp_path / "r.slr", snapshot_every=snapshot_every) as recorder:
        for row, label in zip(x, y, strict=True):
            recorder.learn_one(dict(zip(FEATURES, row.tolist(), strict=True)), label)
            states.append(taught.to_bytes())
            if len(states) % 17 == 0:
                recorder.flush()
    record = Record.open(tmp_path / "r.slr")
    assert len(record) == N
    assert bool(record.snapshots()) == (snapshot_every is not None)
    for n, state in enumerate(states):
        assert record.state_at(n).to_bytes() == state
    assert record.state_at().to_bytes() == states[-1]


def test_samples_come_back_as_they_came(tmp_path: Path) -> None:
    taught, when = learner(), datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
    with Recorder(taught, tmp_path / "r.slr") as recorder:
        recorder.learn_one([20.1, -0.0], "worn", time=when)
    (sample,) = Record(tmp_path / "r.slr")
    assert sample.x.view(np.uint32).tolist() == np.float32([20.1, -0.0]).view(np.uint32).tolist()
    assert (sample.y, sample.time, sample.line) == ("worn", when, 0)


def test_classes_and_names_that_come_one_by_one(tmp_path: Path) -> None:
    taught, states = MesuClassifier((1, 4, 4)), {}
    with Recorder(taught, tmp_path / "r.slr") as recorder:
        recorder.learn_one([0.5], "a")
        states[1] = taught.to_bytes()
        for n, label in enumerate(["b", "a", 3, True, "a"], 2):
            recorder.learn_one({"t": n / 4}, label)
            states[n] = taught.to_bytes()
            if n == 3:
                recorder.flush()
    record = Record(tmp_path / "r.slr")
    assert record.labels == ("a", "b", 3, True)
    assert {n: record.state_at(n).to_bytes() for n in states} == states
    assert [s.y for s in record] == ["a", "b", "a", 3, True, "a"]


def test_a_learner_of_numbers(tmp_path: Path) -> None:
    taught = MesuRegressor((1, 4, 1))
    with Recorder(taught, tmp_path / "r.slr") as recorder:
        recorder.learn_many([[0.5], [0.25]], [3.1, -2.0]).learn_one([1.0], 7)
    record = Record(tmp_path / "r.slr")
    assert [s.y for s in record] == [float(np.float32(3.1)), -2.0, 7.0]
    assert record.state_at().to_bytes() == taught.to_bytes()


def test_predicted_only_samples_change_nothing(tmp_path: Path) -> None:
    taught, (x, _) = learner(), samples(6)
    targets = np.array([0, -1, 1, -1, -1, 0])
    writer = RecordWriter.create(tmp_path / "r.slr", taught)
    writer.add(x, targets, 0, np.arange(6) + 2)
    writer.close()
    for row, target in zip(x, targets.tolist(), strict=True):
        if target >= 0:
            taught.learn_one(row, LABELS[target])
    record = Record(tmp_path / "r.slr")
    assert (record.n_samples, record.n_learned) == (6, 3)
    assert record.state_at().to_bytes() == taught.to_bytes()
    assert [s.y for s in record] == ["ok", None, "worn", None, None, "ok"]
    assert [s.line for s in record] == [2, 3, 4, 5, 6, 7]


def test_several_threads_give_the_order_in_which_was_learned(tmp_path: Path) -> None:
    taught, (x, y) = learner(), samples(200)
    with Recorder(taught, tmp_path / "r.slr", snapshot_every=40) as recorder:

        def teach(first: int) -> None:
            for i in range(first, 200, 4):
                recorder.learn_one(x[i], y[i])

        threads = [threading.Thread(target=teach, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert Record(tmp_path / "r.slr").state_at().to_bytes() == taught.to_bytes()


def test_go_on_with_a_record_of_this_learner_only(tmp_path: Path) -> None:
    taught = recorded(tmp_path / "r.slr", 40)
    again = Record(tmp_path / "r.slr").state_at()
    with Recorder(again, tmp_path / "r.slr", go_on=True) as recorder:
        recorder.learn_one([1.0, 2.0], "ok")
    taught.learn_one([1.0, 2.0], "ok")
    assert Record(tmp_path / "r.slr").state_at().to_bytes() == taught.to_bytes()
    with pytest.raises(StateFormatError, match="does not end with this learner's state"):
        Recorder(learner(), tmp_path / "r.slr", go_on=True)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    recorded(tmp_path / "r.slr", 20)
    (tmp_path / "data.csv").write_text("a,b\n")
    for name, why in (("r.slr", "is there already"), ("data.csv", "something else")):
        with pytest.raises(ConfigError, match=why):
            Recorder(learner(), tmp_path / name)
    with pytest.raises(ConfigError, match="something else"):
        RecordWriter.create(tmp_path / "data.csv", learner(), force=True)
    with (
        Recorder(learner(), tmp_path / "new.slr"),
        pytest.raises(ConfigError, match="another process writes"),
    ):
        RecordWriter.go_on(tmp_path / "new.slr")


# -- what a crash leaves --------------------------------------------------------------------------


def test_cut_at_every_byte_keeps_every_whole_block(tmp_path: Path) -> None:
    """A crash within a block loses that block; within the header, of which it is written whole,
    nothing can be kept."""
    recorded(tmp_path / "r.slr", N, BLOCK, snapshot_every=40)
    data = (tmp_path / "r.slr").read_bytes()
    whole = Record(tmp_path / "r.slr")
    ends = [(block.end, block.first + block.samples) for block in whole.blocks]
    begin = whole.blocks[0].at
    cut = tmp_path / "cut.slr"
    for size in range(0, len(data) + 1, 7):
        cut.write_bytes(data[:size])
        if size < begin:
            with pytest.raises(StateFormatError):
                Record(cut)
            continue
        expected = max((samples for end, samples in ends if end <= size), default=0)
        record = Record(cut)
        assert len(record) == expected
        assert len([*record]) == expected
        RecordWriter.go_on(cut).close()
        assert Record(cut).torn_bytes == 0
        assert len(Record(cut)) == expected


@pytest.mark.parametrize("zeros", [1, 30, 5000])
def test_a_tail_of_zeros_is_no_block(tmp_path: Path, zeros: int) -> None:
    """A file system may give a file its length before its bytes."""
    recorded(tmp_path / "r.slr", 40)
    with (tmp_path / "r.slr").open("ab") as file:
        file.write(bytes(zeros))
    record = Record(tmp_path / "r.slr")
    assert (len(record), record.torn_bytes) == (40, zeros)


def test_a_flipped_bit_anywhere_is_found(tmp_path: Path) -> None:
    """It is an error that names the block, or, in the last block, a tail that is left out."""
    recorded(tmp_path / "r.slr", 60, BLOCK)
    data = (tmp_path / "r.slr").read_bytes()
    blocks = Record(tmp_path / "r.slr").blocks
    flipped = tmp_path / "flipped.slr"
    for at in range(0, len(data), 3):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        flipped.write_bytes(changed)
        if 6 <= at < 8:  # spare
            continue
        if at < blocks[0].at:
            with pytest.raises(StateFormatError, match=r"flipped\.slr"):
                Record(flipped)
        elif at < blocks[-1].at:
            number = next(block.number for block in blocks if at < block.end)
            record = Record(flipped)
            with pytest.raises(StateFormatError, match=f"block {number} .*is damaged") as error:
                record.state_at()
            good = (number - 1) * BLOCK
            assert f"--to {good}`" in str(error.value)
            assert record.state_at(good).n_samples == good
        else:
            assert len(Record(flipped)) == 40


def test_a_damaged_state_within_the_record_is_learned_from_an_earlier_one(tmp_path: Path) -> None:
    taught = recorded(tmp_path / "r.slr", N, snapshot_every=40)
    data = bytearray((tmp_path / "r.slr").read_bytes())
    data[Record(tmp_path / "r.slr").snapshots()[-1].end - 9] ^= 1
    (tmp_path / "r.slr").write_bytes(data)
    assert Record(tmp_path / "r.slr").state_at().to_bytes() == taught.to_bytes()
    with pytest.raises(StateFormatError, match=r"the state after 80 samples\) is damaged"):
        verify(Record(tmp_path / "r.slr"), taught)


def test_a_block_of_another_record_does_not_fit(tmp_path: Path) -> None:
    recorded(tmp_path / "a.slr", 60, BLOCK)
    taught, (x, y) = learner(seed=1), samples(60, seed=1)
    with Recorder(taught, tmp_path / "b.slr") as recorder:
        for at in range(0, 60, BLOCK):
            recorder.learn_many(x[at : at + BLOCK], y[at : at + BLOCK])
            recorder.flush()
    a, b = Record(tmp_path / "a.slr").blocks, Record(tmp_path / "b.slr").blocks
    data, other = (tmp_path / "a.slr").read_bytes(), (tmp_path / "b.slr").read_bytes()
    mixed = data[: a[1].at] + other[b[1].at : b[1].end] + data[a[2].at :]
    (tmp_path / "mixed.slr").write_bytes(mixed)
    with pytest.raises(StateFormatError, match="block 2"):
        Record(tmp_path / "mixed.slr").state_at()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "cut within the header"),
        (b"SL", "cut within the header"),
        (b"SLRC" + bytes(5), "cut within the header"),
        (b"PK\3\4 and more of it that is long", "another kind of file"),
        (layout.HEADER.pack(layout.MAGIC, 9, 0, 0, 0, 0), "version 9"),
        (layout.HEADER.pack(layout.MAGIC, 1, 0, 2**31, 2**31, 0), "sizes are wrong"),
        (layout.HEADER.pack(layout.MAGIC, 1, 0, 9, 9, 0), "cut within the header"),
    ],
    ids=["empty", "a few bytes", "no sizes", "foreign", "version", "absurd sizes", "cut"],
)
def test_other_files_are_refused(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(StateFormatError, match=why):
        Record(tmp_path / "x")


def test_a_block_that_swells_is_not_unpacked(tmp_path: Path) -> None:
    """64 MB of zeros in a payload that announces 10 bytes: refused, without the memory."""
    path = tmp_path / "r.slr"
    RecordWriter.create(path, learner()).close()
    crc = Record(path).boundary().crc32
    block, _ = layout.encode_block(layout.SAMPLES, 0, 5, 5, bytes(1 << 26), crc)
    head = layout.BLOCK.unpack_from(block)
    lied = layout.BLOCK.pack(*head[:4], 10, *head[5:7], 0)[:-4]
    lied += layout.zlib.crc32(lied).to_bytes(4, "little")
    path.write_bytes(path.read_bytes() + lied + block[layout.BLOCK.size :])
    with pytest.raises(StateFormatError, match="its size is wrong"):
        Record(path).state_at()


# -- a full disk ----------------------------------------------------------------------------------


class Full:
    """A file on a disk that takes so many bytes more."""

    def __init__(self, file: Any, room: int) -> None:
        self._file, self.room = file, room

    def write(self, data: Any) -> int:
        if not self.room:
            raise OSError(28, "No space left on device")
        size = min(len(data), self.room)
        self.room -= size
        return int(self._file.write(data[:size]))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_what_a_full_disk_refused_is_written_when_there_is_room(tmp_path: Path) -> None:
    taught, (x, y) = learner(), samples(60)
    recorder = Recorder(taught, tmp_path / "r.slr")
    recorder.learn_many(x[:20], y[:20]).flush()
    full = Full(recorder._writer._file, 30)
    recorder._writer._file = full  # type: ignore[assignment]
    recorder.learn_many(x[20:40], y[20:40])
    for _ in range(2):
        with pytest.raises(WriteError, match="No space left"):
            recorder.flush()
        assert len(Record(tmp_path / "r.slr")) == 20
        assert Record(tmp_path / "r.slr").torn_bytes == 0
    full.room = 1 << 20
    recorder.learn_many(x[40:], y[40:])
    recorder.close()
    assert Record(tmp_path / "r.slr").state_at().to_bytes() == taught.to_bytes()


# -- an observer of a run -------------------------------------------------------------------------


def test_a_run_records_the_times_of_its_stream_or_of_arrival(tmp_path: Path) -> None:
    from streamlearn.cli.observers import Block
    from streamlearn.cli.recording import RunRecorder

    taught, (x, _) = learner(), samples(3)
    before = datetime.now(timezone.utc)
    recorder = RunRecorder.of_run(tmp_path / "r.slr", {}, taught, "state")
    assert recorder is not None
    labels, lines, when = np.array([0, 1, -1]), np.arange(3), datetime(2026, 5, 1, 7, 30)
    seconds = when.replace(tzinfo=timezone.utc).timestamp()
    times = np.array([seconds, seconds + 0.25, np.nan])
    recorder.see(Block(0, x, labels, labels, lines, 0.0, times=times))
    recorder.see(Block(3, x, labels, labels, lines, 0.0))
    recorder.end()
    found = [sample.time for sample in Record(tmp_path / "r.slr")]
    assert [t.isoformat() for t in found[:2]] == [
        "2026-05-01T07:30:00+00:00",
        "2026-05-01T07:30:00.250000+00:00",
    ]
    assert all(before <= t <= datetime.now(timezone.utc) for t in found[2:])
