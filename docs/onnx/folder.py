"""Write a folder whose page learns the gas stream in a browser: `python docs/onnx/folder.py DIR`.

The folder holds an export, its samples, the golden model's states, the page, its programs, and
ONNX Runtime for browsers. The runtime is npm's package onnxruntime-web. `npm pack` fetches it once;
it stays in the user's cache. `--runtime` only fetches it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from export import write_export
from quant.compiler import cache_dir
from streamlearn import MesuClassifier
from streamlearn.streams import load_gas_drift

HERE = Path(__file__).parent
PAGE = ("index.html", "page.mjs", "learner.mjs", "node.mjs")
VERSION = "1.30.0"
#: Of the package's 200 MB: ONNX Runtime with all operators of the processor, and its loader.
RUNTIME = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
#: The golden state is kept after each multiple of this.
EVERY = 100


def runtime() -> Path:
    """Return the folder in the cache where the runtime is, or would be."""
    return cache_dir() / f"onnxruntime-web-{VERSION}"


def there() -> bool:
    """Tell whether the runtime was fetched."""
    return all((runtime() / name).is_file() for name in RUNTIME)


def fetch() -> None:
    """Fetch the runtime from npm, if it is not there yet."""
    if there():
        return
    if shutil.which("npm") is None:
        sys.exit("no npm: install Node.js with npm (apt-get install npm), and run this again")
    runtime().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=runtime()) as made:
        package = f"onnxruntime-web@{VERSION}"
        done = subprocess.run(
            ["npm", "pack", package, "--silent", "--pack-destination", made],
            stdout=subprocess.PIPE,
            check=False,
            text=True,
        )
        if done.returncode:
            sys.exit(f"npm pack {package} failed: the lines above say why")
        with tarfile.open(Path(made) / done.stdout.split()[-1]) as archive:
            for name in RUNTIME:
                data = archive.extractfile(f"package/dist/{name}")
                assert data is not None
                part = Path(made) / name
                part.write_bytes(data.read())
                part.replace(runtime() / name)


def write_folder(folder: Path, n: int | None = None) -> None:
    """Write all but the runtime; ``n`` samples of the stream, None: all."""
    folder.mkdir(parents=True, exist_ok=True)
    stream = load_gas_drift(limit=n)
    learner = MesuClassifier((128, 32, 6), classes=range(6))
    write_export(learner, folder / "export")
    samples = np.zeros(len(stream.x), [("x", "<f4", 128), ("label", "<i4")])
    samples["x"], samples["label"] = stream.x, stream.y
    samples.tofile(folder / "samples.bin")
    golden = {}
    for i in range(EVERY, len(stream.x) + 1, EVERY):
        learner.learn_many(stream.x[i - EVERY : i], stream.y[i - EVERY : i])
        golden[i] = learner.state_sha256
    (folder / "golden.json").write_text(json.dumps(golden, indent=0) + "\n")
    for name in PAGE:
        shutil.copy(HERE / name, folder)


def add_runtime(folder: Path) -> None:
    """Copy the fetched runtime into a folder."""
    shutil.copytree(runtime(), folder / "runtime", dirs_exist_ok=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, metavar="DIR")
    parser.add_argument("--runtime", action="store_true", help="only fetch ONNX Runtime")
    given = parser.parse_args()
    if (given.folder is None) != given.runtime:
        parser.error("expected a folder, or --runtime")
    fetch()
    if given.folder is not None:
        write_folder(given.folder)
        add_runtime(given.folder)
        serve = f"python -m http.server --bind 127.0.0.1 --directory {given.folder}"
        print(f"{serve}\nand open http://127.0.0.1:8000/")
