"""Rebuild the packaged gas stream: ``python -m streamlearn.streams.bundle SOURCE_DIR [TARGET]``."""

from __future__ import annotations

import argparse
import gzip
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import StreamFormatError, StreamlearnError
from streamlearn.streams.gas_concentration import CONCENTRATION_NAME
from streamlearn.streams.gas_drift import (
    BATCHES,
    BUNDLE_NAME,
    CLASSES,
    FEATURE_NAMES,
    split_planes,
)

DEFAULT_TARGET = Path(__file__).resolve().parents[1] / "data" / BUNDLE_NAME


def read_source(
    folder: Path,
) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.uint8]]:
    """Read ``batchN.csv.gz`` (gas, concentration in ppmv, 128 features; no header).

    Parameters
    ----------
    folder
        The folder that holds one file for each number in `BATCHES`.

    Returns
    -------
    tuple
        ``x`` float32 ``[n, 128]``, each the float32 nearest to the decimal; ``y`` and
        ``batch`` uint8 ``[n]``; rows in recorded order.

    Raises
    ------
    StreamFormatError
        A file is missing, or a line has another number of values or an unknown gas.
    """
    rows: list[list[float]] = []
    y: list[int] = []
    batch: list[int] = []
    for number in BATCHES:
        path = folder / f"batch{number}.csv.gz"
        if not path.is_file():
            raise StreamFormatError(
                f"{str(path)!r} is missing: expected one file per batch {BATCHES}"
            )
        with gzip.open(path, "rt", encoding="ascii") as lines:
            for line_number, line in enumerate(lines, 1):
                gas, _ppmv, *values = line.strip().split(",")
                if gas not in CLASSES or len(values) != len(FEATURE_NAMES):
                    raise StreamFormatError(
                        f"{path.name} line {line_number}: expected a gas of {CLASSES}, "
                        f"a concentration and {len(FEATURE_NAMES)} values, "
                        f"got {gas!r} and {len(values)} values"
                    )
                rows.append([float(value) for value in values])
                y.append(CLASSES.index(gas))
                batch.append(number)
    return np.array(rows, np.float32), np.array(y, np.uint8), np.array(batch, np.uint8)


def read_concentrations(folder: Path) -> NDArray[np.float32]:
    """Read the second column of what :func:`read_source` reads: float32 ``[n]``, ppmv.

    Raises
    ------
    StreamFormatError
        As :func:`read_source`, which is asked first.
    """
    read_source(folder)
    ppmv: list[float] = []
    for number in BATCHES:
        with gzip.open(folder / f"batch{number}.csv.gz", "rt", encoding="ascii") as lines:
            ppmv += [float(line.split(",", 2)[1]) for line in lines]
    return np.array(ppmv, np.float32)


def write_bundle(source: Path, target: Path) -> int:
    """Write the compressed bundle, and return its size in bytes.

    An ordinary ``.npz`` that :func:`numpy.load` reads, but with LZMA for its members
    (`numpy.savez_compressed` knows only deflate, which is 6 % larger).

    Parameters
    ----------
    source
        Folder for :func:`read_source`.
    target
        The file to write.

    Returns
    -------
    int
        Size of the file in bytes.
    """
    x, y, batch = read_source(source)
    return _write(target, {"planes": split_planes(x), "y": y, "batch": batch})


def _write(target: Path, members: dict[str, NDArray[Any]]) -> int:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in members.items():
            # A ZipInfo made by hand carries no clock: the same input gives the same bytes.
            info = zipfile.ZipInfo(f"{name}.npy")
            info.compress_type = zipfile.ZIP_LZMA
            with archive.open(info, "w", force_zip64=False) as member:
                np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
    return target.stat().st_size


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m streamlearn.streams.bundle")
    parser.add_argument("source", type=Path, help="folder with batchN.csv.gz")
    parser.add_argument("target", type=Path, nargs="?", default=DEFAULT_TARGET)
    options = parser.parse_args(arguments)
    try:
        size = write_bundle(options.source, options.target)
        second = options.target.with_name(CONCENTRATION_NAME)
        second_size = _write(second, {"ppmv": read_concentrations(options.source)})
    except StreamlearnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{options.target}: {size} bytes\n{second}: {second_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
