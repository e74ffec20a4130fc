"""``fleet.merge`` refuses what is no fleet of one start, with a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fleet_images import changed, fleet, samples, start

from quant.errors import RuleError
from quant.rule import RULES
from streamlearn import SpikingClassifier
from streamlearn.errors import ConfigError, StateFormatError
from streamlearn.fleet import learn, merge, posterior
from streamlearn.merging import merging_of


def spiking(rule: str) -> bytes:
    return SpikingClassifier((5, 8, 3), rule=rule, classes=[*"abc"]).to_bytes()


# -- what is refused -----------------------------------------------------------------------------


REFUSED: dict[str, tuple[Callable[[], tuple[bytes, list[bytes]]], str]] = {
    "no images": (lambda: (start(), []), "at least one"),
    "another network": (
        lambda: (start(), [start(layers=(5, 9, 3))]),
        r"image 0: layers=\(5, 9, 3\), the base image has \(5, 8, 3\)",
    ),
    "another setting": (lambda: (start(), [start(n_draws=10, sweep=32)]), "sweep=32"),
    "another arithmetic": (lambda: (start(), [start(arithmetic="float64")]), "arithmetic"),
    "another rule": (lambda: (start(), [start("mesu_factored")]), "rule='mesu_factored'"),
    "another seed's start": (
        lambda: (start(), [*fleet(start(), 2), learn(start(seed=5), *samples(30, 2))[0]]),
        "image 2 did not start from the base image: its weights are those that its own seed 5",
    ),
    "fewer samples": (
        lambda: (fleet(start(), 1)[0], [start()]), "0 samples, and the base image 30",
    ),
    "no sample, another state": (
        lambda: (start(), [changed(start(), mu=1)]), "learned no sample since",
    ),
    "a class less": (
        lambda: (
            learn(start(), samples(9, 1)[0], ["c"] * 9)[0],
            [learn(start(), samples(20, 1)[0], ["a"] * 20)[0]],
        ),
        "was taught a class that it was not",
    ),
    "labels in another order": (
        lambda: (
            start(classes=None),
            [learn(start(classes=None), samples(2, 1)[0], y)[0] for y in (["a", "b"], ["b", "a"])],
        ),
        "classes=",
    ),
    "features of other names": (
        lambda: (start(features=[*"pqrst"]), [start(features=[*"pqrsu"])]),
        "belongs to one feature",
    ),
    "a memory": (lambda: (start(memory="lda"), fleet(start(memory="lda"), 2)), "memory='lda'"),
    "stored samples": (
        lambda: (start(replay_bytes=400), fleet(start(replay_bytes=400), 2)), "replay_bytes=400",
    ),
    "spikes": (lambda: (spiking("mesu"), [spiking("mesu")]), r"leaks=\(3, 4\).*spike"),
    "spikes of binary weights": (lambda: (spiking("bimu"), [spiking("bimu")]), "leaks=.*spike"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_merged_is_refused_with_a_sentence(name: str) -> None:
    make, words = REFUSED[name]
    base, images = make()
    with pytest.raises(ConfigError, match=words):
        merge(base, images)


def test_rules_without_a_posterior_are_refused() -> None:
    without = [name for name in RULES if merging_of(name) is None]
    assert {"metaplastic", "multilevel"} <= {*without}
    for rule in without:
        base = start(rule)
        with pytest.raises(ConfigError, match=f"{rule!r} has no posterior"):
            merge(base, fleet(base, 2))


@pytest.mark.parametrize("damping", [0, -1, 1.5, float("nan"), True, "a"])
def test_damping_is_a_part_of_one(damping: Any) -> None:
    with pytest.raises(ConfigError, match="damping"):
        merge(start(), fleet(start(), 1), damping=damping)


def test_evidence_is_a_sum_or_a_mean() -> None:
    with pytest.raises(ConfigError, match="'sum' or 'mean'"):
        merge(start(), fleet(start(), 1), "product")  # type: ignore[arg-type]


def test_a_damaged_image_is_named() -> None:
    images = fleet(start(), 2)
    with pytest.raises(StateFormatError, match=r"image 1: .*cut"):
        merge(start(), [images[0], images[1][:-3]])


def test_a_diverged_learner_is_named() -> None:
    base = start(arithmetic="float64")
    with pytest.raises(StateFormatError, match=r"image 0: .*mu is not finite: the learner has div"):
        merge(base, [changed(base, mu=np.nan, n_samples=3)])


def test_a_field_that_nobody_merges_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Canary: a field that is added to the state cannot be dropped silently."""
    monkeypatch.setattr(posterior, "SHARED", posterior.SHARED - {"taught"})
    with pytest.raises(ConfigError, match="'taught'"):
        merge(start(), fleet(start(), 2))


def test_a_room_with_something_else_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlearn.rules import mesu

    monkeypatch.setattr(mesu, "MERGING", "sum")
    with pytest.raises(RuleError, match="MERGING is 'sum'"):
        merge(start(), fleet(start(), 2))
