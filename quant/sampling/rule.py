"""What both MESU rules are computed in: the same three arithmetics, with parts of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

from quant.c_text import RuleKernel
from quant.layout import State
from quant.network import NetworkSpec
from quant.rule import Arithmetic, Model

HEADS = ("categorical", "gaussian")
#: The defaults' step is adaptive.
VARIANTS = {"fixed step": {"step": "fixed"}}


def arithmetics(
    state: ModuleType,
    golden: ModuleType,
    plan: Callable[..., Any],
    kernel: RuleKernel,
    check_state: Callable[[NetworkSpec, Any, State], None] | None = None,
) -> Mapping[str, Arithmetic]:
    """Return q16, float32 and float64 of a rule, from its modules and its kernel.

    Parameters
    ----------
    state : module
        Has ``integer_fields``, ``integer_init``, ``real_fields`` and ``real_init``;
        ``integer_ranges``, if fields of q16 have ranges; and ``integer_starts``, if a board can
        make the state from its seed.
    golden : module
        Has ``forward``, ``update`` and ``mean``.
    plan : callable
        Makes the constants of the golden model.
    kernel : RuleKernel
    check_state : callable, optional
        Refuses a state in q16 that is outside of its formats.
    """

    return {
        "q16": Arithmetic(
            numbers="integer",
            fields=state.integer_fields,
            init=state.integer_init,
            golden=Model(plan, golden.forward, golden.update, mean=golden.mean),
            kernel=kernel,
            check_state=check_state,
            ranges=getattr(state, "integer_ranges", None),
            starts=getattr(state, "integer_starts", None),
        ),
        "float32": Arithmetic(
            numbers="float32",
            fields=partial(state.real_fields, "float32"),
            init=state.real_init,
            kernel=kernel,
        ),
        "float64": Arithmetic(
            numbers="float64", fields=partial(state.real_fields, "float64"), init=state.real_init
        ),
    }
