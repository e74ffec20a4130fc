"""A backbone as a file: JSON, weights in base64; nothing in it is run, everything is checked."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.backbone import Backbone, CodeFormat, Layer, MaxPool, Weighted
from quant.durable import write_durably
from quant.errors import ConfigError, ShapeError, StateFormatError
from quant.json_file import JsonFile

#: No backbone that fits a chip has so many bytes.
FILE = JsonFile(
    "backbone", "save() of one wrote", format="streamlearn-backbone", version=1, most=64 << 20
)


def to_bytes(backbone: Backbone) -> bytes:
    """Return the text of a file; the same backbone is always the same bytes."""
    values = {
        "format": FILE.format,
        "version": FILE.version,
        "input_shape": list(backbone.input_shape),
        "input": dataclasses.asdict(backbone.given),
        "layers": [_layer(layer) for layer in backbone.layers],
    }
    return (json.dumps(values, indent=1) + "\n").encode()


def sha256(backbone: Backbone) -> str:
    """Return what tells one backbone from another, in hexadecimal."""
    return hashlib.sha256(to_bytes(backbone)).hexdigest()


def from_bytes(data: bytes, name: str = "backbone") -> Backbone:
    """Invert :func:`to_bytes`.

    Parameters
    ----------
    data : bytes
    name : str
        What to call the file in messages.

    Raises
    ------
    StateFormatError
        If the bytes are no backbone of this version.
    """
    values = FILE.read(data, name)
    try:
        layers = tuple(_read(layer) for layer in values["layers"])
        return Backbone(tuple(values["input_shape"]), CodeFormat(**values["input"]), layers)
    except (ConfigError, ShapeError) as error:
        raise StateFormatError(f"{name}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StateFormatError(
            f"{name}: a damaged backbone ({type(error).__name__}: {error}); write it again"
        ) from None


def save(backbone: Backbone, path: str | Path) -> None:
    """Write a backbone.

    Raises
    ------
    WriteError
        If the file cannot be written.
    """
    write_durably(Path(path), to_bytes(backbone))


def load(path: str | Path) -> Backbone:
    """Read a backbone.

    Raises
    ------
    StateFormatError
        If the file is none, or cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return from_bytes(file.read(FILE.most + 1), str(path))
    except OSError as error:
        raise StateFormatError(f"{path}: cannot be read: {error.strerror}") from None


def _layer(layer: Layer) -> dict[str, Any]:
    if isinstance(layer, MaxPool):
        return {"kind": "max_pool", **dataclasses.asdict(layer)}
    return {
        "kind": "conv" if layer.is_conv else "dense",
        "weight_format": dataclasses.asdict(layer.weight_format),
        "out": dataclasses.asdict(layer.out),
        "stride": layer.stride,
        "padding": layer.padding,
        "shape": list(layer.weight.shape),
        "weight": _text(layer.weight),
        "bias": _text(layer.bias.astype("<i4")),
    }


def _read(values: dict[str, Any]) -> Layer:
    given = dict(values)
    kind = given.pop("kind")
    if kind == "max_pool":
        return MaxPool(**given)
    shape = [int(n) for n in given.pop("shape")]
    weight = np.frombuffer(_bytes(given.pop("weight")), np.int8).reshape(shape)
    if kind not in ("conv", "dense") or (kind == "conv") != (weight.ndim == 4):
        raise ValueError(f"a layer {kind!r} with weights {shape}")
    bias = np.frombuffer(_bytes(given.pop("bias")), "<i4").astype(np.int32)
    form, out = (CodeFormat(**given.pop(name)) for name in ("weight_format", "out"))
    return Weighted(weight, form, bias, out, **given)


def _text(array: npt.NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
