"""The server of the live page: loopback only, GET only, few connections."""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from streamlearn.errors import ConfigError
from streamlearn.serve.parts import SCRIPT, PartsPage
from streamlearn.watching.threads import start_beside

HOST = "127.0.0.1"
#: Connections at a time, and those of them that wait for events.
MAX_CONNECTIONS, MAX_EVENTS = 32, 8
#: Seconds for a request to come, or for a client to take what was sent.
TIMEOUT_S = 10.0
#: Seconds between two signs of life of a stream of events.
ALIVE_S = 15.0

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # there it would let a second server take the port
    request_queue_size = 16

    def __init__(self, port: int, page: PartsPage) -> None:
        self.page = page
        self.room = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self.events = threading.BoundedSemaphore(MAX_EVENTS)
        super().__init__((HOST, port), _Handler)
        names = (HOST, "localhost")
        self.hosts = {f"{name}:{self.server_port}" for name in names}
        self.hosts |= set(names) if self.server_port == 80 else set()

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self.room.acquire(blocking=False):
            self.shutdown_request(request)  # nobody is kept waiting, and no thread is made
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that went away is no error of the run."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "streamlearn"
    sys_version = ""
    timeout = TIMEOUT_S

    def do_GET(self) -> None:
        if not self._allowed():
            self._send(HTTPStatus.FORBIDDEN, "text/plain", "not for other sites\n")
        elif self.path == "/":
            self._send(HTTPStatus.OK, "text/html", self.server.page.html())
        elif self.path == "/live.js":
            self._send(HTTPStatus.OK, "text/javascript", SCRIPT)
        elif self.path == "/events":
            self._events()
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", "there is only /\n")

    def _refuse(self) -> None:
        self._send(HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", "read-only: GET\n", Allow="GET")

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _refuse  # noqa: N815

    def _allowed(self) -> bool:
        """Tell whether the page itself asks: a name that leads here by DNS is another site."""
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].lower() not in self.server.hosts:
            return False
        origin = self.headers.get("Origin")
        if origin is not None and origin.lower() not in {f"http://{h}" for h in self.server.hosts}:
            return False
        return self.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")

    def _send(self, status: HTTPStatus, kind: str, text: str, **more: str) -> None:
        body = text.encode()
        self._begin(status, kind, {"Content-Length": str(len(body)), **more})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _begin(self, status: HTTPStatus, kind: str, more: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": f"{kind}; charset=utf-8", **more}.items():
            self.send_header(name, value)
        self.end_headers()

    def _events(self) -> None:
        """Send what changes until the client goes, or the run ends."""
        server = self.server
        if not server.events.acquire(blocking=False):
            text = f"{MAX_EVENTS} pages look already; close one\n"
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", text)
            return
        server.page.enter()
        try:
            self._begin(HTTPStatus.OK, "text/event-stream", {})
            number, ended = 0, None
            while ended is None:
                number, parts, ended = server.page.after(number, ALIVE_S)
                self._event("parts", parts) if parts else self.wfile.write(b": alive\n\n")
            self._event("ended", ended)
        finally:
            server.page.leave()
            server.events.release()

    def _event(self, name: str, value: object) -> None:
        self.wfile.write(f"event: {name}\ndata: {json.dumps(value)}\n\n".encode())

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the terminal is the run's."""


class LiveServer:
    """Serves a live page on 127.0.0.1 in threads of its own.

    Parameters
    ----------
    port
        0: one that is free.
    page

    Raises
    ------
    ConfigError
        If the port is taken, or may not be used.
    """

    def __init__(self, port: int, page: PartsPage) -> None:
        self._page = page
        try:
            self._server = _Server(port, page)
        except (OSError, OverflowError) as error:
            raise ConfigError(_why(port, error)) from error
        page.start()
        start_beside(lambda: self._server.serve_forever(poll_interval=0.2), "live server")

    @property
    def port(self) -> int:
        """The port that it has."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """Where to look."""
        return f"http://{HOST}:{self.port}/"

    def end(self, why: str, seconds: float = 1.0) -> None:
        """Tell every page why the run ended, and close.

        Parameters
        ----------
        why
            A few words.
        seconds
            To wait at most until the pages have it.
        """
        self._page.end(why)
        self._page.wait_alone(seconds)
        self._server.shutdown()
        self._server.server_close()


def _why(port: int, error: Exception) -> str:
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.EADDRINUSE:
        return (
            f"port {port} of {HOST} is taken, perhaps by another run; give another one, or "
            "--serve 0 for one that is free"
        )
    if code == errno.EACCES:
        return f"port {port} may not be used by this user; give one from 1024 to 65535"
    if code is None or isinstance(error, socket.gaierror):
        return f"port {port}: expected a number from 0 to 65535"
    return f"port {port} of {HOST} cannot be opened: {error}"
