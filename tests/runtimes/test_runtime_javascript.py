"""learn_block.onnx in JavaScript: a browser and Node end with the golden model's state."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from runtime_folder import NO_RUNTIME, golden, load

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(not load().there(), reason=NO_RUNTIME)
#: What the browser learns; the bar is this or more.
IN_THE_BROWSER = 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("browser")
    module = load()
    module.write_folder(path, IN_THE_BROWSER)
    module.add_runtime(path)
    return path


class Quiet(http.server.SimpleHTTPRequestHandler):
    """What `python -m http.server` answers with, without its log."""

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


def until(page: Any, done: Callable[[str], bool], seconds: float = 600) -> None:
    """Wait for a verdict; asked from outside, for the page forbids to evaluate text."""
    end = time.monotonic() + seconds
    while not done(page.inner_text("#verdict")):
        assert time.monotonic() < end, page.inner_text("#verdict")
        time.sleep(0.2)


def learned(page: Any, n: int) -> dict[str, str]:
    """Learn by clicking; return what the page says at the end."""
    page.fill("#samples", str(n))
    page.click("#start")
    until(page, lambda verdict: verdict not in ("learning", "ready"))
    return {name: page.inner_text(f"#{name}") for name in ("verdict", "learned", "state", "golden")}


def opened(browser: Any, address: str) -> tuple[Any, list[str]]:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("request", lambda r: complaints.append(r.url) if address not in r.url else None)
    page.goto(address)
    until(page, lambda verdict: verdict == "ready")
    return page, complaints


def test_the_browser_learns_the_stream_to_the_golden_state(
    browser: Any, address: str, folder: Path
) -> None:
    page, complaints = opened(browser, address)
    found = learned(page, IN_THE_BROWSER)
    assert found["verdict"] == "the same bits"
    assert found["state"] == found["golden"] == golden(folder, IN_THE_BROWSER)
    assert found["learned"] == f"{IN_THE_BROWSER:,} of {IN_THE_BROWSER:,}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints == [], "an error, or a request that went elsewhere"
    page.close()


@pytest.mark.parametrize("what", ["a sample", "no graph"])
def test_canary_the_page_says_what_is_wrong(
    browser: Any, address: str, folder: Path, what: str
) -> None:
    """One bit of one sample gives another state; a folder without its graph is said."""
    name = {"a sample": "samples.bin", "no graph": "export/learn_block.onnx"}[what]
    before = (folder / name).read_bytes()
    try:
        if what == "a sample":
            changed = bytearray(before)
            changed[4 * 129 * 50 + 2] ^= 0x40
            (folder / name).write_bytes(changed)
        else:
            (folder / name).unlink()
        page, _ = opened(browser, address)
        found = learned(page, 100)
    finally:
        (folder / name).write_bytes(before)
    if what == "a sample":
        assert found["verdict"].startswith("different")
        assert found["state"] != found["golden"] == golden(folder, 100)
    else:
        assert found["verdict"] == (
            "stopped: export/learn_block.onnx: 404; was this folder made by folder.py?"
        )
    page.close()


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js: apt-get install nodejs")
def test_node_learns_the_stream_to_the_golden_state(folder: Path) -> None:
    done = subprocess.run(
        ["node", str(folder / "node.mjs"), "200"], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    first, second = done.stdout.splitlines()
    assert first.startswith("200 samples, ")
    assert second == f"state {golden(folder, 200)}"
