"""What the golden files hold: short runs of the NumPy golden models on the bundled stream."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from quant.metaplastic_config import MetaplasticConfig
from quant.spec import Config, MesuConfig, NetworkSpec, from_json, to_json
from quant.state import init_state, state_sha256
from streamlearn.engines import make_engine
from streamlearn.regression_engines import make_regression_engine
from streamlearn.streams import load_gas_concentration
from streamlearn.streams.gas_drift import load_gas_drift

HERE = Path(__file__).parent
COMMAND = "python tests/golden/regenerate.py"

Case = tuple[NetworkSpec, Config, int, int]

MESU: dict[str, Case] = {
    "128-32-6": (NetworkSpec((128, 32, 6)), MesuConfig(), 0, 120),
    "128-12-10-6, no bias": (
        NetworkSpec((128, 12, 10, 6), bias=False),
        MesuConfig(memory_window=5000, n_draws=3, sweep=16),
        1,
        120,
    ),
    "128-6, one draw, no front end": (
        NetworkSpec((128, 6), front_end="none"),
        MesuConfig(n_draws=1, sweep=1, memory_window=4096, mu_prior=0.25),
        2**32 - 1,
        120,
    ),
    "128-12-1, a target": (
        NetworkSpec((128, 12, 1), likelihood="gaussian"),
        MesuConfig(mu_init=1.0, sigma_init=0.5, target_window=50),
        2,
        120,
    ),
    "128-32-6, factored": (NetworkSpec((128, 32, 6), variance="factored"), MesuConfig(), 0, 200),
    "128-12-10-6, factored, no bias": (
        NetworkSpec((128, 12, 10, 6), bias=False, variance="factored"),
        MesuConfig(memory_window=5000, n_draws=3, sweep=16),
        1,
        120,
    ),
}
METAPLASTIC: dict[str, Case] = {
    "128-64-6": (NetworkSpec((128, 64, 6), False, rule="metaplastic"), MetaplasticConfig(), 0, 200),
    "128-13-10-6, bias": (
        NetworkSpec((128, 13, 10, 6), rule="metaplastic"),
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
    "128-6, no front end": (
        NetworkSpec((128, 6), front_end="none", rule="metaplastic"),
        MetaplasticConfig(
            metaplasticity_output=0.0, skip=0.0, lr_output=3.0, calibration_window=64
        ),
        2**32 - 1,
        200,
    ),
    "128-80-6, 11 of 40 blocks": (
        NetworkSpec((128, 80, 6), False, rule="metaplastic", n_blocks=40, n_active=11),
        MetaplasticConfig(metaplasticity=1.02, window=2.0),
        3,
        200,
    ),
    "128-24-10-6, 3 of 8 blocks, bias, no front end": (
        NetworkSpec((128, 24, 10, 6), True, "none", "metaplastic", n_blocks=8, n_active=3),
        MetaplasticConfig(skip=0.0, window=2.0),
        4,
        200,
    ),
}
#: By file: what it is computed in, and its cases.
FILES: dict[str, tuple[Any, dict[str, Case]]] = {
    "gas_q16.json": ("q16", MESU),
    "gas_q8.json": ("q8", METAPLASTIC),
}
CASES: dict[tuple[str, str], tuple[Any, Case]] = {
    (file, name): (arithmetic, case)
    for file, (arithmetic, cases) in FILES.items()
    for name, case in cases.items()
}


def run_case(
    arithmetic: Any, spec: NetworkSpec, config: Config, seed: int, n: int
) -> dict[str, Any]:
    """Learn ``n`` samples; return what a golden file keeps of it."""
    # The description takes part in what is golden: what a file restores is what is run.
    spec, config = from_json(to_json(spec, config))
    if spec.likelihood == "gaussian":
        return run_regression(spec, config, seed, n)
    stream = load_gas_drift(limit=n)
    engine = make_engine(spec, config, arithmetic, "numpy")
    state = init_state(spec, config, arithmetic, seed)
    start = state_sha256(state)
    x = stream.x.astype(np.float64)
    # Without a front end values belong within ±8: a fixed, exact scaling of the sensors' units.
    x = x if spec.front_end == "standardise" else x / 4096
    predictions = [
        engine.learn(state, row, int(label)) for row, label in zip(x, stream.y, strict=True)
    ]
    saturations = vars(engine.saturations)
    return {
        "learner": to_json(spec, config),
        "seed": seed,
        "samples": n,
        "start_sha256": start,
        "state_sha256": state_sha256(state),
        "predictions_sha256": hashlib.sha256(np.array(predictions, "<i4").tobytes()).hexdigest(),
        "correct": int(np.count_nonzero(np.array(predictions) == stream.y)),
        "saturations": {k: int(v) for k, v in saturations.items()},
    }


def run_regression(spec: NetworkSpec, config: Any, seed: int, n: int) -> dict[str, Any]:
    """The same for a learner of a number."""
    stream = load_gas_concentration(limit=n)
    engine = make_regression_engine(spec, config, "q16", "numpy")
    state = init_state(spec, config, "q16", seed)
    start = state_sha256(state)
    predictions = np.array(
        [engine.learn_target(state, row.astype(np.float64), y) for row, y in stream], "<f4"
    )
    return {
        "learner": to_json(spec, config),
        "seed": seed,
        "samples": n,
        "start_sha256": start,
        "state_sha256": state_sha256(state),
        "predictions_sha256": hashlib.sha256(predictions.tobytes()).hexdigest(),
        "mean_absolute_error": float(np.abs(predictions[:, 0] - stream.y).mean()),
        "saturations": {k: int(v) for k, v in vars(engine.saturations).items()},
    }


def run_file(file: str) -> dict[str, Any]:
    """Return the contents of a golden file as they are now."""
    arithmetic, cases = FILES[file]
    return {name: run_case(arithmetic, *case) for name, case in cases.items()}


def as_text(contents: dict[str, Any]) -> str:
    """Return contents as the file holds them: one value a line, for a readable diff."""
    return json.dumps(contents, indent=2, sort_keys=True) + "\n"
