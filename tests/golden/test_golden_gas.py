"""Did a number move that nobody meant to move?"""

from __future__ import annotations

import json

import pytest
from golden_run import CASES, COMMAND, GOLDEN_FILE, as_text, run_case

KEPT = json.loads(GOLDEN_FILE.read_text())


def test_the_file_holds_every_case_and_nothing_else() -> None:
    assert set(KEPT) == set(CASES), f"cases were added or dropped; run `{COMMAND}`"


@pytest.mark.parametrize("name", sorted(CASES))
def test_golden_model_gives_the_kept_bits(name: str) -> None:
    now = run_case(*CASES[name])
    moved = {key for key in now if now[key] != KEPT[name].get(key)}
    assert not moved, (
        f"{name}: {sorted(moved)} moved. If that was meant, run `{COMMAND}` and commit the diff:\n"
        f"{as_text({key: {'kept': KEPT[name].get(key), 'now': now[key]} for key in moved})}"
    )


def test_a_moved_number_is_seen() -> None:
    """The guard's canary: another seed gives other hashes everywhere."""
    name = "128-6, one draw, no front end"
    spec, config, seed, n = CASES[name]
    other = run_case(spec, config, seed - 1, n)
    for key in ("start_sha256", "state_sha256", "predictions_sha256"):
        assert other[key] != KEPT[name][key]
