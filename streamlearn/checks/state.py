"""The state: saved, restored, handed out, refused."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from quant.errors import ShapeError
from streamlearn.checks.registry import check
from streamlearn.checks.samples import (
    answers,
    copy_of,
    fresh,
    refuses,
    samples,
    trained,
    weights_of,
)


def _goes_on_alike(one: Any, other: Any, seed: int = 2) -> None:
    assert one.state_sha256 == other.state_sha256
    for x, y in samples(one, 20, seed):
        assert answers(one, x) == answers(other, x), "predictions differ"
        one.learn_one(x, y)
        other.learn_one(x, y)
        assert one.state_sha256 == other.state_sha256, "states part"
    assert one.labels == other.labels
    assert one.n_samples == other.n_samples


@check()
def saved_mid_stream_it_goes_on_bit_for_bit(learner: Any) -> None:
    """Bytes and files hold everything that learning needs."""
    made = trained(learner, 17)
    copy = copy_of(made)
    assert (copy.spec, copy.config, copy.arithmetic) == (made.spec, made.config, made.arithmetic)
    _goes_on_alike(made, copy)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.sls"
        made.save(path)
        backend = made.get_params()["backend"]
        _goes_on_alike(made, type(made).load(path, backend=backend), seed=3)
        made.save(path)
        assert type(made).load(path).to_bytes() == made.to_bytes()
        assert [p.name for p in Path(folder).iterdir()] == ["state.sls"], "a file was left behind"


@check()
def a_fresh_learner_can_be_saved(learner: Any) -> None:
    """Before any sample, too."""
    made = fresh(learner)
    _goes_on_alike(made, copy_of(made))


@check()
def names_of_features_are_saved(learner: Any) -> None:
    """A copy takes named features in any order."""
    made = fresh(learner)
    for x, y in samples(learner, 5):
        made.learn_one(dict(zip("abcde", x, strict=True)), y)
    copy = copy_of(made)
    x, _ = samples(learner, 1, seed=4)[0]
    shuffled = dict(zip("cbeda", (x[2], x[1], x[4], x[3], x[0]), strict=True))
    assert answers(copy, shuffled) == answers(made, x), "names of features were lost"


@check()
def a_state_can_be_set(learner: Any) -> None:
    """As an array and as bytes."""
    made = trained(learner)
    for as_bytes in (False, True):
        known = {"classes": made.labels} if made.spec.n_classes else {}
        other = fresh(learner, seed=123, **known)
        other.state = made.state.tobytes() if as_bytes else made.state
        assert other.state.tobytes() == made.state.tobytes(), "the state set is not the state"
        _goes_on_alike(trained(learner), other)


@check()
def the_state_handed_out_is_a_copy(learner: Any) -> None:
    """Whoever writes to it changes no learner."""
    made = trained(learner)
    before = made.state_sha256
    handed_out = made.state
    handed_out[weights_of(made)] += 1
    assert made.state_sha256 == before, "the state handed out is the learner's own"
    made.state = handed_out
    after = made.state_sha256
    handed_out[weights_of(made)] += 1
    assert made.state_sha256 == after != before, "the state set is the caller's own"


@check()
def a_state_of_another_size_is_refused(learner: Any) -> None:
    """With what came and what was expected."""
    made = trained(learner)
    data, last = made.state.tobytes(), made.spec.layers[-1]
    other = fresh(learner, layers=(5, 12, last))
    for wrong in (data[:-1], data + b"\0", b"", other.state):
        with refuses(made, ShapeError, r"state of \d+ bytes: a 5-8-\d network .* has \d+ bytes"):
            made.state = wrong
