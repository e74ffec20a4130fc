"""The memory beside the network: class statistics that never forget, and store no samples.

Every format, and the order of the operations: NUMBERS.md beside this file. Beside a network that
adapts, and forgets, runs a streaming linear discriminant analysis on random features
(:mod:`quant.memory.golden`). Its float32 operations come in one order, so that NumPy, the host's C
and every core have the same bits.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from quant.errors import ConfigError
from quant.hyperparameters import is_whole
from quant.layout import Field, State

#: ``lda``: class means and one covariance for all classes; ``mean``: class means alone.
MEMORIES = ("lda", "mean")
#: Features unless somebody says how many.
FEATURES_DEFAULT = 64
FEATURES_MAX = 1024
#: Of words in the state that do not depend on any size.
_SCALARS = 5


class Network(Protocol):
    """What a memory has to know of its network: :class:`quant.network.NetworkSpec` has it."""

    @property
    def memory(self) -> str | None:
        """A name of :data:`MEMORIES`."""

    @property
    def memory_features(self) -> int:
        """Columns; 0: the inputs."""

    @property
    def front_end(self) -> str:
        """A name of :data:`quant.front_end.FRONT_ENDS`."""

    @property
    def n_features(self) -> int:
        """Raw inputs."""

    @property
    def n_classes(self) -> int:
        """Classes."""


def check(memory: str | None, features: int, n_features: int, head_is_categorical: bool) -> None:
    """Refuse what is no memory.

    Raises
    ------
    ConfigError
        If the name is unknown, the head predicts a number, or the features are too many.
    """
    if not is_whole(features) or not 0 <= features <= FEATURES_MAX:
        raise ConfigError(
            f"memory_features={features!r}: expected 0 (the inputs themselves) to {FEATURES_MAX}"
        )
    if memory is None:
        return
    if memory not in MEMORIES:
        raise ConfigError(f"memory={memory!r}: expected None or {' or '.join(map(repr, MEMORIES))}")
    if not head_is_categorical:
        raise ConfigError(
            f"memory={memory!r}: a memory is of classes, and this head predicts a number; "
            "leave memory out"
        )
    if features == 0 and n_features > FEATURES_MAX:
        raise ConfigError(
            f"memory_features=0: {n_features} inputs are too many for a memory, which takes up to "
            f"{FEATURES_MAX}; give memory_features={FEATURES_DEFAULT}, or memory_bytes"
        )


def columns(spec: Network) -> tuple[int, int]:
    """Return how many of the memory's columns are inputs, and how many random features.

    If there is room for all inputs they come first, and random features fill the rest; else there
    are random features only.
    """
    wanted = spec.memory_features or spec.n_features
    inputs = spec.n_features if spec.n_features <= wanted else 0
    return inputs, wanted - inputs


def fields(spec: Network) -> list[Field]:
    """Return what the memory keeps in the state; nothing if there is none."""
    if spec.memory is None:
        return []
    d, k, n = sum(columns(spec)), spec.n_classes, spec.n_features
    found = [
        Field(
            "memory_net", "<f4", "exponent of the network's probabilities in the pool", (), 1, 0, 2
        ),
        Field(
            "memory_own", "<f4", "exponent of the memory's probabilities in the pool", (), 1, 0, 2
        ),
        Field(
            "memory_lead",
            "<f4",
            "how much more often the pool is right than the network",
            least=-1,
            most=1,
        ),
        Field("memory_updates", "<u4", "samples in the covariance, up to 2^20", most=1 << 20),
        Field("memory_scaled", "<u4", "samples in the scale of the features, up to 100", most=100),
        Field("memory_seen", "<u4", "samples of each class", (k,)),
    ]
    if spec.front_end != "none":
        found += [
            Field("memory_centre", "<f4", "where a feature lies, then fixed", (n,)),
            Field("memory_scale", "<f4", "a feature's variance, then 1/deviation, fixed", (n,)),
        ]
    if spec.memory == "lda":
        found += [
            Field(
                "memory_inverse",
                "<f4",
                "inverse of the summed covariance: lower triangle, row after row",
                (d * (d + 1) // 2,),
            ),
            Field("memory_weight", "<f4", "inverse times mean, [class][column]", (k * d,)),
        ]
    return [*found, Field("memory_mean", "<f4", "means of the classes, [class][column]", (k * d,))]


def init(spec: Network, state: State) -> None:
    """Set what does not start with zeros: the inverse starts as the identity."""
    if spec.memory == "lda":
        rows = np.arange(sum(columns(spec)))
        state["memory_inverse"][0, rows * (rows + 3) // 2] = 1


def n_bytes(spec: Network) -> int:
    """Return how many bytes of the state are the memory's."""
    return sum(field.n_bytes for field in fields(spec))


def features_for(
    n_bytes: int, n_features: int, n_classes: int, memory: str | None = "lda", scaled: bool = True
) -> int:
    """Return the most columns of a memory that fits into some bytes of state.

    Parameters
    ----------
    n_bytes : int
        What the memory may add to the state.
    n_features, n_classes : int
        Of the network.
    memory : {"lda", "mean"}
    scaled : bool
        Whether the features have a scale of their own; not if ``front_end="none"``.

    Raises
    ------
    ConfigError
        If not even one column fits; it says how many bytes that would take.

    Examples
    --------
    >>> features_for(12 * 1024, n_features=128, n_classes=6)
    63
    """
    if not is_whole(n_bytes):
        raise ConfigError(f"memory_bytes={n_bytes!r}: expected a whole number of bytes")
    fixed = 4 * (_SCALARS + n_classes + (2 * n_features if scaled else 0))

    def needed(d: int) -> int:
        triangle = d * (d + 1) // 2 if memory == "lda" else 0
        return fixed + 4 * (triangle + (2 if memory == "lda" else 1) * n_classes * d)

    if needed(1) > n_bytes:
        raise ConfigError(
            f"memory_bytes={n_bytes}: a memory {memory!r} of {n_features} features and "
            f"{n_classes} classes takes at least {needed(1)} bytes; give more, or no memory"
        )
    return max(d for d in range(1, FEATURES_MAX + 1) if needed(d) <= n_bytes)
