"""What a lock and an event log cost on a board."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import firmware_sim
from export import write_export
from firmware_sim import link
from tabled.costs import BOARDS, samples
from tabled.known import block
from tabled.learners import make


@block
def lock() -> Iterator[str]:
    """What a key costs: flash, RAM and instructions, with the stream's learner on each core."""
    yield (
        "| board | flash, bytes | RAM, bytes | deepest stack | instructions to begin a session "
        "| for a request and its reply | for 64 bytes more |"
    )
    yield "|---|" + "---:|" * 6
    for name in BOARDS:
        with tempfile.TemporaryDirectory() as folder:
            write_export(make("MesuClassifier"), Path(folder) / "export")
            plain, locked = (_linked(Path(folder), name, key) for key in (None, bytes(32)))
        board = firmware_sim.get_board(name)
        before, now = plain[0].ram_bytes, locked[0].ram_bytes
        small, large = (locked[1][size] - plain[1][size] for size in (4, 4 + 64 * 64))
        yield (
            f"| {name} ({board.core.name}) | +{locked[0].flash_bytes - plain[0].flash_bytes:,} "
            f"| +{now.total - before.total:,} | {plain[2]:,} → {locked[2]:,} "
            f"| {locked[1][0]:,} | +{small:,} | +{(large - small) // 64:,} |"
        )


def _linked(folder: Path, board: str, key: bytes | None) -> tuple[Any, dict[int, int], int]:
    """Firmware; the link's instructions by bytes of state read, 0: a session; deepest stack."""
    firmware = firmware_sim.build_firmware(
        folder / "export", firmware_sim.get_board(board), folder / f"{board}-{key is None}", key=key
    )
    device = firmware_sim.Device(firmware, key=key)
    device.learn(samples(False)[0][0], 0)
    device.commit()
    took = {}
    for size in (4, 4 + 64 * 64):
        device.exchange(link.Request.READ_STATE, struct.pack("<IH", 0, size))
        took[size] = device.last_call.link
    device.exchange(link.Request.SESSION, bytes(16))
    return firmware, {**took, 0: device.last_call.link}, device.stack_peak_bytes()


@block
def event_log() -> Iterator[str]:
    """What a log of the newest 100 samples costs, with the stream's learner on each core."""
    yield (
        "| board | code, bytes | RAM, bytes | ring, bytes | instructions for each sample more "
        "| samples until the flash wears out |"
    )
    yield "|---|" + "---:|" * 5
    for name in BOARDS:
        took, built = [], []
        for newest in (0, 100):
            with tempfile.TemporaryDirectory() as folder:
                write_export(make("MesuClassifier"), Path(folder) / "export")
                board = firmware_sim.get_board(name)
                built.append(
                    firmware_sim.build_firmware(
                        Path(folder) / "export", board, Path(folder) / "run", log_samples=newest
                    )
                )
                device = firmware_sim.Device(built[-1])
                found = []
                for row in samples(False)[0][:9]:
                    device.learn(row, 0)
                    found.append(device.last_call.link)
                took.append(int(np.median(found)))
        plain, logged = built
        ring = logged.storage.log
        assert ring is not None
        yield (
            f"| {name} ({board.core.name}) | +{logged.flash_bytes - plain.flash_bytes:,} "
            f"| +{logged.ram_bytes.total - plain.ram_bytes.total:,} | {ring.bytes:,} "
            f"| +{took[1] - took[0]:,} | {logged.storage.logged:,} |"
        )
