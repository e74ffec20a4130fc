"""The toy rule's learner. Its equations are the golden model's, in real units of 1/16."""

from dataclasses import replace
from typing import Any

from streamlearn.learners.classifier import StreamClassifier
from toy_rule.quant import MODEL

EQUATIONS = replace(MODEL, forward=lambda s, p, st, z, n: MODEL.forward(s, p, st, 16 * z, n))


class ToyClassifier(StreamClassifier):
    _rule = "toy"

    def __init__(self, layers: Any, *, classes: Any = None, arithmetic: str = "q16", seed: int = 0,
                 bias: bool = True, front_end: str = "standardise", features: Any = None,
                 backend: Any = None, front_end_window: int = 300, memory: str | None = None,
                 memory_features: int = 64, memory_bytes: int | None = None,
                 replay_bytes: int = 0, replays: int = 1) -> None:  # fmt: skip
        self._build(locals())


LEARNERS = {"categorical": ToyClassifier}
