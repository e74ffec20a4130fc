"""The float network of bimu-pmnist: one step is PyTorch's, and λ in a byte stays on its grid."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from experiments import compiler
from experiments.bimu.kernels import NORMALS, learn_bimu
from experiments.bimu.learners import Published
from experiments.bimu.report import NAMES
from experiments.bimu.runs import ALGORITHMS

SIZES, N_DRAWS = (7, 6, 3), 4


def start() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    found = {}
    for k, shape in enumerate((SIZES[:2], SIZES[1:]), 1):
        found[f"belief{k}"] = rng.uniform(-1, 1, shape).astype(np.float32)
        found[f"mean{k}"] = np.tanh(found[f"belief{k}"])
    return found | {"counts": np.array([12345, 1], np.uint64)}


def learn(
    state: dict, constants: Published, x: np.ndarray, y: np.ndarray, loop: Callable = learn_bimu
) -> list[np.ndarray]:
    normals = np.random.default_rng(0).standard_normal(NORMALS).astype(np.float32)
    room = [np.zeros((N_DRAWS, n), np.float32) for n in SIZES[1:]]
    with np.errstate(over="ignore"):  # words wrap
        loop(np.array(constants, np.float32), *state.values(), normals, *room, x, y)
    return room


def test_one_step_is_that_of_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from streamlearn.torch import BiMU, bimu_mlp, nll_loss

    constants = Published(window=math.inf, lr_max=0.05)
    state = start()
    net = bimu_mlp(SIZES, dtype=torch.float64)
    for place, name in ((0, "belief1"), (3, "belief2")):
        net[place].belief.data.copy_(torch.tensor(state[name].T))
    x = np.random.default_rng(3).uniform(0, 1, (1, SIZES[0])).astype(np.float32)
    x[0, 2] = 0
    epsilon = learn(state, constants, x, np.array([1]))
    optimizer = BiMU(net.parameters(), math.inf, *constants[:4])
    rows = torch.tensor(x, dtype=torch.float64).repeat(N_DRAWS, 1)
    hidden = net[2](net[1](net[0](rows, torch.tensor(epsilon[0], dtype=torch.float64))))
    logits = net[4](net[3](hidden, torch.tensor(epsilon[1], dtype=torch.float64)))
    nll_loss(logits[:, None], torch.tensor([1])).backward()
    optimizer.step()
    for place, name in ((0, "belief1"), (3, "belief2")):
        moved = net[place].belief.detach().numpy().T - start()[name]
        assert np.abs(moved).max() > 0.01
        np.testing.assert_allclose(state[name] - start()[name], moved, rtol=0.01, atol=1e-4)


def test_a_byte_keeps_the_mean_step_and_its_grid() -> None:
    """Compiled, as it runs: numba widens integers that NumPy wraps."""
    pytest.importorskip("numba", reason="numba is not installed")
    loop = compiler.compiled(learn_bimu)
    x = np.tile(np.linspace(0.2, 1, SIZES[0]).astype(np.float32), (300, 1))
    y = np.zeros(300, np.int64)
    found = []
    for lsb in (0.0, 1 / 32):
        state = start()
        learn(state, Published(top=127 / 32, lsb=lsb), x, y, loop)
        found.append(state)
    # Rows are rounded where they are learned: all of them here.
    steps = found[1]["belief1"] * 32
    assert np.array_equal(steps, np.round(steps))
    assert np.abs(found[1]["belief2"]).max() <= 127 / 32
    means = [float(state["belief2"][:, 0].mean()) for state in found]
    assert means[0] > start()["belief2"][:, 0].mean() + 0.1
    assert means[1] == pytest.approx(means[0], rel=0.2)


def test_every_algorithm_has_a_name_in_the_table() -> None:
    assert set(NAMES) == set(ALGORITHMS)
