"""The toy rule's numbers: int16 weights, the golden model, and what C is given of it."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from quant.c_text import Constants, RuleKernel
from quant.layout import Field
from quant.network import layer_view
from quant.noise import SAMPLE_INIT, STREAM_INIT, sample_key, words
from quant.rule import Arithmetic, Model, Rule


@dataclass(frozen=True)
class ToyConfig:
    rule: ClassVar[str] = "toy"
    front_end_window: int = 300


@dataclass
class Forward:
    inputs: list[Any]
    outputs: Any


def fields(dtype: str, spec: Any, config: Any) -> list[Field]:
    return [Field("weight", dtype, "whole or real, within ±4095", (spec.n_synapses,))]


def init(spec: Any, config: Any, state: Any) -> None:
    key = sample_key(int(state["seed"][0]), SAMPLE_INIT)
    for layer, shape in enumerate(spec.shapes):
        drawn = words(key, STREAM_INIT + layer, shape[0] * shape[1]).reshape(shape)
        layer_view(spec, state, "weight", layer)[:] = (drawn >> 25).astype(np.int64) - 64


def forward(spec: Any, plan: Any, state: Any, x: Any, count: Any) -> Forward:
    inputs = []
    for layer in range(len(spec.shapes)):
        inputs.append(np.append(x, x.dtype.type(16)) if spec.bias else x)
        a = inputs[-1] @ layer_view(spec, state, "weight", layer).astype(x.dtype)
        x = np.clip(a // 64, 0, 1023)
    return Forward(inputs, a[:, None])


def update(spec: Any, plan: Any, state: Any, done: Forward, target: int, count: Any) -> None:
    best, step = int(np.argmax(done.outputs)), done.inputs[-1] // 4
    w = layer_view(spec, state, "weight", len(spec.shapes) - 1)
    for column, sign in ((target, 1), (best, -1)) if best != target else ():
        moved = w[:, column] + sign * step
        w[:, column] = np.clip(moved, -4095, 4095)
        count.mu += int(np.count_nonzero(np.abs(moved) > 4095))
    state["n_samples"] = (int(state["n_samples"][0]) + 1) & 0xFFFFFFFF


def constants(spec: Any, config: Any, arithmetic: str) -> Constants:
    starts = np.cumsum([0, *(rows * columns for rows, columns in spec.shapes)])
    layers = [[*shape, start] for shape, start in zip(spec.shapes, starts, strict=False)]
    return Constants({"SL_TOY_WIDEST": max(spec.layers) + 1, "SL_N_DRAWS": 1}, layers)


MODEL = Model(lambda spec, config: None, forward, update)
KERNEL = RuleKernel(Path(__file__).parent / "kernel", constants)
Q16 = Arithmetic("integer", partial(fields, "<i2"), init, MODEL, KERNEL, noisy=False)
FLOAT64 = Arithmetic("float64", partial(fields, "<f8"), init, noisy=False)
RULE = Rule(
    "toy", ToyConfig, ("categorical",), {"q16": Q16, "float64": FLOAT64},
    lambda spec, config: None, "weight",
)  # fmt: skip
