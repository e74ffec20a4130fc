"""A backbone in NumPy, the specification; the C beside it and the ONNX graph have the same bits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant.backbone import Backbone, CodeFormat, Codes, MaxPool, Weighted
from quant.errors import InputValueError, ShapeError

#: Samples that are computed side by side.
_BLOCK = 256


def codes_of(x: npt.ArrayLike, given: CodeFormat) -> Codes:
    """Round float32 values half to even, and clip.

    Raises
    ------
    InputValueError
        If a value is no number, NaN, or infinite in float32.
    """
    values = raw_values(x)
    if not np.isfinite(values).all():
        raise InputValueError("x holds NaN or infinity: expected finite numbers")
    scaled = np.rint(values.astype(np.float64) * 2.0**given.frac_bits)
    codes: Codes = np.clip(scaled, given.least, given.most).astype(np.int64)
    return codes


def raw_values(x: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return numbers as float32; what is too large there becomes infinite.

    Raises
    ------
    InputValueError, ShapeError
        If they are none, or rows differ in length.
    """
    try:
        values = np.asarray(x)
    except ValueError:
        raise ShapeError("x has rows of different lengths: expected [n, inputs]") from None
    try:
        if values.dtype.kind not in "fiubO":
            raise TypeError(f"{values.dtype} values")
        with np.errstate(over="ignore"):
            return values.astype(np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputValueError(f"x holds what is no real number: {error}") from None


def shift_half_even(sums: Codes, shift: int) -> Codes:
    """Return ``sums · 2^-shift``, rounded half to even."""
    if shift <= 0:
        return sums << -shift
    floor = sums >> shift
    rest, half = sums - (floor << shift), 1 << shift - 1
    up = (rest > half) | ((rest == half) & (floor & 1 == 1))
    rounded: Codes = floor + up
    return rounded


def feature_codes(backbone: Backbone, x: npt.ArrayLike) -> Codes:
    """Return the integers that a backbone makes of raw values.

    Parameters
    ----------
    backbone : Backbone
    x : float32[n, n_inputs]
        Finite; of images, channel by channel, row by row.

    Returns
    -------
    int64[n, n_features]

    Raises
    ------
    ShapeError, InputValueError
        If ``x`` has another shape, or a value is not finite.
    """
    rows = raw_values(x)
    if rows.ndim != 2 or rows.shape[1] != backbone.n_inputs:
        raise ShapeError(f"x is {list(rows.shape)}: expected [n, {backbone.n_inputs}], raw values")
    parts = [_block(backbone, rows[i : i + _BLOCK]) for i in range(0, len(rows), _BLOCK)]
    return np.concatenate(parts) if parts else np.zeros((0, backbone.n_features), np.int64)


def features(backbone: Backbone, x: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return the same as numbers, exactly: what a learner behind the backbone takes."""
    return (feature_codes(backbone, x) * backbone.formats[-1].scale).astype(np.float32)


def _block(backbone: Backbone, x: npt.NDArray[np.float32]) -> Codes:
    codes = codes_of(x, backbone.given).reshape(len(x), *backbone.input_shape)
    for layer, given in zip(backbone.layers, backbone.formats, strict=False):
        if isinstance(layer, MaxPool):
            windows = np.lib.stride_tricks.sliding_window_view(codes, (layer.size,) * 2, (2, 3))
            codes = windows[:, :, :: layer.stride, :: layer.stride].max(axis=(4, 5))
        else:
            shift = given.frac_bits + layer.weight_format.frac_bits - layer.out.frac_bits
            codes = np.clip(shift_half_even(sums_of(layer, codes), shift), 0, layer.out.most)
    return codes.reshape(len(x), -1)


def sums_of(layer: Weighted, codes: Codes) -> Codes:
    """Return a layer's sums, bias included: int64[n, outputs] or int64[n, outputs, rows, columns].

    In float32, where BLAS is: every product and every sum is a whole number below 2^24, so exact.
    """
    weight = layer.weight.reshape(len(layer.weight), -1).T.astype(np.float32)
    if not layer.is_conv:
        sums = codes.reshape(len(codes), -1).astype(np.float32) @ weight
        dense: Codes = sums.astype(np.int64) + layer.bias
        return dense
    edge = (layer.padding, layer.padding)
    padded = np.pad(codes, ((0, 0), (0, 0), edge, edge)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(padded, layer.weight.shape[2:], (2, 3))
    windows = windows[:, :, :: layer.stride, :: layer.stride].transpose(0, 2, 3, 1, 4, 5)
    sums = windows.reshape(*windows.shape[:3], -1) @ weight
    found: Codes = (sums.astype(np.int64) + layer.bias).transpose(0, 3, 1, 2)
    return found
