"""What this folder adds to the list of experiments."""

from __future__ import annotations

from experiments.entry import Entry

ENTRIES = {
    "Streams": {
        "backbone": Entry(
            "backbone.experiments",
            "new digits and new speakers behind a frozen backbone, on desk and chip",
            ("torch", "brevitas"),
            ("mnist",),
        ),
    },
}
