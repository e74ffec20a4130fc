"""Parameter groups of pairs (μ, σ): made from a module, checked, and stepped through."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, cast

import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor, nn

from streamlearn.errors import ConfigError, InputValueError, ShapeError
from streamlearn.torch.layers import BayesianLayer

Group = dict[str, Any]
Pair = tuple[Tensor, Tensor]

#: What a group of plain parameters may hold; what a group of pairs may, depends on the rule.
PLAIN_KEYS = frozenset({"params", "lr", "names", "paired"})


def bayesian_parameters(
    module: nn.Module,
    *,
    plain_lr: float | None = None,
    sigma_prior: Literal["fan_in"] | None = None,
) -> list[Group]:
    """Return the parameter groups of a module for :class:`MESU` and :class:`BGD`.

    Parameters
    ----------
    module : torch.nn.Module
        Any, with at least one :class:`BayesianLayer` in it. Frozen parameters are left out.
    plain_lr : float, optional
        Learning rate of plain SGD for the parameters without σ (batch norm, ordinary layers).
    sigma_prior : "fan_in", optional
        One group per layer, each with σ_prior = 1/√fan_in, as ``MesuConfig(sigma_prior=None)``;
        not for BGD, which has no prior. None: the optimizer's own.

    Raises
    ------
    ConfigError
        If there is no Bayesian layer, or plain parameters but no ``plain_lr``.
    """
    if sigma_prior not in (None, "fan_in"):
        raise ConfigError(
            f"sigma_prior={sigma_prior!r}: expected 'fan_in' or None; "
            "give a number to the optimizer"
        )
    groups: list[Group] = []
    seen: set[int] = set()
    for path, layer in module.named_modules():
        if not isinstance(layer, BayesianLayer):
            continue
        found: list[tuple[str, Tensor, Tensor]] = []
        for name, mu, sigma in layer.bayesian_pairs():
            if id(mu) not in seen and (mu.requires_grad or sigma.requires_grad):
                found.append((f"{path}.{name}" if path else name, mu, sigma))
            seen |= {id(mu), id(sigma)}
        if not found:
            continue
        if not groups or sigma_prior == "fan_in":
            groups.append({"pairs": [], "names": []})
        groups[-1]["pairs"] += [(mu, sigma) for _, mu, sigma in found]
        groups[-1]["names"] += [name for name, _, _ in found]
        if sigma_prior == "fan_in":
            groups[-1]["sigma_prior"] = layer.fan_in**-0.5
    if not groups:
        raise ConfigError(
            f"{type(module).__name__} has no Bayesian layer that learns: put a BayesianLinear or "
            "BayesianConv2d in it"
        )
    plain = {n: p for n, p in module.named_parameters() if id(p) not in seen and p.requires_grad}
    if plain and plain_lr is None:
        raise ConfigError(
            f"{', '.join(plain)}: parameters without sigma; give plain_lr to train them by plain "
            "SGD, or freeze them with requires_grad_(False)"
        )
    if plain:
        groups.append({"params": list(plain.values()), "names": list(plain), "lr": plain_lr})
    return groups


def as_groups(params: Iterable[Any]) -> list[Group]:
    """Return groups of what a caller gave: groups, or bare pairs.

    Raises
    ------
    ConfigError
        If it is a module, or bare tensors.
    """
    if isinstance(params, nn.Module):
        raise ConfigError("expected parameter groups, got a module: bayesian_parameters(module)")
    items = list(params)
    if items and all(isinstance(item, dict) for item in items):
        return [dict(item) for item in items]
    return [{"pairs": items}]


def flatten_group(group: Group, known: Iterable[str]) -> Group:
    """Check a group and turn ``pairs`` into ``params = [μ0, σ0, μ1, σ1, ...]``.

    A group of plain parameters has ``params`` and ``lr`` instead, and stays as it is.

    Raises
    ------
    ConfigError
        If it has neither ``pairs`` nor ``params`` with ``lr``, an unknown key, or a tensor that
        cannot be learned.
    ShapeError
        If μ and σ of a pair differ in shape.
    """
    paired = "pairs" in group
    if paired == ("params" in group):
        raise ConfigError(
            "a parameter group holds either 'pairs', a list of (mu, sigma), or 'params' and 'lr' "
            f"(plain SGD); this one has {', '.join(sorted(group)) or 'nothing'}"
        )
    allowed = {"pairs", "names", *known} if paired else PLAIN_KEYS - {"paired"}
    if unknown := sorted(set(group) - allowed):
        raise ConfigError(
            f"parameter group: unknown {', '.join(unknown)}; known are {', '.join(sorted(allowed))}"
        )
    group = dict(group)
    if paired:
        pairs = [_checked_pair(index, pair) for index, pair in enumerate(group.pop("pairs"))]
        names = list(group.pop("names", [f"pair {index}" for index in range(len(pairs))]))
        params, n_expected = [tensor for pair in pairs for tensor in pair], len(pairs)
    else:
        params = [group["params"]] if isinstance(group["params"], Tensor) else [*group["params"]]
        names = list(group.pop("names", [f"parameter {index}" for index in range(len(params))]))
        n_expected = len(params)
        lr = group.get("lr")
        if not isinstance(lr, int | float) or not 0 < lr < float("inf"):
            raise ConfigError(f"lr={lr!r} of the plain parameters: expected a number above 0")
    if not params:
        raise ConfigError("parameter group without parameters")
    if len(names) != n_expected:
        raise ConfigError(f"{len(names)} names for {n_expected} parameters: expected as many")
    if paired:
        for name, mu, sigma in zip(names, params[::2], params[1::2], strict=True):
            _check_tensors(name, mu, sigma)
    return {**group, "params": params, "names": names, "paired": paired}


def _checked_pair(index: int, pair: object) -> Pair:
    parts = tuple(pair) if isinstance(pair, tuple | list) else ()
    if len(parts) != 2 or not all(isinstance(part, Tensor) for part in parts):
        raise ConfigError(
            f"pair {index}: expected (mu, sigma), two tensors; got {type(pair).__name__}. For a "
            "module's parameters: bayesian_parameters(module)"
        )
    return parts[0], parts[1]


def _check_tensors(name: str, mu: Tensor, sigma: Tensor) -> None:
    if mu is sigma:
        raise ConfigError(f"{name}: mu and sigma are the same tensor")
    if mu.shape != sigma.shape:
        raise ShapeError(
            f"{name}: mu is {tuple(mu.shape)} and sigma {tuple(sigma.shape)}; expected the same"
        )
    if mu.dtype != sigma.dtype or mu.device != sigma.device:
        raise ConfigError(
            f"{name}: mu is {mu.dtype} on {mu.device} and sigma {sigma.dtype} on {sigma.device}; "
            "expected the same"
        )
    if mu.dtype not in (torch.float32, torch.float64):
        raise ConfigError(
            f"{name}: {mu.dtype}; expected float32 or float64, a step is far below the spacing of "
            "narrower types"
        )
    if not (mu.requires_grad and sigma.requires_grad):
        raise ConfigError(f"{name}: mu and sigma must both have requires_grad")
    if not bool(torch.isfinite(mu).all()):
        raise ConfigError(f"{name}: mu must be finite")
    if not bool(((sigma > 0) & torch.isfinite(sigma)).all()):
        raise ConfigError(f"{name}: sigma must be finite and above 0")


def step_inputs(group: Group) -> list[tuple[str, tuple[Tensor, ...]]]:
    """Return ``(name, tensors)`` of what a group's step changes: (μ, σ) pairs or (parameter,).

    Those without any gradient are left out, as in PyTorch's own optimizers.

    Raises
    ------
    InputValueError
        If only one of a pair has a gradient, or one is sparse.
    """
    width = 2 if group["paired"] else 1
    chunks = zip(*(group["params"][i::width] for i in range(width)), strict=True)
    found: list[tuple[str, tuple[Tensor, ...]]] = []
    for name, tensors in zip(group["names"], chunks, strict=True):
        has = [tensor.grad is not None for tensor in tensors]
        if not any(has):
            continue
        if not all(has):
            one, other = ("mu", "sigma") if has[0] else ("sigma", "mu")
            raise InputValueError(
                f"{name}: {one} has a gradient and {other} has none; the rule needs both, so the "
                "loss must come from a sampled forward pass (not from mean_forward)"
            )
        if any(tensor.grad.layout != torch.strided for tensor in tensors):
            raise InputValueError(f"{name}: sparse gradient; expected a dense one")
        found.append((name, tensors))
    return found


def check_finite(named: list[tuple[str, tuple[Tensor, ...]]]) -> None:
    """Refuse gradients with NaN or infinity, naming the first parameter that has one.

    Raises
    ------
    InputValueError
    """
    gradients = [cast(Tensor, tensor.grad) for _, tensors in named for tensor in tensors]
    norms = [norm.to(gradients[0].device) for norm in torch._foreach_norm(gradients)]
    if bool(torch.stack(norms).isfinite().all()):
        return
    for name, tensors in named:
        for role, tensor in zip(
            ("mu", "sigma") if len(tensors) == 2 else ("",), tensors, strict=True
        ):
            n_bad = int((~cast(Tensor, tensor.grad).isfinite()).sum())
            if n_bad:
                what = f"{name}, gradient of {role}" if role else f"{name}, gradient"
                raise InputValueError(
                    f"{what}: {n_bad} of {tensor.numel()} values are NaN or infinite, nothing was "
                    "changed; is there NaN in the input, or did the network diverge (try a "
                    "smaller step or clamp_grad)?"
                )


def require(ok: bool, name: str, value: object, expected: str) -> None:
    """Raise a ConfigError that says what was expected of a hyperparameter.

    Raises
    ------
    ConfigError
        Unless `ok`.
    """
    if not ok:
        raise ConfigError(f"{name}={value!r}: expected {expected}")
