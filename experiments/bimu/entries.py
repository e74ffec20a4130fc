"""What this folder adds to the list of experiments."""

from __future__ import annotations

from experiments.entry import Entry

ENTRIES = {
    "Published results": {
        "bimu-pmnist": Entry(
            "bimu.experiments", "100 tasks of permuted MNIST in a byte per synapse (BiMU, table 1)"
        ),
        "bimu-window": Entry("bimu.experiments", "memory window of BiMU (BiMU, window study)"),
        "bimu-one": Entry("bimu.experiments", "one pass of MNIST in a byte per synapse (BiMU)"),
        "bimu-thousand": Entry(
            "bimu.experiments", "1,000 tasks of permuted MNIST: BiMU in a byte, and MESU"
        ),
        "bimu-tune": Entry(
            "bimu.experiments",
            "settings of the binary rule there, chosen on validation images",
            ("torch",),
            ("mnist",),
        ),
    },
}
