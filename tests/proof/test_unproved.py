"""Frama-C: no overflow, no stray access, no uninitialised read, but for what is listed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import eva
import pytest

pytestmark = [
    pytest.mark.skipif(eva.FRAMA_C is None, reason="frama-c is not on PATH"),
    pytest.mark.slow,
]


@pytest.mark.parametrize("name", eva.PARTS)
def test_nothing_new_is_left_unproved(name: str, tmp_path: Path) -> None:
    found, reached = eva.analyse(name, tmp_path)
    known = json.loads(eva.UNPROVED.read_text("utf-8"))[name]
    new = found - Counter(known["unproved"])
    assert not new, f"not proved, and not on the list: {dict(new)}; read it, then eva.py --record"
    assert reached > 0.9 * known["statements"]


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
