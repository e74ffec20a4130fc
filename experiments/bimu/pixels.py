"""Pixels as the float networks of the comparison have them."""

from __future__ import annotations

import numpy as np

from experiments.data import Floats

#: Mean and standard deviation of MNIST's training pixels.
PIXEL_MEAN, PIXEL_STD = np.float32(0.13066), np.float32(0.30811)


def standardise(images: Floats) -> Floats:
    """Return pixels of 0 to 1 with about mean 0 and variance 1."""
    found: Floats = (images - PIXEL_MEAN) / PIXEL_STD
    return found
