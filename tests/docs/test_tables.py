"""The figures between comments are what the programs say today."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tables() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "docs"))
        yield importlib.import_module("tables")


def test_every_figure_is_todays(tables: ModuleType) -> None:
    marked = 0
    for path in tables.pages():
        text = path.read_text()
        marked += len(tables.MARK.findall(text))
        assert len(re.findall("tables:[a-z]", text)) == len(tables.MARK.findall(text)), (
            f"{path}: not closed"
        )
        assert tables.rewritten(text) == text, f"{path.name}: run python docs/tables.py"
    assert marked >= 10


@pytest.mark.usefixtures("tables")
def test_every_public_learner_is_in_the_tables() -> None:
    import streamlearn

    public = {
        name for name in streamlearn.__all__ if hasattr(getattr(streamlearn, name), "learn_one")
    }
    known = importlib.import_module("tabled.learners")
    assert public == {*known.learners(), *known.spiking()}
    text = (ROOT / "docs" / "state-format.md").read_text()
    for name in public:
        assert f"### `{name}`, " in text


def test_canary_another_figure_is_seen(tables: ModuleType) -> None:
    page = "<!-- tables:boards -->\n\nno board\n\n<!-- /tables -->"
    assert "`nrf52840` (default)" in tables.rewritten(page)
    assert "no board" not in tables.rewritten(page)
    with pytest.raises(SystemExit, match="no figure is called 'nonsense'"):
        tables.rewritten("<!-- tables:nonsense -->1<!-- /tables -->")
