"""Cross-references in docstrings lead somewhere."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("quant", "streamlearn", "export", "firmware_sim", "experiments")
REFERENCE = re.compile(rf":[a-z]+:`~?((?:{'|'.join(PACKAGES)})\.[\w.]+)`")


def found(text: str) -> list[str]:
    return REFERENCE.findall(text)


def leads_somewhere(name: str) -> bool:
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            there = importlib.import_module(".".join(parts[:n]))
        except ModuleNotFoundError:
            continue
        for part in parts[n:]:
            if not hasattr(there, part):
                return False
            there = getattr(there, part)
        return True
    return False


@pytest.mark.parametrize("package", PACKAGES)
def test_every_reference_leads_somewhere(package: str) -> None:
    lost = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / package).rglob("*.py")
        for name in found(path.read_text())
        if not leads_somewhere(name)
    }
    assert not lost


def test_canary_a_lost_reference_is_seen() -> None:
    assert found("see :mod:`quant.nowhere` and :func:`~quant.state.nothing`") == [
        "quant.nowhere",
        "quant.state.nothing",
    ]
    assert leads_somewhere("quant.state.init_state")
    assert not leads_somewhere("quant.nowhere")
    assert not leads_somewhere("quant.state.nothing")
