"""Where each kilobyte of a firmware's flash goes: each verb linked for itself, the rest by name."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import firmware_sim
from experiments.study import Record, Study, say
from experiments.tables import markdown
from export import write_export
from export.c_package import c_package
from streamlearn import BimuClassifier, MesuClassifier, MetaplasticClassifier

BOARD = "nrf52840"
#: What the program around a learner calls, one after another: each costs what it adds.
VERBS = {
    "learn": "sl_learner_learn(&state, &scratch, x, x[0])",
    "and predict": "sl_learner_predict(&state, &scratch, x)",
    "and predict without draws": "sl_learner_predict_mean(&state, &scratch, x)",
    "and health": "(sl_learner_health(&state, &scratch, words), (int32_t)words[0])",
    "and check a state": "sl_learner_check(&state)",
    "and make the first state": "(sl_learner_start(&state), 1)",
}
_ROOTS = """\
#include "sl_learner.h"

int32_t sl_learner_check(const sl_state_t *state);
void sl_learner_start(sl_state_t *state);
int32_t sl_roots(void);
static sl_state_t state;
static sl_scratch_t scratch;
static uint32_t x[SL_N_FEATURES], words[SL_HEALTH_WORDS];

int32_t sl_roots(void) {{
    (void)words;
    return {calls};
}}
"""


def all_verbs() -> dict[str, str]:
    """Return a file that calls every one of them, from ``sl_roots``."""
    return {"roots.c": _ROOTS.format(calls=" + ".join(VERBS.values()))}


def learners() -> dict[str, Any]:
    """Return the demo's learner, and those of one byte per synapse."""
    classes = range(6)
    return {
        "MESU, q16, 128-32-6": MesuClassifier((128, 32, 6), classes=classes),
        "BiMU, q8, 128-128-6": BimuClassifier((128, 128, 6), classes=classes),
        "metaplastic, q8, 128-128-6": MetaplasticClassifier((128, 128, 6), classes=classes),
    }


def measure(options: argparse.Namespace) -> Record:
    """Link the verbs one after another; then the whole firmware."""
    del options
    board = firmware_sim.get_board(BOARD)
    rows = []
    for name, learner in learners().items():
        files = c_package(learner)
        calls: list[str] = []
        sizes: dict[str, int] = {}
        for verb, call in VERBS.items():
            calls.append(call)
            roots = {"roots.c": _ROOTS.format(calls=" + ".join(calls))}
            linked = firmware_sim.linked_sizes({**files, **roots}, "sl_roots", board.core)
            sizes[verb] = linked.flash - sum(sizes.values())
        with tempfile.TemporaryDirectory() as folder:
            write_export(learner, Path(folder) / "export")
            firmware = firmware_sim.build_firmware(
                Path(folder) / "export", board, Path(folder) / "run"
            )
        rest = firmware.flash_bytes - sum(sizes.values())
        sizes["and link, storage, port, start-up"] = rest
        rows.append({"learner": name, "flash": firmware.flash_bytes, "parts": sizes})
        say(f"{name}: {sizes}")
    return {"rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return a column for each learner, a row for each part."""
    rows = record["rows"]
    names = list(rows[0]["parts"])
    body = [
        [part, *(f"{row['parts'][part]:,}" if part in row["parts"] else "–" for row in rows)]
        for part in names
    ]
    body.append(["all of the flash", *(f"{row['flash']:,}" for row in rows)])
    return {"table": markdown(["part", *(row["learner"] for row in rows)], body)}


STUDY = Study("parts", measure, tables)
