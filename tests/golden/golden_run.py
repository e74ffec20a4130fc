"""What the golden files hold: short runs of the NumPy golden model on the bundled stream."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from quant.spec import MesuConfig, NetworkSpec, from_json, to_json
from quant.state import init_state, state_sha256
from streamlearn.engines import make_engine
from streamlearn.streams.gas_drift import load_gas_drift

GOLDEN_FILE = Path(__file__).with_name("gas_q16.json")
COMMAND = "python tests/golden/regenerate.py"

CASES: dict[str, tuple[NetworkSpec, MesuConfig, int, int]] = {
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
    "128-32-6, factored": (NetworkSpec((128, 32, 6), variance="factored"), MesuConfig(), 0, 200),
    "128-12-10-6, factored, no bias": (
        NetworkSpec((128, 12, 10, 6), bias=False, variance="factored"),
        MesuConfig(memory_window=5000, n_draws=3, sweep=16),
        1,
        120,
    ),
}


def run_case(spec: NetworkSpec, config: MesuConfig, seed: int, n: int) -> dict[str, Any]:
    """Learn ``n`` samples; return what a golden file keeps of it."""
    # The description takes part in what is golden: what a file restores is what is run.
    spec, config = from_json(to_json(spec, config))
    stream = load_gas_drift(limit=n)
    engine = make_engine(spec, config, "q16", "numpy")
    state = init_state(spec, config, "q16", seed)
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


def run_all() -> dict[str, Any]:
    """Return the contents of the golden file as they are now."""
    return {name: run_case(*case) for name, case in CASES.items()}


def as_text(contents: dict[str, Any]) -> str:
    """Return contents as the file holds them: one value a line, for a readable diff."""
    return json.dumps(contents, indent=2, sort_keys=True) + "\n"
