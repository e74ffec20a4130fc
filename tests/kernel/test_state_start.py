"""The first state is made from its seed by C, to the bit; where it can't be, it is an image."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from stream_program import find_compiler

from export.c_package import c_package
from export.start_code import START_FILE, start_source
from quant.c_config import config_header, kernel_headers
from quant.rule import arithmetic_of
from quant.starts import Draw
from quant.state import init_state, state_to_bytes
from streamlearn import MesuClassifier, MetaplasticClassifier

sys.path.insert(0, str(Path(__file__).parents[1] / "golden"))
from golden_run import CASES

CLASSES = ["a", "b", "c"]
#: One of each rule and of each kind of part; the others are slow.
QUICK = (
    "bimu 128-13-10-6, no bias",
    "bimu 128-32-6, defaults, q16",
    "mesu 128-12-10-6, no bias",
    "mesu 128-12-1, a target",
    "mesu_factored 128-32-6, fixed step",
    "metaplastic 128-32-6, adaptive",
    "metaplastic 128-24-10-6, 3 of 8 blocks, no front end",
)
MAIN = """
#include <stdio.h>
#include "sl_learner.h"
void sl_learner_start(sl_state_t *state);
static sl_state_t state;
int main(void) {
    sl_learner_start(&state);
    return fwrite(&state, sizeof state, 1, stdout) != 1;
}
"""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for _, name in sorted(CASES)
    ],
)
def test_c_makes_the_state_that_the_desk_starts_with(tmp_path: Path, name: str) -> None:
    compiler = find_compiler()
    if compiler is None:
        pytest.skip("no C compiler with sanitizers")
    spec, config, seed, _, arithmetic = next(c for (_, of), c in CASES.items() if of == name)
    given = spec, config, arithmetic
    state = init_state(*given, seed)
    source = start_source(
        SimpleNamespace(spec=spec, config=config, arithmetic=given[2], state=state, n_samples=0)  # type: ignore[arg-type]
    )
    assert source is not None
    files = {file.name: file.read_text() for file in kernel_headers(*given)}
    files |= {"sl_config.h": config_header(*given), "main.c": MAIN, START_FILE: source}
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsanitize=undefined", "-I."]
    subprocess.run(
        [compiler, *flags, "main.c", START_FILE, "-o", "start"], cwd=tmp_path, check=True
    )
    done = subprocess.run([tmp_path / "start"], capture_output=True, check=True)
    assert done.stdout == state_to_bytes(state)


def mesu(**given: Any) -> MesuClassifier:
    return MesuClassifier((8, 4, 3), classes=CLASSES, **given)


def test_what_was_not_taught_is_made_from_its_seed() -> None:
    files = c_package(mesu(seed=4294967295))
    assert "4294967295u" in files[START_FILE]
    assert "sl_state_image.c" not in files


@pytest.mark.parametrize("kind", ["taught", "float32", "memory", "changed"])
def test_what_cannot_be_made_from_a_seed_is_an_image(kind: str) -> None:
    made = {
        "float32": lambda: mesu(arithmetic="float32"),
        "memory": lambda: mesu(memory="lda"),
    }.get(kind, mesu)()
    if kind == "taught":
        made.learn_one([0.5] * 8, "a")
    if kind == "changed":
        state = made.state
        state["mu"][0, 3] += 1
        made.state = state.tobytes()
    files = c_package(made)
    assert START_FILE not in files
    assert f"sl_state_image[{made.state.nbytes}]" in files["sl_state_image.c"]
    assert "void sl_learner_start(" in files["sl_state_image.c"]


def test_a_rule_that_says_it_wrongly_gets_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = MetaplasticClassifier((8, 4, 3), classes=CLASSES)
    kind = arithmetic_of(learner.spec, learner.config, learner.arithmetic)
    assert kind.starts is not None

    def wrong(*given: Any) -> list[Any]:
        first, *rest = kind.starts(*given)  # type: ignore[misc]
        assert isinstance(first, Draw)
        return [dataclasses.replace(first, low=first.low + 1), *rest]

    monkeypatch.setattr(
        "export.start_code.arithmetic_of", lambda *_: dataclasses.replace(kind, starts=wrong)
    )
    assert start_source(learner) is None
