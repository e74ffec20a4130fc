"""Ctrl-C between two samples, never inside one: the saved state is that of whole samples."""

from __future__ import annotations

import signal
from types import FrameType

from streamlearn.baselines.base import FloatRow
from streamlearn.by_index import ByIndex
from streamlearn.learners.classifier import StreamClassifier


class WholeSamples(ByIndex):
    """A learner for :func:`streamlearn.prequential.evaluate` whose samples Ctrl-C cannot split.

    While entered, Ctrl-C raises KeyboardInterrupt immediately if the program waits for the stream,
    and otherwise as soon as the current sample has been learned and counted. If Ctrl-C raises no
    KeyboardInterrupt here (another handler; ignored, as in a background job), nothing is changed.
    """

    def __init__(self, learner: StreamClassifier) -> None:
        super().__init__(learner)
        self._at_work = self._asked = False
        self._installed = False

    def __enter__(self) -> WholeSamples:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._on_signal)
            self._installed = True
        return self

    def __exit__(self, *_: object) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if not self._at_work:
            raise KeyboardInterrupt

    def test_then_learn_one(self, x: FloatRow, y: int, /) -> int:
        """Predict, then learn; from here to :meth:`counted` Ctrl-C waits."""
        self._at_work = True
        return super().test_then_learn_one(x, y)

    def counted(self) -> None:
        """Say that the sample is in the result.

        Raises
        ------
        KeyboardInterrupt
            If Ctrl-C was pressed meanwhile.
        """
        self._at_work = False
        if self._asked:
            raise KeyboardInterrupt
