"""The registry of rules, and what is the same for every rule in it."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import quant.front_end
import quant.heads.categorical.golden
import quant.heads.gaussian.golden
import quant.rules.metaplastic.golden
import streamlearn.front_end
import streamlearn.heads.categorical
import streamlearn.heads.gaussian
import streamlearn.rules.metaplastic.equations
from quant.description import from_json, to_json
from quant.errors import ConfigError, RuleError, StreamlearnError
from quant.heads import HEADS
from quant.network import NetworkSpec
from quant.rooms import FLOORS, part
from quant.rule import RULES, arithmetic_of, register, rule_of, unregister
from quant.state import init_state
from streamlearn.learners.loading import learner_class

LAYERS = {"categorical": (3, 8, 2), "gaussian": (3, 8, 1)}


# -- the registry --------------------------------------------------------------------------------


def test_the_registry_is_a_mapping_of_rules_by_name() -> None:
    assert list(RULES) == sorted(RULES)
    assert len(RULES) == len(list(RULES)) >= 3
    for name, rule in RULES.items():
        assert rule.name == name == rule.config.rule
        assert name in RULES
        assert rule_of(name) is rule_of(rule.config()) is rule
        assert rule.arithmetics
        assert set(rule.heads) <= set(HEADS)
    assert "sgd" not in RULES
    with pytest.raises(KeyError):
        RULES["sgd"]


def promised() -> dict[str, Any]:
    """By rule its heads, and by arithmetic where it runs: what its file of golden cases says."""
    found = {}
    for path in sorted((Path(__file__).parents[1] / "golden").glob("cases_*.py")):
        made = importlib.util.spec_from_file_location(path.stem, path)
        assert made is not None
        assert made.loader is not None
        module = importlib.util.module_from_spec(made)
        made.loader.exec_module(module)
        found[path.stem.removeprefix("cases_")] = module.PROMISED
    return found


OURS = promised()


@pytest.mark.parametrize("name", OURS)
def test_no_rule_of_ours_lost_anything(name: str) -> None:
    """Lists that go through the registry get shorter without a sound: this one does not."""
    rule, (heads, arithmetics) = RULES[name], OURS[name]
    assert rule.heads == heads
    found = {}
    for arithmetic, kind in rule.arithmetics.items():
        backends = ["c"] * (kind.kernel is not None)
        backends += ["numpy"] * (kind.golden is not None or kind.numbers == "float64")
        found[arithmetic] = " ".join(backends)
    assert list(found.items()) == list(arithmetics.items())


def test_every_rule_of_the_registry_has_such_a_file() -> None:
    assert list(OURS) == list(RULES)


@pytest.mark.parametrize(("asked", "shown"), [("sgd", "'sgd'"), (None, "None"), (object(), "None")])
def test_an_unknown_rule_is_refused_with_those_there_are(asked: Any, shown: str) -> None:
    known = ", ".join(map(repr, RULES))
    with pytest.raises(ConfigError, match=f"^rule={shown}: expected one of {known}$"):
        rule_of(asked)


PARTS = {
    "quant": (
        "import dataclasses\n"
        "from typing import ClassVar\n"
        "from quant.rules.mesu.config import MesuConfig\n"
        "from quant.rules.mesu.rule import RULE as MESU\n"
        "@dataclasses.dataclass(frozen=True)\n"
        "class Config(MesuConfig):\n"
        "    rule: ClassVar[str] = 'outside'\n"
        "RULE = dataclasses.replace(MESU, name='outside', config=Config)\n"
    ),
    "streamlearn": "from streamlearn.rules.mesu import EQUATIONS, LEARNERS\n",
    "export": "from export.rules.mesu import GRAPHS\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a rule that lives outside: a package of three modules, to be broken."""
    folder = tmp_path / "a_rule_outside"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for floor, text in PARTS.items():
        (folder / f"{floor}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    before = list(RULES)
    yield folder
    unregister("outside")
    for name in [name for name in sys.modules if name.split(".")[0] == folder.name]:
        del sys.modules[name]
    assert list(RULES) == before


def test_a_rule_outside_is_one_of_the_rules_until_it_is_taken_back(package: Path) -> None:
    before = list(RULES)
    register("outside", package.name)
    assert list(RULES) == [*before, "outside"]
    assert len(RULES) == len(before) + 1
    assert all(part("outside", floor).__name__ == f"{package.name}.{floor}" for floor in FLOORS)
    config = RULES["outside"].config(n_draws=3)
    assert rule_of(config) is RULES["outside"]
    spec = NetworkSpec((3, 2))
    assert from_json(json.loads(json.dumps(to_json(spec, config)))) == (spec, config)
    assert init_state(spec, config, "q16").tobytes()
    unregister("outside")
    assert list(RULES) == before
    with pytest.raises(ConfigError, match="rule='outside': expected one of"):
        init_state(spec, config, "q16")
    register("outside", package.name)
    assert "outside" in RULES


def test_a_name_is_taken_once(package: Path) -> None:
    for name in RULES:
        with pytest.raises(RuleError, match=f"rule '{name}' exists already: give yours another"):
            register(name, package.name)
    register("outside", package.name)
    with pytest.raises(RuleError, match="rule 'outside' exists already"):
        register("outside", package.name)
    assert issubclass(RuleError, StreamlearnError)


@pytest.mark.parametrize("floor", FLOORS)
def test_a_rule_without_a_room_is_refused_with_the_floor(package: Path, floor: str) -> None:
    (package / f"{floor}.py").unlink()
    names = " and ".join(FLOORS[floor])
    message = (
        f"^rule 'outside' has no room on the floor '{floor}': expected a module "
        f"{package.name}.{floor} with {names}$"
    )
    with pytest.raises(RuleError, match=message):
        register("outside", package.name)
    assert "outside" not in RULES


@pytest.mark.parametrize(
    ("floor", "missing"), [(floor, name) for floor, names in FLOORS.items() for name in names]
)
def test_a_room_without_a_part_is_refused_with_the_part(
    package: Path, floor: str, missing: str
) -> None:
    module = package / f"{floor}.py"
    module.write_text(f"{module.read_text()}del {missing}\n")
    message = (
        f"^rule 'outside' is incomplete on the floor '{floor}': {package.name}.{floor} has no "
        f"{missing}$"
    )
    with pytest.raises(RuleError, match=message):
        register("outside", package.name)
    assert "outside" not in RULES


def test_a_package_that_is_not_there_is_refused() -> None:
    with pytest.raises(RuleError, match=r"expected a module no_such_package\.quant with RULE"):
        register("outside", "no_such_package")
    assert "outside" not in RULES


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("import no_such_library", ModuleNotFoundError),
        ("from quant.errors import NoSuchError", ImportError),
        ("1 / 0", ZeroDivisionError),
        ("def", SyntaxError),
    ],
)
@pytest.mark.parametrize("floor", FLOORS)
def test_a_part_that_cannot_be_imported_shows_why_and_is_no_rule(
    package: Path, floor: str, line: str, error: type[Exception]
) -> None:
    (package / f"{floor}.py").write_text(f"{line}\n")
    with pytest.raises(error):
        register("outside", package.name)
    assert "outside" not in RULES


def test_a_rule_that_calls_itself_otherwise_is_refused(package: Path) -> None:
    with pytest.raises(RuleError, match="the room of rule 'inside' holds a rule called 'outside'"):
        register("inside", package.name)
    assert "inside" not in RULES


# -- what does not fit together ------------------------------------------------------------------


@pytest.mark.parametrize("name", RULES)
def test_an_arithmetic_that_a_rule_does_not_have_is_refused(name: str) -> None:
    rule = RULES[name]
    known, others = ", ".join(rule.arithmetics), {a for r in RULES.values() for a in r.arithmetics}
    spec = NetworkSpec(LAYERS["categorical"])
    for arithmetic in ("q7", *(others - set(rule.arithmetics))):
        with pytest.raises(
            ConfigError, match=f"^arithmetic='{arithmetic}': expected one of {known}$"
        ):
            arithmetic_of(spec, rule.config(), arithmetic)
        with pytest.raises(ConfigError, match=f"expected one of {known}$"):
            learner_class(name, "categorical")(LAYERS["categorical"], arithmetic=arithmetic)  # type: ignore[call-arg]


@pytest.mark.parametrize("name", RULES)
def test_a_head_that_a_rule_does_not_learn_with_is_refused(name: str) -> None:
    rule = RULES[name]
    for head in set(HEADS) - set(rule.heads):
        known = " or ".join(map(repr, rule.heads))
        spec = NetworkSpec(LAYERS[head], head=head)
        with pytest.raises(
            ConfigError, match=f"^head='{head}': the rule '{name}' learns with {known}$"
        ):
            arithmetic_of(spec, rule.config(), next(iter(rule.arithmetics)))


def test_some_rule_lacks_a_head_so_that_the_test_above_tests() -> None:
    assert any(set(HEADS) - set(rule.heads) for rule in RULES.values())


# -- constants that stand twice ------------------------------------------------------------------

TWINS = {
    "categorical": (streamlearn.heads.categorical, quant.heads.categorical.golden),
    "gaussian": (streamlearn.heads.gaussian, quant.heads.gaussian.golden),
}


def constants(module: Any) -> dict[str, Any]:
    found = vars(module).items()
    return {k: v for k, v in found if k.isupper() and isinstance(v, int | float)}


def differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    """The names that both have with different values."""
    return {name for name in one.keys() & other.keys() if one[name] != other[name]}


def test_heads_have_the_same_constants_in_floats_and_in_integers() -> None:
    assert set(TWINS) == set(HEADS)
    for real, integer in TWINS.values():
        assert not differing(constants(real), constants(integer))
    shared = constants(streamlearn.heads.gaussian).keys() & constants(TWINS["gaussian"][1]).keys()
    assert shared == {"RESIDUAL_MAX", "LOG2_VARIANCE_MIN", "LOG2_VARIANCE_MAX", "TARGET_MAX"}


@pytest.mark.parametrize(
    "name", ["RESIDUAL_MAX", "LOG2_VARIANCE_MIN", "LOG2_VARIANCE_MAX", "TARGET_MAX"]
)
def test_canary_another_constant_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real, integer = TWINS["gaussian"]
    monkeypatch.setattr(real, name, getattr(real, name) + 1)
    assert differing(constants(real), constants(integer)) == {name}


def test_derived_constants_follow() -> None:
    real, integer = TWINS["gaussian"]
    assert math.isclose(real.LOG_VARIANCE_MIN, integer.LOG2_VARIANCE_MIN * math.log(2))
    assert math.isclose(real.LOG_VARIANCE_MAX, integer.LOG2_VARIANCE_MAX * math.log(2))
    assert integer.TARGET_MAX_Q == real.TARGET_MAX << integer.FRAC_BITS
    assert integer.RESIDUAL_MAX_Q == real.RESIDUAL_MAX << integer.FRAC_BITS
    # ln v is held wider than log2 v, so that it is log2 v that ends the range.
    assert integer.LOG_VARIANCE_LIMIT / 2**16 > -real.LOG_VARIANCE_MIN


def test_the_front_end_clamps_at_one_value_in_floats_and_in_integers() -> None:
    front_end = quant.front_end
    assert front_end.INPUT_MAX / 2**front_end.INPUT_FRAC_BITS == streamlearn.front_end.Z_MAX


def test_the_temperature_has_one_range_in_floats_and_in_integers() -> None:
    golden, real = quant.rules.metaplastic.golden, streamlearn.rules.metaplastic.equations
    ends = golden.LOG_TEMPERATURE_MIN / 2**16, golden.LOG_TEMPERATURE_MAX / 2**16
    assert ends == real.LOG_TEMPERATURE_RANGE


def test_an_arithmetic_that_is_no_text_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^arithmetic=\[\]: expected one of q16"):
        learner_class("mesu", "categorical")(LAYERS["categorical"], arithmetic=[])  # type: ignore[call-arg]
