"""Whether a learner can reach a state: what is asked of every state that comes from outside."""

from __future__ import annotations

import numpy as np

from quant import front_end, replay
from quant.errors import ShapeError
from quant.heads import HEADS
from quant.layout import Field, Layout, State
from quant.network import NetworkSpec


def check_numbers(spec: NetworkSpec, layout: Layout, state: State) -> None:
    """Refuse a state with a number that no learner comes to, whatever its rule.

    A rule has more to say in its own ``check_state`` (:class:`quant.rule.Arithmetic`).

    Parameters
    ----------
    spec : NetworkSpec
    layout : Layout
    state : State

    Raises
    ------
    ShapeError
        If a number is outside of its field's range, a class was taught that the network does not
        have, or a reservoir counts more than it holds.
    """
    for field in layout:
        _check_field(field, state)
    front_end.check_state(state)
    replay.check_state(state)
    check = HEADS[spec.head].check_state
    if check is not None:
        check(state, spec.layers[-1])


def check_finite(state: State) -> None:
    """Refuse the state of a learner in floats that has diverged.

    Raises
    ------
    ShapeError
        If a number is NaN or infinite.
    """
    for name in state.dtype.names or ():
        values = state[name]
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ShapeError(
                f"state whose {name} is not finite: the learner has diverged, or the state is "
                "damaged; go back to an earlier one"
            )


def _check_field(field: Field, state: State) -> None:
    values = state[field.name]
    if not values.size:  # what only hidden units have
        return
    low, high = values.min(), values.max()
    least, most = field.least, field.most
    if (least is not None and low < least) or (most is not None and high > most):
        expected = [
            f"{word} {limit}"
            for word, limit in (("at least", least), ("at most", most))
            if limit is not None
        ]
        raise ShapeError(
            f"state with {field.name} from {low} to {high}: expected {' and '.join(expected)}; "
            "was it written for another network, or damaged?"
        )
