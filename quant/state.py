"""The state: exactly what must survive a power cut, as one block of bytes.

A state is a NumPy structured array of one element whose bytes are the C struct ``sl_state_t``;
fields are views into it. docs/state-format.md has every byte.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from quant import factored_state, metaplastic_state
from quant.errors import ConfigError, ShapeError
from quant.hyperparameters import is_whole
from quant.layout import Field, Layout
from quant.metaplastic_config import MetaplasticConfig
from quant.noise import SAMPLE_INIT, STREAM_INIT, sample_key, words
from quant.plan import make_plan
from quant.spec import Config, MesuConfig, NetworkSpec

Arithmetic = Literal["float64", "float32", "q16", "q8"]
#: What MESU is computed in.
ARITHMETICS: tuple[Arithmetic, ...] = ("float64", "float32", "q16")
ARITHMETICS_OF: dict[str, tuple[Arithmetic, ...]] = {
    "mesu": ARITHMETICS,
    "metaplastic": ("float64", "q8"),
}
State = npt.NDArray[Any]

EXPONENT_START = metaplastic_state.EXPONENT_START


def layout_of(spec: NetworkSpec, arithmetic: Arithmetic) -> Layout:
    """Return the layout of the state: what learner, front end, head and rule keep."""
    header = [
        Field("n_samples", "<u4", "samples learned, modulo 2^32: the noise's counter"),
        Field("seed", "<u4", "of the noise"),
        Field("front_end_count", "<u4", "samples in the statistics, up to the window"),
    ]
    if spec.rule == "metaplastic":
        own = metaplastic_state.fields(spec, arithmetic)
    elif spec.variance == "factored":
        own = factored_state.fields(spec, arithmetic)
    else:
        n = (spec.n_synapses,)
        if arithmetic == "q16":
            own = [
                Field("mu", "<i2", "Q(15-f).f, f per layer", n),
                Field("rho", "<u2", "sigma^2 as 5 bits of exponent and 11 of mantissa", n),
            ]
        else:
            real = REAL[arithmetic]
            own = [
                Field("mu", real, "mean of a weight", n),
                Field("sigma", real, "standard deviation of a weight", n),
            ]
    words = [f for f in own if f.item_bytes == 4 and not f.shape]
    rest = [f for f in own if f not in words]
    fields = [*_head_fields(spec, arithmetic), *words, *_front_end_fields(spec, arithmetic), *rest]
    return Layout.of(header, fields)


REAL = {"float32": "<f4", "float64": "<f8"}


def _front_end_fields(spec: NetworkSpec, arithmetic: str) -> list[Field]:
    if spec.front_end != "standardise":
        return []
    n = (spec.n_features,)
    if arithmetic in REAL:
        real = REAL[arithmetic]
        return [
            Field("mean", real, "running mean of a feature", n),
            Field("variance", real, "running variance of a feature", n),
        ]
    return [
        Field("mean", "<i4", "in units of 2^-exponent", n),
        Field("variance", "<u4", "in units of 2^-(2 exponent), below 2^28", n),
        Field("exponent", "<i2", "binary exponent of a feature's statistics", n),
    ]


def _head_fields(spec: NetworkSpec, arithmetic: str) -> list[Field]:
    if spec.likelihood != "gaussian":
        return []
    count = Field("target_count", "<u4", "samples in the target's statistics, up to their window")
    if arithmetic in REAL:
        real = REAL[arithmetic]
        return [
            count,
            Field("target_mean", real, "running mean of the target"),
            Field("target_variance", real, "running variance of the target"),
        ]
    return [
        count,
        Field("target_mean", "<i4", "in units of 2^-target_exponent"),
        Field("target_variance", "<u4", "in units of 2^-(2 target_exponent), below 2^28"),
        Field("target_exponent", "<i4", "binary exponent of the target's statistics"),
    ]


def state_dtype(spec: NetworkSpec, arithmetic: Arithmetic) -> np.dtype[Any]:
    """Return the layout of the state as a NumPy type: little endian."""
    return layout_of(spec, arithmetic).dtype


def check_arithmetic(spec: NetworkSpec, arithmetic: str) -> None:
    """Refuse an arithmetic that the network's rule is not computed in.

    Raises
    ------
    ConfigError
        Always, then.
    """
    known = ARITHMETICS_OF[spec.rule]
    if arithmetic not in known:
        raise ConfigError(f"arithmetic={arithmetic!r}: expected one of {', '.join(known)}")


def init_state(spec: NetworkSpec, config: Config, arithmetic: Arithmetic, seed: int = 0) -> State:
    """Return the state before the first sample: the same draws in every arithmetic.

    Raises
    ------
    ConfigError
        If the seed is no whole number from 0 to 2^32 - 1, the arithmetic is unknown, or fixed point
        cannot hold the configuration.
    """
    check_arithmetic(spec, arithmetic)
    if not is_whole(seed) or not 0 <= seed <= 0xFFFFFFFF:
        raise ConfigError(f"seed={seed!r}: expected 0 to {0xFFFFFFFF}, a whole number")
    state = np.zeros(1, state_dtype(spec, arithmetic))
    state["seed"] = seed
    if spec.rule == "metaplastic":
        metaplastic_state.start(spec, cast(MetaplasticConfig, config), arithmetic, state)
        return state
    config = cast(MesuConfig, config)
    if spec.variance == "factored":
        factored_state.start(spec, config, arithmetic, state)
        return state
    key = sample_key(seed, SAMPLE_INIT)
    plan = make_plan(spec, config) if arithmetic == "q16" else None
    for layer, fan_in in enumerate(spec.layers[:-1]):
        uniform = words(key, STREAM_INIT + layer, fan_in * spec.shapes[layer][1])
        mu = layer_view(spec, state, "mu", layer)
        weights = mu[:fan_in]
        if plan is not None:
            limit = plan.layers[layer].mu_limit_q
            weights[:] = ((uniform.astype(np.int64) * (2 * limit + 1) >> 32) - limit).reshape(
                weights.shape
            )
            layer_view(spec, state, "rho", layer)[:] = plan.layers[layer].rho_init_q
        else:
            weights[:] = ((uniform / 2.0**31 - 1) * config.mu_limit_of(fan_in)).reshape(
                weights.shape
            )
            layer_view(spec, state, "sigma", layer)[:] = config.sigma_init_of(fan_in)
    if plan is not None and spec.front_end == "standardise":
        state["exponent"] = EXPONENT_START
    if plan is not None and spec.likelihood == "gaussian":
        state["target_exponent"] = EXPONENT_START
    return state


def layer_view(spec: NetworkSpec, state: State, field: str, layer: int) -> npt.NDArray[Any]:
    """Return the ``[rows, columns]`` view of one layer's ``mu``, ``sigma`` or ``rho``."""
    start = sum(rows * columns for rows, columns in spec.shapes[:layer])
    rows, columns = spec.shapes[layer]
    view: npt.NDArray[Any] = state[field][0, start : start + rows * columns]
    return view.reshape(rows, columns)


def state_to_bytes(state: State) -> bytes:
    """Return the bytes of the state, as they lie in a device's memory."""
    return state.tobytes()


def state_from_bytes(spec: NetworkSpec, arithmetic: Arithmetic, data: bytes) -> State:
    """Invert :func:`state_to_bytes`.

    Raises
    ------
    ShapeError
        If the number of bytes is not that of the layout, or the state is of other gates.
    """
    dtype = state_dtype(spec, arithmetic)
    if len(data) != dtype.itemsize:
        raise ShapeError(
            f"state of {len(data)} bytes: a {spec} network in {arithmetic} has "
            f"{dtype.itemsize} bytes; was it written for another network?"
        )
    state: State = np.frombuffer(data, dtype).copy()
    if spec.rule == "metaplastic":
        metaplastic_state.check_gates(spec, state)
    return state


def state_sha256(state: State) -> str:
    """Return the SHA-256 of the state's bytes, in hexadecimal."""
    return hashlib.sha256(state_to_bytes(state)).hexdigest()
