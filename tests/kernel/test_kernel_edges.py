"""MESU in q16 under the sanitizers, from states and inputs at the ends of their formats.

The C of a chip and of a host, with and without AVX2, equals the golden model there; no product, sum
or shift in it is undefined.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import Case
from stream_program import SANITIZE, StreamProgram, find_compiler

from quant.network import NetworkSpec
from quant.rules.mesu import variance
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.state import State, init_state, state_to_bytes
from streamlearn.engines import NumpyEngine

COMPILER = find_compiler()
AVX2 = "-mavx2"
BUILDS = {"chip": (), "host": ("-DSL_HOST",), "host with AVX2": ("-DSL_HOST", AVX2)}
CASES = {
    "5-4-3": (NetworkSpec((5, 4, 3), front_end="none"), MesuConfig(n_draws=3, sweep=2)),
    "one unit, short means": (
        NetworkSpec((6, 5, 1, 2), front_end="none"),
        MesuConfig(n_draws=2, mu_frac_bits=6, memory_window=1e4),
    ),
    "many hidden units": (
        NetworkSpec((3, 600, 2), front_end="none"),
        MesuConfig(n_draws=2, sigma_prior=0.01, sigma_init=0.01, memory_window=1e4),
    ),
    "17 units, the smallest variances": (
        NetworkSpec((9, 17, 2), front_end="none"),
        MesuConfig(n_draws=1, sigma_prior=0.001, sigma_init=0.001, memory_window=1e6),
    ),
    "largest steps": (
        NetworkSpec((4, 3, 2), bias=False, front_end="none"),
        MesuConfig(n_draws=1, lr_mu=1e8, lr_sigma=1e8, memory_window=1e15, sweep=1),
    ),
}
EDGE_MU = (-32768, -1, 0, 1, 32767)
EDGE_RHO = (1, 2, 63, 64, 65, 4095, 8192, 16382, 16383)
EDGE_X = (0.0, 127 / 16, -127 / 16, 1 / 16, -1 / 16, 1e9)


def runs_avx2() -> bool:
    """Tell whether a program with AVX2 instructions compiles and runs here."""
    code = 'int main(void) { return !__builtin_cpu_supports("avx2"); }'
    command = [str(COMPILER), AVX2, "-x", "c", "-", "-o", "/dev/null"]
    if subprocess.run(command, input=code, text=True, capture_output=True, check=False).returncode:
        return False
    flags = Path("/proc/cpuinfo")
    return flags.exists() and " avx2 " in flags.read_text()


def edge_state(case: Case, rng: np.random.Generator, mode: int) -> State:
    """Words at the ends of their formats, or random ones, or all the same; exponents likewise."""
    state = init_state(*case.given, int(rng.integers(100)))
    n = case.spec.n_synapses
    if mode % 3 == 0:
        state["mu"][0], state["rho"][0] = rng.choice(EDGE_MU, n), rng.choice(EDGE_RHO, n)
    elif mode % 3 == 1:
        state["mu"][0] = rng.integers(-32768, 32768, n)
        state["rho"][0] = rng.integers(1, variance.RHO_MAX + 1, n)
    else:
        state["mu"], state["rho"] = rng.choice(EDGE_MU), rng.choice(EDGE_RHO)
    plan: Any = make_plan(case.spec, case.config)  # type: ignore[arg-type]
    for layer, mine in enumerate(plan.layers):
        exponents = variance.exponent_view(case.spec, state["rho_exponent"][0], layer)
        least = variance.least_exponent(mine.v_exponent)
        most = variance.most_exponent(mine.v_exponent)
        low = (least, most - 3, most)[rng.integers(3)]
        exponents[:] = rng.integers(low, most + 1, len(exponents))
    state["step_log2"] = rng.choice([-(1 << 15), 0, 3 << 16])
    state["n_samples"] = rng.choice([0, 1, 63, 2**32 - 1])
    return state


@pytest.mark.skipif(COMPILER is None, reason="no gcc or clang on PATH that links the sanitizers")
@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("name", CASES)
def test_edge_states_are_clean_and_equal_golden(name: str, build: str, tmp_path: Path) -> None:
    if AVX2 in BUILDS[build] and not runs_avx2():
        pytest.skip("no AVX2 here")
    case = Case(*CASES[name], "q16")
    # Where nothing is optimised, GCC warns of loops that a small network never enters.
    flags = ("-O1", *SANITIZE, *BUILDS[build])
    program = StreamProgram(tmp_path, [str(COMPILER)], *case.given, flags)
    rng = np.random.default_rng(7)
    for mode in range(24):
        state = edge_state(case, rng, mode)
        x = rng.choice(EDGE_X, (3, case.spec.n_features)).astype(np.float32)
        if mode == 23:  # all inputs of all layers as large as they get
            state["mu"], state["rho"], x[:] = EDGE_MU[-1], EDGE_RHO[-1], EDGE_X[1]
            for layer, mine in enumerate(make_plan(*case.given[:2]).layers):  # type: ignore[arg-type]
                exponents = variance.exponent_view(case.spec, state["rho_exponent"][0], layer)
                exponents[:] = variance.most_exponent(mine.v_exponent)
        y = rng.integers(0, case.spec.n_classes, 3)
        done = program.run(state_to_bytes(state), x, y)
        assert (done.code, done.stderr) == (0, "")
        expected = NumpyEngine(*case.given).learn_many(state, x.astype(np.float64), y)
        assert np.array_equal(done.predictions, expected), mode
        found = np.frombuffer(bytes(done.state or b""), state.dtype)
        for field in state.dtype.names:
            np.testing.assert_array_equal(found[field], state[field], f"{field}, mode {mode}")
