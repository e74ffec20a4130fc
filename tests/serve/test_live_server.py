"""The live page: who may ask, and how much; what it tells."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from streamlearn.errors import ConfigError
from streamlearn.evaluation import Curve
from streamlearn.report import Engine, ReportData
from streamlearn.report.page import picture_part
from streamlearn.serve import LivePage, LiveServer
from streamlearn.serve import live as live_module
from streamlearn.serve import server as server_module
from streamlearn.watching import Now

EVIL = '<script>alert("x")</script>'


class Run:
    """What stands for a run: it is learned as fast as the test says."""

    def __init__(self) -> None:
        self.n = 0

    def look(self) -> tuple[Now, ReportData]:
        self.n += 10
        curve = Curve()
        curve.add(np.ones(self.n, bool))
        engine = Engine("q16", "mesu", "categorical", "q16", "c", True, curve=curve)
        data = ReportData(EVIL, ("a", EVIL), (engine,), n_stream=self.n)
        return Now(EVIL, self.n, accuracy_latest=1.0, window=10, blind=(EVIL,)), data


@pytest.fixture
def live() -> Iterator[LiveServer]:
    server = LiveServer(0, LivePage("a run", Run().look))
    yield server
    server.end("the test is over", 0.1)


def ask(
    server: LiveServer, path: str = "/", method: str = "GET", **headers: str
) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    host = headers.pop("Host", f"127.0.0.1:{server.port}")
    connection.putrequest(method, path, skip_host=True)
    if host:
        connection.putheader("Host", host)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    text = answer.read().decode() if path != "/events" or answer.status != 200 else ""
    connection.close()
    return answer.status, text, dict(answer.getheaders())


def events(server: LiveServer) -> Iterator[tuple[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/events")
    answer, name = connection.getresponse(), ""
    assert answer.getheader("Content-Type") == "text/event-stream; charset=utf-8"
    for raw in answer:
        key, _, value = raw.decode().rstrip("\n").partition(": ")
        if key == "event":
            name = value
        elif key == "data":
            yield name, json.loads(value)
    connection.close()


def test_only_this_computer_and_only_the_page_itself(live: LiveServer) -> None:
    assert live.url == f"http://127.0.0.1:{live.port}/"
    status, text, headers = ask(live)
    assert (status, headers["X-Content-Type-Options"]) == (200, "nosniff")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert not {name for name in headers if name.startswith("Access-Control")}
    assert "<h1>a run</h1>" in text
    assert ask(live, Host=f"localhost:{live.port}")[0] == 200
    ours = f"http://127.0.0.1:{live.port}"
    assert ask(live, Origin=ours, Sec_Fetch_Site="same-origin")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1.evil.example:{port}"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/events", "/live.js"])
def test_other_sites_are_refused(live: LiveServer, headers: dict[str, str], path: str) -> None:
    given = {name: value.replace("{port}", str(live.port)) for name, value in headers.items()}
    assert ask(live, path, **given)[0] == 403


def test_it_listens_on_loopback_only(live: LiveServer) -> None:
    assert live._server.socket.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_it_is_read_only(live: LiveServer, method: str) -> None:
    status, text, headers = ask(live, "/", method)
    assert (status, headers["Allow"]) == (405, "GET")
    assert bool(text) == (method != "HEAD")


@pytest.mark.parametrize("path", ["/../etc/passwd", "/metrics", "//evil", "/?x=1", "/events/.."])
def test_there_is_nothing_else(live: LiveServer, path: str) -> None:
    assert ask(live, path)[0] == 404


def test_names_are_text_on_the_page(live: LiveServer) -> None:
    text = ask(live)[1]
    assert EVIL not in text
    assert "&lt;script&gt;alert" in text
    for _, parts in events(live):
        assert "<script" not in json.dumps(parts)
        break


def test_what_changes_is_sent_and_the_end_too() -> None:
    server = LiveServer(0, LivePage("a run", Run().look))
    seen: dict[str, object] = {}
    for name, value in events(server):
        seen.setdefault(name, value)
        if isinstance(value, dict) and "accuracy over the stream" in value:
            assert "<svg" in value["accuracy over the stream"]
            ending = threading.Thread(target=lambda: server.end("all is learned", 5))
            ending.start()
    assert isinstance(seen["parts"], dict)
    assert "now" in seen["parts"]
    assert seen["ended"] == "all is learned"
    ending.join()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_a_port_that_is_taken(live: LiveServer) -> None:
    with pytest.raises(ConfigError, match=f"port {live.port} of 127.0.0.1 is taken"):
        LiveServer(live.port, LivePage("another", Run().look))
    with pytest.raises(ConfigError, match="expected a number from 0 to 65535"):
        LiveServer(70000, LivePage("another", Run().look))


def test_few_pages_at_a_time(live: LiveServer) -> None:
    streams = [events(live) for _ in range(server_module.MAX_EVENTS)]
    for stream in streams:
        next(stream)
    status, text, _ = ask(live, "/events")
    assert (status, "look already" in text) == (503, True)
    streams.clear()  # their clients are gone
    end = time.monotonic() + 30
    while ask(live, "/events")[0] != 200:
        assert time.monotonic() < end
        time.sleep(0.2)


def test_idle_connections_do_not_take_the_place_of_all(
    live: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module._Handler, "timeout", 1.0)
    idle = [
        socket.create_connection(("127.0.0.1", live.port))
        for _ in range(server_module.MAX_CONNECTIONS + 5)
    ]
    end = time.monotonic() + 30
    while True:
        try:
            if ask(live)[0] == 200:
                break
        except (OSError, http.client.HTTPException):
            pass  # no room yet
        assert time.monotonic() < end
        time.sleep(0.2)
    for one in idle:
        one.close()


def test_nobody_looks_and_nothing_is_drawn() -> None:
    run = Run()
    server = LiveServer(0, LivePage("a run", run.look))
    time.sleep(1.2)
    server.end("over", 0.1)
    assert run.n == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_cannot_be_drawn_stands_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str, data: ReportData) -> str:
        if name == "accuracy over the stream":
            raise IndexError("index <9> of 9")
        return picture_part(name, data)

    monkeypatch.setattr(live_module, "picture_part", fails)
    run = Run()
    server, seen = LiveServer(0, LivePage("a run", run.look)), {}
    for name, value in events(server):
        if name == "ended":
            assert value == "the page cannot be drawn: ValueError: no figures"
            break
        assert isinstance(value, dict)
        first = "accuracy over the stream" not in seen
        seen.update(value)
        if not first and "now" in value:  # it goes on after what failed
            server._page._look = broken
    assert "(IndexError: index &lt;9&gt; of 9)" in seen["accuracy over the stream"]
    server._page._look = run.look
    server.end("over", 0.1)


def broken() -> tuple[Now, ReportData]:
    raise ValueError("no figures")
