"""Hyperparameters of every rule: described in files, and parameters of the learners' classes."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant.description import OPTIONS, from_json, to_json
from quant.errors import ConfigError
from quant.heads import HEADS
from quant.network import NetworkSpec
from quant.rule import RULES
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.loading import learner_class

LAYERS = {"categorical": (3, 8, 2), "gaussian": (3, 8, 1)}
KINDS = [(name, head) for name, rule in RULES.items() for head in rule.heads]


# -- descriptions --------------------------------------------------------------------------------


def described_again(spec: NetworkSpec, config: Any) -> tuple[NetworkSpec, Any]:
    return from_json(json.loads(json.dumps(to_json(spec, config))))


def config_fields(name: str, head: str) -> list[dataclasses.Field[Any]]:
    """The hyperparameters of a rule's learners with a head."""
    foreign = {p for other in HEADS.values() if other.name != head for p in other.parameters}
    return [field for field in dataclasses.fields(RULES[name].config) if field.name not in foreign]


def values_near(default: Any) -> st.SearchStrategy[Any]:
    """The default, and others of its kind that some rule might take."""
    if isinstance(default, str):
        return st.sampled_from([default, "fixed", "other"])
    size = 1.0 if default is None else default
    if isinstance(size, int):
        return st.sampled_from([default, size * 2, size + 1, 16, 4, 2])
    return st.floats(*sorted((size / 2, size * 2))) | st.sampled_from([default, math.inf, 0.0])


@st.composite
def learners(draw: st.DrawFn) -> tuple[NetworkSpec, Any]:
    """A network and a rule's configuration, each field its default or another value it takes."""
    name, head = draw(st.sampled_from(KINDS))
    hidden = draw(st.lists(st.integers(1, 9), max_size=3))
    last = draw(st.integers(2, 9)) if head == "categorical" else 1
    layers = (draw(st.integers(1, 9)), *hidden, last)
    spec = NetworkSpec(
        layers, draw(st.booleans()), draw(st.sampled_from(["standardise", "none"])), head
    )
    config = RULES[name].config()
    for field in config_fields(name, head):
        try:
            config = dataclasses.replace(config, **{field.name: draw(values_near(field.default))})
        except ConfigError:
            continue
    return spec, config


@given(learner=learners())
def test_a_description_is_a_learner_again(learner: tuple[NetworkSpec, Any]) -> None:
    assert described_again(*learner) == learner
    assert to_json(*learner)["rule"] == learner[1].rule


@pytest.mark.parametrize(("name", "head"), KINDS)
def test_every_variant_is_described(name: str, head: str) -> None:
    spec = NetworkSpec(LAYERS[head], head=head)
    plain = RULES[name].config()
    for settings in RULES[name].variants.values():
        config = RULES[name].config(**settings)
        assert described_again(spec, config) == (spec, config) != (spec, plain)


@pytest.mark.parametrize(("name", "head"), KINDS)
def test_every_field_is_described_and_none_of_another_head(name: str, head: str) -> None:
    described = to_json(NetworkSpec(LAYERS[head], head=head), RULES[name].config())
    assert list(described) == ["rule", "network", "config"]
    options = getattr(RULES[name].config, "options", ())
    names = [field.name for field in config_fields(name, head)]
    assert list(described["config"]) == [field for field in names if field not in options]
    fields = {field.name for field in dataclasses.fields(NetworkSpec)}
    assert set(described["network"]) == fields - set(OPTIONS)


@pytest.mark.parametrize("given", [{"replay_bytes": 99}, {"replay_bytes": 99, "replays": 5}])
def test_an_option_of_the_network_is_described_where_it_is_chosen(given: dict[str, int]) -> None:
    spec = NetworkSpec((3, 8, 2), **given)  # type: ignore[arg-type]
    assert to_json(spec, RULES["mesu"].config())["network"].items() >= given.items()
    assert described_again(spec, RULES["mesu"].config())[0] == spec


@pytest.mark.parametrize("name", RULES)
def test_a_description_that_is_none_is_refused(name: str) -> None:
    good = to_json(NetworkSpec(LAYERS["categorical"]), RULES[name].config())
    for key in good:
        without = {k: v for k, v in good.items() if k != key}
        with pytest.raises(ConfigError, match=f"not a description of a learner: '{key}'"):
            from_json(without)
    for key, value in (("network", [1]), ("config", "x"), ("config", None), ("network", {})):
        with pytest.raises(ConfigError, match="not a description of a learner: "):
            from_json({**good, key: value})
    for wrong in ([], {}, 5, None, "sgd"):
        with pytest.raises(ConfigError):
            from_json({**good, "rule": wrong})


# -- constructors --------------------------------------------------------------------------------

#: Of the network: what stands in front of it and beside it.
REPLAY, MEMORY = ("replay_bytes", "replays"), ("memory", "memory_features")
COMMON = (
    "layers", "classes", "arithmetic", "seed", "bias", "front_end", "front_end_ranges",
    *REPLAY, *MEMORY, "memory_bytes", "features", "backend",
)  # fmt: skip
#: Of learners of classes alone.
OF_CLASSES = ("classes", *REPLAY, *MEMORY, "memory_bytes")
#: Defaults that are not the configuration's or the network's, and where the docstring says so.
LOWER = "``mu_init`` and ``sigma_init`` start lower than a classifier's: "
STEEP = "``step`` is fixed: "
ODD = "Default: where values are standardised, since signs of sums without a bias "
REGRESSOR = {"mu_init": (1.0, LOWER), "sigma_init": (0.5, LOWER), "step": ("fixed", STEEP)}
OTHER_DEFAULTS: dict[str, dict[str, tuple[Any, str]]] = {
    "MesuRegressor": REGRESSOR,
    "MesuFactoredRegressor": REGRESSOR,
    "MetaplasticClassifier": {"bias": (None, ODD)},
    "BimuClassifier": {"bias": (None, ODD)},
}


def wrong_parameters(kind: type[StreamLearner], name: str, head: str) -> list[str]:
    """What a class's constructor has otherwise than its rule and its head want it, in words."""
    common = [p for p in COMMON if p not in OF_CLASSES or HEADS[head].n_classes(2)]
    spec = NetworkSpec(LAYERS[head], head=head)
    defaults: dict[str, Any] = {
        **dict.fromkeys(common),
        "layers": inspect.Parameter.empty,
        "arithmetic": next(iter(RULES[name].arithmetics)),
        "seed": 0,
        "bias": spec.bias,
        "front_end": spec.front_end,
        **{p: getattr(spec, p) for p in (*REPLAY, *MEMORY) if p in common},
        **{field.name: field.default for field in config_fields(name, head)},
        **{p: value for p, (value, _) in OTHER_DEFAULTS.get(kind.__name__, {}).items()},
    }
    found = inspect.signature(kind).parameters
    if list(found) != list(defaults):
        return [f"{kind.__name__} takes {list(found)}, expected {list(defaults)}"]
    wrong = [
        f"{kind.__name__}({p}={found[p].default!r}), expected {default!r}"
        for p, default in defaults.items()
        if found[p].default != default or type(found[p].default) is not type(default)
    ]
    keyword_only = {p for p in found if found[p].kind is inspect.Parameter.KEYWORD_ONLY}
    wrong += [
        f"{p} is not by keyword only" for p in found if p != "layers" and p not in keyword_only
    ]
    text = inspect.getdoc(kind) or ""
    section = re.search(r"Parameters\n-+\n(.*?)\n\n\w+\n-+\n", text, re.DOTALL)
    named = set(re.findall(r"\w+", section[1])) if section else set()
    wrong += [f"the docstring has no parameter {p}" for p in found if p not in named]
    return wrong


@pytest.mark.parametrize(("name", "head"), KINDS)
def test_a_constructor_has_the_parameters_of_its_rule_and_its_head(name: str, head: str) -> None:
    assert not wrong_parameters(learner_class(name, head), name, head)


def test_other_defaults_are_documented() -> None:
    kinds = {learner_class(name, head).__name__: learner_class(name, head) for name, head in KINDS}
    for name, others in OTHER_DEFAULTS.items():
        text = " ".join((inspect.getdoc(kinds[name]) or "").split())
        assert all(phrase in text for _, phrase in others.values()), name


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("layers, *, seed=0", "takes"),
        ("{all}, momentum=0.9", "takes"),
        ("{all} ", "expected 100000.0"),
    ],
)
def test_canary_a_constructor_that_lags_behind_is_seen(parameters: str, message: str) -> None:
    kind = learner_class("mesu", "categorical")
    every = str(inspect.signature(kind, eval_str=False)).replace("100000.0", "5.0")[1:-1]
    every = re.sub(r": '[^']*'", "", every.replace(") -> 'None", ""))
    space: dict[str, Any] = {}
    exec(f"def __init__(self, {parameters.format(all=every)}): pass", space)
    other = type(kind.__name__, (kind,), {**space, "__doc__": kind.__doc__})
    wrong = wrong_parameters(other, "mesu", "categorical")
    assert any(message in sentence for sentence in wrong)


def test_canary_a_parameter_without_a_word_is_seen() -> None:
    kind = learner_class("mesu", "categorical")
    text = (kind.__doc__ or "").replace("n_draws", "draws")
    assert text != kind.__doc__
    other = type(kind.__name__, (kind,), {"__doc__": text})
    assert wrong_parameters(other, "mesu", "categorical") == [
        "the docstring has no parameter n_draws"
    ]


# -- values that are none --------------------------------------------------------------------------


@pytest.mark.parametrize("huge", [10**400, -(10**400), 10**5000], ids=["400", "-400", "5000"])
@pytest.mark.parametrize("name", RULES)
def test_a_whole_number_that_no_float_holds_is_refused(name: str, huge: int) -> None:
    kind = RULES[name].config
    for field in dataclasses.fields(kind):
        with pytest.raises(ConfigError, match=field.name):
            kind(**{field.name: huge})
