"""What this folder adds to the list of experiments."""

from __future__ import annotations

from experiments.entry import Entry

ENTRIES = {
    "Streams": {
        "spiking-motion": Entry(
            "spiking.experiments", "gestures and exercises by spikes, settings chosen fold by fold"
        ),
        "spiking-streams": Entry(
            "spiking.streams",
            "gas sensors and permuted digits as events, beside dense networks",
            (),
            ("mnist",),
        ),
    },
}
