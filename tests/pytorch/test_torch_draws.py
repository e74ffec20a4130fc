"""Loss, prediction and entropies of Monte-Carlo draws."""

from __future__ import annotations

import math

import pytest
from torch_helpers import seeded, torch

from streamlearn.errors import LabelError, ShapeError
from streamlearn.torch import entropies, log_probabilities, nll_loss, predict

LOGITS = torch.randn(5, 4, 3, generator=seeded(), dtype=torch.float64)
TARGET = torch.tensor([0, 2, 1, 2])


def test_loss_is_the_mean_over_draws_and_the_sum_over_rows() -> None:
    expected = sum(
        -math.log(math.exp(z[y]) / sum(map(math.exp, z)))
        for draw in LOGITS.tolist()
        for z, y in zip(draw, TARGET.tolist(), strict=True)
    )
    assert float(nll_loss(LOGITS, TARGET)) == pytest.approx(expected / 5, rel=1e-12)
    by_torch = torch.nn.functional.nll_loss(log_probabilities(LOGITS), TARGET, reduction="sum")
    assert float(nll_loss(LOGITS, TARGET)) == pytest.approx(float(by_torch), rel=1e-12)


def test_prediction_is_of_the_geometric_mean() -> None:
    """Two draws sure of class 0, one almost sure that it is not: the mean softmax would differ."""
    p = torch.tensor([[0.9, 0.1], [0.9, 0.1], [1e-6, 1 - 1e-6]])[:, None]
    assert predict(p.log()).tolist() == [1]
    assert p.mean(0).argmax(-1).tolist() == [0]
    assert predict(LOGITS).tolist() == LOGITS.log_softmax(-1).sum(0).argmax(-1).tolist()


def test_entropies_in_bits() -> None:
    sure, split = [[80.0, 0.0, 0.0]], [[0.0, 0.0, -900.0]]
    agreeing = torch.tensor([sure, sure])
    for values in entropies(agreeing):
        assert values.tolist() == pytest.approx([0.0], abs=1e-6)
    unsure = [float(values) for values in entropies(torch.tensor([split, split]))]
    assert unsure == pytest.approx([1.0, 1.0, 0.0], abs=1e-6)
    disagreeing = torch.tensor([sure, [[0.0, 80.0, 0.0]]])
    assert [float(v) for v in entropies(disagreeing)] == pytest.approx([1, 0, 1], abs=1e-6)
    predictive, aleatoric, epistemic = entropies(LOGITS)
    torch.testing.assert_close(predictive, aleatoric + epistemic)
    assert bool((epistemic > 0).all())
    assert bool((predictive < math.log2(3)).all())


@pytest.mark.parametrize("label", [-1, 3])
def test_unknown_labels_are_refused(label: int) -> None:
    with pytest.raises(LabelError, match=f"label {label}: the network has classes 0 to 2"):
        nll_loss(LOGITS, torch.tensor([0, label, 1, 1]))


def test_labels_that_are_no_integers_are_refused() -> None:
    with pytest.raises(LabelError, match=r"labels are torch\.float32: expected class indices"):
        nll_loss(LOGITS, TARGET.float())


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"target is \(3,\): expected \(4,\)"):
        nll_loss(LOGITS, TARGET[:3])
    for function in (predict, entropies, log_probabilities):
        with pytest.raises(ShapeError, match=r"expected \[draws, rows, classes\]"):
            function(LOGITS[0])
