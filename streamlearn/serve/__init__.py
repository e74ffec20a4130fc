"""A run live in a browser on this computer: read-only, on loopback, from the standard library."""

from streamlearn.serve.live import LivePage
from streamlearn.serve.server import LiveServer

__all__ = ["LivePage", "LiveServer"]
