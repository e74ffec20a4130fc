"""The C of a window: its code as it stands in ``kernel``, and its generated sizes and wave."""

from __future__ import annotations

from pathlib import Path

from quant.c_text import table, unsigned
from quant.window import FEATURES, Window
from quant.window.golden import wave

KERNEL_DIR = Path(__file__).parent / "kernel"
CONFIG_FILE = "sl_window_config.h"


def c_files(window: Window) -> dict[str, str]:
    """Return the C files of a window: name and text. They include the learner's sl_integer.h."""
    files = {file.name: file.read_text("utf-8") for file in sorted(KERNEL_DIR.glob("*.[ch]"))}
    return {**files, CONFIG_FILE: config_header(window)}


def config_header(window: Window) -> str:
    """Return the text of ``sl_window_config.h``."""
    assert window.edges is not None
    defines: dict[str, object] = {
        "N": unsigned(window.n),
        "HOP": unsigned(window.hop),
        "CHANNELS": unsigned(window.n_channels),
        "FEATURES": unsigned(window.n_features),
        "MAGNITUDE": int(window.magnitude),
        "BANDS": unsigned(window.n_bands),
        **{f"HAS_{name.upper()}": int(name in window.features) for name in FEATURES[:-1]},
    }
    if window.n_bands:
        defines["EDGES"] = table(window.edges)
        defines["WAVE"] = table(table(row) for row in wave(window.n).tolist())
    lines = "".join(f"#define SL_WINDOW_{name} {value}\n" for name, value in defines.items())
    return f"/* Generated: the sizes of a window. Do not edit. */\n#pragma once\n\n{lines}"
