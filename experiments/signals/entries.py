"""What this folder adds to the list of experiments."""

from __future__ import annotations

from experiments.entry import Entry

ENTRIES = {
    "Streams": {
        "live": Entry(
            "signals.experiments",
            "whole recordings as they come: with a memory, a reservoir, or neither",
        ),
    },
}
