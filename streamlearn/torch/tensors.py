"""The base of the optimizers of single tensors: groups, checked gradients, what they refuse."""

from __future__ import annotations

from typing import Any

import torch  # type: ignore[import-not-found, unused-ignore]

from streamlearn.errors import ConfigError, InputValueError
from streamlearn.torch.optim import CheckedOptimizer, Named
from streamlearn.torch.pairs import Group, require


class TensorOptimizer(CheckedOptimizer):
    """Base of the rules of tensors without a σ; groups may have hyperparameters of their own."""

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.check(defaults)
        super().__init__(params, defaults)

    def check(self, group: Group) -> None:
        """Refuse hyperparameters that make no sense; a subclass has more of them.

        Raises
        ------
        ConfigError
        """
        check = group["check_gradients"]
        require(isinstance(check, bool), "check_gradients", check, "True or False")

    def add_param_group(self, param_group: Group) -> None:
        """Add a group of tensors, with hyperparameters of its own where it names them.

        Raises
        ------
        ConfigError
            If a key is unknown, a value makes no sense, or a tensor is neither float32 nor float64.
        """
        known = {"params", "param_names", *self.defaults}
        if unknown := sorted(set(param_group) - known):
            raise ConfigError(
                f"parameter group: unknown {', '.join(unknown)}; known are "
                f"{', '.join(sorted(known))}"
            )
        self.check({**self.defaults, **param_group})
        super().add_param_group(param_group)
        for parameter in self.param_groups[-1]["params"]:
            if parameter.dtype not in (torch.float32, torch.float64):
                self.param_groups.pop()
                raise ConfigError(
                    f"a parameter of {parameter.dtype}: expected float32 or float64; a step is "
                    "far below the spacing of narrower types"
                )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load hyperparameters, and what is remembered of tensors, that ``state_dict()`` saved.

        Raises
        ------
        ConfigError
            If they are another optimizer's, or of another number of tensors.
        """
        groups = state_dict.get("param_groups", [])
        mine = [len(group["params"]) for group in self.param_groups]
        theirs = [len(group["params"]) for group in groups]
        if mine != theirs or any(set(self.defaults) - set(group) for group in groups):
            raise ConfigError(
                f"the saved state is not that of a {type(self).__name__} over these parameters: "
                f"groups of {theirs} tensors, expected {mine} with "
                f"{', '.join(sorted(self.defaults))}"
            )
        for group in groups:
            self.check(group)
        super().load_state_dict(state_dict)

    def _with_gradients(self, index: int, group: Group) -> list[Named]:
        found: list[Named] = []
        names = group.get("param_names") or [
            f"group {index}, parameter {place}" for place in range(len(group["params"]))
        ]
        for name, parameter in zip(names, group["params"], strict=True):
            if parameter.grad is None:
                continue
            if parameter.grad.layout != torch.strided:
                raise InputValueError(f"{name}: sparse gradient; expected a dense one")
            found.append((name, (parameter,)))
        return found
