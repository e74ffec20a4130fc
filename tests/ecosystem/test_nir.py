"""Graphs of NIR: a learner's network in other tools, and theirs in a learner."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant.errors import ConfigError, StateFormatError
from streamlearn import SpikingClassifier
from streamlearn.interchange import posterior, set_posterior
from streamlearn.neuromorphic import from_nir, save_nir, to_nir

nir = pytest.importorskip("nir", reason="the package nir is not here")

CURRENTS = {"front_end": "none", "threshold": None}
STEPS = 40


def quiet(learner: SpikingClassifier) -> SpikingClassifier:
    """The same means, and weights that hardly vary: the network that a graph describes."""
    arrays = posterior(learner)
    for name, values in arrays.items():
        if name.rpartition("_")[2] == "sigma":
            values[:] = 1e-9
    set_posterior(learner, arrays)
    return learner


def made(layers: tuple[int, ...], **parameters: Any) -> SpikingClassifier:
    """A learner whose units fire on :func:`currents`."""
    learner = SpikingClassifier(layers, **{"seed": 3, "n_draws": 1, **CURRENTS, **parameters})
    arrays, rng = posterior(learner), np.random.default_rng(1)
    for name, values in arrays.items():
        if name.endswith("mu"):
            values[:] = rng.normal(0.1, 0.4, values.shape)
    set_posterior(learner, arrays)
    return learner


def currents(n_inputs: int) -> np.ndarray:
    return np.random.default_rng(5).uniform(0, 1, (STEPS, n_inputs)).astype(np.float32)


def by_the_book(graph: Any, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Run a graph's own equations by Euler's method: spikes of each step, outputs of each step."""
    dt, nodes = graph.metadata["dt"], graph.nodes
    voltage = dict.fromkeys(nodes, 0.0)
    spikes, outputs = [], []
    for row in rows.astype(np.float64):
        value, fired = row, 0
        for name, node in nodes.items():
            kind = type(node).__name__
            if kind in ("Linear", "Affine"):
                value = np.asarray(node.weight, np.float64) @ value
                value = value + np.asarray(getattr(node, "bias", 0.0))
            elif kind in ("LIF", "LI"):
                v = voltage[name]
                value = v + dt / node.tau * (node.v_leak - v + node.r * value)
                voltage[name] = value
                if kind == "LIF":
                    z = (value >= node.v_threshold).astype(np.float64)
                    voltage[name] = value - node.v_threshold * z  # the metadata's reset
                    value, fired = z, fired + int(z.sum())
        spikes.append(fired)
        outputs.append(value)
    return np.array(spikes), np.array(outputs)


def ours(learner: SpikingClassifier, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    spikes, outputs, before = [], [], 0
    for row in rows:
        outputs.append(learner._pass(learner._read(row)).logits)
        total = int(learner.state["events"][0][1:].sum())
        spikes.append(total - before)
        before = total
    return np.array(spikes), np.array(outputs)


@pytest.mark.parametrize("layers", [(5, 12, 3), (5, 12, 7, 3), (5, 3)])
def test_a_graphs_own_equations_fire_when_the_learner_does(layers: tuple[int, ...]) -> None:
    learner = quiet(made(layers, arithmetic="float64"))
    graph = to_nir(learner)
    theirs, outputs = by_the_book(graph, currents(5))
    spikes, logits = ours(learner, currents(5))
    np.testing.assert_array_equal(spikes, theirs)
    assert len(layers) == 2 or spikes.sum() > 20
    np.testing.assert_allclose(logits, outputs, atol=2e-5)


@pytest.mark.parametrize("arithmetic", ["q16", "float64"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("threshold", [None, 0.5])
def test_a_graph_brings_the_same_means_back(
    arithmetic: str, bias: bool, threshold: float | None, tmp_path: Path
) -> None:
    learner = made((4, 9, 6, 2), arithmetic=arithmetic, bias=bias, threshold=threshold)
    save_nir(learner, tmp_path / "network.nir", dt=0.01)
    given = {} if threshold else {"front_end": "none"}
    back = from_nir(tmp_path / "network.nir", arithmetic=arithmetic, **given)
    assert (back.layers, back.leaks) == (learner.layers, learner.leaks)
    assert (back.threshold, back.drift) == (threshold, learner.drift if threshold else 0)
    before, after = posterior(learner), posterior(back)
    for name in before:
        if name.endswith("mu"):
            np.testing.assert_allclose(after[name], before[name], atol=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # snnTorch's own, of nirtorch
def test_a_network_of_snntorch_goes_on_learning() -> None:
    torch = pytest.importorskip("torch", reason="torch is not here")
    snn = pytest.importorskip("snntorch", reason="snnTorch is not here")
    pytest.importorskip("nirtorch", reason="nirtorch is not here")
    from snntorch.export_nir import export_to_nir

    torch.manual_seed(2)
    kept = {"init_hidden": True, "reset_delay": False, "reset_mechanism": "subtract"}
    hidden = snn.Leaky(beta=torch.full((12,), 0.875), threshold=torch.full((12,), 0.7), **kept)
    net = torch.nn.Sequential(
        torch.nn.Linear(5, 12, bias=False),
        hidden,
        torch.nn.Linear(12, 3, bias=False),
        snn.Leaky(beta=torch.full((3,), 0.9375), threshold=torch.ones(3), output=True, **kept),
    )
    with torch.no_grad():
        net[0].weight.abs_().mul_(
            0.6
        )  # never twice the threshold: there snnTorch resets its own way
        graph = export_to_nir(net, torch.zeros(1, 5), ignore_dims=[0])
        theirs = []
        for row in currents(5):
            theirs.append(int(hidden(net[0](torch.as_tensor(row)[None])).sum()))
    with pytest.warns(UserWarning, match="last layer becomes a leaky readout"):
        learner = from_nir(graph, dt=1e-4, n_draws=1, arithmetic="float64", seed=3)
    assert learner.leaks == (3, 4)
    spikes, _ = ours(quiet(learner), currents(5))
    np.testing.assert_array_equal(spikes, theirs)
    assert spikes.sum() > 20
    with pytest.warns(UserWarning, match="last layer"):
        chip = from_nir(graph, dt=1e-4)
    chip.learn_recording(currents(5), "a").learn_recording(-currents(5), "b")
    assert chip.arithmetic == "q16"
    assert chip.n_samples == 2 * STEPS


def chain(*nodes: Any) -> Any:
    """A graph of nodes in a row, unchecked: other tools write what they like."""
    named = {str(i): node for i, node in enumerate(nodes)}
    names = list(named)
    edges = list(itertools.pairwise(names))
    return nir.NIRGraph(named, edges, {"dt": 1e-4}, type_check=False)


def lif(n: int, **changed: Any) -> Any:
    values = {"tau": 8e-4, "r": 8.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0, **changed}
    return nir.LIF(**{name: np.full(n, value) for name, value in values.items()})


def ends(*inner: Any) -> Any:
    return chain(nir.Input(np.array([4])), *inner, nir.Output(np.array([2])))


W, OUT = nir.Linear(np.ones((3, 4))), nir.Linear(np.ones((2, 3)))
LI = nir.LI(np.full(2, 8e-4), np.full(2, 8.0), np.zeros(2))

REFUSED = {
    "a time constant that no leak has": (ends(W, lif(3, tau=1.0), OUT, LI), "is dt right"),
    "a level to leak to": (ends(W, lif(3, v_leak=0.5), OUT, LI), "1: v_leak|2: v_leak"),
    "a level to reset to": (ends(W, lif(3, v_reset=0.5), OUT, LI), "v_reset is not 0"),
    "no threshold": (ends(W, lif(3, v_threshold=0.0), OUT, LI), "v_threshold is 0"),
    "weights with no neuron": (ends(W, lif(3), OUT), "expected a Linear or Affine"),
    "no weights": (ends(lif(4), OUT, LI), "expected a Linear or Affine"),
    "a node of another kind": (ends(W, nir.IF(np.ones(3), np.ones(3)), OUT, LI), "IF"),
    "nothing": (ends(), "no layers"),
    "an LI inside": (ends(OUT, LI, OUT, LI), "an LI stands at the end"),
    "weights beyond the format": (
        ends(nir.Linear(np.full((3, 4), 1e6)), lif(3), OUT, LI), "mu_frac_bits"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_our_layers_have_not_is_refused_by_name(what: str) -> None:
    graph, said = REFUSED[what]
    with pytest.raises(ConfigError, match=said):
        from_nir(graph)


def test_a_leak_that_is_rounded_is_told_of() -> None:
    with pytest.warns(UserWarning, match="10 steps became 8"):
        from_nir(ends(W, lif(3, tau=1e-3, r=10.0), OUT, LI))


def test_a_branch_is_refused() -> None:
    graph = ends(W, lif(3), OUT, LI)
    graph.edges.append(("2", "4"))
    with pytest.raises(ConfigError, match="no branches"):
        from_nir(graph)


def test_a_graph_that_says_no_dt_asks_for_it() -> None:
    graph = ends(W, lif(3), OUT, LI)
    graph.metadata = {}
    with pytest.raises(ConfigError, match="give the seconds of a step"):
        from_nir(graph)
    assert from_nir(graph, dt=1e-4).leaks == (3, 3)


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x89HDF\r\n\x1a\n" + b"\0" * 64])
def test_a_file_that_is_no_graph_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.nir").write_bytes(content)
    with pytest.raises(StateFormatError, match="no graph of NIR"):
        from_nir(tmp_path / "x.nir")
    with pytest.raises(StateFormatError, match="no such file"):
        from_nir(tmp_path / "y.nir")
