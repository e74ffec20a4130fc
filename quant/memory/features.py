"""What the memory sees of a sample: a scale that is fixed early, and random features in integers.

The scale is found from the first samples and then stays, since statistics that follow the sensor
standardise each class by itself if classes come one after another. Sums of the random features are
whole numbers, so that their order does not matter. C counterpart: ``sl_memory_features.c``.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from quant import memory, noise
from quant.layout import State
from quant.memory.real import F, Real, clamp, inverse_root
from quant.network import NetworkSpec

#: Samples in the scale.
SCALE_SAMPLES = 100
#: A deviation counts as no more than this many of those before it.
OUTLIER = 5.0
#: A deviation is at least the centre's magnitude times 2^-12: a sensor that was stuck.
RELATIVE_FLOOR = 2.0**-12
VARIANCE_MIN = 1e-36
RAW_MAX = 1e18

#: z is Q7.8 as an input of the memory itself, and within ±8 as one of the random features.
Z_ONE = 256
Z_MAX, Z_MAX_RANDOM = 32767, 2047
#: Weights of random features are the odd numbers -15 to 15: their root mean square is sqrt(85).
WEIGHT_BITS, WEIGHT_MAX = 4, 15

STREAM_WEIGHT, STREAM_BIAS, STREAM_DITHER = 112, 113, 114

Int64 = npt.NDArray[np.int64]


def bias_gain(n_features: int) -> int:
    """Return what a random feature's bias, four summed bytes, is multiplied by; then >> 8.

    Its deviation becomes half that of the sum of standardised inputs.
    """
    return round(0.5 * Z_ONE * math.sqrt(85 * n_features) / 147.8 * 256)


def feature_unit(n_features: int) -> Any:
    """Return the real number of one unit of a random feature's sum."""
    return F(1 / (Z_ONE * math.sqrt(85 * n_features)))


@functools.lru_cache(maxsize=8)
def random_weights(seed: int, n_random: int, n_features: int) -> tuple[Int64, Int64]:
    """Return weights ``int64[n_random, n_features]`` and biases ``int64[n_random]``: a hash."""
    key = noise.sample_key(seed, noise.SAMPLE_INIT)
    in_word = 32 // WEIGHT_BITS
    per_row = -(-n_features // in_word)
    words = noise.words(key, STREAM_WEIGHT, n_random * per_row).reshape(n_random, per_row, 1)
    nibbles = words >> (WEIGHT_BITS * np.arange(in_word, dtype=np.uint32)) & np.uint32(15)
    weights = 2 * nibbles.reshape(n_random, -1)[:, :n_features].astype(np.int64) - WEIGHT_MAX
    packed = noise.words(key, STREAM_BIAS, n_random)[:, None]
    octets = (packed >> np.array([0, 8, 16, 24], np.uint32) & np.uint32(255)).astype(np.int64)
    return weights, (octets.sum(axis=1) - 510) * bias_gain(n_features) >> 8


def scaled(spec: NetworkSpec, state: State, x: npt.NDArray[Any]) -> Int64:
    """Return z of a raw sample in Q7.8, ``int64[n_features]``, within ±Z_MAX.

    The statistics are those before the sample. Before three samples z is 0.
    """
    x = _raw(x)
    if spec.front_end == "none":
        return _quantised(clamp(x, -Z_MAX_RANDOM / Z_ONE, Z_MAX_RANDOM / Z_ONE))
    count, held = int(state["memory_scaled"][0]), state["memory_scale"][0]
    if count < 3:
        return np.zeros(spec.n_features, np.int64)
    inverse = held if count == SCALE_SAMPLES else fixed_scale(state["memory_centre"][0], held)
    deviation = x - state["memory_centre"][0]
    z = clamp(deviation * inverse, -Z_MAX / Z_ONE, Z_MAX / Z_ONE)
    if count == SCALE_SAMPLES:
        z = np.where(inverse == 0, np.sign(deviation), z)
    return _quantised(z.astype(np.float32))


def _raw(x: npt.NDArray[Any]) -> Real:
    """Within what a square can hold; -0 becomes 0."""
    found: Real = clamp(np.asarray(x, np.float32), -RAW_MAX, RAW_MAX) + F(0)
    return found


def _quantised(z: Real) -> Int64:
    found: Int64 = np.floor(z * F(Z_ONE) + F(0.5)).astype(np.int64)
    return found


def fixed_scale(centre: Real, variance: Real) -> Real:
    """Return 1/deviation, 0 where a feature never moved."""
    floor = np.abs(centre) * F(RELATIVE_FLOOR)
    held = np.maximum(np.maximum(variance, floor * floor), F(VARIANCE_MIN))
    found: Real = np.where(variance > 0, inverse_root(held), F(0)).astype(np.float32)
    return found


def learn_scale(state: State, x: npt.NDArray[Any]) -> None:
    """Let one sample into the scale; after the last one it is fixed.

    The first two are kept, and the third decides: centre is the median of three, and the nearer
    neighbour's distance the deviation, so that one bad sample among them does no harm. A feature
    that never moved gets its scale when it does.
    """
    x = _raw(x)
    centre, scale = state["memory_centre"][0], state["memory_scale"][0]
    if int(state["memory_scaled"][0]) == SCALE_SAMPLES:
        moved = (scale == 0) & (x != centre)
        distance = np.maximum(np.abs(x - centre), F(1e-18))
        scale[moved] = (F(1) / distance)[moved]
        return
    count = int(state["memory_scaled"][0]) + 1
    state["memory_scaled"] = count
    if count == 1:
        centre[:] = x
    elif count == 2:
        scale[:] = x
    elif count == 3:
        low, middle, high = np.sort(np.stack([centre, scale, x]), axis=0)
        nearer = np.minimum(middle - low, high - middle)
        centre[:], scale[:] = middle, nearer * nearer
    else:
        deviation, rate = x - centre, F(1) / F(count)
        root = scale * inverse_root(np.maximum(scale, F(VARIANCE_MIN)))
        limit = F(OUTLIER) * root
        kept = np.minimum(np.maximum(deviation, -limit), limit)
        kept = np.where(scale > 0, kept, deviation)
        centre += kept * rate
        scale += (kept * kept - scale) * rate
        if count == SCALE_SAMPLES:
            scale[:] = fixed_scale(centre, scale)


def columns_of(spec: NetworkSpec, state: State, x: npt.NDArray[Any]) -> Real:
    """Return the memory's columns of a raw sample, ``float32[columns]``."""
    n_inputs, n_random = memory.columns(spec)
    z = scaled(spec, state, x)
    inputs: Real = z[:n_inputs].astype(np.float32) * F(1 / Z_ONE)
    if not n_random:
        return inputs
    weights, bias = random_weights(int(state["seed"][0]), n_random, spec.n_features)
    sums = weights @ np.clip(z, -Z_MAX_RANDOM, Z_MAX_RANDOM) + bias
    random = np.maximum(sums, 0).astype(np.float32) * feature_unit(spec.n_features)
    columns: Real = np.concatenate([inputs, random])
    return columns
