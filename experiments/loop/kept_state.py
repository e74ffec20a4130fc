"""The state of a learner, as a checkpoint keeps it: of the library, or arrays by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.network import NetworkSpec
from quant.rule import Config
from quant.state import init_state, state_from_bytes


class KeptState:
    """What a learner in one of a rule's arithmetics starts from, and how it is kept.

    Parameters
    ----------
    spec : NetworkSpec
    config : Config
    arithmetic : str
    seed : int
    """

    def __init__(self, spec: NetworkSpec, config: Config, arithmetic: str, seed: int) -> None:
        self._given = (spec, config, arithmetic)
        self._state = init_state(*self._given, seed)

    def bytes(self) -> int:
        """Return the size of the state."""
        return int(self._state.nbytes)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of everything that later samples depend on."""
        return {"state": np.frombuffer(self._state.tobytes(), np.uint8)}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Invert :meth:`arrays`."""
        self._state = state_from_bytes(*self._given, arrays["state"].tobytes())


class KeptArrays:
    """A learner whose state is arrays by name, and whose formats have no end to meet."""

    _state: dict[str, npt.NDArray[Any]]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of everything that later samples depend on."""
        return {name: values.copy() for name, values in self._state.items()}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Invert :meth:`arrays`."""
        self._state = {name: arrays[name].copy() for name in self._state}

    def counters(self) -> dict[str, int]:
        """Return nothing."""
        return {}
