"""The base of the optimizers: groups of pairs (μ, σ), checked gradients, one update a group."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor
from torch.optim import Optimizer  # type: ignore[import-not-found, unused-ignore]

from streamlearn.errors import ConfigError
from streamlearn.torch.pairs import (
    Group,
    as_groups,
    check_finite,
    flatten_group,
    require,
    step_inputs,
)

Params = Iterable[tuple[Tensor, Tensor]] | Iterable[Group]
Tensors = list[Tensor]


#: Tensors that change together, by the name that a message gives them.
Named = tuple[str, tuple[Tensor, ...]]


def hyperparameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return an optimizer's hyperparameters, from its constructor's ``locals()``."""
    return {
        name: value for name, value in given.items() if name not in ("self", "params", "__class__")
    }


class CheckedOptimizer(Optimizer):  # type: ignore[misc, unused-ignore]
    """Base of the optimizers: all gradients are checked before anything changes."""

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override, unused-ignore]
        """Update everything that has a gradient; all or, after an error, none.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and its gradients; called once.

        Returns
        -------
        The closure's loss, or None.

        Raises
        ------
        InputValueError
            If a gradient has NaN or infinity (unless ``check_gradients=False``), is sparse where a
            dense one is needed, or only one of a pair has a gradient.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            work = [
                (group, self._with_gradients(i, group)) for i, group in enumerate(self.param_groups)
            ]
            checked = [item for group, items in work if group["check_gradients"] for item in items]
            if checked:
                check_finite(checked)
            for group, items in work:
                if items:
                    self._update_group(group, items)
        return loss

    def _with_gradients(self, index: int, group: Group) -> list[Named]:
        """Return what of a group has gradients, after a look at their layout."""
        raise NotImplementedError

    def _update_group(self, group: Group, items: list[Named]) -> None:
        """Change tensors, and what is remembered of them, in place."""
        raise NotImplementedError


class PairOptimizer(CheckedOptimizer):
    """Base of the rules: parameter groups of pairs, gradients checked, then one update a group.

    A group is ``{"pairs": [(mu, sigma), ...], ...hyperparameters}`` or, for parameters without σ,
    ``{"params": [...], "lr": ...}``, which get plain SGD. Either may carry ``names`` for messages.
    In ``param_groups`` the pairs lie flat: ``params = [μ0, σ0, μ1, σ1, ...]``.
    """

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        self.check(defaults)
        super().__init__(as_groups(params), defaults)

    def check(self, group: Group) -> None:
        """Refuse hyperparameters that make no sense.

        Raises
        ------
        ConfigError
        """
        raise NotImplementedError

    def update(
        self, group: Group, mu: Tensors, sigma: Tensors, g_mu: Tensors, g_sigma: Tensors
    ) -> None:
        """Change μ and σ in place, from their gradients."""
        raise NotImplementedError

    def add_param_group(self, param_group: Group) -> None:
        """Add a group of pairs, or of plain parameters with ``lr``.

        Raises
        ------
        ConfigError, ShapeError
            If a pair does not fit, σ is not above 0, or a key or value makes no sense.
        """
        group = flatten_group(param_group, self.defaults)
        if group["paired"]:
            self.check({**self.defaults, **group})
        taken = {id(tensor) for other in self.param_groups for tensor in other["params"]}
        ids = [id(tensor) for tensor in group["params"]]
        if len(set(ids)) < len(ids) or taken & set(ids):
            raise ConfigError("a parameter appears twice; give each one once")
        super().add_param_group(group)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load hyperparameters that :meth:`state_dict` saved (the rules have no other state).

        Raises
        ------
        ConfigError
            If they are another optimizer's, or another number of pairs.
        """
        groups = state_dict.get("param_groups", [])
        mine = [(len(group["params"]), group["paired"]) for group in self.param_groups]
        theirs = [(len(group["params"]), group.get("paired")) for group in groups]
        if mine != theirs or any(set(self.defaults) - set(group) for group in groups):
            raise ConfigError(
                f"the saved state is not that of a {type(self).__name__} over these parameters: "
                f"(tensors, paired) of its groups {theirs}, expected {mine} with "
                f"{', '.join(sorted(self.defaults))}"
            )
        for group in groups:
            self.check(group)
        super().load_state_dict(state_dict)

    def _with_gradients(self, index: int, group: Group) -> list[Named]:
        del index
        return step_inputs(group)

    def _update_group(self, group: Group, items: list[Named]) -> None:
        first = [tensors[0] for _, tensors in items]
        g_first = [cast(Tensor, tensor.grad) for tensor in first]
        if not group["paired"]:
            torch._foreach_add_(first, g_first, alpha=-group["lr"])
            return
        sigma = [tensors[1] for _, tensors in items]
        g_sigma = [cast(Tensor, tensor.grad) for tensor in sigma]
        if group["clamp_grad"] > 0:
            g_first = clamp_by_sigma(g_first, sigma, group["clamp_grad"])
            g_sigma = clamp_by_sigma(g_sigma, sigma, group["clamp_grad"])
        self.update(group, first, sigma, g_first, g_sigma)


def clamp_by_sigma(gradients: Tensors, sigma: Tensors, limit: float) -> Tensors:
    """Return the gradients within ±limit/\\|σ\\|."""
    top = list(torch._foreach_abs(sigma))
    torch._foreach_reciprocal_(top)
    torch._foreach_mul_(top, limit)
    bottom = torch._foreach_neg(top)
    return list(torch._foreach_maximum(torch._foreach_minimum(gradients, top), bottom))


def is_number(value: object) -> bool:
    """Return whether it is an int or a float, and no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_rates(group: Group) -> None:
    """Refuse the hyperparameters that all rules share, where they make no sense.

    Raises
    ------
    ConfigError
    """
    check = group["check_gradients"]
    require(isinstance(check, bool), "check_gradients", check, "True or False")
    for name in ("lr_mu", "lr_sigma"):
        within = is_number(group[name]) and 0 <= group[name] < math.inf
        require(within, name, group[name], "a finite number, 0 or above")
    clamp = group["clamp_grad"]
    require(is_number(clamp) and 0 <= clamp < math.inf, "clamp_grad", clamp, "0 (off) or above")
