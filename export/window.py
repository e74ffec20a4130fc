"""A window's files in an export folder: its description, and its C."""

from __future__ import annotations

from quant.errors import ConfigError
from quant.network import NetworkSpec
from quant.window import Window
from quant.window.c_text import c_files
from quant.window.file import to_bytes

WINDOW_FILE = "window.json"


def check_window(window: Window, spec: NetworkSpec) -> None:
    """Refuse a window that does not fit a learner.

    Raises
    ------
    ConfigError
        If it gives another number of features, or the learner has a sense of time itself.
    """
    if spec.leaks:
        raise ConfigError("a spiking learner has a sense of time itself: it takes raw samples")
    if window.n_features != spec.n_features:
        raise ConfigError(
            f"the window gives {window.n_features} features, the learner takes "
            f"{spec.n_features}: give the one behind which the learner learned"
        )


def window_files(window: Window) -> dict[str, bytes]:
    """Return the files of a window: name and content."""
    files = {f"c/{name}": text.encode() for name, text in c_files(window).items()}
    return {**files, WINDOW_FILE: to_bytes(window)}
