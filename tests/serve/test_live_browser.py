"""The live page and the report in a real browser: headless Chromium, clicked through."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium")

N = 500


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def lines() -> list[str]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, N)
    x = rng.normal(size=(N, 3)) + y[:, None] * 2
    rows = (",".join(f"{v:.3f}" for v in row) for row in x)
    labels = ("idle", "<b>worn</b>")
    return [f"{row},{labels[label]}\n" for row, label in zip(rows, y, strict=True)]


def wrong(page: Any) -> list[str]:
    """Collect what the page complains of: errors, and requests that went elsewhere."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda m: found.append(m.text) if m.type in ("error", "warning") else None)
    return found


def until(page: Any, expression: str, seconds: float = 90) -> None:
    """Wait until JavaScript says yes; asked from outside, for the page forbids to evaluate text."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        time.sleep(0.1)


@pytest.mark.parametrize("width", [390, 1000])
def test_a_run_live(browser: Any, lines: list[str], tmp_path: Path, width: int) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "streamlearn.cli", "run", "--stream", "-", "--label", "state"]
    command += ["--classes", "idle,<b>worn</b>", "--out", str(out), "--serve", "0"]
    run = subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert run.stdin is not None
    assert run.stderr is not None
    stop = threading.Event()

    def feed() -> None:
        run.stdin.write("a,b,c,state\n")
        for line in itertools.cycle(lines):
            run.stdin.write(line)
            run.stdin.flush()
            if stop.wait(0.02):
                break
        run.stdin.close()

    feeding = threading.Thread(target=feed)
    feeding.start()
    try:
        said = run.stderr.readline()
        url = re.fullmatch(r"live: (http://127\.0\.0\.1:\d+/)\n", said)
        assert url is not None, said
        page = browser.new_page(viewport={"width": width, "height": 800})
        errors = wrong(page)
        page.goto(url[1])
        until(page, "document.getElementById('connection').textContent === 'live'")
        drawn = '[data-part="accuracy over the stream"] svg:visible'
        page.locator(drawn).first.wait_for(timeout=90_000)
        samples = "document.querySelector('.now dd').textContent"
        before = page.evaluate(samples)
        until(page, f"{samples} !== '{before}'")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.locator("text=<b>worn</b>").count() > 0
        assert page.locator("main b").count() == 0, "a label is text"

        page.click("#pause")
        until(page, "document.getElementById('pause').textContent === 'Go on'")
        before = page.evaluate(samples)
        time.sleep(1.5)
        assert page.evaluate(samples) == before
        page.click("#pause")
        until(page, f"{samples} !== '{before}'")

        stop.set()
        ended = "document.getElementById('connection').textContent"
        until(page, f"{ended}.startsWith('ended: ')")
        assert page.evaluate(ended) == "ended: the stream is at its end"
        assert errors == []
        page.close()
    finally:
        stop.set()
        feeding.join()
        assert run.wait(60) == 0, run.stderr.read()
        run.stderr.close()

    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme="dark")
    errors = wrong(page)
    page.goto((out / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", colour))) < 60, "a dark page"
    shown = "narrow" if width < 480 else "wide"
    assert page.locator(f"svg.{shown}:visible").count() == page.locator(f"svg.{shown}").count() > 3
    assert page.locator("svg:visible").count() == page.locator(f"svg.{shown}").count()
    assert errors == []
    page.close()
