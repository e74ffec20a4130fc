"""The flight recorder: every sample that a learner learned, and so every state it ever had.

Learning is the same bits everywhere, so that a state is its start and the samples since::

    with Recorder(learner, "pump.slr") as recorder:
        recorder.learn_one(x, y)
    Record.open("pump.slr").state_at(1000)

docs/recorder.md shows what that is good for.
"""

from streamlearn.recorder.record import Record, Sample
from streamlearn.recorder.recorder import Recorder

__all__ = ["Record", "Recorder", "Sample"]
