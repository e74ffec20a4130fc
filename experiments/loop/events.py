"""What runs tell while they go on, whichever engine they run on."""

from __future__ import annotations

from dataclasses import dataclass

from experiments.loop.runs import Run

#: What sets the number of threads of the linear algebra library, whichever NumPy has.
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
POLL_S = 1.0


@dataclass(frozen=True)
class Event:
    """What a worker tells: a task is done, or a run has failed.

    Attributes
    ----------
    run : Run
    tasks : int
        Done so far.
    newest : float
        Accuracy on the newest, in %.
    error : str
        Why the run ended early; empty where it did not.
    """

    run: Run
    tasks: int = 0
    newest: float = 0.0
    error: str = ""
