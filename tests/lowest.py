"""Install the lowest version of everything that pyproject.toml allows, and run a part of the tests.

`make lowest`, or `python tests/lowest.py [--keep FOLDER]`: with FOLDER the environment stays there,
and the next run starts with it. It needs uv, of the extra test. A lower bound is a promise, and
nothing else would ever notice that it is broken.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    sys.exit("this needs Python 3.11 or newer, which reads pyproject.toml")

ROOT = Path(__file__).parents[1]
#: Extras that stay out: gigabytes of torch, JAX and Ray, and tools that build the site.
LEFT_OUT = ("torch", "rivals", "spiking", "federated", "sweep", "docs", "test")
#: Of the extra test, what the tests below import. The rest are tools of developers, who have the
#: newest; amqtt asks for a newer typer than users need.
FROM_TEST = ("pytest", "pytest-xdist", "hypothesis", "river", "pandas", "polars", "jsonschema")
FOLDER = "tests/unit/test_export_folder.py::test"
TESTS = (
    "tests/golden/test_golden_gas.py",
    "tests/unit/test_image.py",
    f"{FOLDER}_a_whole_folder_is_opened_and_an_older_one_too",
    f"{FOLDER}_the_manifest_keeps_its_schema",
    f"{FOLDER}_a_signature_is_verified",
    "tests/unit/test_onnx_integers.py",
    "tests/unit/test_onnx_learning.py",
    "tests/unit/test_onnx_variants.py",
    "tests/unit/test_report.py",
    "tests/unit/test_online_baselines.py",
    "tests/cli/test_cli_run.py",
    "tests/ecosystem/test_rows.py",
    "tests/ecosystem/test_blocks.py",
    "tests/sources/test_sources_serial.py",
    "tests/emulator/test_onnx_on_device.py",
)


def requirements() -> list[str]:
    """Return what is installed beside the project itself: names with their bounds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    found = list(project["dependencies"])
    for name, needed in extras.items():
        found += [] if name in LEFT_OUT else needed
    return [*found, *(n for n in extras["test"] if name_of(n) in FROM_TEST)]


def name_of(requirement: str) -> str:
    """Return the name in front of the bounds."""
    return requirement.partition(">")[0].partition("=")[0].strip()


def run(*command: str | Path, **more: str) -> int:
    """Run a command in the repository."""
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **more}, check=False).returncode


def main(folder: Path, tests: list[str]) -> int:
    """Install and test; return the exit status."""
    python = folder / "bin" / "python"
    if not python.exists() and run(sys.executable, "-m", "venv", "--without-pip", folder):
        return 1
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python]
    if run(*uv, "--resolution", "lowest-direct", *requirements()):
        return 1
    # Older packages use what a newer Python or NumPy warns of. The reference of an older onnx is
    # wrong about arrays without rows; it is an oracle of tests, and no user meets it.
    options = ("-q", "-n", "auto", "--dist", "loadfile", "-o", "filterwarnings=default")
    options += ("-k", "not reference")
    return run(python, "-m", "pytest", *options, *(tests or TESTS), PYTHONPATH=str(ROOT))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("tests", nargs="*", help="other tests than those of this file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        sys.exit(main(given.keep or Path(made), given.tests))
