"""Did a number move that nobody meant to move?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from golden_run import CASES, COMMAND, FILES, HERE, as_text, run_case

KEPT = {file: json.loads((HERE / file).read_text()) for file in FILES}


def test_every_rule_has_a_file_and_every_file_a_rule() -> None:
    assert {file.name for file in HERE.glob("gas_*.json")} == set(FILES)


def moved(now: dict[str, Any], kept: dict[str, Any]) -> list[str]:
    """Names of the values that differ, or that only one side has."""
    return sorted(key for key in now.keys() | kept.keys() if now.get(key) != kept.get(key))


@pytest.mark.parametrize("file", FILES)
def test_the_file_holds_every_case_and_nothing_else(file: str) -> None:
    assert set(KEPT[file]) == set(FILES[file]), f"cases changed; run `{COMMAND}`"


@pytest.mark.parametrize(("file", "name"), sorted(CASES))
def test_golden_model_gives_the_kept_bits(file: str, name: str) -> None:
    now, kept = run_case(*CASES[file, name]), KEPT[file][name]
    keys = moved(now, kept)
    assert not keys, (
        f"{name}: {keys} moved. If that was meant, run `{COMMAND}` and commit the diff:\n"
        f"{as_text({key: {'kept': kept.get(key), 'now': now.get(key)} for key in keys})}"
    )


@pytest.mark.parametrize(("file", "name"), [(file, next(iter(FILES[file]))) for file in FILES])
def test_canary_another_start_moves_every_hash(file: str, name: str) -> None:
    spec, config, seed, n, arithmetic = CASES[file, name]
    other = run_case(spec, config, seed + 1, n, arithmetic)
    found = moved(other, KEPT[file][name])
    assert {"start_sha256", "state_sha256", "predictions_sha256"} <= set(found)


@pytest.mark.parametrize(("file", "name"), sorted(CASES))
def test_canary_every_value_of_every_case_is_compared(file: str, name: str) -> None:
    kept = KEPT[file][name]
    for key, value in kept.items():
        assert moved({**kept, key: [value]}, kept) == [key]
        without = {other: v for other, v in kept.items() if other != key}
        assert moved(without, kept) == moved(kept, without) == [key]
    for counter in kept["saturations"]:
        counted = {**kept["saturations"], counter: -1}
        assert moved({**kept, "saturations": counted}, kept) == ["saturations"]
