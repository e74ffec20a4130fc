"""A process that forks while another thread teaches: the child finds whole learners, and no lock.

Only the thread that forks lives on in the child. A lock that another one held would stay held for
ever, and its sample half learned. So a fork waits for the samples at work to end.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any
from weakref import WeakSet

#: A block may take longer. It is learned in a copy, so that the child has the state before it.
WAIT_S = 1.0

_learners: WeakSet[Any] = WeakSet()
#: What holds a lock of its own while it teaches a learner: its lock comes first.
_around: WeakSet[Any] = WeakSet()
_held: list[Any] = []
_busy: list[Any] = []


def follow(learner: Any, around: bool = False) -> None:
    """Look after the ``_lock`` of a learner, or of what is around one, when the process forks."""
    (_around if around else _learners).add(learner)


def _all() -> list[Any]:
    while True:
        try:
            return [*_around, *_learners]
        except RuntimeError:  # another thread has just made one
            continue


def _before() -> None:
    deadline = time.monotonic() + WAIT_S
    for learner in _all():
        lock = learner._lock
        if lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            _held.append(lock)
        else:
            _busy.append(learner)


def _release() -> None:
    while _held:
        _held.pop().release()


def _in_parent() -> None:
    _release()
    _busy.clear()


def _in_child() -> None:
    _release()
    while _busy:
        _busy.pop()._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
