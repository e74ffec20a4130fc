"""What the figures mean for who uses the learner: plain sentences, each with its number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streamlearn.evaluation.metrics import ClassificationMetrics

#: Fewer samples say nothing about who is better.
MIN_SAMPLES = 100
#: Fewer samples of a class say nothing about its recall.
MIN_OF_CLASS = 20
#: A class is hidden if its recall is below this share of the accuracy.
HIDDEN = 0.5
#: Classes that are named, at most: those of the lowest recall.
MAX_NAMED = 3


def advice(
    metrics: ClassificationMetrics, names: Sequence[object] = (), lasting: bool = False
) -> tuple[str, ...]:
    """Return what a reader of the accuracy alone would not see, and what to do about it.

    Parameters
    ----------
    metrics
        The figures so far.
    names
        What to call the classes, in the order of ``metrics.classes``. Default: their labels.
    lasting
        Whether a label lasts for many samples, as in a recording: then the label before is nearly
        always right, and nothing is said of it.

    Returns
    -------
    tuple of str
        One sentence or two for each of: worse than the majority (κ_M below 0), worse than no
        change (κ_T below 0), both from 100 samples on; and for each class, three at most, with 20
        samples or more and a recall below half of the accuracy. Empty if all is well.

    Examples
    --------
    >>> metrics = ClassificationMetrics(["idle", "worn"])
    >>> for i in range(1000):
    ...     metrics.update("worn" if i % 50 == 0 else "idle", "idle")
    >>> [sentence.split(":")[0] for sentence in advice(metrics)]
    ["the class 'worn' is hidden by the accuracy"]
    """
    return (*_against_baselines(metrics, lasting), *_hidden_classes(metrics, names))


def _against_baselines(metrics: ClassificationMetrics, lasting: bool) -> Iterator[str]:
    if metrics.n_samples < MIN_SAMPLES:
        return
    latest = metrics.latest
    for kappa, symbol, name, what, baseline, baseline_now, todo in (
        (
            metrics.kappa_m,
            "κ_M",
            "the majority",
            "the most frequent label so far",
            metrics.accuracy_majority,
            latest.accuracy_majority,
            "do not use it as it is. Look whether the features tell the classes apart, and try "
            "another rule or more hidden units",
        ),
        (
            metrics.kappa_t,
            "κ_T",
            "no change",
            "the label before",
            metrics.accuracy_no_change,
            latest.accuracy_no_change,
            "if each label is known before the next sample, repeat it, or give it to the learner "
            "as a feature; if labels come late, or only some of them, nothing can repeat them, and "
            "this does not count",
        ),
    ):
        if not kappa < 0 or (lasting and what == "the label before"):
            continue
        said = (
            f"worse than {name}: {_percent(metrics.accuracy)} right, {what} is right in "
            f"{_percent(baseline)} ({symbol} {kappa:.3f}): "
        )
        if metrics.n_samples > 2 * metrics.window and latest.accuracy > baseline_now:
            todo = (
                f"no longer so over the latest {latest.n_samples} samples "
                f"({_percent(latest.accuracy)} against {_percent(baseline_now)})"
            )
        yield said + todo


def _hidden_classes(metrics: ClassificationMetrics, names: Sequence[object]) -> Iterator[str]:
    recall, support = metrics.recall, metrics.support
    limit = HIDDEN * metrics.accuracy
    hidden = [
        (recall[label], i, label)
        for i, label in enumerate(metrics.classes)
        if support[label] >= MIN_OF_CLASS and recall[label] < limit
    ]
    for found, i, label in sorted(hidden, key=lambda one: one[:2])[:MAX_NAMED]:
        name = names[i] if i < len(names) else label
        yield (
            f"the class {str(name)!r} is hidden by the accuracy: of its {support[label]} samples "
            f"{_percent(found)} were found (recall), of all samples {_percent(metrics.accuracy)}. "
            f"Go by recall and balanced accuracy ({_percent(metrics.balanced_accuracy)}); act on "
            "a lower probability of this class (predict_proba_one), or teach more of its samples"
        )


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
