"""The bundled stream with a number to predict: how much gas, whatever gas it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray

from streamlearn.streams.base import FloatRow
from streamlearn.streams.gas_drift import CITATION, FEATURE_NAMES, LICENCE, gas_order, read_bundle

CONCENTRATION_NAME = "gas_concentration.npz"


@dataclass(frozen=True, eq=False)
class TargetStream:
    """Samples and targets in learning order; iterating yields ``(x, y)`` pairs.

    Parameters
    ----------
    name, x, feature_names, batch, licence, citation
        As of :class:`streamlearn.streams.Stream`.
    y
        float32 ``[n]``, finite: the targets.
    target_name
        What the target is, with its unit.
    """

    name: str
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    target_name: str
    feature_names: tuple[str, ...]
    batch: NDArray[np.int64]
    licence: str
    citation: str

    @property
    def n_features(self) -> int:
        """Number of columns of ``x``."""
        return int(self.x.shape[1])

    def __len__(self) -> int:
        return len(self.x)

    def __iter__(self) -> Iterator[tuple[FloatRow, float]]:
        yield from zip(self.x, self.y.tolist(), strict=True)


def load_gas_concentration(seed: int = 0, limit: int | None = None) -> TargetStream:
    """Load the stream of :func:`load_gas_drift` with the logarithm of the concentration as target.

    Which of the six gases it is, a learner is not told.

    Parameters
    ----------
    seed, limit
        As for :func:`load_gas_drift`: the rows come in the same order.

    Returns
    -------
    TargetStream
        ``x`` float32 ``[6697, 128]``; ``y`` float32 ``[6697]``, log10 of 5 to 1000 ppmv: the
        sensors answer to powers of the concentration.

    Raises
    ------
    ConfigError
        A negative `seed`, or a `limit` below 1.

    Examples
    --------
    >>> stream = load_gas_concentration(limit=100)
    >>> stream.x.shape, stream.y.shape
    ((100, 128), (100,))
    """
    order = gas_order(seed, limit)
    x, _, batch = read_bundle()
    return TargetStream(
        name="gas-concentration",
        x=x[order],
        y=np.log10(read_concentrations()[order].astype(np.float64)).astype(np.float32),
        target_name="log10 of the concentration in ppmv",
        feature_names=FEATURE_NAMES,
        batch=batch[order],
        licence=LICENCE,
        citation=CITATION,
    )


def read_concentrations() -> NDArray[np.float32]:
    """Read the packaged concentrations, float32 ``[6697]`` in ppmv, in recorded order."""
    name = files("streamlearn") / "data" / CONCENTRATION_NAME
    with as_file(name) as path, np.load(path) as bundle:
        ppmv: NDArray[np.float32] = bundle["ppmv"]
    return ppmv
