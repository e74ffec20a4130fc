"""Learners in integers, and the edges of their states, inputs and targets.

The registry's default learners are all here by themselves; MORE adds sizes and settings at which a
kernel takes other paths.
"""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from typing import Any

import numpy as np
from registered import Case, has_golden_and_c, registered

from quant.front_end import INPUT_MAX
from quant.heads import HEADS
from quant.heads.gaussian.golden import TARGET_MAX_Q
from quant.network import NetworkSpec
from quant.rule import Config
from quant.state import State
from streamlearn.engines import NativeEngine, NumpyEngine

F32 = np.finfo(np.float32)
EDGE_X = (0.0, -0.0, F32.max, -F32.max, F32.tiny, -F32.tiny, F32.smallest_subnormal, 1.0, -1.0)
EDGE_Z = (*EDGE_X, 127 / 16, -8.0, 1 / 32, -1 / 32, 1e15, -1e15)
EDGE_Y = (0.0, -0.0, F32.max, -F32.max, F32.tiny, F32.smallest_subnormal, 1.0, -1.0, 1e-30, 3e30)

#: By rule: ``edges_<rule>.py`` beside this file, which a rule may do without.
MORE: dict[str, Case] = {
    name: case
    for path in sorted(Path(__file__).parent.glob("edges_*.py"))
    for name, case in importlib.import_module(path.stem).MORE.items()
}

#: Every learner whose golden model and C kernel must agree.
CASES: dict[str, Case] = {
    **{name: case for name, case in registered().items() if has_golden_and_c(case)},
    **MORE,
}


@functools.cache
def native(name: str) -> NativeEngine:
    """Return the C engine of a case, compiled once."""
    return NativeEngine(*CASES[name])


def golden(name: str) -> NumpyEngine:
    """Return a new golden engine of a case."""
    return NumpyEngine(*CASES[name])


def edge_state(case: Case, mode: int, seed: int) -> State:
    """Return a state of a case whose words are at the ends of their formats.

    Raises
    ------
    LookupError
        If the room of its rule or of its head has no edges here.
    """
    spec, config, arithmetic = case
    state: State = rule_part(config, "edge_state")(spec, config, mode, seed, arithmetic)
    if spec.replay_capacity:
        edge_reservoir(state, np.random.default_rng((seed, 2)))
    if HEADS[spec.head].fields("integer", spec.layers[-1]):
        head_part(spec, "edge_statistics")(state, np.random.default_rng((seed, 1)))
    return state


def edge_reservoir(state: State, rng: np.random.Generator) -> None:
    """Fill the reservoir with anything, as a foreign state may hold it, or leave it empty."""
    if rng.random() < 0.2:
        return
    for name in ("replay_class", "replay_input", "replay_seen", "replay_stored"):
        field, whole = state[name], np.iinfo(state[name].dtype)
        largest = whole.max if rng.random() < 0.3 else 9
        field[:] = rng.integers(max(whole.min, -largest), largest, field.shape, endpoint=True)


def rule_part(config: Config, function: str) -> Any:
    """Return a function of ``rerun_<rule>.py``: what the lists here need of every rule.

    Raises
    ------
    LookupError
        If nobody wrote it.
    """
    return _part(f"rerun_{config.rule}", function)


def head_part(spec: NetworkSpec, function: str) -> Any:
    """Return a function of ``bounds_<head>.py``, likewise."""
    return _part(f"bounds_{spec.head}", function)


def _part(module: str, function: str) -> Any:
    try:
        return getattr(importlib.import_module(module), function)
    except (ModuleNotFoundError, AttributeError) as error:
        raise LookupError(
            f"tests/property/{module}.py has no {function}: write it, so that this rule or head is "
            "held to its bounds, and compared from states at the ends of its formats"
        ) from error


def edge_row(case: Case, style: int, rng: np.random.Generator) -> np.ndarray:
    """Return inputs, ``float32[n_features]``: edges, powers of ten of any size, or one scale."""
    n = case.spec.n_features
    if style == 0:
        x = rng.choice([*EDGE_Z, *rng.normal(0, 3, 15)], n)
    elif style == 1:
        x = rng.choice([1.0, -1.0, 0.0], n) * 10.0 ** rng.integers(-44, 38, n)
        x = np.where(rng.random(n) < 0.3, rng.choice(EDGE_X), x)
    else:
        x = rng.normal(size=n) * 10.0 ** rng.integers(-9, 3)
    return x.astype(np.float32)


def edge_target(case: Case, rng: np.random.Generator) -> int | float:
    """Return a class index, or a number that float32 holds."""
    if HEADS[case.spec.head].target == "class":
        return int(rng.integers(case.spec.n_classes))
    if rng.random() < 0.3:
        return float(np.float32(rng.choice(EDGE_Y)))
    return float(np.float32(rng.normal() * 10.0 ** rng.integers(-37, 38)))


def edge_inputs(spec: NetworkSpec, extreme: bool, rng: np.random.Generator) -> np.ndarray:
    """Return standardised inputs, ``int64[n_features]`` in Q3.4: at their ends, or anything."""
    if extreme:
        return rng.choice([-INPUT_MAX, INPUT_MAX], spec.n_features)
    return rng.integers(-INPUT_MAX, INPUT_MAX + 1, spec.n_features)


def edge_target_q(spec: NetworkSpec, rng: np.random.Generator) -> int:
    """Return a target as a rule in integers learns it: a class index, or Q.16 within ±8."""
    if HEADS[spec.head].target == "class":
        return int(rng.integers(spec.n_classes))
    return int(rng.choice([TARGET_MAX_Q, -TARGET_MAX_Q, rng.integers(-(2**17), 2**17)]))
