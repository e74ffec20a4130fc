"""What this folder adds to the list of experiments."""

from __future__ import annotations

from experiments.entry import Entry

ENTRIES = {
    "Published results": {
        "multilevel-split": Entry(
            "multilevel.experiments", "five pairs of digits, one after another: devices per weight"
        ),
        "multilevel-levels": Entry(
            "multilevel.experiments", "two sets of images, one after another: levels per weight"
        ),
        "multilevel-capacity": Entry(
            "multilevel.experiments", "how many random patterns a layer of 128 x 128 remembers"
        ),
    },
}
