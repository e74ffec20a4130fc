"""A backbone: a frozen network in integers that makes a learner's features of raw values.

Scales are powers of two, one per tensor: a number is ``code · 2^-frac_bits``. A layer sums int8
weights times codes in 32 bits, adds its bias, rounds half to even to the format of its output, and
cuts off below 0. Every sum is below 2^24, so that float32 holds it too: the same network in PyTorch
and ONNX Runtime has the same bits, in whatever order they add.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from quant.backbone.code_format import CodeFormat, whole_number
from quant.errors import ConfigError, ShapeError

__all__ = ["SUM_END", "Backbone", "CodeFormat", "Codes", "Layer", "MaxPool", "Weighted"]

Codes = npt.NDArray[np.int64]
#: What float32 counts without a gap, and what every sum is below.
SUM_END = 1 << 24
#: By how much a sum may have fewer fraction bits than its output: it stays within 32 bits.
LEFT_MAX = 6
_SIZE_MAX, _INPUTS_MAX = 1 << 20, 16382


@dataclass(frozen=True, eq=False)
class Weighted:
    """A convolution or a dense layer, with ReLU behind it.

    Attributes
    ----------
    weight : int8[outputs, channels, rows, columns], or int8[outputs, inputs]
        Of a dense layer the inputs are in the order of channels, rows and columns.
    weight_format : CodeFormat
        Signed, in its narrow range: without the least code, whose negative there is none of.
    bias : int32[outputs]
        In the format of the sum, whose fraction bits are those of input and weight together.
    out : CodeFormat
        Without a sign: ReLU is part of the layer.
    stride, padding : int
        Of a convolution, the same in both directions; zeros are padded.
    """

    weight: npt.NDArray[np.int8]
    weight_format: CodeFormat
    bias: npt.NDArray[np.int32]
    out: CodeFormat
    stride: int = 1
    padding: int = 0

    def __post_init__(self) -> None:
        for name, kind in (
            ("weight", np.ndarray), ("weight_format", CodeFormat), ("bias", np.ndarray),
            ("out", CodeFormat),
        ):  # fmt: skip
            if not isinstance(getattr(self, name), kind):
                raise ConfigError(
                    f"{name} is a {type(getattr(self, name)).__name__}: expected a {kind.__name__}"
                )

    @property
    def is_conv(self) -> bool:
        """Whether it is a convolution."""
        return self.weight.ndim == 4

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the output, of an input's.

        Raises
        ------
        ShapeError
            If the weights do not fit the input.
        """
        outputs = self.weight.shape[0]
        if not self.is_conv:
            if self.weight.shape[1] != math.prod(shape):
                raise ShapeError(
                    f"a dense layer of {self.weight.shape[1]} inputs behind {list(shape)}: "
                    f"expected {math.prod(shape)} inputs"
                )
            return (outputs,)
        if len(shape) != 3 or shape[0] != self.weight.shape[1]:
            raise ShapeError(
                f"a convolution of {self.weight.shape[1]} channels behind {list(shape)}: expected "
                "an input of [channels, rows, columns] with as many channels"
            )
        return (outputs, *_places(shape, self.weight.shape[2:], self.stride, self.padding))

    def check(self, at: int, given: CodeFormat) -> None:
        """Refuse what does not fit together, or whose sums might be too large.

        Raises
        ------
        ConfigError
            With the layer's number.
        """
        name, weight, bias = f"layer {at}", self.weight, self.bias
        if weight.dtype != np.int8 or weight.ndim not in (2, 4) or not weight.size:
            raise ConfigError(
                f"{name}: weights are {weight.dtype}{list(weight.shape)}: expected int8, two axes "
                "of a dense layer or four of a convolution"
            )
        if bias.dtype != np.int32 or bias.shape != weight.shape[:1]:
            raise ConfigError(
                f"{name}: bias is {bias.dtype}{list(bias.shape)}: expected int32"
                f"[{weight.shape[0]}], one per output"
            )
        most = self.weight_format.most
        if not self.weight_format.signed or weight.min() < -most or weight.max() > most:
            raise ConfigError(
                f"{name}: weights lie in {weight.min()}..{weight.max()}: expected {-most}..{most}, "
                "the narrow range of a signed format"
            )
        if self.out.signed:
            raise ConfigError(f"{name}: the output has a sign: expected none, behind a ReLU")
        whole_number(f"{name}: stride", self.stride, 1, 255)
        whole_number(f"{name}: padding", self.padding, 0, 255)
        shift = given.frac_bits + self.weight_format.frac_bits - self.out.frac_bits
        if not -LEFT_MAX <= shift <= 31:
            raise ConfigError(
                f"{name}: the output has {-shift} fraction bits more than the sum: expected at "
                f"most {LEFT_MAX} more and 31 fewer"
            )
        largest = max(-given.least, given.most)
        sums = np.abs(weight.astype(np.int64)).reshape(len(weight), -1).sum(axis=1) * largest
        worst = int((sums + np.abs(bias.astype(np.int64))).max())
        if worst >= SUM_END:
            raise ConfigError(
                f"{name}: a sum may reach {worst:,}, and float32 counts without a gap to "
                f"{SUM_END:,}: take fewer weight bits, fewer inputs or smaller biases"
            )


@dataclass(frozen=True)
class MaxPool:
    """The largest code of each window; its format is that of its input."""

    size: int
    stride: int

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the output, of an input's.

        Raises
        ------
        ShapeError
            If the input has no rows and columns, or fewer than the window.
        """
        if len(shape) != 3:
            raise ShapeError(f"max pooling behind {list(shape)}: expected channels, rows, columns")
        return (shape[0], *_places(shape, (self.size, self.size), self.stride, 0))

    def check(self, at: int, given: CodeFormat) -> None:
        """Refuse a window or a stride that is out of range."""
        del given
        whole_number(f"layer {at}: size", self.size, 1, 255)
        whole_number(f"layer {at}: stride", self.stride, 1, 255)


Layer = Weighted | MaxPool


@dataclass(frozen=True, eq=False)
class Backbone:
    """A frozen network in integers.

    Parameters
    ----------
    input_shape : tuple of int
        ``(channels, rows, columns)``, or ``(features,)``.
    given : CodeFormat
        Of the input's codes.
    layers : sequence of Weighted and MaxPool

    Raises
    ------
    ConfigError, ShapeError
        If the layers do not fit together, or a sum may reach 2^24.
    """

    input_shape: tuple[int, ...]
    given: CodeFormat
    layers: tuple[Layer, ...] = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        shape = tuple(self.input_shape)
        whole = all(type(n) is int and n > 0 for n in shape)
        if len(shape) not in (1, 3) or not whole:
            raise ShapeError(
                f"input_shape={self.input_shape}: expected (channels, rows, columns) or (features,)"
            )
        object.__setattr__(self, "input_shape", shape)
        for at, layer in enumerate(self.layers):
            if not isinstance(layer, Weighted | MaxPool):
                raise ConfigError(f"layer {at} is {layer!r}: expected a Weighted or a MaxPool")
        if not isinstance(self.given, CodeFormat):
            raise ConfigError(f"given={self.given!r}: expected the CodeFormat of the input")
        if not any(isinstance(layer, Weighted) for layer in self.layers):
            raise ConfigError("a backbone without a layer of weights: expected one or more")
        for at, (layer, given) in enumerate(zip(self.layers, self.formats, strict=False)):
            layer.check(at, given)
        sizes = [math.prod(shape) for shape in self.shapes]
        if max(sizes) > _SIZE_MAX or sizes[0] > _INPUTS_MAX:
            raise ShapeError(
                f"{sizes[0]} inputs and {max(sizes)} codes at most: expected up to {_INPUTS_MAX} "
                f"inputs, a frame's, and {_SIZE_MAX} codes"
            )

    @cached_property
    def formats(self) -> tuple[CodeFormat, ...]:
        """The format of the input and of each layer's output."""
        found = [self.given]
        for layer in self.layers:
            found.append(layer.out if isinstance(layer, Weighted) else found[-1])
        return tuple(found)

    @cached_property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of the input and of each layer's output."""
        found = [self.input_shape]
        for layer in self.layers:
            found.append(layer.out_shape(found[-1]))
        return tuple(found)

    @property
    def n_inputs(self) -> int:
        """Raw values of a sample."""
        return math.prod(self.input_shape)

    @property
    def n_features(self) -> int:
        """What a learner behind it takes."""
        return math.prod(self.shapes[-1])

    @property
    def n_weights(self) -> int:
        """Bytes of all weights."""
        return sum(layer.weight.size for layer in self.layers if isinstance(layer, Weighted))

    @property
    def n_products(self) -> int:
        """Products of a sample, padding included."""
        return sum(
            layer.weight.size * (math.prod(shape[1:]) if layer.is_conv else 1)
            for layer, shape in zip(self.layers, self.shapes[1:], strict=True)
            if isinstance(layer, Weighted)
        )


def _places(
    shape: tuple[int, ...], window: tuple[int, ...], stride: int, padding: int
) -> tuple[int, int]:
    rows, columns = (
        (n + 2 * padding - size) // stride + 1 for n, size in zip(shape[1:], window, strict=True)
    )
    if min(rows, columns) < 1 or padding >= min(window):
        raise ShapeError(
            f"a window of {window[0]} x {window[1]} with padding {padding} on {list(shape)}: "
            "expected one that is larger than its padding and no larger than the padded input"
        )
    return rows, columns
