"""A state is proved to be of a record, at its sample; any other is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from records import learner, one_byte, recorded, samples

from streamlearn.recorder import Record, Recorder, layout
from streamlearn.recorder.proof import verify


@pytest.mark.parametrize("n", [0, 1, 39, 40, 41, 100])
def test_every_state_of_the_record_is_found(tmp_path: Path, n: int) -> None:
    recorded(tmp_path / "r.slr", 100, snapshot_every=40)
    record = Record(tmp_path / "r.slr")
    state = record.state_at(n)
    verdict = verify(Record(tmp_path / "r.slr"), state)
    assert (verdict.sample, verdict.why) == (n, "")
    assert verdict.n_snapshots == n // 40


def test_a_state_with_one_bit_changed_is_none_of_it(tmp_path: Path) -> None:
    taught = recorded(tmp_path / "r.slr", 60)
    state = taught.state
    state["mu"][0, 3] ^= 1
    taught.state = state
    verdict = verify(Record(tmp_path / "r.slr"), taught)
    assert verdict.sample is None
    assert "after 60 samples" in verdict.why
    assert "different are 1 of mu" in verdict.why


def test_learners_of_other_kinds_seeds_or_more_samples(tmp_path: Path) -> None:
    taught = recorded(tmp_path / "r.slr", 60)
    record = Record(tmp_path / "r.slr")
    assert "another learner" in verify(record, one_byte()).why
    assert "of seed" in verify(record, learner(seed=1)).why
    x, y = samples(1)
    taught.learn_one(x[0], y[0])
    assert "it has learned 61 samples" in verify(record, taught).why


def test_a_record_whose_samples_were_changed_does_not_fit_its_own_states(tmp_path: Path) -> None:
    """Written again with right checksums, and one value other than it was."""
    recorded(tmp_path / "r.slr", 60, snapshot_every=20)
    record = Record(tmp_path / "r.slr")
    end = record.state_at()
    data = bytearray((tmp_path / "r.slr").read_bytes()[: record.blocks[0].at])
    crc = record.boundary(0).crc32
    with (tmp_path / "r.slr").open("rb") as file:
        for block in record.blocks:
            raw = record._raw(file, block)
            if block.first == 0 and block.kind == layout.SAMPLES:
                (found,) = record.samples(0, block.samples)
                found.x[2, 0] += 1
                raw = layout.encode_samples(found, {})
            written, crc = layout.encode_block(
                block.kind, block.first, block.samples, block.learned, raw, crc
            )
            data += written
    (tmp_path / "changed.slr").write_bytes(data)
    verdict = verify(Record(tmp_path / "changed.slr"), end)
    assert verdict.sample is None
    assert "state after 20 samples is not what its samples give" in verdict.why


def test_samples_that_were_predicted_only_do_not_count(tmp_path: Path) -> None:
    import numpy as np

    from streamlearn.recorder.writer import RecordWriter

    taught, (x, _) = learner(), samples(6)
    writer = RecordWriter.create(tmp_path / "r.slr", taught)
    writer.add(x, np.array([-1, 0, -1, 1, -1, 0]), 0)
    writer.close()
    taught.learn_one(x[1], "ok").learn_one(x[3], "worn")
    assert verify(Record(tmp_path / "r.slr"), taught).sample == 4


def test_a_record_that_begins_later(tmp_path: Path) -> None:
    taught, (x, y) = learner(), samples(30)
    taught.learn_many(x[:10], y[:10])
    with Recorder(taught, tmp_path / "r.slr") as recorder:
        recorder.learn_many(x[10:], y[10:])
    assert verify(Record(tmp_path / "r.slr"), taught).sample == 20
