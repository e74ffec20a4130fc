"""Importing it skips a file of tests where PyTorch is missing; so it is imported first."""

from __future__ import annotations

import pytest

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed: pip install 'streamlearn[torch]'"
)
torch.set_num_threads(1)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
