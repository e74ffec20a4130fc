"""metaplastic-gas measures what its table says."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.metaplastic import gas
from streamlearn import MesuClassifier, MetaplasticClassifier
from streamlearn.baselines import SgdMlpClassifier
from streamlearn.streams import load_gas_drift

LAYERS = (128, 8, 6)


@pytest.fixture(scope="module")
def streams():
    return {seed: load_gas_drift(seed, limit=150) for seed in (0, 1)}


def test_a_seed_is_that_of_the_order_and_of_the_learner(streams):
    found = gas.measure_one(gas.metaplastic(LAYERS, "defaults"), streams)
    for (seed, stream), accuracy in zip(streams.items(), found.accuracies, strict=True):
        learner = MetaplasticClassifier(LAYERS, classes=range(6), seed=seed)
        right = [learner.test_then_learn_one(x, y) == y for x, y in stream]
        assert accuracy == pytest.approx(100 * np.mean(right))
    assert found.state_bytes == learner.state.nbytes


def test_each_candidate_is_what_its_name_says():
    mesu = gas.mesu(LAYERS, 3e4).make(3)
    assert isinstance(mesu, MesuClassifier)
    assert (mesu.arithmetic, mesu.config.memory_window) == ("q16", 3e4)
    sgd = gas.sgd(LAYERS, 0.02).make(3)
    assert isinstance(sgd, SgdMlpClassifier)
    assert sgd.lr == 0.02
    n_parameters = 128 * 8 + 8 + 8 * 6 + 6
    assert gas.state_bytes(sgd) == 8 * (n_parameters + 2 * 128)
    twin = gas.metaplastic(LAYERS, "defaults", arithmetic="float64")
    assert twin.name == "metaplastic, float64"
    assert twin.make(0).arithmetic == "float64"


def test_the_best_of_a_scan_and_its_row(streams, capsys):
    candidates = [gas.sgd(LAYERS, lr) for lr in (1e-6, 0.02)]
    found = gas.best_of(candidates, streams)
    assert found.candidate is candidates[1]
    assert len(capsys.readouterr().err.splitlines()) == 2
    rows = [gas.Found(candidates[0], (90.0, 92.0), 1234).row()]
    rows.append(gas.Found(candidates[1], (91.0, 92.0), 1234).row())
    table = gas.tables({"rows": rows})["table"]
    assert "| 128-8-6 | 1,234 | 91.00 ± 1.41 | 90.00 to 92.00 | -0.50 |" in table
