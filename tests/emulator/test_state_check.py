"""A board refuses over its link what the desk refuses: a state that no learner reaches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firmware_sim as fs
from export.package import write_export
from firmware_sim.link import Status
from quant.errors import ShapeError
from quant.rule import arithmetic_of
from quant.state import layout_of, state_from_bytes
from streamlearn import (
    BimuClassifier,
    MesuClassifier,
    MesuFactoredClassifier,
    MetaplasticClassifier,
)

LAYERS = (6, 5, 3)


@pytest.fixture(scope="module")
def host() -> MesuClassifier:
    learner = MesuClassifier(LAYERS, classes=range(3))
    draw = np.random.default_rng(1)
    for _ in range(20):
        learner.learn_one(draw.normal(size=6), int(draw.integers(3)))
    return learner


@pytest.fixture(scope="module")
def device(host: MesuClassifier, tmp_path_factory: pytest.TempPathFactory) -> fs.Device:
    folder = tmp_path_factory.mktemp("check")
    write_export(host, folder / "export")
    return fs.Device(fs.build_firmware(folder / "export", fs.get_board("rp2040"), folder / "run"))


def changed(host: MesuClassifier, field: str, at: int, value: int) -> bytes:
    state = host.state.copy()
    state[field][0, at] = value
    return state.tobytes()


def taken(host: MesuClassifier, device: fs.Device, state: bytes) -> tuple[bool, bool]:
    """Whether the board takes a state, and whether the desk does."""
    before, board, status = device.read_state(), True, 0
    try:
        device.write_state(state)
    except fs.RefusedError as refused:
        board, status = False, refused.status
    assert status == (0 if board else Status.STATE_REFUSED)
    assert device.read_state() == (state if board else before)
    try:
        state_from_bytes(host.spec, host.config, host.arithmetic, state)
    except ShapeError:
        return board, False
    return board, True


def test_a_rho_of_zero_would_divide_and_is_refused(host: MesuClassifier, device: fs.Device) -> None:
    assert taken(host, device, changed(host, "rho", 3, 0)) == (False, False)
    assert taken(host, device, host.state.tobytes()) == (True, True)


def test_board_and_desk_refuse_the_same(host: MesuClassifier, device: fs.Device) -> None:
    """Just inside and just outside of each range, at its first and its last number."""
    ranges: Any = arithmetic_of(host.spec, host.config, host.arithmetic).ranges
    found = ranges(host.spec, host.config)
    assert {one.field for one in found} == {"rho", "rho_exponent"}
    types = {
        field.name: np.iinfo(field.dtype) for field in layout_of(host.spec, host.config, "q16")
    }
    tried = set()
    for one in found:
        for at in (one.first, one.first + one.count - 1):
            for value in (one.low - 1, one.low, one.high, one.high + 1):
                if types[one.field].min <= value <= types[one.field].max:
                    board, desk = taken(host, device, changed(host, one.field, at, value))
                    assert board == desk == (one.low <= value <= one.high), (one, at, value)
                    tried.add(board)
    assert tried == {True, False}


@pytest.mark.parametrize(
    ("kind", "arithmetic"),
    [
        (MesuClassifier, "float32"),
        (MesuFactoredClassifier, "q16"),
        (MetaplasticClassifier, "q8"),
        (BimuClassifier, "q8"),
    ],
)
def test_every_rule_and_format_has_ranges(kind: Any, arithmetic: str, tmp_path: Path) -> None:
    """Each field that has a range: one number outside of it, and board and desk refuse."""
    learner = kind(LAYERS, classes=range(3), arithmetic=arithmetic)
    draw = np.random.default_rng(1)
    for _ in range(20):
        learner.learn_one(draw.normal(size=6), int(draw.integers(3)))
    write_export(learner, tmp_path / "export")
    board = fs.get_board("nrf52840")
    device = fs.Device(
        fs.build_firmware(tmp_path / "export", board, tmp_path / "run", warnings_are_errors=True)
    )
    assert taken(learner, device, learner.state.tobytes()) == (True, True)
    tried = []
    for field in layout_of(learner.spec, learner.config, arithmetic):
        limits = np.iinfo(field.dtype) if "f" not in field.dtype else np.finfo(field.dtype)
        for bound, outside in ((field.least, -1), (field.most, 1)):
            if bound is not None and limits.min <= bound + outside <= limits.max:
                state = learner.state.copy()
                state[field.name].reshape(-1)[-1] = bound + outside
                assert taken(learner, device, state.tobytes()) == (False, False), field.name
                tried.append(field.name)
    assert len(tried) >= 2, tried
