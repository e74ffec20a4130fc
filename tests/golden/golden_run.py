"""What the golden files hold: short runs of the NumPy golden models on the bundled stream.

One file per rule. Every rule has a run with its defaults for each head and variant, whether it
has a file `cases_<rule>.py` or not, which adds cases of its own.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from quant.description import from_json, to_json
from quant.heads import HEADS
from quant.network import NetworkSpec
from quant.rule import RULES, Config
from quant.state import init_state, state_sha256
from streamlearn.engines import make_engine
from streamlearn.streams import load_gas_concentration, load_gas_drift

HERE = Path(__file__).parent
COMMAND = "python tests/golden/regenerate.py"

#: Network, hyperparameters, seed and samples; and the arithmetic.
Given = tuple[NetworkSpec, Config, int, int]
Case = tuple[NetworkSpec, Config, int, int, str]


def of_rule(rule: str) -> ModuleType | None:
    """Return ``cases_<rule>.py``: cases beside the defaults. A rule may do without."""
    if not (HERE / f"cases_{rule}.py").exists():
        return None
    return importlib.import_module(f"cases_{rule}")


def defaults(rule: str) -> dict[str, Given]:
    """Return a case for every head and variant of a rule, at its default settings."""
    last = {"categorical": 6, "gaussian": 1}
    found = {}
    for head in RULES[rule].heads:
        for variant, settings in {"defaults": {}, **RULES[rule].variants}.items():
            spec = NetworkSpec((128, 32, last[head]), head=head)
            config = RULES[rule].config(**settings)
            found[f"{rule} {spec}, {variant}"] = (spec, config, 0, 200)
    return found


def integers(rule: str) -> list[str]:
    """Return the names of a rule's arithmetics in integers."""
    kinds = RULES[rule].arithmetics
    return [name for name, kind in kinds.items() if kind.golden is not None]


def cases(rule: str) -> dict[str, Case]:
    """Return all cases of a rule: in its first arithmetic of integers, and then in the others."""
    more: dict[str, Given] = getattr(of_rule(rule), "MORE", {})
    return {
        f"{name}, {arithmetic}" if place else name: (*given, arithmetic)
        for place, arithmetic in enumerate(integers(rule))
        for name, given in {**defaults(rule), **more}.items()
    }


#: By file: its cases.
FILES: dict[str, dict[str, Case]] = {f"gas_{rule}.json": cases(rule) for rule in RULES}
CASES: dict[tuple[str, str], Case] = {
    (file, name): case for file, held in FILES.items() for name, case in held.items()
}


def run_case(
    spec: NetworkSpec, config: Config, seed: int, n: int, arithmetic: str
) -> dict[str, Any]:
    """Learn ``n`` samples; return what a golden file keeps of it."""
    # The description takes part in what is golden: what a file restores is what is run.
    spec, config = from_json(to_json(spec, config))
    number = HEADS[spec.head].target == "number"
    stream = load_gas_concentration(limit=n) if number else load_gas_drift(limit=n)
    engine = make_engine(spec, config, arithmetic, "numpy")
    state = init_state(spec, config, arithmetic, seed)
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
