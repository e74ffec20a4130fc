"""What an experiment needs beyond the library: packages and data sets, looked for before it starts.

Everything that is missing is said once, in one message, and nothing has been computed by then.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from experiments.errors import MissingError
from streamlearn.streams.locate import DataNotFoundError, data_dir
from streamlearn.streams.mnist import IMAGE_SETS

ROOT = Path(__file__).resolve().parents[1]
#: The extra that installs a package.
EXTRAS = {
    "brevitas": "torch",
    "jax": "rivals",
    "numba": "reproduce",
    "river": "test",
    "sklearn": "sklearn",
    "torch": "torch",
}
#: Data sets that are not bundled, by name.
DATA_SETS = IMAGE_SETS


def missing_packages(packages: Iterable[str]) -> list[str]:
    """Return those of the packages that cannot be imported; a folder of that name is not one."""
    found = {name: find_spec(name) for name in dict.fromkeys(packages)}
    return [name for name, spec in found.items() if spec is None or spec.origin is None]


def missing_files(data_sets: Iterable[str]) -> list[str]:
    """Return what is missing, one line for each data set: its folder, its files, its source."""
    try:
        root = data_dir()
    except DataNotFoundError:
        root = None
    lines = []
    for name in dict.fromkeys(data_sets):
        images = DATA_SETS[name]
        absent = [
            file
            for split in images.splits
            for file in images.files(split)
            if root is None or not (root / images.folder / file).is_file()
        ]
        if absent:
            lines.append(f"{images.folder}/ with {', '.join(absent)} (from {images.source})")
    return lines


def require(packages: Iterable[str] = (), data_sets: Iterable[str] = (), who: str = "this") -> None:
    """Make sure that everything is here.

    Parameters
    ----------
    packages : iterable of str
        Names to import, of :data:`EXTRAS`.
    data_sets : iterable of str
        Names of :data:`DATA_SETS`.
    who : str
        What needs them, for the message.

    Raises
    ------
    MissingError
        What is missing, how to install it, and where the files are looked for.
    """
    parts = []
    if absent := missing_packages(packages):
        extras = ",".join(sorted({EXTRAS[name] for name in absent}))
        parts.append(
            f"{who} needs {' and '.join(absent)}, not installed: "
            f'pip install -e ".[{extras}]" in {ROOT}'
        )
    if files := missing_files(data_sets):
        parts.append(f"{who} needs data that is not here: {'; '.join(files)}. {_where()}")
    if parts:
        raise MissingError(". ".join(parts))


def _where() -> str:
    try:
        return f"Looked in {data_dir()}; docs/data.md says more"
    except DataNotFoundError as error:
        return f"Looked nowhere: {error}"


def load_with(package: str, module: str, who: str) -> Any:
    """Import a module that needs an optional package.

    Raises
    ------
    MissingError
        If the package is not installed.
    """
    require((package,), who=who)
    return import_module(module)
