"""What the tests of streamlearn.torch share; importing it skips them where PyTorch is missing.

Not `pytest.importorskip`: pytest puts `tests/` on the path, where this folder is a namespace
package called `torch`, which it would take for the real one. For the same reason this folder must
never get an `__init__.py`.
"""

# ruff: noqa: E402 (the skip must come before the imports)
from __future__ import annotations

from importlib.util import find_spec

import pytest

_found = find_spec("torch")
if _found is None or _found.origin is None:
    pytest.skip(
        "PyTorch is not installed: pip install 'streamlearn[torch]'", allow_module_level=True
    )

import numpy as np
import torch
from torch import Tensor, nn

from quant.network import NetworkSpec, layer_view
from quant.state import State
from streamlearn.torch import BayesianLinear

torch.set_num_threads(1)

DEVICES = ["cpu"] + ["cuda"] * torch.cuda.is_available()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tensor(values: object) -> Tensor:
    return torch.as_tensor(np.array(values, np.float64))


class DenseNet(nn.Module):
    """The reference's network: ReLU between Bayesian layers; takes each layer's noise."""

    def __init__(self, spec: NetworkSpec, **options: object) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            BayesianLinear(n_in, n_out, bias=spec.bias, dtype=torch.float64, **options)
            for n_in, n_out in zip(spec.layers[:-1], spec.layers[1:], strict=True)
        )

    def forward(self, x: Tensor, epsilon: list | None = None) -> Tensor:
        for index, layer in enumerate(self.layers):
            x = layer(x.relu() if index else x, None if epsilon is None else epsilon[index])
        return x


def copy_state(spec: NetworkSpec, state: State, net: DenseNet) -> None:
    """Give the network the μ and σ of a reference state."""
    with torch.no_grad():
        for index, layer in enumerate(net.layers):
            for field in ("mu", "sigma"):
                values = tensor(layer_view(spec, state, field, index))
                n_in = spec.layers[index]
                getattr(layer, f"weight_{field}").copy_(values[:n_in].T)
                if spec.bias:
                    getattr(layer, f"bias_{field}").copy_(values[n_in])


def net_values(spec: NetworkSpec, net: DenseNet, field: str) -> np.ndarray:
    """Return μ or σ in the order of the reference's state."""
    parts = []
    for layer in net.layers:
        rows = [getattr(layer, f"weight_{field}").detach().T]
        if spec.bias:
            rows.append(getattr(layer, f"bias_{field}").detach()[None])
        parts.append(torch.cat(rows).flatten())
    return torch.cat(parts).numpy()
