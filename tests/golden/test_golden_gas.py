"""Did a number move that nobody meant to move?"""

from __future__ import annotations

import json

import pytest
from golden_run import CASES, COMMAND, FILES, HERE, as_text, run_case

KEPT = {file: json.loads((HERE / file).read_text()) for file in FILES}


def test_every_rule_has_a_file_and_every_file_a_rule() -> None:
    assert {file.name for file in HERE.glob("gas_*.json")} == set(FILES)


@pytest.mark.parametrize("file", FILES)
def test_the_file_holds_every_case_and_nothing_else(file: str) -> None:
    assert set(KEPT[file]) == set(FILES[file]), f"cases changed; run `{COMMAND}`"


@pytest.mark.parametrize(("file", "name"), sorted(CASES))
def test_golden_model_gives_the_kept_bits(file: str, name: str) -> None:
    now, kept = run_case(*CASES[file, name]), KEPT[file][name]
    moved = {key for key in now if now[key] != kept.get(key)}
    assert not moved, (
        f"{name}: {sorted(moved)} moved. If that was meant, run `{COMMAND}` and commit the diff:\n"
        f"{as_text({key: {'kept': kept.get(key), 'now': now[key]} for key in moved})}"
    )


@pytest.mark.parametrize(("file", "name"), [(file, next(iter(FILES[file]))) for file in FILES])
def test_a_moved_number_is_seen(file: str, name: str) -> None:
    """The guard's canary: another seed gives other hashes everywhere."""
    spec, config, seed, n = CASES[file, name]
    other = run_case(spec, config, seed + 1, n)
    for key in ("start_sha256", "state_sha256", "predictions_sha256"):
        assert other[key] != KEPT[file][name][key]
