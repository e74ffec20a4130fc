"""What a learner costs on a core: recorded counts of one network, scaled to another. A model.

The counts are those of ``python -m experiments tracked``, which also writes the copy that is read
here. State bytes are exact. Instructions go with the number of synapses, scratch with whichever of
inputs, hidden units and outputs grew most; flash for code is taken as recorded.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from quant.network import NetworkSpec
from quant.rule import RULES
from quant.stages import Stages
from quant.state import layout_of

COSTS_FILE = Path(__file__).parents[1] / "data" / "costs.csv"
#: Instructions of a row of each stage; `python -m experiments stage-cost` writes them.
STAGES_FILE = COSTS_FILE.with_name("stage_costs.csv")
_INPUT = "gas stream"
#: One instruction set: what is counted for the one holds for the other.
_SAME = {"cortex-m0": "cortex-m0plus"}


@dataclass(frozen=True)
class Cost:
    """What a network takes on a core, by the model.

    Attributes
    ----------
    state_bytes : int
        Exact.
    ram_bytes, flash_bytes : int
        With scratch and stack; code and constants.
    learn : float
        Instructions to learn a sample.
    """

    state_bytes: int
    ram_bytes: int
    flash_bytes: int
    learn: float


@cache
def _recorded() -> dict[tuple[str, str, bool, str], dict[str, str]]:
    """Return the counted networks: by rule, arithmetic, whether they know classes, and core."""
    with COSTS_FILE.open(encoding="utf-8", newline="") as file:
        found = {}
        for row in csv.DictReader(file):
            rule, arithmetic, layers = row["learner"].split(", ")[:3]
            if row["input"] == _INPUT:
                found[rule, arithmetic, not layers.endswith("-1"), row["core"]] = row
        return found


def counted(classes: bool, core: str) -> list[tuple[str, str]]:
    """Return the rules and arithmetics that were counted on a core, in the file's order."""
    core = _SAME.get(core, core)
    return [
        (rule, arithmetic)
        for rule, arithmetic, knows, on in _recorded()
        if knows == classes and on == core and rule in RULES
    ]


def cost_of(spec: NetworkSpec, rule: str, arithmetic: str, core: str) -> Cost:
    """Return what a network takes on a core, by the model.

    Raises
    ------
    KeyError
        If the rule was not counted there.
    """
    row = _recorded()[rule, arithmetic, spec.n_classes > 0, _SAME.get(core, core)]
    layers = tuple(map(int, row["learner"].split(", ")[2].split("-")))
    known = NetworkSpec(layers, head=spec.head)
    sizes = zip(spec.layers, known.layers, strict=True)
    growth = max(1.0, *(new / old for new, old in sizes))
    state = layout_of(spec, RULES[rule].config(), arithmetic).n_bytes
    overhead = 2048 + 4 * spec.n_features  # the rest of the stack that is set aside, and the link
    return Cost(
        state_bytes=state,
        ram_bytes=state + int(int(row["scratch"]) * growth) + int(row["stack"]) + overhead,
        flash_bytes=int(row["flash"]),
        learn=int(row["learn"]) * spec.n_synapses / known.n_synapses,
    )


def stage_instructions(stages: Stages, core: str) -> float:
    """Return the instructions of all stages up to a row for the learner, by the model.

    Those of one stage were counted for one setting, and go with its work. A core that was not
    counted takes as many as the largest Arm core that was.
    """
    core = _SAME.get(core, core)
    known = _recorded_stages()
    core = core if any(on == core for on, _ in known) else "cortex-m4f"
    found, rows = 0.0, 1
    for one in reversed(stages.stages):
        found += rows * one.work() * known[core, one.name]
        rows *= one.hop
    return found


@cache
def _recorded_stages() -> dict[tuple[str, str], float]:
    """Return the instructions that a unit of work is: by core and stage."""
    with STAGES_FILE.open(encoding="utf-8", newline="") as file:
        return {
            (row["core"], row["stage"]): float(row["instructions"]) / float(row["work"])
            for row in csv.DictReader(file)
        }
