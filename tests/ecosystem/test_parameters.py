"""A learner's parameters: explicit, documented, readable, and refused by name where misspelt."""

from __future__ import annotations

import dataclasses
import inspect
import pydoc
import re
from typing import Any

import pytest
from ecosystem_helpers import LEARNERS, REGRESSORS, made

from quant.errors import ConfigError, ParameterError
from streamlearn import MesuClassifier

OTHERS = ("mu_init", "sigma_init", "step")


def documented(kind: type) -> dict[str, str]:
    """Return the text under each name of a docstring's Parameters."""
    section = inspect.cleandoc(kind.__doc__ or "").partition("Parameters\n")[2]
    section = section.partition("\n\n")[0]
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines()[1:]:
        if line[:1].strip():
            names = line.partition(" :")[0].split(", ")
            found.update(dict.fromkeys(names, ""))
        else:
            found.update({name: f"{found[name]} {line.strip()}".strip() for name in names})
    return found


@pytest.mark.parametrize("kind", LEARNERS)
def test_every_parameter_is_explicit_and_has_a_meaning_in_help(kind: Any) -> None:
    parameters = inspect.signature(kind).parameters
    assert not [p for p in parameters.values() if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    meanings = documented(kind)
    assert set(meanings) == set(parameters)
    assert all(len(meaning) > 15 for meaning in meanings.values()), meanings
    text = pydoc.render_doc(kind, renderer=pydoc.plaintext)
    assert all(f"{name}: " in text for name in parameters)


@pytest.mark.parametrize("kind", LEARNERS)
def test_the_hyperparameters_are_the_configs(kind: Any) -> None:
    """Under the config's names; what a class leaves out has no effect on it."""
    config = made(kind).config
    fields = {field.name for field in dataclasses.fields(config)}
    parameters = set(inspect.signature(kind).parameters)
    left_out = fields - parameters
    assert left_out <= {"target_window"}
    assert ("target_window" in left_out) == (made(kind).spec.n_classes > 0 and bool(left_out))
    config_text: dict[str, str] = {}
    for parent in reversed(type(config).__mro__[:-1]):
        config_text.update(documented(parent))
    ours = documented(kind)
    for name in fields & parameters - {"target_window"}:
        assert ours[name] == config_text[name], f"{name} is explained in two ways"


@pytest.mark.parametrize("kind", LEARNERS)
def test_defaults_are_the_configs(kind: Any) -> None:
    """But for a regressor's smaller start and fixed step: its loss is steeper (regression.md)."""
    defaults = {p.name: p.default for p in inspect.signature(kind).parameters.values()}
    config = type(made(kind).config)()
    for field in dataclasses.fields(config):
        if field.name in defaults and not (kind in REGRESSORS and field.name in OTHERS):
            assert defaults[field.name] == getattr(config, field.name), field.name


@pytest.mark.parametrize("kind", LEARNERS)
def test_parameters_are_read_back_and_make_the_same_learner(kind: Any) -> None:
    learner = made(kind, seed=7, front_end="none", features=list("abcde"), front_end_window=99)
    params = learner.get_params()
    assert tuple(params) == tuple(inspect.signature(kind).parameters)
    assert params["layers"] == learner.spec.layers
    assert (params["seed"], params["front_end"], params["front_end_window"]) == (7, "none", 99)
    assert params["features"] == tuple("abcde")
    again = kind(**params)
    assert again.to_bytes() == learner.to_bytes()
    assert again.get_params() == params
    for name, value in params.items():
        assert getattr(learner, name) == value


@pytest.mark.parametrize("kind", LEARNERS)
@pytest.mark.parametrize(
    ("wrong", "right"), [("front_end_windw", "front_end_window"), ("sed", "seed"), ("Bias", "bias")]
)
def test_a_misspelt_parameter_is_suggested(kind: Any, wrong: str, right: str) -> None:
    message = rf"^{kind.__name__} has no parameter {wrong}: did you mean {right}\?"
    for error in (ParameterError, TypeError, ConfigError):
        with pytest.raises(error, match=message):
            made(kind, **{wrong: 1})


@pytest.mark.parametrize("kind", LEARNERS)
def test_a_parameter_unlike_any_gets_the_list(kind: Any) -> None:
    listed = re.escape(", ".join(inspect.signature(kind).parameters))
    with pytest.raises(ParameterError, match=f"has no parameter zzz: it has {listed}; help"):
        made(kind, zzz=1)


def test_subclasses_may_pass_parameters_on() -> None:
    class Tuned(MesuClassifier):
        def __init__(self, layers: Any, *, memory_window: float = 5e4, **more: Any) -> None:
            super().__init__(layers, memory_window=memory_window, **more)

    learner = Tuned((2, 3, 2), n_draws=3)
    assert learner.get_params()["n_draws"] == 3
    assert learner.clone().memory_window == 5e4
    shown, parents = (
        inspect.signature(Tuned).parameters,
        inspect.signature(MesuClassifier).parameters,
    )
    assert set(shown) == set(parents)
    assert list(shown)[:2] == ["layers", "memory_window"]
    with pytest.raises(ParameterError, match="Tuned has no parameter memory_windw: did you mean"):
        Tuned((2, 3, 2), memory_windw=3)


def test_a_parameter_cannot_be_set_behind_the_states_back() -> None:
    learner = MesuClassifier((2, 3, 2))
    with pytest.raises(AttributeError):
        learner.memory_window = 5  # type: ignore[attr-defined]
