"""Frama-C: no overflow, no stray access, no uninitialised read, but for what is listed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import eva
import pytest

ROOT = Path(__file__).parents[2]
#: Why what is not proved holds: places of one shape, and the bounds that the reason rests on.
FAMILIES = json.loads(Path(__file__).with_name("reasons.json").read_text("utf-8"))
NUMBERS = {
    "shared": "quant/NUMBERS.md",
    "sampling": "quant/sampling/NUMBERS.md",
    "front_end": "quant/front_end/NUMBERS.md",
    "categorical": "quant/heads/categorical/NUMBERS.md",
    "mesu": "quant/rules/mesu/NUMBERS.md",
    "bimu": "quant/rules/bimu/NUMBERS.md",
}
PLACES = [
    place for part in json.loads(eva.UNPROVED.read_text("utf-8")).values()
    for place in part["unproved"]
]  # fmt: skip


def proving(function: Callable[..., None]) -> Callable[..., None]:
    """Mark what runs Frama-C."""
    skips = pytest.mark.skipif(eva.FRAMA_C is None, reason="frama-c is not on PATH")
    marked: Callable[..., None] = skips(pytest.mark.slow(function))
    return marked


def families(place: str) -> list[str]:
    """Return the families that a place belongs to."""
    return [
        name for name, family in FAMILIES.items()
        if any(re.match(pattern, place) for pattern in family["places"])
    ]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_every_place_has_one_reason(place: str) -> None:
    found = families(place)
    assert len(found) == 1, f"{place}: {found or 'read it, and say why it holds in reasons.json'}"


@pytest.mark.parametrize("name", FAMILIES)
def test_a_reason_has_places_and_bounds_that_exist(name: str) -> None:
    for pattern in FAMILIES[name]["places"]:
        assert any(re.match(pattern, place) for place in PLACES), pattern
    for bound in FAMILIES[name]["bounds"]:
        room, row = bound.split(": ")
        assert f"| `{row}` |" in (ROOT / NUMBERS[room]).read_text("utf-8"), bound


def test_no_reason_is_given_for_a_write() -> None:
    for file in {place.split(":")[0] for place in PLACES}:
        assert families(f"{file}: out of bounds write: x[i] = 1;") == []


@proving
@pytest.mark.parametrize("name", eva.PARTS)
def test_nothing_new_is_left_unproved(name: str, tmp_path: Path) -> None:
    found, reached = eva.analyse(name, tmp_path)
    known = json.loads(eva.UNPROVED.read_text("utf-8"))[name]
    new = found - Counter(known["unproved"])
    assert not new, f"not proved, and not on the list: {dict(new)}; read it, then eva.py --record"
    assert reached > 0.9 * known["statements"]


@proving
def test_canary_a_stray_access_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The link that padded a part of a state in the receive buffer, where it had no room."""
    kept = eva.sources

    def padding(*given: object) -> Path:
        src = kept(*given)  # type: ignore[arg-type]
        storage = src / "firmware" / "storage.c"
        text = storage.read_text()
        line = "    for (uint32_t done = 0; done < size; done += SL_UNIT_BYTES) {\n"
        assert text.count(line) == 1
        pad = (
            "    for (uint32_t i = size; i % SL_UNIT_BYTES != 0u; i++) {\n"
            "        ((uint8_t *)(uintptr_t)words)[i] = 0u;\n    }\n"
        )
        storage.write_text(text.replace(line, pad + line))
        return src

    monkeypatch.setattr(eva, "sources", padding)
    found, _ = eva.analyse("link and storage", tmp_path)
    assert any("out of bounds write" in alarm for alarm in found)
