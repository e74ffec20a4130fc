"""A reservoir of samples that are learned again: what it keeps, and how many it has room for."""

from __future__ import annotations

import numpy as np

from quant.errors import ConfigError, ShapeError
from quant.hyperparameters import is_whole
from quant.layout import Field, State

MAX_BYTES = 1 << 30
MAX_REPLAYS = 64
#: Bytes of a class's two counters.
CLASS_BYTES = 8
#: The word `replaying`, and what two fields of bytes may need to end at a word.
FIXED_BYTES = 4 + 2 * 3


def label_dtype(n_classes: int) -> str:
    """Return the type of a stored class index."""
    return "u1" if n_classes <= 256 else "<u2"


def row_bytes(n_features: int, n_classes: int) -> int:
    """Return the bytes of one stored sample: one per feature, one or two for its class."""
    return n_features + np.dtype(label_dtype(n_classes)).itemsize


def capacity(replay_bytes: int, n_features: int, n_classes: int) -> int:
    """Return how many samples are kept in ``replay_bytes``, counters included; 0 if it is 0.

    Raises
    ------
    ConfigError
        If there is not room for one sample of each class, or no class to balance by.
    """
    if not is_whole(replay_bytes) or not 0 <= replay_bytes <= MAX_BYTES:
        raise ConfigError(f"replay_bytes={replay_bytes!r}: expected 0 to {MAX_BYTES} bytes")
    if not replay_bytes:
        return 0
    if not n_classes:
        raise ConfigError(
            f"replay_bytes={replay_bytes}: the reservoir is balanced over classes, and this "
            "network predicts a number; leave it at 0"
        )
    fixed, row = FIXED_BYTES + CLASS_BYTES * n_classes, row_bytes(n_features, n_classes)
    found = (replay_bytes - fixed) // row
    if found < n_classes:
        raise ConfigError(
            f"replay_bytes={replay_bytes}: a sample of each of the {n_classes} classes needs "
            f"{fixed + row * n_classes} bytes ({row} per sample, {fixed} for counters); give as "
            "many or more, or 0 for no reservoir"
        )
    return int(found)


def fields(replay_bytes: int, n_features: int, n_classes: int) -> list[Field]:
    """Return what the reservoir keeps in the state: nothing if it is off."""
    n = capacity(replay_bytes, n_features, n_classes)
    if not n:
        return []
    label = label_dtype(n_classes)
    return [
        Field(
            "replaying", "<u4", "which replay is being learned; 0 between learning steps", most=0
        ),
        Field("replay_seen", "<u4", "samples learned of a class, up to 2^32 - 1", (n_classes,)),
        Field("replay_stored", "<u4", "samples stored of a class", (n_classes,), most=n),
        Field("replay_class", label, "class index of a stored sample", (n,), most=n_classes - 1),
        Field(
            "replay_input", "i1", "Q3.4: its inputs, [sample][feature]", (n * n_features,), 0, -127
        ),
    ]


def replaying(state: State) -> int:
    """Return which replay a state is learning: 0 if it learns a sample of the stream."""
    return int(state["replaying"][0]) if "replaying" in (state.dtype.names or ()) else 0


def check_state(state: State) -> None:
    """Refuse a reservoir whose counters do not fit what it holds.

    Raises
    ------
    ShapeError
        If more samples are stored than there is room for, or than were seen.
    """
    if "replay_stored" not in (state.dtype.names or ()):
        return
    seen, stored = state["replay_seen"][0], state["replay_stored"][0].astype(np.int64)
    room = len(state["replay_class"][0])
    if stored.sum() > room or (stored > seen).any():
        raise ShapeError(
            f"state whose reservoir counts {stored.sum()} samples stored of "
            f"{int(seen.sum(dtype=np.int64))} seen: expected at most {room}, and of each class no "
            "more than were seen; was it damaged?"
        )
