"""Graphs of NIR: a learner's network in other tools, and theirs in a learner."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant.errors import ConfigError, StateFormatError, WriteError
from streamlearn import MesuClassifier, SpikingClassifier
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
    "an input of another size": (ends(nir.Linear(np.ones((3, 5))), lif(3), OUT, LI),
        "1: weights of 5 inputs, and 4 come to it"),
    "layers that do not meet": (ends(W, lif(3), nir.Linear(np.ones((2, 7))), LI),
        "3: weights of 7 inputs, and 3 come to it"),
    "an output of another size": (
        chain(nir.Input(np.array([4])), W, lif(3), OUT, LI, nir.Output(np.array([5]))),
        "5: 5 outputs, and 2 come to it"),
    "a bias of another size": (
        ends(nir.Affine(np.ones((3, 4)), np.ones(2)), lif(3), OUT, LI), r"bias of shape \(2,\)"),
    "a layer without units": (
        ends(nir.Linear(np.ones((0, 4))), lif(0), nir.Linear(np.ones((2, 0))), LI), "none empty"),
    "weights that are not real": (
        ends(nir.Linear(np.ones((3, 4)) * 1j), lif(3), OUT, LI), "1: expected real numbers"),
    "weights that are words": (
        ends(nir.Linear(np.full((3, 4), "a")), lif(3), OUT, LI), "1: expected real numbers"),
    "weights that are not finite": (
        ends(nir.Linear(np.full((3, 4), np.nan)), lif(3), OUT, LI), "1: the weights, .* finite"),
    "a bias that is not finite": (
        ends(nir.Affine(np.ones((3, 4)), np.full(3, np.inf)), lif(3), OUT, LI), "1: the bias, "),
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


@pytest.mark.parametrize(
    ("edge", "said"),
    [
        (("5", "0"), "this is recurrence"),
        (("4", "nowhere"), "no node nowhere"),
        (("nowhere", "4"), "no node nowhere"),
        (("2", "2"), "no branches"),
    ],
)
def test_an_edge_too_many_is_refused(edge: tuple[str, str], said: str) -> None:
    graph = ends(W, lif(3), OUT, LI)
    graph.edges.append(edge)
    with pytest.raises(ConfigError, match=said):
        from_nir(graph)


@pytest.mark.parametrize(
    "about",
    [
        {"dt": "a"}, {"dt": [1e-4]}, {"dt": float("nan")},
        {"dt": 1e-4, "threshold": "a", "drift": 0},
        {"dt": 1e-4, "threshold": 1.0, "drift": "a"}, {"dt": 1e-4, "threshold": 1.0, "drift": 0.5},
    ],
    ids=str,
)  # fmt: skip
def test_metadata_that_say_no_numbers_are_refused(about: dict[str, Any]) -> None:
    graph = ends(W, lif(3), OUT, LI)
    graph.metadata = about
    with pytest.raises(ConfigError, match=r"expected a number|drift=0.5: expected"):
        from_nir(graph)


@pytest.mark.parametrize("name", ["layers", "leaks", "bias"])
def test_what_the_graph_says_is_no_parameter(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}=.*the graph's to say"):
        from_nir(ends(W, lif(3), OUT, LI), **{name: None})


@pytest.mark.parametrize("given", [None, 5, {}, MesuClassifier])
def test_what_is_no_graph_is_refused(given: Any) -> None:
    with pytest.raises(ConfigError, match="expected a NIRGraph, or the path"):
        from_nir(given)


def test_only_a_spiking_learner_is_written() -> None:
    with pytest.raises(ConfigError, match="a MesuClassifier: NIR describes spiking networks"):
        to_nir(MesuClassifier((2, 4, 2)))


@pytest.mark.parametrize("dt", [0, -1.0, float("nan"), "a", None, True, 1e308, 1e-320])
def test_a_step_that_is_no_time_is_refused(dt: Any) -> None:
    with pytest.raises(ConfigError, match="dt="):
        to_nir(SpikingClassifier((2, 2)), dt)


def test_a_graph_that_cannot_be_written_leaves_the_file(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="missing"):
        save_nir(SpikingClassifier((2, 2)), tmp_path / "missing" / "x.nir")
    path = tmp_path / "x.nir"
    path.write_text("before")
    with pytest.raises(ConfigError):
        save_nir(SpikingClassifier((2, 2)), path, dt=0)
    assert path.read_text() == "before"


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.nir"
    save_nir(SpikingClassifier((2, 3, 2)), path)
    whole = path.read_bytes()
    assert b"HEAP" in whole
    for damaged in (whole.replace(b"HEAP", b"heap"), whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(StateFormatError, match="no graph of NIR"):
            from_nir(path)


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


def test_a_graph_has_the_averaged_weights() -> None:
    learner = SpikingClassifier((3, 8, 2), average_window=128, classes=range(2), **CURRENTS)
    for t, row in enumerate(np.random.default_rng(0).normal(size=(200, 3)) + 1):
        learner.learn_one(row, t % 2)
    weight = to_nir(learner).nodes["weight_0"].weight
    assert np.allclose(weight, posterior(learner, averaged=True)["0.weight_mu"])
    assert not np.allclose(weight, posterior(learner)["0.weight_mu"])


def test_a_recurrent_learner_is_refused() -> None:
    learner = SpikingClassifier((3, 8, 2), recurrent=True, **CURRENTS)
    with pytest.raises(ConfigError, match="recurrent=True: only chains"):
        to_nir(learner)
