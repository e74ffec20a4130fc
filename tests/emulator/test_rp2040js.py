"""The Pico's UF2 image in rp2040js: same bytes, same state, same counts."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from rp2040js_port import WHY_NOT, exchange

import firmware_sim as fs
from export import write_export
from firmware_sim.link import Request, encode_frame
from streamlearn import MesuClassifier

pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
LAYERS, SAMPLES = (6, 8, 3), 12


def test_the_image_of_the_pico_in_an_emulator_of_others(tmp_path: Path) -> None:
    write_export(MesuClassifier(LAYERS, classes=["a", "b", "c"]), tmp_path / "export")
    firmware = fs.build_firmware(tmp_path / "export", fs.get_board("rp2040"), tmp_path / "run")
    draw = np.random.default_rng(5)
    xs = draw.normal(size=(SAMPLES, LAYERS[0])).astype("<f4")
    labels = draw.integers(0, 3, SAMPLES)
    size = firmware.state_bytes
    requests = [(Request.HELLO, b"")]
    requests += [
        (Request.LEARN, x.tobytes() + struct.pack("<H", label))
        for x, label in zip(xs, labels, strict=True)
    ]
    requests.append((Request.READ_STATE, struct.pack("<IH", 0, size)))
    frames = [
        encode_frame(kind, number + 1, payload) for number, (kind, payload) in enumerate(requests)
    ]
    device = fs.Device(firmware)
    ours, counts = [], []
    for (kind, _), frame in zip(requests, frames, strict=True):
        ours.append(device.send_bytes(frame))
        if kind == Request.LEARN:
            counts.append(device.last_call.learner)
    theirs = exchange(firmware, frames, tmp_path)
    assert theirs.answers == ours
    assert ours[-1][8:-4] == device.read_state()  # the state, behind the reply's head
    assert theirs.counts == pytest.approx(counts, rel=1e-3)
