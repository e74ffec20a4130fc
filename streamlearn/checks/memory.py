"""The memory: it recalls what was taught once, and leaves the network as it is."""

from __future__ import annotations

from typing import Any

from quant.errors import ConfigError
from streamlearn.checks.registry import CLASSIFIER, check
from streamlearn.checks.samples import fresh, refuses, samples, trained, weights_of


def _has_the_option(learner: Any) -> bool:
    return "memory" in learner.get_params()


@check(CLASSIFIER)
def classes_one_after_another_are_recalled(learner: Any) -> None:
    """By the memory alone, with probabilities that agree; asking changes nothing."""
    if not _has_the_option(learner):
        return
    made = fresh(learner, memory="lda", classes=None)
    for x, y in sorted(samples(learner, 300), key=lambda sample: sample[1]):
        made.learn_one(x, y)
    before, test = made.state_sha256, samples(learner, 60, seed=3)
    found = [made.recall_one(x) for x, _ in test]
    assert found == made.recall_many([x for x, _ in test]), "blocks recall otherwise"
    right = sum(label == y for label, (_, y) in zip(found, test, strict=True))
    assert right > 50, f"{right} of 60 recalled"
    for label, (x, _) in zip(found, test, strict=True):
        shares = made.recall_proba_one(x)
        assert abs(sum(shares.values()) - 1) < 1e-9
        assert max(shares, key=lambda name: shares[name]) == label
    assert made.state_sha256 == before, "asking changed the state"


@check(CLASSIFIER)
def a_memory_changes_no_bit_of_the_network(learner: Any) -> None:
    """Its weights are those of a learner without."""
    if not _has_the_option(learner):
        return
    weights = [
        trained(learner, memory=memory).state[weights_of(learner)].tobytes()
        for memory in ("lda", "mean", None)
    ]
    assert len(set(weights)) == 1, "the network learns otherwise beside a memory"


@check(CLASSIFIER)
def without_a_memory_nothing_is_recalled(learner: Any) -> None:
    """It is refused with what to do."""
    if not _has_the_option(learner):
        return
    made = trained(learner, memory=None)
    x, _ = samples(learner, 1)[0]
    for verb in (made.recall_one, made.recall_proba_one):
        with refuses(made, ConfigError, "no memory to recall from: make it with memory="):
            verb(x)
