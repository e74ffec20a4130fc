"""What a run says of the computer that it runs on, and takes there."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streamlearn.learners.base import StreamLearner


def memory_of(learner: StreamLearner) -> dict[str, Any]:
    """Return the bytes of a learner by its parts, and the most that this process had."""
    state = learner.state
    parts = {name: int(state[name].nbytes) for name in state.dtype.names or ()}
    return {
        "state_bytes": int(state.nbytes),
        "state_parts": dict(sorted(parts.items(), key=lambda part: -part[1])),
        "image_bytes": len(learner.to_bytes()),
        "process_peak_bytes": _peak(),
    }


def _peak() -> int | None:
    """Return the most memory that this process had; None where nobody tells."""
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def some_names(names: Sequence[str], most: int = 40) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def command_line() -> str:
    """Return the command of this process and its folder, without passwords."""
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    return re.sub(r"(?<=//)[^/@\s]*@", "…@", command) + f" in {Path.cwd()}"
