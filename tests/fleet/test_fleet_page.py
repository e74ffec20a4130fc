"""The page of a fleet in a real browser, and the table of ``fleet status``."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from emulated_boards import registered

from streamlearn import cli
from streamlearn.fleet.devices import Registry
from streamlearn.fleet.devices.facts import CELLS, facts
from streamlearn.fleet.devices.page import FleetPage
from streamlearn.serve import LiveServer

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
NAMES = ["pump-1", "pump-2"]


class Health:
    blind, step, saturations = 1, 0.5, {"mu": 3, "rho": 4}


def told(registry: Registry) -> None:
    registry.take("pump-1", 1, "{}")
    registry.learned("pump-1", 1, 1, "5" * 64, {"predicted": "worn"}, 1.0, 0.25)
    registry.seen("pump-1", Health())
    registry.take("pump-1", 2, "{}")
    registry.lost("pump-2", "the cable <b>was</b> pulled")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    registry = registered(tmp_path / "fleet", NAMES, lambda: 1_700_000_000.0)
    told(registry)
    registry.close()
    return tmp_path / "fleet"


@pytest.mark.parametrize("keep", [0.6, 60])
def test_a_damaged_registry_is_named(
    keep: float, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "registry.sqlite"
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data) if keep < 1 else keep)])
    assert cli.run(["fleet", "status", "--fleet", str(folder)]) == 1
    assert "registry.sqlite is damaged or no registry" in capsys.readouterr().err


def test_status(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "status.json"
    assert cli.run(["fleet", "status", "--fleet", str(folder), "--json", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(cell.name in lines[1] for cell in CELLS)
    (line,) = [line for line in lines if line.strip().startswith("pump-1")]
    for text in ("nrf52840", "55555555", "100.0%", "0.250", "0.50", "7", "up", "2023-11-1"):
        assert text in line
    assert "pump-2: the cable <b>was</b> pulled" in lines
    assert lines[-1].startswith("no bridge runs")
    one, other = json.loads(out.read_text("utf-8"))["devices"]
    assert (one["accuracy"], one["novelty"], one["blind"], one["step"], one["saturations"]) == (
        1.0, 0.25, 1, 0.5, 7,
    )  # fmt: skip
    assert (one["waiting"], one["connected"], other["connected"]) == (1, True, False)


def test_no_fleet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["fleet", "status", "--fleet", str(tmp_path)]) == 1
    assert "`streamlearn fleet add` begins one" in capsys.readouterr().err


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright")
    if CHROMIUM is None:
        pytest.skip("no chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


def until(page: Any, expression: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        time.sleep(0.1)


@pytest.mark.parametrize("width", [390, 1300])
def test_the_page(browser: Any, folder: Path, tmp_path: Path, width: int) -> None:
    own, writer = Registry(folder), Registry(folder)
    server = LiveServer(0, FleetPage(own, "streamlearn fleet: plant"))
    try:
        page = browser.new_page(viewport={"width": width, "height": 700})
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.goto(server.url)
        until(page, "document.getElementById('connection').textContent === 'live'")
        row = "document.querySelector('[data-device=\"pump-1\"]')"
        assert page.evaluate(f"{row}.textContent.includes('100.0%')")
        assert page.evaluate("document.querySelectorAll('p b b, tbody b').length") == 0
        assert page.evaluate("document.body.textContent.includes('<b>was</b> pulled')")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate("document.querySelectorAll('.dot.on').length") == 1
        writer.seen("pump-2", Health())
        writer.learned("pump-1", 2, 2, "6" * 64, {"predicted": "idle"}, 0.0, 0.75)
        until(page, f"{row}.textContent.includes('50.0%')")
        until(page, "document.querySelectorAll('.dot.on').length === 2")
        until(page, "document.title.startsWith('2 of 2 connected')")
        page.screenshot(path=str(tmp_path / "page.png"), full_page=True)
        assert wrong == []
        page.close()
    finally:
        server.end("the test is over")
        own.close()
        writer.close()
    assert len(facts_of(folder)) == 2


def facts_of(folder: Path) -> list[dict[str, Any]]:
    registry = Registry(folder)
    try:
        return facts(registry)
    finally:
        registry.close()
