"""Every core's own loops of MESU in q16, from states and inputs at the ends of their formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mesu_edges import edge_rows, edge_state
from sweeps import sweep

import firmware_sim as fs
from export.package import write_export
from streamlearn import MesuClassifier, MesuRegressor

CASES: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "words": ((21, 10, 4), {"n_draws": 4}),
    "odd width": ((8, 7, 3), {"n_draws": 3}),
    "rho between words": ((8, 6, 3), {"n_draws": 5}),
    "one unit": ((6, 1, 2), {"n_draws": 1}),
    "two units, no bias": ((5, 2, 2), {"n_draws": 2, "bias": False, "sweep": 1}),
    "three layers": ((9, 12, 5, 3), {"n_draws": 10, "memory_window": 2000.0, "lr_sigma": 1.0}),
    "no hidden layer": ((13, 50), {"n_draws": 4, "sweep": 2, "memory_window": 2000.0}),
    "a number": ((8, 6, 1), {"n_draws": 3, "memory_window": 2000.0}),
}
BOARDS = ("rp2040", "stm32f103", "nrf52840", "stm32u585")


def made(case: str, **more: Any) -> Any:
    layers, given = CASES[case]
    if case == "a number":
        return MesuRegressor(layers, front_end="none", **given, **more)
    return MesuClassifier(layers, classes=range(layers[-1]), front_end="none", **given, **more)


def edge_bytes(learner: Any, mode: int, rng: np.random.Generator) -> bytes:
    return bytes(edge_state(learner.spec, learner.config, learner.state, mode, rng).tobytes())


def boot(learner: Any, board: str, folder: Path) -> fs.Device:
    write_export(learner, folder / "export")
    firmware = fs.build_firmware(
        folder / "export", fs.get_board(board), folder / "run", warnings_are_errors=True
    )
    return fs.Device(firmware)


@pytest.mark.parametrize(("board", "case"), sweep(BOARDS, list(CASES)))
def test_a_cores_loops_equal_golden_from_edge_states(board: str, case: str, tmp_path: Path) -> None:
    golden = made(case, backend="numpy")
    device = boot(golden, board, tmp_path)
    rng = np.random.default_rng(len(case))
    for mode in (0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2):
        golden.state = edge_bytes(golden, mode, rng)
        device.write_state(golden.state.tobytes())
        for x in edge_rows(golden.spec.n_features, 6, rng):
            if case == "a number":
                y = float(np.float32(rng.normal()))
                device.learn_target(x, y)
                golden.learn_one(x, y)
            else:
                y = int(rng.integers(golden.spec.n_classes))
                assert device.learn(x, y) == golden.test_then_learn_one(x, y)
            ours = np.frombuffer(device.read_state(), golden.state.dtype)
            for field in golden.state.dtype.names:
                np.testing.assert_array_equal(ours[field], golden.state[field], field)
    assert device.health().saturations == vars(golden.saturations)


def test_the_edges_saturate_and_rescale_rows() -> None:
    """Canary of the above: rows are halved and doubled there, and every clamp of the rule acts."""
    golden = made("words", backend="numpy")
    rng = np.random.default_rng(5)
    moves = set()
    for mode in (0, 1, 2, 3) * 3:
        golden.state = edge_bytes(golden, mode, rng)
        for x in edge_rows(golden.spec.n_features, 6, rng):
            before = golden.state["rho_exponent"][0].astype(int)
            golden.learn_one(x, int(rng.integers(4)))
            moves |= set((golden.state["rho_exponent"][0] - before).tolist())
    assert min(moves) < 0 < max(moves)
    assert all(vars(golden.saturations)[kind] for kind in ("activation", "gradient", "mu", "rho"))
