"""Every core's own loops of MESU in q16, from states and inputs at the ends of their formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import firmware_sim as fs
from export.package import write_export
from quant.rules.mesu import variance
from quant.rules.mesu.plan import make_plan
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
EDGE_MU = (-32768, -32767, -8193, -8192, -1, 0, 1, 8191, 8192, 32766, 32767)
EDGE_RHO = (1, 2, 3, 63, 64, 127, 128, 255, 4095, 4096, 8191, 8192, 16382, 16383)
EDGE_X = (0.0, 1 / 32, -1 / 32, 0.5, -0.5, 127 / 16, -127 / 16, 8.0, -8.0, 1e9, -1e9, 1e-30)


def made(case: str, **more: Any) -> Any:
    layers, given = CASES[case]
    if case == "a number":
        return MesuRegressor(layers, front_end="none", **given, **more)
    return MesuClassifier(layers, classes=range(layers[-1]), front_end="none", **given, **more)


def edge_state(learner: Any, mode: int, rng: np.random.Generator) -> bytes:
    """Return a state of edges (mode 0), of any words (1), as it starts (2), or of one edge."""
    state = learner.state.copy()
    n, spec = learner.spec.n_synapses, learner.spec
    if mode == 0:
        state["mu"][0], state["rho"][0] = rng.choice(EDGE_MU, n), rng.choice(EDGE_RHO, n)
    elif mode == 1:
        state["mu"][0] = rng.integers(-32768, 32768, n)
        state["rho"][0] = rng.integers(1, variance.RHO_MAX + 1, n)
    elif mode > 2:
        state["mu"], state["rho"] = rng.choice(EDGE_MU), rng.choice(EDGE_RHO)
    for layer, plan in enumerate(make_plan(spec, learner.config).layers):
        exponents = variance.exponent_view(spec, state["rho_exponent"][0], layer)
        least = variance.least_exponent(plan.v_exponent)
        most = variance.most_exponent(plan.v_exponent)
        style = rng.integers(4) if mode != 2 else 3
        if style == 0:
            exponents[:] = rng.integers(least, most + 1, len(exponents))
        elif style == 1:
            exponents[:] = rng.choice([least, most], len(exponents))
        elif style == 2:
            exponents[:] = rng.integers(most - 4, most + 1, len(exponents))
    if "step_log2" in state.dtype.names:
        state["step_log2"] = rng.choice([-(1 << 15), 0, 3 << 16])
    state["n_samples"] = rng.choice([0, 1, 63, 2**31, 2**32 - 1])
    return bytes(state.tobytes())


def edge_rows(n_features: int, n: int, rng: np.random.Generator) -> np.ndarray:
    x = rng.choice([*EDGE_X, *rng.normal(0, 3, 8)], (n, n_features))
    x[1::3] = rng.choice([0.0, 2.0], n_features)
    return x.astype(np.float32)


def boot(learner: Any, board: str, folder: Path) -> fs.Device:
    write_export(learner, folder / "export")
    firmware = fs.build_firmware(
        folder / "export", fs.get_board(board), folder / "run", warnings_are_errors=True
    )
    return fs.Device(firmware)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("board", BOARDS)
def test_a_cores_loops_equal_golden_from_edge_states(board: str, case: str, tmp_path: Path) -> None:
    golden = made(case, backend="numpy")
    device = boot(golden, board, tmp_path)
    rng = np.random.default_rng(len(case))
    for mode in (0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2):
        golden.state = edge_state(golden, mode, rng)
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
        golden.state = edge_state(golden, mode, rng)
        for x in edge_rows(golden.spec.n_features, 6, rng):
            before = golden.state["rho_exponent"][0].astype(int)
            golden.learn_one(x, int(rng.integers(4)))
            moves |= set((golden.state["rho_exponent"][0] - before).tolist())
    assert min(moves) < 0 < max(moves)
    assert all(vars(golden.saturations)[kind] for kind in ("activation", "gradient", "mu", "rho"))
