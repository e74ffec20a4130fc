"""Integers against floats: what is measured, and the float reference with switches."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from quant.errors import ConfigError, ShapeError
from quant.rule import RULES
from streamlearn import MesuClassifier
from streamlearn.fidelity import BASE, costs, fidelity, forms_of
from streamlearn.learners.loading import learner_class
from streamlearn.report.quantised import quantised_page
from streamlearn.rules.mesu.forms import draws
from streamlearn.streams import load_gas_drift

LAYERS = (128, 8, 6)
STREAM = load_gas_drift(limit=60)
LABELS = [STREAM.classes[k] for k in STREAM.y]


def made(rule: str = "mesu", arithmetic: str = "float64", **more: Any) -> Any:
    kind: Any = learner_class(rule, "categorical")
    return kind(LAYERS, classes=STREAM.classes, arithmetic=arithmetic, **more)


@pytest.mark.parametrize("rule", RULES)
def test_the_reference_with_switches_is_the_equations(rule: str) -> None:
    """The other way round: a change of the equations must not leave the reference behind."""
    forms, learner = forms_of(rule), made(rule)
    assert forms is not None
    on = ("noise table",) if "noise table" in forms.switches else ()
    found = costs(learner.spec, learner.config, STREAM.x, STREAM.y, only=(BASE, *on))
    right = [learner.test_then_learn_one(x, y) == y for x, y in zip(STREAM.x, LABELS, strict=True)]
    assert found[on[0] if on else BASE]["accuracy"] == np.mean(right)
    state = _end(learner.spec, learner.config, on)
    assert state.tobytes() == learner.state.tobytes(), "one bit differs after 60 samples"


def _end(spec: Any, config: Any, on: tuple[str, ...]) -> Any:
    from streamlearn.fidelity.ablation import _run

    forms = forms_of(config.rule)
    assert forms is not None
    return _run(forms, spec, config, STREAM.x, STREAM.y, 0, on, None).state


@pytest.mark.parametrize("rule", RULES)
def test_every_switch_does_something(rule: str) -> None:
    learner, forms = made(rule), forms_of(rule)
    assert forms is not None
    base = _end(learner.spec, learner.config, ())
    for name, on in forms.sets().items():
        same = _end(learner.spec, learner.config, on).tobytes() == base.tobytes()
        assert same == (name == BASE), name


def test_stored_numbers_lie_on_their_grid() -> None:
    config = made().config
    state = _end(made().spec, config, ("rounding",))
    lsb = np.ldexp(state["mu"], config.mu_frac_bits)
    assert np.array_equal(lsb, np.round(lsb))
    byte = _end(made("bimu").spec, made("bimu").config, ("λ",))["belief"] * 32
    assert np.array_equal(byte, np.round(byte))


def test_exact_draws_are_normal_and_near_those_of_the_table() -> None:
    exact = np.concatenate([draws(k, 0, 100, 10, False).ravel() for k in range(20)])
    table = np.concatenate([draws(k, 0, 100, 10, True).ravel() for k in range(20)])
    assert abs(exact.mean()) < 0.02
    assert abs(exact.std() - 1) < 0.02
    assert 0.999 < np.corrcoef(exact, table)[0, 1] < 0.99999
    assert np.abs(exact).max() > np.abs(table).max()


def test_a_learner_is_itself() -> None:
    found = fidelity(made(), made(), STREAM.x, LABELS)
    assert (found["agreement"], found["parted"], found["kl_bits"]) == (1, None, 0)
    for layer in found["layers"]:
        assert (layer["mu"], layer["ln_sigma"]) == (0, 0)
        assert layer["lost_mu"] == pytest.approx(0, abs=1e-12)


def test_planted_differences_are_found_where_they_are() -> None:
    """Canary: σ of layer 1 is 10 % small from the start, and another learner steps half as far."""
    one, other = made(step="fixed"), made(step="fixed")
    state = other.state
    first = (LAYERS[0] + 1) * LAYERS[1]
    state["sigma"][0, first:] *= 0.9
    other.state = state
    found = fidelity(one, other, STREAM.x[:3], LABELS[:3])
    assert found["layers"][0]["ln_sigma_bias"] == pytest.approx(0, abs=0.01)
    assert found["layers"][1]["ln_sigma_bias"] == pytest.approx(np.log(0.9), abs=0.02)
    half = made(step="fixed", lr_mu=1.0)
    lost = fidelity(made(step="fixed"), half, STREAM.x, LABELS)["layers"]
    assert all(0.3 < layer["lost_mu"] < 0.7 for layer in lost)


def test_q16_is_near_and_loses_little() -> None:
    found = fidelity(made(), made(arithmetic="q16"), STREAM.x, LABELS)
    assert found["agreement"] > 0.9
    assert found["kl_bits"] < 0.02
    for layer in found["layers"]:
        assert abs(layer["lost_mu"]) < 0.05
        assert 0 < layer["mu"] < 0.02
    assert found["course"]["after"][-1] == len(LABELS)


def test_refusals() -> None:
    with pytest.raises(ShapeError, match="2 samples and 1 labels"):
        fidelity(made(), made(), STREAM.x[:2], LABELS[:1])
    with pytest.raises(ConfigError, match="differ in more than their arithmetic"):
        fidelity(made(), made(bias=False), STREAM.x, LABELS)
    config = MesuClassifier(LAYERS).config
    with pytest.raises(ConfigError, match="luck: expected names of nothing, inputs"):
        costs(made().spec, config, STREAM.x, STREAM.y, only=("luck",))
    spec = dataclasses.replace(made().spec, memory="mean")
    with pytest.raises(ConfigError, match="leave memory and replay_bytes out"):
        costs(spec, config, STREAM.x, STREAM.y)


def test_the_page_says_what_differs_and_escapes_names() -> None:
    pair = fidelity(made(), made(arithmetic="q16"), STREAM.x, LABELS)
    only = costs(made().spec, made().config, STREAM.x[:20], STREAM.y[:20], only=("inputs", "μ"))
    found = {"stream": "<b>", "pairs": {"mesu q16": pair}, "costs": {"mesu": only}}
    page = quantised_page(found)
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert page.count("<svg") == 6
    assert "each quantisation alone" in page
