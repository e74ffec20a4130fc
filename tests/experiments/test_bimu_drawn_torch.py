"""Its steps are those of streamlearn.torch's layers and optimizer with the same draws."""

from __future__ import annotations

import numpy as np
import pytest

# isort: split
from tests.experiments.with_torch import torch

# isort: split
from experiments.bimu.drawn import Constants, DrawnLearner
from experiments.bimu.pixels import standardise
from experiments.native import TABLE_BITS
from streamlearn.torch import BiMU, BimuLinear, Gate

LAYERS, SEED = (30, 18, 5), 11
WORD = 2**64


def words(seen, n):
    """The first n words of a sample: where rows of noise start."""
    word = ((SEED << 40) + seen + 0x9E3779B97F4A7C15) % WORD
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB % WORD
    word ^= word >> 31
    for _ in range(n):
        word = (word * 6364136223846793005 + 1442695040888963407) % WORD
        yield word >> (64 - TABLE_BITS)


def noise_of(learner, seen, draws):
    """u of both layers, ``[draws, out, in]``."""
    n_in, n_hidden, n_out = LAYERS
    starts = np.array(list(words(seen, (n_in + n_hidden) * draws))).reshape(-1, draws)
    found = []
    for rows, width in ((starts[:n_in], n_hidden), (starts[n_in:], n_out)):
        v = learner._noise[rows[:, :, None] + np.arange(width)].astype(np.float64)
        found.append(torch.tensor((v + 1) / 2).permute(1, 2, 0))
    return found


def network(learner):
    layers = []
    for layer in (0, 1):
        linear = BimuLinear(*LAYERS[layer : layer + 2], sampling="weights", dtype=torch.float64)
        linear.n_draws = Constants().n_draws
        with torch.no_grad():
            linear.belief.copy_(torch.tensor(learner.belief(layer).T.copy()))
        layers.append(linear.train())
    return layers


def logits(layers, x, noise, draws):
    norm = [torch.nn.LayerNorm(n, elementwise_affine=False) for n in LAYERS[1:]]
    hidden = Gate()(norm[0](layers[0](x.repeat(draws, 1), noise[0])))
    return norm[1](layers[1](hidden, noise[1]))


@pytest.mark.parametrize(("size", "window"), [(0.3, 7.0), (2.5, 700.0)])
def test_steps_are_those_of_autograd_and_the_optimizer(size, window):
    own = Constants(belief_init=size, memory_window=window)
    learner = DrawnLearner(LAYERS, own, SEED)
    layers = network(learner)
    optimizer = BiMU(
        [layer.belief for layer in layers],
        own.memory_window,
        own.lr,
        own.lr_max,
        own.kappa,
        own.likelihood,
    )
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 1, (40, LAYERS[0])).astype(np.float32)
    y = rng.integers(0, LAYERS[2], 40)
    start = learner.belief(0).copy()
    for seen in range(len(x)):
        row = torch.tensor(standardise(x[seen : seen + 1]), dtype=torch.float64)
        noise = noise_of(learner, seen, own.n_draws)
        target = torch.full((own.n_draws,), int(y[seen]))
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(logits(layers, row, noise, own.n_draws), target)
        loss.backward()
        optimizer.step()
        learner.learn(x[seen : seen + 1], y[seen : seen + 1], 0)
        for layer, linear in enumerate(layers):
            wanted = linear.belief.detach().numpy().T
            np.testing.assert_allclose(learner.belief(layer), wanted, atol=2e-5)
    assert np.abs(learner.belief(0) - start).max() > 0.05
