"""Test-then-train: the order of the verbs, what is counted, and stopping."""

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamlearn.baselines import MajorityClassifier, NoChangeClassifier
from streamlearn.errors import ConfigError, LabelError
from streamlearn.evaluation import (
    PrequentialResult,
    evaluate,
    majority_accuracy,
    no_change_accuracy,
    prequential,
)

LABELS = st.lists(st.integers(0, 5), max_size=60)


def samples(labels):
    return [(np.array([i], np.float32), y) for i, y in enumerate(labels)]


class Memoriser:
    """Knows every sample it has learned, and says 0 to any other."""

    def __init__(self):
        self.known = {}

    def predict_one(self, x):
        return self.known.get(x.tobytes(), 0)

    def learn_one(self, x, y):
        self.known[x.tobytes()] = y


class Log:
    def __init__(self):
        self.calls = []

    def predict_one(self, x):
        self.calls.append(("predict", float(x[0])))
        return 0

    def learn_one(self, x, y):
        self.calls.append(("learn", float(x[0]), y))


def test_a_memoriser_scores_chance_at_first_sight_and_all_at_second():
    labels = np.random.default_rng(0).integers(0, 4, 2000).tolist()
    result = evaluate(Memoriser(), samples(labels) + samples(labels))
    first = np.mean(result.predictions[:2000] == result.labels[:2000])
    assert first == labels.count(0) / 2000 < 0.3
    assert np.array_equal(result.predictions[2000:], result.labels[2000:])


def test_predicts_once_then_learns_once():
    log = Log()
    evaluate(log, samples([3, 4]))
    assert log.calls == [("predict", 0), ("learn", 0, 3), ("predict", 1), ("learn", 1, 4)]


def test_a_sample_is_learned_before_the_next_is_requested():
    log = Log()

    def stream():
        for i in range(3):
            assert len(log.calls) == 2 * i
            yield np.array([i], np.float32), 0

    assert evaluate(log, stream()).n_samples == 3


def test_line_numbers_are_allowed():
    result = evaluate(NoChangeClassifier(), [(np.zeros(1, np.float32), 1, 2)])
    assert result.labels.tolist() == [1]


def test_result_fields():
    result = evaluate(NoChangeClassifier(), samples([0, 0, 2, 2]))
    assert result.predictions.tolist() == [0, 0, 0, 2]
    assert result.predictions.dtype == result.labels.dtype == np.int64
    assert (result.n_samples, result.accuracy, result.interrupted) == (4, 0.75, False)
    assert result.samples_per_s == pytest.approx(4 / result.seconds)


def test_seconds_are_the_learners_and_leave_out_the_wait_for_the_stream(monkeypatch):
    now = 0.0

    class Slow(NoChangeClassifier):
        def learn_one(self, x, y):
            nonlocal now
            now += 2
            super().learn_one(x, y)

    def stream():
        nonlocal now
        for sample in samples([0, 1, 0]):
            now += 50
            yield sample

    monkeypatch.setattr(prequential, "perf_counter", lambda: now)
    assert evaluate(Slow(), stream()).seconds == 3 * 2


def test_sha256_is_of_little_endian_uint16():
    result = PrequentialResult(np.array([1, 258]), np.array([1, 1]), 1.0)
    assert result.predictions_sha256 == hashlib.sha256(b"\x01\x00\x02\x01").hexdigest()


def test_no_samples():
    result = evaluate(NoChangeClassifier(), [])
    assert result.n_samples == 0
    assert np.isnan(result.accuracy)
    assert np.isnan(result.samples_per_s)
    assert result.accuracy_over_time(3).shape == (0,)
    assert result.predictions_sha256 == hashlib.sha256(b"").hexdigest()
    assert np.isnan(no_change_accuracy([]))
    assert np.isnan(majority_accuracy([]))


@given(LABELS, LABELS, st.integers(1, 70))
def test_accuracy_over_time_equals_the_obvious_loop(a, b, window):
    n = min(len(a), len(b))
    result = PrequentialResult(np.array(a[:n], np.int64), np.array(b[:n], np.int64), 1.0)
    right = [p == y for p, y in zip(a, b, strict=False)]
    obvious = [np.mean(right[max(0, i - window + 1) : i + 1]) for i in range(n)]
    assert result.accuracy_over_time(window) == pytest.approx(obvious)


def test_window_below_one():
    with pytest.raises(ConfigError, match="window must be 1 or more, got 0"):
        evaluate(NoChangeClassifier(), []).accuracy_over_time(0)


@given(LABELS.filter(bool))
def test_baseline_accuracies_are_those_of_the_learners(labels):
    assert no_change_accuracy(labels) == evaluate(NoChangeClassifier(), samples(labels)).accuracy
    assert majority_accuracy(labels) == evaluate(MajorityClassifier(), samples(labels)).accuracy


def test_baseline_accuracies_by_hand():
    assert no_change_accuracy([0, 1, 1, 0]) == 0.5
    assert majority_accuracy([1, 1, 0, 1]) == 0.5


def test_progress_is_told_after_each_sample():
    told = []
    evaluate(NoChangeClassifier(), samples([0, 1, 1]), on_progress=lambda *now: told.append(now))
    assert told == [(1, 1), (2, 1), (3, 2)]


def test_should_stop_ends_before_the_next_sample_is_taken():
    stream = iter(samples([0, 1, 0, 1]))
    answers = iter([False, False, True])
    result = evaluate(NoChangeClassifier(), stream, should_stop=lambda: next(answers))
    assert (result.n_samples, result.interrupted) == (2, True)
    assert len(list(stream)) == 2


@pytest.mark.parametrize("place", ["predict", "learn", "stream", "progress"])
def test_ctrl_c_keeps_what_is_done(place):
    counter = itertools.count()

    def ctrl_c(where):
        if where == place and next(counter) == 2:
            raise KeyboardInterrupt

    class Learner(NoChangeClassifier):
        def predict_one(self, x):
            ctrl_c("predict")
            return super().predict_one(x)

        def learn_one(self, x, y):
            ctrl_c("learn")
            super().learn_one(x, y)

    def stream():
        for sample in samples([1, 1, 1, 1]):
            ctrl_c("stream")
            yield sample

    result = evaluate(Learner(), stream(), on_progress=lambda *_: ctrl_c("progress"))
    assert result.interrupted
    assert result.predictions.tolist() == [0, 1, 1][: 3 if place == "progress" else 2]
    assert len(result.labels) == len(result.predictions)


def test_other_errors_are_not_swallowed():
    def broken():
        yield np.zeros(1, np.float32), 0
        raise OSError("cable")

    with pytest.raises(OSError, match="cable"):
        evaluate(NoChangeClassifier(), broken())


@pytest.mark.parametrize("label", [-1, 65536, 1.5, float("nan"), None, "even"])
def test_label_that_is_no_class_index(label):
    with pytest.raises(LabelError, match=f"a label must be a class index in 0..65535, got {label}"):
        evaluate(Memoriser(), samples([label]))


@pytest.mark.parametrize("predicted", [-1, 0.5, None, "even", (0.0, 1.0)])
def test_prediction_that_is_no_class_index(predicted):
    class Wild(NoChangeClassifier):
        def predict_one(self, _x):
            return predicted

    with pytest.raises(LabelError, match="a prediction must be"):
        evaluate(Wild(), samples([0]))


# -- labels that come late -----------------------------------------------------------------------


def test_a_late_label_is_learned_after_so_many_more_predictions():
    log = Log()
    result = evaluate(log, samples([3, 4, 5]), label_delay=1)
    assert log.calls == [
        ("predict", 0), ("predict", 1), ("learn", 0, 3), ("predict", 2), ("learn", 1, 4),
        ("learn", 2, 5),
    ]  # fmt: skip
    assert (result.labels.tolist(), result.label_delay) == ([3, 4, 5], 1)


@settings(deadline=None)
@given(LABELS, st.integers(0, 8))
def test_delay_is_rivers(labels, delay):
    """The same predictions as River's way with late labels, whose delay counts from the sample."""
    river = pytest.importorskip("river.stream")

    class Counter(Memoriser):
        def predict_one(self, _x):
            return len(self.known) % 6

    learner, theirs = Counter(), {}
    indices = [({"i": i}, y) for i, y in enumerate(labels)]
    moments = river.simulate_qa(indices, moment=None, delay=delay + 1)
    for i, x, y, *_ in moments:
        if y is None:
            theirs[i] = learner.predict_one(x)
        else:
            learner.learn_one(np.array([x["i"]], np.float32), y)
    ours = evaluate(Counter(), samples(labels), label_delay=delay)
    assert ours.predictions.tolist() == [theirs[i] for i in range(len(labels))]


def test_a_stream_that_reuses_its_row_is_learned_as_it_was():
    row, log = np.zeros(1, np.float32), Log()

    def stream():
        for i in range(3):
            row[0] = i
            yield row, i

    evaluate(log, stream(), label_delay=2)
    assert [call for call in log.calls if call[0] == "learn"] == [
        ("learn", 0, 0), ("learn", 1, 1), ("learn", 2, 2),
    ]  # fmt: skip


def test_labels_that_were_still_to_come_are_left_out_after_a_stop():
    answers = iter([False, False, False, True])
    stream = samples([0, 1, 0, 1])
    result = evaluate(
        NoChangeClassifier(), stream, label_delay=2, should_stop=lambda: next(answers)
    )
    assert (result.labels.tolist(), result.interrupted) == ([0], True)
