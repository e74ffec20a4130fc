"""A study that was told to be quiet is quiet in its own test only."""

from __future__ import annotations

import pytest

from experiments import study


@pytest.fixture(autouse=True)
def voice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "_people", study.console(False))
