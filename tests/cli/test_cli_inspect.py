"""``inspect`` and ``diff``: what a state holds, and what lies between two."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_helpers import LABEL, Cli, read_json

import firmware_sim
from export import write_export
from quant.rule import RULES
from streamlearn import MesuClassifier
from streamlearn.certainty import certainty_of
from streamlearn.errors import ConfigError
from streamlearn.inspection import compare, describe
from streamlearn.learners.loading import learner_class


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two states of one learner, before.sls and after.sls, and an export of the later one."""
    folder = tmp_path_factory.mktemp("states")
    learner = MesuClassifier((3, 4, 3), classes=("a", "b"), features=("x", "y", "z"))
    rng = np.random.default_rng(0)
    for i in range(60):
        if i == 40:
            learner.save(folder / "before.sls")
        learner.learn_one(rng.normal(i % 2, 1, 3) * [1, 100, 1], "ab"[i % 2])
    learner.save(folder / "after.sls")
    write_export(learner, folder / "export")
    return folder


def test_inspect_says_what_a_state_holds(cli: Cli, states: Path, tmp_path: Path) -> None:
    done = cli("inspect", states / "after.sls", "--json", tmp_path / "i.json")
    assert done.code == 0, done.err
    found = read_json(tmp_path / "i.json")
    learner = MesuClassifier.load(states / "after.sls")
    assert found["state_sha256"] == learner.state_sha256
    assert (found["rule"], found["arithmetic"], found["n_samples"]) == ("mesu", "q16", 60)
    assert (found["labels"], found["taught"]) == (["a", "b"], ["a", "b"])
    assert found["state_bytes"] == learner.state.nbytes
    assert found["image_bytes"] == (states / "after.sls").stat().st_size
    assert [one["feature"] for one in found["inputs"]] == ["x", "y", "z"]
    assert 60 < found["inputs"][1]["sd"] < 200
    names = [field["name"] for field in found["fields"]]
    assert names == [n for n in learner.state.dtype.names or () if not n.startswith("padding")]
    assert [board["name"] for board in found["boards"]] == [
        board.name for board in firmware_sim.list_boards()
    ]
    for text in ("60 samples learned", "2 of 3 classes: a, b", learner.state_sha256, "rho"):
        assert text in done.out, text


def test_an_export_folder_is_looked_at_as_well_and_has_to_be_whole(
    cli: Cli, states: Path, tmp_path: Path
) -> None:
    assert "a export folder" not in cli("inspect", states / "export").out
    done = cli("inspect", states / "export", "--json", tmp_path / "i.json", "-q")
    assert (done.code, done.out) == (0, "")
    assert read_json(tmp_path / "i.json")["kind"] == "export folder"
    done = cli("inspect", tmp_path / "none.sls")
    assert done.code == 1
    assert "does not exist: give a state image, an export or a run folder" in done.err


def test_counts_at_the_end_of_a_format() -> None:
    learner = MesuClassifier((3, 4, 2), classes=(0, 1), backend="numpy")
    state = learner.state
    state["mu"][0, :2] = -32768, 32767
    learner.state = state
    found = {field["name"]: field for field in describe(learner)["fields"]}
    assert found["mu"]["at_end"] == 2


def test_diff_says_what_moved_and_by_how_many_sigmas(
    cli: Cli, states: Path, tmp_path: Path
) -> None:
    before, after = states / "before.sls", states / "after.sls"
    done = cli("diff", before, after, "--json", tmp_path / "d.json")
    assert done.code == 6, done.err
    assert "has learned 20 samples more" in done.err
    found = read_json(tmp_path / "d.json")
    assert found["n_samples"] == 20
    assert {"mu", "n_samples"} <= set(found["fields"])
    for layer in found["layers"]:
        assert 0 < layer["sigmas"] < 10
        assert 0 < layer["rms"] <= layer["largest"]
    done = cli("diff", after, states / "export")
    assert (done.code, "the same state, in every bit" in done.out) == (0, True)


def test_a_movement_is_measured_in_its_own_sigmas() -> None:
    """μ of layer 0 is moved by two of its σ: the table says 2, and layer 1 did not move."""
    one, other = (MesuClassifier((3, 4, 2), arithmetic="float64") for _ in range(2))
    state = other.state
    n = 4 * 4
    state["mu"][0, :n] += 2 * state["sigma"][0, :n]
    other.state = state
    first, second = compare(one, other)["layers"]
    assert math.isclose(first["sigmas"], 2)
    assert (first["moved"], second["rms"], second["settled"]) == (1, 0, 1)
    fixed = MesuClassifier((3, 4, 2))
    layers = compare(one, fixed)["layers"]
    assert max(layer["largest"] for layer in layers) < 0.002, "q16 starts where float64 does"


def test_states_of_other_networks_are_not_compared() -> None:
    with pytest.raises(ConfigError, match=r"layers is \(3, 4, 2\) in one and \(3, 5, 2\)"):
        compare(MesuClassifier((3, 4, 2)), MesuClassifier((3, 5, 2)))


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_described_and_compared_in_every_arithmetic(rule: str) -> None:
    certainty = certainty_of(rule)
    has_sigmas = certainty is not None and certainty.deviations is not None
    assert has_sigmas or rule not in ("mesu", "mesu_factored", "bimu")
    for head in RULES[rule].heads:
        kind, last = learner_class(rule, head), 2 if head == "categorical" else 1
        for arithmetic in RULES[rule].arithmetics:
            if arithmetic == "float32":
                continue  # the same fields as float64, and a compiler
            backend: Any = None if arithmetic == "float64" else "numpy"
            one, other = (
                kind((4, 8, last), arithmetic=arithmetic, seed=s, backend=backend) for s in (0, 1)
            )
            json.dumps(describe(one), allow_nan=False)
            layers = compare(one, other)["layers"]
            assert len(layers) == 2
            assert all(layer["rms"] > 0 for layer in layers)
            assert ("sigmas" in layers[0]) == has_sigmas


def test_fidelity_compares_a_csv(cli: Cli, toy: Path, tmp_path: Path) -> None:
    given = ("--rule", "mesu", "--hidden", 4, "--limit", 40)
    written = ("--json", tmp_path / "f.json", "--html", tmp_path / "f.html")
    done = cli("fidelity", "--stream", toy, "--label", LABEL, *given, *written)
    assert done.code == 0, done.err
    found = read_json(tmp_path / "f.json")
    assert (found["n_samples"], found["layers"]) == (40, [3, 4, 3])
    assert set(found["pairs"]) == {"mesu q16", "mesu float32"}
    assert found["costs"]["mesu"]["inputs"]["agreement"] > 0.5
    assert "<svg" in (tmp_path / "f.html").read_text()
    assert "each quantisation alone" in done.out
    assert "name the column" in cli("fidelity", "--stream", toy).err
    assert "Did you mean 'mesu'?" in cli("fidelity", "--rule", "mesy").err
