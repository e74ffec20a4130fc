"""Gaussian weights and sampled pre-activations: what both MESU rules share.

A rule with another way of keeping the variances takes hyperparameters, constants and the forward
pass's skeleton from here; rules never import each other.
"""

from pathlib import Path

_KERNEL = Path(__file__).parent / "kernel"

#: The C headers that both rules include, by kind of numbers.
KERNEL_FOLDERS = {numbers: _KERNEL / numbers for numbers in ("integer", "float32")}
