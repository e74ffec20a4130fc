"""The bundled stream: chemical sensors that drift over 36 months."""

from __future__ import annotations

from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray

from streamlearn.errors import ConfigError
from streamlearn.streams.base import Stream

BUNDLE_NAME = "gas_drift.npz"
BATCHES = (1, 2, 3, 4, 5, 6, 8, 9)
CLASSES = ("Acetaldehyde", "Acetone", "Ammonia", "Ethanol", "Ethylene", "Toluene")
N_SENSORS = 16
#: Steady-state resistance change (raw, normalised), then the extrema of its exponential moving
#: average while rising (i) and decaying (d), for three smoothing factors (Vergara et al., 2012).
SENSOR_FEATURES = (
    "dr",
    "dr_norm",
    "ema_i_0.001",
    "ema_i_0.01",
    "ema_i_0.1",
    "ema_d_0.001",
    "ema_d_0.01",
    "ema_d_0.1",
)
FEATURE_NAMES = tuple(
    f"s{sensor:02d}_{feature}" for sensor in range(1, N_SENSORS + 1) for feature in SENSOR_FEATURES
)
LICENCE = "CC BY 4.0"
CITATION = (
    "A. Vergara, S. Vembu, T. Ayhan, M. A. Ryan, M. L. Homer and R. Huerta, Chemical gas sensor "
    "drift compensation using classifier ensembles, Sensors and Actuators B 166-167 (2012) "
    "320-329; data: UCI Machine Learning Repository, Gas Sensor Array Drift at Different "
    "Concentrations"
)


def load_gas_drift(seed: int = 0, limit: int | None = None) -> Stream:
    """Load the bundled stream: batches in recorded order, shuffled inside each batch.

    Parameters
    ----------
    seed
        Seed of the shuffle, at least 0.
    limit
        Keep only the first `limit` rows after the shuffle (at least 1); None keeps all.

    Returns
    -------
    Stream
        ``x`` float32 ``[6697, 128]`` in the sensors' units, not standardised; 6 classes;
        ``batch`` is the number of the recording batch (1-6, 8, 9).

    Raises
    ------
    ConfigError
        A negative `seed`, or a `limit` below 1.

    Notes
    -----
    In recorded order 96 % of the labels repeat the one before: "the same again" would score
    96 %. The shuffle inside the batch removes that and keeps the drift.

    The order comes from ``Generator(PCG64(seed)).permutation``, batch after batch from one
    generator. NumPy promises the bits of PCG64 for ever, but not the algorithm of
    `permutation`; a unit test pins the order and so detects a change.

    Examples
    --------
    >>> stream = load_gas_drift(limit=100)
    >>> stream.x.shape, stream.n_classes
    ((100, 128), 6)
    """
    order = gas_order(seed, limit)
    x, y, batch = read_bundle()
    return Stream(
        name="gas-drift",
        x=x[order],
        y=y[order],
        classes=CLASSES,
        feature_names=FEATURE_NAMES,
        batch=batch[order],
        licence=LICENCE,
        citation=CITATION,
    )


def gas_order(seed: int, limit: int | None) -> NDArray[np.int64]:
    """Return the rows of the bundle in the order of :func:`load_gas_drift`, int64."""
    if seed < 0:
        raise ConfigError(f"seed must be 0 or more, got {seed}")
    if limit is not None and limit < 1:
        raise ConfigError(f"limit must be 1 or more, or None for every row, got {limit}")
    _, _, batch = read_bundle()
    rng = np.random.Generator(np.random.PCG64(seed))
    return np.concatenate([rng.permutation(np.flatnonzero(batch == k)) for k in BATCHES])[:limit]


def read_bundle() -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Read the packaged file, rows in recorded order.

    Returns
    -------
    tuple
        ``x`` float32 ``[6697, 128]``, ``y`` int64 ``[6697]``, ``batch`` int64 ``[6697]``.
    """
    with as_file(files("streamlearn") / "data" / BUNDLE_NAME) as path, np.load(path) as bundle:
        planes, y, batch = bundle["planes"], bundle["y"], bundle["batch"]
    return join_planes(planes), y.astype(np.int64), batch.astype(np.int64)


def split_planes(x: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return byte k of every little-endian float32 as plane k, column by column.

    Bytes of one significance and one feature lie together, which LZMA packs an eighth smaller.

    Parameters
    ----------
    x
        float32 ``[n, n_features]``.

    Returns
    -------
    numpy.ndarray
        uint8 ``[4, n_features, n]``; :func:`join_planes` is the inverse.
    """
    columns = np.ascontiguousarray(x.T, dtype="<f4")
    split = columns.view(np.uint8).reshape(*columns.shape, 4)
    return np.ascontiguousarray(np.moveaxis(split, 2, 0))


def join_planes(planes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the float32 matrix ``[n, n_features]`` that :func:`split_planes` took apart.

    Parameters
    ----------
    planes
        uint8 ``[4, n_features, n]``.

    Returns
    -------
    numpy.ndarray
        float32 ``[n, n_features]``, C order.
    """
    columns = np.ascontiguousarray(np.moveaxis(planes, 0, 2)).view("<f4")[:, :, 0]
    return np.ascontiguousarray(columns.T, dtype=np.float32)
