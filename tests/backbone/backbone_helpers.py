"""Backbones drawn by chance, and their C compiled for this machine."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from quant.backbone import Backbone, CodeFormat, MaxPool, Weighted
from quant.backbone.c_text import c_files
from quant.compiler import cache_dir

WARNINGS = (
    "-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wundef", "-Wcast-qual", "-Wconversion",
    "-Wsign-conversion", "-Wstrict-prototypes", "-Wmissing-prototypes",
)  # fmt: skip


def drawn(rng: np.random.Generator, shape: tuple[int, ...], bits: int, out: CodeFormat) -> Weighted:
    """Return a layer of the first number of ``shape`` outputs."""
    form = CodeFormat(bits, int(rng.integers(5, 9)), signed=True)
    weight = rng.integers(-form.most, form.most + 1, shape).astype(np.int8)
    bias = rng.integers(-3000, 3000, shape[0]).astype(np.int32)
    stride, padding = (int(rng.integers(1, 3)), int(rng.integers(0, shape[-1])))
    return Weighted(weight, form, bias, out, *((stride, padding) if len(shape) == 4 else ()))


def convolutional(seed: int = 0, bits: int = 7) -> Backbone:
    """Two channels of 9 x 7: convolution, maximum, convolution, dense."""
    rng = np.random.default_rng(seed)
    given = CodeFormat(8, 5, signed=True)
    first = drawn(rng, (5, 2, 3, 3), 8, CodeFormat(bits, 3))
    layers = [first, MaxPool(2, 1)]
    shape = MaxPool(2, 1).out_shape(first.out_shape((2, 9, 7)))
    second = drawn(rng, (4, 5, 2, 2), 4, CodeFormat(bits, 2))
    layers += [second, drawn(rng, (6, int(np.prod(second.out_shape(shape)))), 8, CodeFormat(7, 1))]
    return Backbone((2, 9, 7), given, tuple(layers))


def dense(seed: int = 0) -> Backbone:
    """Twelve numbers without a sign, two layers; all 8 bits."""
    rng = np.random.default_rng(seed)
    layers = (
        drawn(rng, (20, 12), 8, CodeFormat(8, 4)),
        drawn(rng, (5, 20), 8, CodeFormat(8, 2)),
    )
    return Backbone((12,), CodeFormat(8, 6), layers)


def image_features(seed: int = 0) -> Backbone:
    """A convolution whose images are the features: 3 x 2 x 2 of them."""
    rng = np.random.default_rng(seed)
    layer = drawn(rng, (3, 1, 2, 2), 8, CodeFormat(7, 3))
    plain = Weighted(layer.weight, layer.weight_format, layer.bias, layer.out, 2, 0)
    return Backbone((1, 4, 4), CodeFormat(8, 5, signed=True), (plain,))


BACKBONES = {"convolutional": convolutional, "dense": dense, "image": image_features}


def samples(backbone: Backbone, n: int = 64, seed: int = 1) -> np.ndarray:
    """Return raw values, float32[n, n_inputs]: some beyond the format, some in its middles."""
    rng = np.random.default_rng(seed)
    unit = backbone.given.scale
    x = rng.normal(0, 60 * unit, (n, backbone.n_inputs)).astype(np.float32)
    x[::3] = (np.round(x[::3] / unit) + 0.5) * unit  # halves: to even
    x[0, :4] = [1e30, -1e30, 1e-40, -0.0]
    return x


class HostC:
    """A backbone's C on this machine, every warning an error, sanitizers that stop it."""

    def __init__(self, backbone: Backbone, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in c_files(backbone).items():
            (folder / name).write_text(text)
        library = folder / "backbone.so"
        command = [
            sys.executable, "-m", "ziglang", "cc", "-std=c11", "-O1", *WARNINGS, "-fPIC", "-shared",
            "-fsanitize=undefined", "-fsanitize-trap=undefined", f"-I{folder}",
            *map(str, sorted(folder.glob("*.c"))), "-o", str(library),
        ]  # fmt: skip
        zig = {f"ZIG_{kind}_CACHE_DIR": str(cache_dir() / "zig") for kind in ("GLOBAL", "LOCAL")}
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **zig}, check=False
        )
        assert done.returncode == 0, done.stderr
        self.function = ctypes.CDLL(str(library)).sl_backbone
        self.backbone = backbone
        self.scratch = ctypes.create_string_buffer(
            4 * sum(int(np.prod(shape)) for shape in backbone.shapes)
        )

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the features of samples, float32."""
        out = np.zeros((len(x), self.backbone.n_features), np.float32)
        for row, features in zip(np.ascontiguousarray(x, np.float32), out, strict=True):
            status = self.function(
                self.scratch,
                ctypes.c_void_p(row.ctypes.data),
                ctypes.c_void_p(features.ctypes.data),
            )
            if status:
                raise ValueError(f"status {status}")
        return out
