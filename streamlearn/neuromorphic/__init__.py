"""Spiking networks from and for other tools, as graphs of NIR.

NIR, the Neuromorphic Intermediate Representation, is what snnTorch, Norse, SpikingJelly, Rockpool
and neuromorphic chips exchange networks in. A layer is a ``Linear`` or ``Affine`` node and the
``LIF`` node that it drives; the readout is a ``Linear`` or ``Affine`` and an ``LI`` node.

NIR's neurons live in continuous time, ``τ dv/dt = v_leak − v + R I``. A step of ``dt`` of Euler's
method, as snnTorch takes it, leaks by ``1 − dt/τ`` and weighs a current by ``R dt/τ``. Ours leaks
by ``1 − 2^−k``, fires at 1 and has a reset by subtraction, which the graph's metadata say.

References
----------
Pedersen et al., "Neuromorphic intermediate representation: a unified instruction set for
interoperable brain-inspired computing", Nature Communications 15, 8122 (2024).
"""

from __future__ import annotations

from streamlearn.neuromorphic.reading import from_nir
from streamlearn.neuromorphic.writing import save_nir, to_nir

__all__ = ["from_nir", "save_nir", "to_nir"]
