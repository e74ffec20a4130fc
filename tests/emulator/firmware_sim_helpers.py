"""Makes export folders of the stand-in learner: what a real export writes, around C of our own."""

from __future__ import annotations

import ctypes
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

STANDIN = Path(__file__).with_name("firmware_sim_standin")


def state_bytes(n_features: int, n_classes: int) -> int:
    """Size of the stand-in's state: a counter and int16 weights, padded to a word."""
    size = 4 + 2 * n_classes * (n_features + 1)
    return (size + 3) // 4 * 4


def make_export(
    path: Path, n_features: int = 8, n_classes: int = 3, defines: dict[str, int] | None = None
) -> Path:
    """Write an export folder; `defines` are the SL_TEST_* switches of sl_learner.c."""
    c = path / "c"
    c.mkdir(parents=True)
    for name in ("sl_learner.c", "sl_learner.h"):
        shutil.copyfile(STANDIN / name, c / name)
    size = state_bytes(n_features, n_classes)
    image = np.zeros(size, np.uint8)
    image[4 : 4 + 2 * n_classes * (n_features + 1)] = (
        np.random.default_rng(3)
        .integers(-40, 40, n_classes * (n_features + 1))
        .astype("<i2")
        .view(np.uint8)
    )
    lines = ["#ifndef SL_CONFIG_H", "#define SL_CONFIG_H"]
    settings = {"SL_N_FEATURES": n_features, "SL_N_CLASSES": n_classes, **(defines or {})}
    lines += [f"#define {name} {value}" for name, value in settings.items()]
    (c / "sl_config.h").write_text("\n".join([*lines, "#endif", ""]))
    (c / "sl_state_image.c").write_text(
        '#include "sl_learner.h"\n'
        f"__attribute__((aligned(4))) const uint8_t sl_state_image[{size}] = {{"
        + ",".join(str(byte) for byte in image)
        + "};\n"
    )
    write_manifest(path, n_features, n_classes)
    return path


def write_manifest(path: Path, n_features: int, n_classes: int) -> None:
    """(Re)write manifest.json for what lies in the folder."""
    files = {
        item.relative_to(path).as_posix(): {
            "bytes": item.stat().st_size,
            "sha256": hashlib.sha256(item.read_bytes()).hexdigest(),
        }
        for item in sorted((path / "c").iterdir())
    }
    manifest = {
        "format": "streamlearn-export",
        "format_version": 2,
        "n_features": n_features,
        "n_classes": n_classes,
        "classes": [f"class {index}" for index in range(n_classes)],
        "state_bytes": state_bytes(n_features, n_classes),
        "c_sources": [name for name in files if name.endswith(".c")],
        "files": files,
    }
    (path / "manifest.json").write_text(json.dumps(manifest, indent=1))


def make_stream(
    n: int, n_features: int = 8, n_classes: int = 3, seed: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Gaussian blobs, a little apart."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, n)
    centres = rng.normal(size=(n_classes, n_features)) * 1.5
    return (centres[labels] + rng.normal(size=(n, n_features))).astype(np.float32), labels


class HostLearner:
    """The same C, compiled for this machine."""

    def __init__(self, export: Path, n_features: int, n_classes: int, folder: Path) -> None:
        library = folder / "host_learner.so"
        sources = [str(item) for item in sorted((export / "c").glob("*.c"))]
        flags = ["-shared", "-fPIC", "-O2", "-std=c11"]
        subprocess.run(
            [sys.executable, "-m", "ziglang", "cc", *flags, *sources, "-o", str(library)],
            check=True,
            capture_output=True,
        )
        self._lib = ctypes.CDLL(str(library))
        size = state_bytes(n_features, n_classes)
        image = (ctypes.c_uint8 * size).in_dll(self._lib, "sl_state_image")
        self._state = (ctypes.c_uint32 * (size // 4)).from_buffer_copy(bytes(image))
        self._scratch = (ctypes.c_uint32 * (n_features + 64))()

    def learn(self, x: npt.NDArray[np.float32], label: int) -> int:
        bits = x.view(np.uint32)
        pointer = bits.ctypes.data_as(ctypes.c_void_p)
        return int(
            self._lib.sl_learner_learn(self._state, self._scratch, pointer, ctypes.c_uint32(label))
        )

    def state(self) -> bytes:
        return bytes(self._state)
