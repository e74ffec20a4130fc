"""The equations of spiking layers beside OTTT of SpikingJelly: same weights, spikes, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.state import init_state
from streamlearn.engines import make_engine

torch = pytest.importorskip("torch")
online = pytest.importorskip(
    "spikingjelly.activation_based.layer.online_learning",
    reason="no SpikingJelly: pip install --no-deps spikingjelly loguru",
)
neuron = pytest.importorskip("spikingjelly.activation_based.neuron")

INPUTS, HIDDEN, CLASSES, K, SIGMA = 7, 11, 4, 3, 1e-5


class Surrogate(torch.autograd.Function):
    """A step, with half a triangle of width 2 as its derivative."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return (x >= 0).to(x)

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        (x,) = ctx.saved_tensors
        return grad * 0.5 * torch.clamp(1 - x.abs() / 2, min=0)


class Theirs:
    """7-11-4 in SpikingJelly; the outputs weigh the traces of the spikes."""

    def __init__(self, first: np.ndarray, last: np.ndarray) -> None:
        self.first = torch.nn.Linear(INPUTS, HIDDEN, bias=False).double()
        self.last = torch.nn.Linear(HIDDEN, CLASSES, bias=False).double()
        self.first.weight.data[:] = torch.from_numpy(first.T)
        self.last.weight.data[:] = torch.from_numpy(last.T)
        self.units = neuron.OTTTLIFNode(
            tau=float(2**K), v_reset=None, surrogate_function=Surrogate.apply
        )
        self.trace = torch.zeros(1, INPUTS, dtype=torch.float64)

    def step(self, x: np.ndarray, target: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the spikes and both layers' gradients of one step."""
        events = torch.from_numpy(x)[None]
        self.trace = self.trace * (1 - 2.0**-K) + events
        current = online.GradwithTrace(self.first)([events, self.trace])
        spikes, trace = self.units(current)
        logits = self.last(online.ReplaceforGrad.apply(spikes, trace))
        for module in (self.first, self.last):
            module.zero_grad()
        torch.nn.functional.cross_entropy(logits, torch.tensor([target])).backward()
        gradients = [m.weight.grad.numpy().T.copy() for m in (self.first, self.last)]
        return spikes.detach().numpy()[0], *gradients


def test_spikes_and_gradients_are_those_of_spikingjelly() -> None:
    spec = NetworkSpec((INPUTS, HIDDEN, CLASSES), False, "none", leaks=(K, K))
    config = MesuConfig(n_draws=1, step="fixed", memory_window=float("inf"), lr_mu=1.0, mu_init=2.0)
    state = init_state(spec, config, "float64", 5)
    state["sigma"] = SIGMA
    engine = make_engine(spec, config, "float64")
    cut = INPUTS * HIDDEN
    start = state["mu"].copy()
    first, last = start[0, :cut].reshape(INPUTS, HIDDEN), start[0, cut:].reshape(HIDDEN, CLASSES)
    theirs = Theirs(first, last)
    rng, fired = np.random.default_rng(1), 0
    for t in range(80):
        x = (rng.random(INPUTS) < 0.3).astype(np.float64)
        before = state["events"][0, 1]
        engine.learn(state, x, t % CLASSES)
        spikes, of_first, of_last = theirs.step(x, t % CLASSES)
        assert state["events"][0, 1] - before == spikes.sum()
        fired += int(spikes.sum())
        ours = (start - state["mu"])[0] / SIGMA**2
        np.testing.assert_allclose(ours[:cut].reshape(of_first.shape), of_first, atol=1e-3)
        np.testing.assert_allclose(ours[cut:].reshape(of_last.shape), of_last, atol=1e-3)
        state["mu"], state["sigma"] = start, SIGMA  # the weights stay: a gradient each
    assert fired > 40
