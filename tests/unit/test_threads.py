"""One learner, several threads: the bits as alone, and every image is the state of one sample."""

from __future__ import annotations

import contextlib
import copy
import os
import pickle
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from streamlearn import MesuClassifier, MesuRegressor, MetaplasticClassifier
from streamlearn.by_index import ByIndex
from streamlearn.chain import Chain, Traces
from streamlearn.learners import forking

N = 250
X = np.random.default_rng(0).normal(0, 1, (N, 32)).astype(np.float32)
Y = (np.arange(N) % 3).tolist()

MAKERS: dict[str, Callable[[], Any]] = {
    "q16": lambda: MesuClassifier((32, 32, 3), classes=range(3)),
    "q8": lambda: MetaplasticClassifier((32, 32, 3), classes=range(3)),
    "number": lambda: MesuRegressor((32, 32, 1)),
    "replay": lambda: MesuClassifier((32, 32, 3), classes=range(3), replay_bytes=2000),
    "late labels": lambda: MesuClassifier((32, 32, 3)),
}


@contextlib.contextmanager
def meanwhile(*jobs: Callable[[], object]) -> Iterator[None]:
    """Do jobs over and over in threads of their own, until the block ends."""
    stop, errors = threading.Event(), []

    def repeat(job: Callable[[], object]) -> None:
        try:
            while not stop.is_set():
                job()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            errors.append(error)

    threads = [threading.Thread(target=repeat, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert errors == []


def ask(learner: Any) -> list[Callable[[], object]]:
    jobs = [lambda: learner.predict_one(X[0]), lambda: learner.predict_many(X[:5])]
    if hasattr(learner, "novelty_one"):
        jobs += [lambda: learner.novelty_one(X[1]), lambda: learner.predict_proba_one(X[2])]
    return jobs


@pytest.mark.parametrize("kind", MAKERS)
def test_asked_and_saved_while_it_learns(kind: str) -> None:
    asked_and_saved(kind)


@pytest.mark.slow
def test_asked_and_saved_a_hundred_times() -> None:
    for run in range(100):
        asked_and_saved([*MAKERS][run % len(MAKERS)])


def asked_and_saved(kind: str) -> None:
    """Learn alone, and learn while others ask and save; the bits are the same."""
    alone, learner = MAKERS[kind](), MAKERS[kind]()
    images = {alone.to_bytes()}
    for x, y in zip(X, Y, strict=True):
        alone.learn_one(x, y)
        images.add(alone.to_bytes())
    saved: set[bytes] = set()
    with meanwhile(*ask(learner), lambda: saved.add(learner.to_bytes())):
        for i, (x, y) in enumerate(zip(X, Y, strict=True)):
            learner.learn_one(x, y)
            deadline = time.monotonic() + 30
            while len(saved) < 1 + i // 50 and time.monotonic() < deadline:
                time.sleep(0.001)  # however busy the machine is, some states are saved
    assert learner.state_sha256 == alone.state_sha256
    assert len(saved) > 2
    assert saved <= images


def test_answers_are_those_of_a_state_that_was() -> None:
    alone, learner = MAKERS["q16"](), MAKERS["q16"]()
    allowed = {tuple(alone.predict_proba_one(X[0]).values())}
    for x, y in zip(X, Y, strict=True):
        alone.learn_one(x, y)
        allowed.add(tuple(alone.predict_proba_one(X[0]).values()))
    found = set()
    with meanwhile(lambda: found.add(tuple(learner.predict_proba_one(X[0]).values()))):
        for x, y in zip(X, Y, strict=True):
            learner.learn_one(x, y)
    assert found <= allowed


class Slow:
    """An engine that takes its time, and notes whether another call came in meanwhile."""

    def __init__(self, engine: Any) -> None:
        self.engine, self.inside, self.met = engine, 0, False
        self.entered = threading.Event()

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self.engine, name)
        if not callable(verb):
            return verb

        def slowly(*arguments: Any) -> Any:
            self.inside += 1
            self.met |= self.inside > 1
            self.entered.set()
            threading.Event().wait(0.05)
            self.met |= self.inside > 1
            found = verb(*arguments)
            self.inside -= 1
            return found

        return slowly


VERBS: dict[str, Callable[[Any], object]] = {
    "predict_one": lambda one: one.predict_one(X[0]),
    "predict_proba_one": lambda one: one.predict_proba_one(X[0]),
    "predict_uncertainty_one": lambda one: one.predict_uncertainty_one(X[0]),
    "novelty_one": lambda one: one.novelty_one(X[0]),
    "predict_many": lambda one: one.predict_many(X[:2]),
    "predict_proba_many": lambda one: one.predict_proba_many(X[:2]),
    "learn_one": lambda one: one.learn_one(X[0], 0),
    "learn_many": lambda one: one.learn_many(X[:2], Y[:2]),
    "by index": lambda one: ByIndex(one).test_then_learn_one(X[0], 0),
}


def together(learner: Any, first: Callable[[Any], object], second: Callable[[Any], object]) -> bool:
    """Start a verb while another works; tell whether both were in the engine at once."""
    learner._engine = slow = Slow(learner._engine)
    threads = [threading.Thread(target=verb, args=(learner,)) for verb in (first, second)]
    threads[0].start()
    assert slow.entered.wait(10)
    threads[1].start()
    for thread in threads:
        thread.join()
    return slow.met


@pytest.mark.parametrize("verb", VERBS)
def test_no_two_verbs_at_once(verb: str) -> None:
    assert not together(MAKERS["q16"](), VERBS["learn_one"], VERBS[verb])
    assert not together(MAKERS["q16"](), VERBS[verb], VERBS["predict_one"])


@pytest.mark.parametrize("verb", ["predict_one", "predict_distribution_one", "predict_many"])
def test_no_two_verbs_of_a_regressor_at_once(verb: str) -> None:
    x = X[:2] if verb.endswith("many") else X[0]
    asked: Callable[[Any], object] = lambda one: getattr(one, verb)(x)  # noqa: E731
    assert not together(MAKERS["number"](), lambda one: one.learn_one(X[0], 1.0), asked)
    assert not together(MAKERS["number"](), lambda one: one.learn_many(X[:2], [1.0, 2.0]), asked)


def test_the_canary_without_the_lock_they_meet() -> None:
    learner = MAKERS["q16"]()
    learner._lock = contextlib.nullcontext()
    assert together(learner, VERBS["learn_one"], VERBS["predict_one"])


def test_learners_do_not_wait_for_one_another() -> None:
    """One sits in its engine for as long as the other takes to learn."""
    one, other = MAKERS["q16"](), MAKERS["q16"]()
    inside, done = threading.Event(), threading.Event()
    learn = one._engine.learn_row

    def wait(*arguments: Any) -> Any:
        inside.set()
        assert done.wait(20), "the other learner waited"
        return learn(*arguments)

    one._engine.learn_row = wait
    thread = threading.Thread(target=one.learn_one, args=(X[0], 0))
    thread.start()
    assert inside.wait(20)
    other.learn_one(X[0], 0).predict_one(X[1])
    done.set()
    thread.join()
    assert one.state_sha256 == other.state_sha256


def test_copies_have_locks_of_their_own() -> None:
    learner = MAKERS["q16"]().learn_one(X[0], 0)
    copies = [
        copy.deepcopy(learner), copy.copy(learner), pickle.loads(pickle.dumps(learner)),
        learner.clone(include_attributes=True), MesuClassifier.from_bytes(learner.to_bytes()),
    ]  # fmt: skip
    assert len({id(made._lock) for made in (learner, *copies)}) == 6
    for made in copies:
        assert made.learn_one(X[1], 1).state_sha256 != learner.state_sha256


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def forked(job: Callable[[], bool]) -> bool | None:
    """Do a job in a child of this process; return what it found, None if it hung."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the very thing that is tested
        child = os.fork()
    if child == 0:
        try:
            os._exit(0 if job() else 1)
        finally:
            os._exit(2)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


@needs_fork
def test_a_fork_while_another_thread_teaches() -> None:
    alone, learner = MAKERS["q16"](), MAKERS["q16"]()
    images = {alone.to_bytes()}
    for i in range(N):
        images.add(alone.learn_one(X[i], Y[i]).to_bytes())
    at = iter(range(N))
    children = 0

    def teach() -> None:
        for i in at:
            learner.learn_one(X[i], Y[i])

    thread = threading.Thread(target=teach)
    thread.start()
    while thread.is_alive() or not children:
        assert forked(lambda: learner.to_bytes() in images and learner.predict_one(X[0]) in Y)
        children += 1
    thread.join()
    assert learner.state_sha256 == alone.state_sha256


@needs_fork
def test_a_fork_in_the_middle_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long: the child has the learner as it was before the block."""
    monkeypatch.setattr(forking, "WAIT_S", 0.05)
    learner = MAKERS["q16"]().learn_one(X[0], 0)
    before = learner.to_bytes()
    plain, inside, done = threading.Lock(), threading.Event(), threading.Event()
    learn_many = learner._engine.learn_many

    def wait(*arguments: Any) -> Any:
        with plain:
            inside.set()
            assert done.wait(60)
        return learn_many(*arguments)

    learner._engine.learn_many = wait
    thread = threading.Thread(target=learner.learn_many, args=(X[:9], Y[:9]))
    thread.start()
    assert inside.wait(20)
    assert forked(lambda: learner.to_bytes() == before and learner.predict_one(X[0]) in Y)
    # The canary: a lock that nobody looks after is held for ever in the child.
    assert forked(lambda: not plain.acquire(timeout=0.3))
    done.set()
    thread.join()
    assert learner.n_samples == 10


@needs_fork
def test_a_fork_while_another_thread_teaches_a_chain() -> None:
    chain = Chain(MesuClassifier((32, 32, 3), classes=range(3)), Traces((0,), channels=32))
    with meanwhile(lambda: chain.learn_one(X[0], 0)):
        for _ in range(10):
            assert forked(lambda: chain.predict_one(X[1]) in Y and len(chain.to_bytes()) > 0)
