"""The Gaussian head: two outputs, mean and log-variance of one number."""

from __future__ import annotations

import numpy as np

from quant.errors import ConfigError
from quant.front_end import EXPONENT_LEAST, EXPONENT_START, STATISTICS_END, WINDOW_MAX
from quant.heads.gaussian import golden
from quant.heads.head import Head
from quant.layout import REAL, Field


def _check(layers: tuple[int, ...]) -> None:
    if layers[-1] != 1:
        raise ConfigError(
            f"layers={layers}: a Gaussian head has one target, and the last size must be 1, got "
            f"{layers[-1]}; use one learner per target"
        )


def _fields(numbers: str, last: int) -> list[Field]:
    del last
    count = Field(
        "target_count",
        "<u4",
        "samples in the target's statistics, up to their window",
        most=WINDOW_MAX,
    )
    if numbers in REAL:
        real = REAL[numbers]
        return [
            count,
            Field("target_mean", real, "running mean of the target"),
            Field("target_variance", real, "running variance of the target", least=0),
        ]
    top = STATISTICS_END - 1
    return [
        count,
        Field(
            "target_mean", "<i4", "running mean, in units of 2^-target_exponent", (), 0, -top, top
        ),
        Field("target_mean_low", "<u4", "16 more fraction bits of it", most=0xFFFF),
        Field("target_variance", "<u4", "in units of 2^-(2 target_exponent), below 2^28", most=top),
        Field(
            "target_exponent",
            "<i4",
            "of the target's statistics",
            (),
            EXPONENT_START,
            EXPONENT_LEAST,
            EXPONENT_START,
        ),
    ]


GAUSSIAN = Head(
    name="gaussian",
    target="number",
    check=_check,
    n_classes=lambda last: 0,
    n_outputs=lambda last: 2 * last,
    gradient_shift=4,
    fields=_fields,
    parameters=("target_window",),
    target_dtype=np.float32,
    prediction_words=3,
    result=lambda prediction: prediction,
    verbs=golden,
)
