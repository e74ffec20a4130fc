"""Images in time: spikes by latency, spikes by rate, or the image itself for some steps.

"Latency": a pixel that is not dark fires once, the sooner the brighter, within four steps. "Rate":
six steps, in each of which a pixel fires with its brightness as the probability. "Held": the image
stays for four steps, and a learner's own send-on-delta makes events of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
LATENCY_STEPS, RATE_STEPS, HELD_STEPS = 4, 6, 4
#: A pixel below is dark; and what an image that is held reaches, in the unit of `threshold`.
DARK, BRIGHT = 0.1, 2.0


def latency(image: Floats, rng: np.random.Generator) -> Floats:
    """Return spikes, ``float32[LATENCY_STEPS, n]``: each pixel at most one."""
    del rng
    found = np.zeros((LATENCY_STEPS, image.size), np.float32)
    lit = np.flatnonzero(image >= DARK)
    at = np.minimum((LATENCY_STEPS * (1 - image[lit])).astype(int), LATENCY_STEPS - 1)
    found[at, lit] = 1
    return found


def rate(image: Floats, rng: np.random.Generator) -> Floats:
    """Return spikes, ``float32[RATE_STEPS, n]``, drawn by brightness."""
    return (rng.random((RATE_STEPS, image.size)) < image).astype(np.float32)


def held(image: Floats, rng: np.random.Generator) -> Floats:
    """Return the image at each step, ``float32[HELD_STEPS, n]``."""
    del rng
    return np.repeat(BRIGHT * image[None], HELD_STEPS, axis=0)


CODES: Mapping[str, Callable[[Floats, np.random.Generator], Floats]] = {
    "latency": latency,
    "rate": rate,
    "held": held,
}
