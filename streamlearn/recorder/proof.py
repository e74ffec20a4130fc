"""Whether a state came from a record: learn the record again and compare every bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from quant.description import to_json
from streamlearn.learners.base import StreamLearner
from streamlearn.recorder.learning import learn
from streamlearn.recorder.record import Record

_COUNTER = 1 << 32


@dataclass(frozen=True)
class Verdict:
    """What was found.

    Parameters
    ----------
    sample
        The state is that after so many samples of the record; None: it is not of this record.
    why
        In words, if it is not.
    n_snapshots
        States within the record that were compared as well.
    """

    sample: int | None
    why: str
    n_snapshots: int


def verify(
    record: Record, state: StreamLearner, on_progress: Callable[[int], object] = lambda _: None
) -> Verdict:
    """Learn a record from its start until a learner's number of samples, and compare.

    The states that the record holds on the way are compared too, not used.

    Parameters
    ----------
    record
    state
        The learner in question.
    on_progress
        Is told how many samples are done.

    Raises
    ------
    StateFormatError
        If a block on the way is damaged.
    """
    learner = record.first_state()
    other = _other_kind(learner, state)
    if other:
        return Verdict(None, other, 0)
    wanted = (state.n_samples - record.start.n_samples) % _COUNTER
    if wanted > record.n_learned:
        record._stop(None)
        return Verdict(
            None,
            f"it has learned {state.n_samples} samples; the record begins at "
            f"{record.start.n_samples} and holds {record.n_learned} that were learned",
            0,
        )
    checks = {block.first: block for block in record.snapshots()}
    done = learned = compared = 0
    for samples in record.samples() if wanted else ():
        if learned + int(samples.learned.sum()) >= wanted:
            last = int(np.flatnonzero(samples.learned)[wanted - learned - 1])
            samples = samples.part(slice(0, last + 1))
        done = samples.first + len(samples)
        learn(learner, samples, record.names_at(done))
        learned += int(samples.learned.sum())
        on_progress(done)
        if done in checks:
            if record.snapshot(checks[done]).to_bytes() != learner.to_bytes():
                return Verdict(None, _another(done), compared)
            compared += 1
        if learned == wanted:
            break
    if state.to_bytes() == learner.to_bytes():
        return Verdict(done, "", compared)
    return Verdict(
        None, f"after {done} samples, its number, {_difference(learner, state)}", compared
    )


def _another(sample: int) -> str:
    return (
        f"the record itself does not fit together here: its state after {sample} samples is not "
        "what its samples give. It was changed; or it is of floats, which another machine rounds "
        "otherwise"
    )


def _other_kind(ours: StreamLearner, state: StreamLearner) -> str:
    """Return in what two learners differ before anything is learned, or nothing."""
    known = {**to_json(ours.spec, ours.config), "arithmetic": ours.arithmetic}
    found = {**to_json(state.spec, state.config), "arithmetic": state.arithmetic}
    different = [name for name in known if found.get(name) != known[name]]
    if not different:
        return ""
    return f"it is another learner: {', '.join(different)} differ; the record is of {ours}"


def _difference(ours: StreamLearner, state: StreamLearner) -> str:
    """Return in words what differs."""
    said = differing(ours, state)
    if not said:
        return "the names of features or classes differ"
    return (
        f"the record gives state {ours.state_sha256[:12]}, not {state.state_sha256[:12]}; "
        f"different are {', '.join(said[:5])}{', ...' if len(said) > 5 else ''}"
    )


def differing(ours: StreamLearner, state: StreamLearner) -> list[str]:
    """Return the parts of the state in which two learners of one kind differ, with how many."""
    a, b = ours.state, state.state
    said = []
    for name in a.dtype.names or ():
        left, right = (np.ascontiguousarray(s[name]).view(np.uint8) for s in (a, b))
        size = a.dtype[name].base.itemsize
        n = int((left.reshape(-1, size) != right.reshape(-1, size)).any(axis=1).sum())
        if n:
            said.append(f"{n} of {name}")
    return said
