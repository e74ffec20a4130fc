"""``streamlearn run --label-budget``: labels are learned only where they help."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from quant.asking import Asking
from streamlearn.cli.checkpoints import Checkpoint
from streamlearn.cli.columns import Columns
from streamlearn.cli.endings import CommandError
from streamlearn.cli.record import RunRecord
from streamlearn.cli.whole_samples import WholeSamples


def read_budget(text: str) -> float:
    """Return a share of the labels: "5%" or "0.05".

    Raises
    ------
    CommandError
        If it is no share above 0 and at most 1.
    """
    number, unit = (text[:-1], 100) if text.endswith("%") else (text, 1)
    try:
        share = float(number) / unit
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise CommandError(f"--label-budget {text}: expected a share of the labels, such as 5%")
    return share


class AskedSamples(WholeSamples):
    """A learner that asks for labels: the others are not shown to it.

    Parameters
    ----------
    learner
        Has ``wants_label``.
    budget
        The share of labels that it may ask for.
    start
        What :meth:`to_dict` gave before; empty at the beginning.

    Attributes
    ----------
    offered, asked : int
        Labels that the stream had, and those that were learned.

    Raises
    ------
    CommandError
        If its rule does not draw, so that it cannot tell.
    """

    def __init__(self, learner: Any, budget: float, start: Mapping[str, Any]) -> None:
        super().__init__(learner)
        if not hasattr(learner, "wants_label"):
            raise CommandError(
                f"--label-budget: a {type(learner).__name__} has no draws that could disagree; "
                "take a rule that draws its weights"
            )
        self.learner: Any = learner
        self.budget = budget
        self.offered, self.asked = start.get("offered", 0), start.get("asked", 0)
        if start.get("by"):
            learner.asking = Asking.from_dict(start["by"])  # another budget begins anew

    def to_dict(self) -> dict[str, Any]:
        """Return what a run that goes on needs to ask for the same labels."""
        by = self.learner.asking
        return {
            "budget": self.budget,
            "offered": self.offered,
            "asked": self.asked,
            "by": None if by is None else by.to_dict(),
        }

    def test_then_learn_block(
        self, x: NDArray[np.float32], y: NDArray[np.int64], begins: Collection[int] = (), /
    ) -> NDArray[np.int64]:
        """Predict each row, and learn it if the learner asks for its label."""
        found = np.empty(len(y), np.int64)
        for i, row in enumerate(x):
            if i in begins:
                self.learner.reset()
            label = self._label(row, y[i : i + 1])
            found[i : i + 1] = super().test_then_learn_block(x[i : i + 1], label)
        return found

    def test_then_learn_shares(
        self, x: NDArray[np.float32], y: NDArray[np.int64], begins: Collection[int] = (), /
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Do so, and return the probabilities too."""
        found, shares = [], []
        for i, row in enumerate(x):
            if i in begins:
                self.learner.reset()
            label = self._label(row, y[i : i + 1])
            one, of_each = super().test_then_learn_shares(x[i : i + 1], label)
            found.append(one)
            shares.append(of_each)
        return np.concatenate(found), np.concatenate(shares)

    def _label(self, row: NDArray[np.float32], label: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the label of a row, int64 ``[1]``, if the learner asks for it; else -1."""
        if label[0] < 0:
            return label
        self.offered += 1
        if not self.learner.wants_label(row, self.budget):
            return np.full(1, -1)
        self.asked += 1
        return label


def budget_of(given: float | None, start: Checkpoint) -> float | None:
    """Return the share of labels of a run: the one that is given, or that it has had so far."""
    return start.asking.get("budget") if given is None else given


def whole_samples(
    learner: Any, budget: float | None, start: Mapping[str, Any], record: RunRecord
) -> WholeSamples:
    """Return a learner whose samples no signal can split; with a budget it asks for labels.

    Checkpoints then hold how it asks.
    """
    if budget is None:
        return WholeSamples(learner)
    whole = AskedSamples(learner, budget, start)
    record.asking = whole.to_dict
    return whole


def asked_figures(whole: Any) -> dict[str, Any]:
    """Return what a run's figures say of the labels asked for; nothing if all were learned."""
    if not isinstance(whole, AskedSamples):
        return {}
    found = {"budget": whole.budget, "offered": whole.offered, "asked": whole.asked}
    return {"labels": found}


def say_asked(to: Console, whole: Any) -> None:
    """Say how many labels were asked for, if not all were learned."""
    if isinstance(whole, AskedSamples):
        share = whole.asked / max(whole.offered, 1)
        to.print(
            f"asked for {whole.asked} of {whole.offered} labels ({share:.1%}); the accuracy is "
            "over all rows, and the baselines beside it know every label",
            soft_wrap=True,
        )


def check_alone(budget: float | None, reading: Columns, recorded: bool, numbers: bool) -> None:
    """Refuse a budget beside what cannot go with it.

    Parameters
    ----------
    budget
        The share of labels; None: there is nothing to refuse.
    reading
        How the stream is read.
    recorded
        Whether there is a record, which holds samples that are learned.
    numbers
        Whether it is a regression.

    Raises
    ------
    CommandError
        If there is a record, a regression, or labels that come later.
    """
    if budget is None:
        return
    if reading.delay or reading.labels:
        raise CommandError(
            "--label-budget goes with labels that come with their rows: leave out --label-delay "
            "and --labels"
        )
    if recorded or numbers:
        other = "--record" if recorded else "--task regression"
        raise CommandError(f"--label-budget goes without {other}: leave one of them out")
