"""What tests of stages share: chains, and samples that are hard for them."""

from __future__ import annotations

import numpy as np

from streamlearn.chain import Bank, Delta, Stages, Standardise, Traces, Window

CHAINS: dict[str, Stages] = {
    "a second of an accelerometer": Stages(Window(100, 50, 3, magnitude=True)),
    "short, odd": Stages(Window(7, 3, 1)),
    "shortest, with a gap": Stages(Window(4, 9, 2, magnitude=True)),
    "longest": Stages(Window(1024, 700, 1)),
    "bands of eight": Stages(Window(64, 64, 8, ("bands", "mean"), (1, 5, 33), True)),
    "no bands": Stages(Window(50, 10, 2, ("rms", "crossings"))),
    "events": Stages(Delta((0.1, 2.0, 1e-30), 0), ("a", "b", "c")),
    "events that leak to a level, and traces": Stages(
        (Delta(0.1, 5, 0.2), Traces((2, 4, 6), 7)), 3
    ),
    "values and their slowest traces": Stages(Traces((0, 10)), 2),
    "standardised": Stages(Standardise(50), 3),
    "standardised slowly": Stages(Standardise(32768), 2),
    "standardised events and traces": Stages((Standardise(300), Delta(), Traces((2, 5), 9)), 2),
    "audio": Stages(Bank(8000, 200, 80), 1),
    "the longest frame": Stages(Bank(8000, 512, 100, 64, quiet=2.0**-60), 1),
    "audio by events": Stages((Bank(8000, 80, 80, 16), Delta(1.0, 4, -10), Traces((2, 5), 3)), 2),
    "audio by windows": Stages(
        (Bank(8000, 16, 8, 3, quiet=1.0), Window(10, 5, features=("mean", "sd"))), 1
    ),
    "windows by events": Stages((Window(20, 7), Delta(0.5, 0), Traces((1, 3))), 2),
    "traces by windows": Stages((Traces((0, 3), 2), Window(8, 4, magnitude=True)), 2),
}


def samples(n_channels: int, n: int, seed: int = 0, part_of: int = 37) -> np.ndarray:
    """Noise, silence, constants, subnormals and the ends of float32, in units of any size."""
    rng = np.random.default_rng(seed)
    found = np.zeros((n, n_channels), np.float32)
    for start in range(0, n, part_of):
        part = found[start : start + part_of]
        unit = np.float32(2.0 ** rng.integers(-126, 126) if rng.random() < 0.6 else 1)
        kind = start // part_of % 6
        if kind < 2:
            offset = (0, 1000)[kind]
            part[:] = ((rng.normal(size=part.shape) + offset) / 4000).astype(np.float32) * unit
        elif kind == 2:
            part[::3] = unit
        elif kind == 3:
            part[:] = rng.choice([-1, 1], part.shape) * np.finfo(np.float32).max
        elif kind == 4:
            part[:] = unit * rng.integers(-1, 2, n_channels)
        else:
            part[:] = rng.choice([1e-45, -1e-40, 0.0, -0.0, 1.2e-38], part.shape)
    return found
