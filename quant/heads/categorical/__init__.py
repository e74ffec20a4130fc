"""The categorical head: one output per class, the logits of a softmax."""

from __future__ import annotations

import numpy as np

from quant.errors import ConfigError
from quant.heads.categorical import golden, taught
from quant.heads.head import Head


def _check(layers: tuple[int, ...]) -> None:
    if layers[-1] < 2:
        raise ConfigError(
            f"layers={layers}: the last size is the number of classes and must be at least 2, "
            f"got {layers[-1]}"
        )


CATEGORICAL = Head(
    name="categorical",
    target="class",
    check=_check,
    n_classes=lambda last: last,
    n_outputs=lambda last: last,
    gradient_shift=0,
    fields=lambda numbers, last: [taught.field(last)],
    parameters=(),
    target_dtype=np.uint32,
    prediction_words=0,
    result=lambda prediction: prediction.class_index,
    verbs=golden,
    check_state=taught.check_state,
)
