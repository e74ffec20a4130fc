"""What the golden files hold: short runs of the NumPy golden models on the bundled stream.

One file per rule. Every rule has a run with its defaults for each head and variant, whether it is
named here or not; MORE adds cases of its own.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from quant.description import from_json, to_json
from quant.heads import HEADS
from quant.network import NetworkSpec
from quant.rule import RULES, Config
from quant.rules.bimu.config import BimuConfig
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.state import init_state, state_sha256
from streamlearn.engines import make_engine
from streamlearn.streams import load_gas_concentration, load_gas_drift

HERE = Path(__file__).parent
COMMAND = "python tests/golden/regenerate.py"

Case = tuple[NetworkSpec, Config, int, int]

#: Cases beside the defaults: deeper nets, no biases, no front end, odd settings.
MORE: dict[str, Case] = {
    "bimu 128-13-10-6, no bias": (
        NetworkSpec((128, 13, 10, 6), bias=False),
        BimuConfig(memory_window=500, n_draws=3, sweep=16, caution=2.0, window=0.5),
        1,
        200,
    ),
    "bimu 128-6, one draw, no front end": (
        NetworkSpec((128, 6), front_end="none"),
        BimuConfig(n_draws=1, sweep=1, memory_window=64, lr=20.0, belief_init=3.9, caution=0.0),
        2**32 - 1,
        200,
    ),
    "mesu 128-12-10-6, no bias": (
        NetworkSpec((128, 12, 10, 6), bias=False),
        MesuConfig(memory_window=5000, n_draws=3, sweep=16),
        1,
        120,
    ),
    "mesu 128-6, one draw, no front end": (
        NetworkSpec((128, 6), front_end="none"),
        MesuConfig(n_draws=1, sweep=1, memory_window=4096, mu_prior=0.25),
        2**32 - 1,
        120,
    ),
    "mesu 128-12-1, a target": (
        NetworkSpec((128, 12, 1), head="gaussian"),
        MesuConfig(mu_init=1.0, sigma_init=0.5, target_window=50),
        2,
        120,
    ),
    "mesu_factored 128-12-10-6, no bias": (
        NetworkSpec((128, 12, 10, 6), bias=False),
        MesuFactoredConfig(memory_window=5000, n_draws=3, sweep=16),
        1,
        120,
    ),
    "metaplastic 128-64-6, no bias": (
        NetworkSpec((128, 64, 6), False),
        MetaplasticConfig(),
        0,
        200,
    ),
    "metaplastic 128-13-10-6": (
        NetworkSpec((128, 13, 10, 6)),
        MetaplasticConfig(
            metaplasticity=3.0,
            metaplasticity_output=0.5,
            bias_input=2.0,
            clamp=0.75,
            lr=2.0,
            window=2.0,
            logit_scale=0.5,
        ),
        1,
        200,
    ),
    "metaplastic 128-6, no front end": (
        NetworkSpec((128, 6), front_end="none"),
        MetaplasticConfig(
            metaplasticity_output=0.0, skip=0.0, lr_output=3.0, calibration_window=64
        ),
        2**32 - 1,
        200,
    ),
    "metaplastic 128-80-6, 11 of 40 blocks": (
        NetworkSpec((128, 80, 6), False),
        MetaplasticConfig(metaplasticity=1.02, window=2.0, n_blocks=40, n_active=11),
        3,
        200,
    ),
    "metaplastic 128-24-10-6, 3 of 8 blocks, no front end": (
        NetworkSpec((128, 24, 10, 6), True, "none"),
        MetaplasticConfig(skip=0.0, window=2.0, n_blocks=8, n_active=3),
        4,
        200,
    ),
}


def defaults(rule: str) -> dict[str, Case]:
    """Return a case for every head and variant of a rule, at its default settings."""
    last = {"categorical": 6, "gaussian": 1}
    found = {}
    for head in RULES[rule].heads:
        for variant, settings in {"defaults": {}, **RULES[rule].variants}.items():
            spec = NetworkSpec((128, 32, last[head]), head=head)
            config = RULES[rule].config(**settings)
            found[f"{rule} {spec}, {variant}"] = (spec, config, 0, 200)
    return found


def cases(rule: str) -> dict[str, Case]:
    """Return all cases of a rule."""
    own = {name: case for name, case in MORE.items() if case[1].rule == rule}
    return {**defaults(rule), **own}


#: By file: its cases.
FILES: dict[str, dict[str, Case]] = {f"gas_{rule}.json": cases(rule) for rule in RULES}
CASES: dict[tuple[str, str], Case] = {
    (file, name): case for file, held in FILES.items() for name, case in held.items()
}


def integers(config: Config) -> str:
    """Return the name of a rule's arithmetic in integers."""
    kinds = RULES[config.rule].arithmetics
    return next(name for name, kind in kinds.items() if kind.golden is not None)


def run_case(spec: NetworkSpec, config: Config, seed: int, n: int) -> dict[str, Any]:
    """Learn ``n`` samples; return what a golden file keeps of it."""
    # The description takes part in what is golden: what a file restores is what is run.
    spec, config = from_json(to_json(spec, config))
    number = HEADS[spec.head].target == "number"
    stream = load_gas_concentration(limit=n) if number else load_gas_drift(limit=n)
    engine = make_engine(spec, config, integers(config), "numpy")
    state = init_state(spec, config, integers(config), seed)
    start = state_sha256(state)
    x = stream.x.astype(np.float64)
    # Without a front end values belong within ±8: a fixed, exact scaling of the sensors' units.
    x = x if spec.front_end == "standardise" else x / 4096
    predictions = engine.learn_many(state, x, stream.y)
    if number:
        kept = predictions.astype("<f4")
        quality = {"mean_absolute_error": float(np.abs(kept[:, 0] - stream.y).mean())}
    else:
        kept = predictions.astype("<i4")
        quality = {"correct": int(np.count_nonzero(kept == stream.y))}
    return {
        "learner": to_json(spec, config),
        "seed": seed,
        "samples": n,
        "start_sha256": start,
        "state_sha256": state_sha256(state),
        "predictions_sha256": hashlib.sha256(kept.tobytes()).hexdigest(),
        **quality,
        "saturations": {k: int(v) for k, v in vars(engine.saturations).items()},
    }


def run_file(file: str) -> dict[str, Any]:
    """Return the contents of a golden file as they are now."""
    return {name: run_case(*case) for name, case in FILES[file].items()}


def as_text(contents: dict[str, Any]) -> str:
    """Return contents as the file holds them: one value a line, for a readable diff."""
    return json.dumps(contents, indent=2, sort_keys=True) + "\n"
