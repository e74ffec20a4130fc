"""The folder that docs/onnx/folder.py writes, and how its program is imported."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "onnx"


def load() -> Any:
    spec = importlib.util.spec_from_file_location("onnx_folder", EXAMPLES / "folder.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


#: Where npm was never asked, the tests that need its package skip; `python docs/onnx/folder.py
#: --runtime` fetches it.
NO_RUNTIME = "no onnxruntime-web in the cache: python docs/onnx/folder.py --runtime"


def golden(folder: Path, n: int) -> str:
    found: str = json.loads((folder / "golden.json").read_text())[str(n)]
    return found
