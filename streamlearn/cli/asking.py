"""``streamlearn run --label-budget``: labels are learned only where they help."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from streamlearn.cli.endings import CommandError
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

    Attributes
    ----------
    offered, asked : int
        Labels that the stream had, and those that were learned.

    Raises
    ------
    CommandError
        If its rule does not draw, so that it cannot tell.
    """

    def __init__(self, learner: Any, budget: float) -> None:
        super().__init__(learner)
        if not hasattr(learner, "wants_label"):
            raise CommandError(
                f"--label-budget: a {type(learner).__name__} has no draws that could disagree; "
                "take a rule that draws its weights"
            )
        self.learner: Any = learner
        self.budget, self.offered, self.asked = budget, 0, 0

    def test_then_learn_block(
        self, x: NDArray[np.float32], y: NDArray[np.int64], /
    ) -> NDArray[np.int64]:
        """Predict each row, and learn it if the learner asks for its label."""
        found = np.empty(len(y), np.int64)
        for i, row in enumerate(x):
            label = self._label(row, y[i : i + 1])
            found[i : i + 1] = super().test_then_learn_block(x[i : i + 1], label)
        return found

    def test_then_learn_shares(
        self, x: NDArray[np.float32], y: NDArray[np.int64], /
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Do so, and return the probabilities too."""
        found, shares = [], []
        for i, row in enumerate(x):
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


def whole_samples(learner: Any, budget: float | None) -> WholeSamples:
    """Return a learner whose samples no signal can split; with a budget it asks for labels."""
    return WholeSamples(learner) if budget is None else AskedSamples(learner, budget)


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
            "over all rows",
            soft_wrap=True,
        )


def check_alone(budget: float | None, waiting: object | None) -> None:
    """Refuse a budget of labels that come later.

    Raises
    ------
    CommandError
        If there are both.
    """
    if budget is not None and waiting is not None:
        raise CommandError(
            "--label-budget goes with labels that come with their rows: leave out --label-delay "
            "and --labels"
        )
