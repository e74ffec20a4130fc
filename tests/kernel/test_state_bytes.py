"""Any byte of a state may be another: both engines refuse it, or both learn the same from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quant.errors import StreamlearnError
from quant.rule import RULES
from streamlearn.learners.loading import learner_class

LAYERS = (3, 5, 3)
ROWS = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)


def integer_rules() -> list[tuple[str, str]]:
    return [
        (name, arithmetic)
        for name, rule in RULES.items()
        for arithmetic, kind in rule.arithmetics.items()
        if kind.golden is not None and kind.kernel is not None and "categorical" in rule.heads
    ]


def learned(kind: Any, arithmetic: str, state: Any, backend: str) -> bytes | None:
    """Return the state after some samples; None if it was refused."""
    learner = kind(LAYERS, classes=range(3), arithmetic=arithmetic, backend=backend)
    try:
        learner.state = state
    except StreamlearnError:
        return None
    for k, row in enumerate(ROWS):
        learner.learn_one(row, k)
    found: bytes = learner.state.tobytes()
    return found


@pytest.mark.parametrize(("rule", "arithmetic"), integer_rules())
def test_a_state_with_another_byte_is_refused_by_both_or_learned_alike(
    rule: str, arithmetic: str
) -> None:
    kind = learner_class(rule, "categorical")
    fresh = kind(LAYERS, classes=range(3), arithmetic=arithmetic).state
    dtype, whole, taken = fresh.dtype, fresh.tobytes(), 0
    for name in dtype.names:
        field, offset = dtype.fields[name][:2]
        few = max(field.itemsize // 12, 1)  # all bytes of the front end, some of the weights
        for at in range(offset, offset + field.itemsize, few):
            for value in (1, 255):
                damaged = bytearray(whole)
                damaged[at] = value
                state = np.frombuffer(bytes(damaged), dtype).copy()
                by_c, golden = (learned(kind, arithmetic, state, b) for b in ("c", "numpy"))
                assert by_c == golden, f"{name}, byte {at - offset} = {value}"
                taken += golden is not None
    assert taken > 20
