"""Threads that stand beside the one that learns."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable


def start_beside(work: Callable[[], object], name: str) -> threading.Thread:
    """Start a thread that no signal goes to, and that does not keep the program alive.

    A signal has to interrupt the thread that waits for the stream: here they are blocked from the
    thread's first instruction on, and so in the threads that it starts.
    """
    thread = threading.Thread(target=work, name=name, daemon=True)
    if not hasattr(signal, "pthread_sigmask"):
        thread.start()
        return thread
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        thread.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return thread
