"""One knob after another: what a choice of settings tries, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from experiments.study import say

#: By name, as a study takes them.
Settings = dict[str, Any]
#: What is tried, knob by knob; the first value is where it begins.
Knobs = Mapping[str, tuple[Any, ...]]


def search(
    knobs: Knobs, score: Callable[[Settings], float]
) -> tuple[Settings, list[dict[str, Any]]]:
    """Return the best settings found, and all that was tried.

    Each value is tried with the best ones of the knobs before; one that is not better changes
    nothing.
    """
    best = {name: values[0] for name, values in knobs.items()}
    top = -np.inf
    tried: list[dict[str, Any]] = []
    for knob, values in knobs.items():
        for value in values if not tried else values[1:]:
            settings = {**best, knob: value}
            found = score(settings)
            tried.append({"knob": knob, "value": value, "score": found})
            say(f"{knob}={value}: {found:.1f}")
            if found > top:
                top, best = found, settings
    return best, tried
