"""A signal stops between two samples, never inside one: what is saved is whole samples.

Samples that come together are learned in one block of some milliseconds, and a signal waits for it.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any

from streamlearn.baselines.base import FloatRow
from streamlearn.by_index import ByIndex
from streamlearn.learners.classifier import StreamClassifier

if TYPE_CHECKING:
    from typing_extensions import Self

#: What asks a program to stop, and what it does if nobody handles it: Ctrl-C, systemd and docker,
#: a terminal that is gone.
STOPS: dict[int, Any] = {
    getattr(signal, name): default
    for name, default in (
        ("SIGINT", signal.default_int_handler),
        ("SIGTERM", signal.SIG_DFL),
        ("SIGHUP", signal.SIG_DFL),
    )
    if hasattr(signal, name)
}


class Stops:
    """What makes samples whole: no signal can split one.

    While entered, a signal of :data:`STOPS` raises KeyboardInterrupt immediately if the program
    waits for the stream, and otherwise as soon as the current sample has been learned and counted.
    A signal that does something else here (another handler; ignored, as in a background job or
    under nohup) is left alone.

    Attributes
    ----------
    number : int
        The signal that asked; SIGINT if none did.
    """

    def __init__(self) -> None:
        self._at_work = self._asked = False
        self._installed: list[int] = []
        self.number: int = signal.SIGINT

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number, default in STOPS.items():
                if signal.getsignal(number) is default:
                    signal.signal(number, self._on_signal)
                    self._installed.append(number)
        return self

    def __exit__(self, *_: object) -> None:
        for number in self._installed:
            signal.signal(number, STOPS[number])
        self._installed = []

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if not self._asked:
            self.number = number
        self._asked = True
        if not self._at_work:
            raise KeyboardInterrupt

    def begin(self) -> None:
        """Let signals wait from here to :meth:`counted`, or until this is left: around a block."""
        self._at_work = True

    def counted(self) -> None:
        """Say that the sample is in the result.

        Raises
        ------
        KeyboardInterrupt
            If a signal came meanwhile.
        """
        self._at_work = False
        if self._asked:
            raise KeyboardInterrupt


class WholeSamples(Stops, ByIndex):
    """A learner for :func:`streamlearn.evaluation.evaluate` whose samples no signal can split."""

    def __init__(self, learner: StreamClassifier) -> None:
        Stops.__init__(self)
        ByIndex.__init__(self, learner)

    def test_then_learn_one(self, x: FloatRow, y: int, /) -> int:
        """Predict, then learn; from here to :meth:`counted` signals wait."""
        self._at_work = True
        return super().test_then_learn_one(x, y)
