"""Plain SGD in C: compiled for this machine, and as an export folder for a simulated board."""

from __future__ import annotations

import ctypes
import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_sim.export_folder import FORMAT, FORMAT_VERSION
from quant.compiler import build_shared

HERE = Path(__file__).resolve().parent
SOURCE, HEADER = HERE / "sgd.c", HERE / "sl_learner.h"
#: The learning rate is 1 over this: safe for dense standardised inputs too.
STEPS = 512
FLOAT, FIXED = "float32", "Q16.16"


class PlainSgd:
    """784-50-10 or any other network with one hidden layer, learned by plain SGD in C.

    Parameters
    ----------
    layers : sequence of int
        Three sizes.
    numbers : {"float32", "Q16.16"}
    seed : int
        Of the initial weights, He et al.'s.
    """

    def __init__(self, layers: Sequence[int], numbers: str, seed: int = 0) -> None:
        self.layers, self.numbers = tuple(layers), numbers
        n_in, n_hidden, n_out = layers
        rng = np.random.default_rng(seed)
        both = [rng.standard_normal(shape) * np.sqrt(2 / shape[0])
                for shape in ((n_in, n_hidden), (n_hidden, n_out))]  # fmt: skip
        flat = np.concatenate([w.ravel() for w in both])
        fixed = numbers == FIXED
        self.state: npt.NDArray[Any] = (
            np.rint(flat * 65536).astype("<i4") if fixed else flat.astype("<f4")
        )
        self._scratch = np.zeros(n_in + 2 * n_hidden + n_out, "<i4")
        self._library: Any = None

    @property
    def weights(self) -> list[npt.NDArray[np.float64]]:
        """The matrices, ``[in, out]``."""
        n_in, n_hidden, n_out = self.layers
        unit = 65536 if self.numbers == FIXED else 1
        values = self.state.astype(np.float64) / unit
        at = n_in * n_hidden
        return [values[:at].reshape(n_in, n_hidden), values[at:].reshape(n_hidden, n_out)]

    def _config(self) -> str:
        n_in, n_hidden, n_out = self.layers
        names = {
            "SL_N_FEATURES": n_in,
            "SL_N_CLASSES": n_out,
            "RIVAL_HIDDEN": n_hidden,
            "RIVAL_FIXED": int(self.numbers == FIXED),
            "RIVAL_STEPS": STEPS,
        }
        return "".join(f"#define {name} {value}\n" for name, value in names.items())

    def learn(self, x: npt.NDArray[np.float32], labels: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
        """Test, then train; return the predicted classes.

        Parameters
        ----------
        x : float32[n, n_features]
        labels : int[n]
        """
        if self._library is None:
            self._library = ctypes.CDLL(
                str(build_shared([SOURCE], {"sl_config.h": self._config()}, HERE))
            )
            self._library.rival_learn.argtypes = [ctypes.c_void_p] * 4 + [
                ctypes.c_uint64,
                ctypes.c_void_p,
            ]
        rows, given = np.ascontiguousarray(x, "<f4"), np.ascontiguousarray(labels, "<u4")
        found = np.empty(len(given), np.int32)
        self._library.rival_learn(
            self.state.ctypes.data,
            self._scratch.ctypes.data,
            rows.ctypes.data,
            given.ctypes.data,
            len(given),
            found.ctypes.data,
        )
        return found

    def write_export(self, folder: Path) -> None:
        """Write what :func:`firmware_sim.build_firmware` takes: C, the state, a manifest."""
        c = folder / "c"
        c.mkdir(parents=True)
        shutil.copyfile(SOURCE, c / SOURCE.name)
        shutil.copyfile(HEADER, c / HEADER.name)
        (c / "sl_config.h").write_text(self._config(), "utf-8")
        image = self.state.tobytes()
        (c / "sl_state_image.c").write_text(
            '#include "sl_learner.h"\n'
            f"__attribute__((aligned(4))) const uint8_t sl_state_image[{len(image)}] = {{"
            + ",".join(map(str, image))
            + "};\n",
            "utf-8",
        )
        n_in, _, n_out = self.layers
        files = {f"c/{file.name}": _facts(file) for file in sorted(c.iterdir())}
        manifest = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "n_features": n_in,
            "n_classes": n_out,
            "classes": [str(k) for k in range(n_out)],
            "state_bytes": len(image),
            "c_sources": [name for name in files if name.endswith(".c")],
            "files": files,
        }
        (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")


def _facts(file: Path) -> dict[str, Any]:
    content = file.read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
