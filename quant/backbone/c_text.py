"""The C of a backbone: its code as it stands in ``kernel``, and its generated sizes and tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from quant.backbone import Backbone, MaxPool, Weighted
from quant.c_text import table, unsigned

KERNEL_DIR = Path(__file__).parent / "kernel"
#: By name: the header of sizes, and the source of weights.
CONFIG_FILE, DATA_FILE = "sl_backbone_config.h", "sl_backbone_data.c"


def c_files(backbone: Backbone) -> dict[str, str]:
    """Return the C files of a backbone: name and text."""
    files = {file.name: file.read_text("utf-8") for file in sorted(KERNEL_DIR.glob("*.[ch]"))}
    return {**files, CONFIG_FILE: _config(backbone), DATA_FILE: _data(backbone)}


def _config(backbone: Backbone) -> str:
    sizes = [int(np.prod(shape)) for shape in backbone.shapes]
    small = all(one.least >= -128 and one.most <= 127 for one in backbone.formats)
    defines = {
        "INPUTS": unsigned(backbone.n_inputs),
        "FEATURES": unsigned(backbone.n_features),
        "LAYERS": len(backbone.layers),
        "EVEN": max(sizes[::2]),
        "ODD": max(sizes[1::2]),
        "INPUT_FRAC": f"({backbone.given.frac_bits})",
        "LEAST": f"({backbone.given.least})",
        "MOST": backbone.given.most,
        "FEATURE_FRAC": f"({backbone.formats[-1].frac_bits})",
    }
    lines = "".join(f"#define SL_BACKBONE_{name} {value}\n" for name, value in defines.items())
    return (
        "/* Generated: the sizes and formats of a backbone. Do not edit. */\n"
        f"#pragma once\n\n#include <stdint.h>\n\n{lines}\n"
        f"typedef {'int8_t' if small else 'int16_t'} sl_backbone_code_t;\n"
    )


def _data(backbone: Backbone) -> str:
    arrays, rows = [], []
    for at, layer in enumerate(backbone.layers):
        shape, out = (_image(backbone.shapes[at + k]) for k in (0, 1))
        if isinstance(layer, MaxPool):
            window, rest = (layer.size, layer.size), (layer.stride, 0)
            tail: tuple[object, ...] = (0, 0, "0", "0")
        else:
            codes = _by_place(layer, shape)
            window, rest = codes.shape[1:3], (layer.stride, layer.padding)
            shift = backbone.formats[at].frac_bits + layer.weight_format.frac_bits
            tail = (
                shift - layer.out.frac_bits,
                layer.out.most,
                f"sl_backbone_weight_{at}",
                f"sl_backbone_bias_{at}",
            )
            arrays += [_array("int8_t", f"weight_{at}", codes.ravel())]
            arrays += [_array("int32_t", f"bias_{at}", layer.bias)]
        # A dense layer's window is its whole input: one place, which its output lies at.
        rows.append(table((*shape, *out, *rest, *window, *tail)))
    body = ",\n    ".join(rows)
    return (
        "/* Generated: the layers of a backbone. Do not edit. */\n"
        '#include "sl_backbone.h"\n\n' + "\n".join(arrays) + "\n"
        f"const sl_backbone_layer_t sl_backbone_layers[SL_BACKBONE_LAYERS] = {{\n    {body}}};\n"
    )


def _image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    return (shape[0], *shape[1:]) if len(shape) == 3 else (shape[0], 1, 1)


def _by_place(layer: Weighted, shape: tuple[int, int, int]) -> npt.NDArray[np.int8]:
    """Return the weights by output, row, column and channel."""
    of_image = layer.weight if layer.is_conv else layer.weight.reshape(-1, *shape)
    return np.ascontiguousarray(of_image.transpose(0, 2, 3, 1))


def _array(kind: str, name: str, values: Iterable[int]) -> str:
    words = [str(int(value)) for value in values]
    lines = [", ".join(words[i : i + 24]) for i in range(0, len(words), 24)]
    body = ",\n    ".join(lines)
    return f"static const {kind} sl_backbone_{name}[{len(words)}] = {{\n    {body}}};"
