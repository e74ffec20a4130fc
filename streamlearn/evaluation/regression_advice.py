"""What the figures of a regressor mean for who uses it: plain sentences, each with its number."""

from __future__ import annotations

from collections.abc import Iterator

from streamlearn.evaluation.advice import MIN_SAMPLES
from streamlearn.evaluation.regression import RegressionMetrics

#: A 95 % interval that holds less than this, lately and over all, is too narrow to rely on.
TOO_NARROW = 0.85
#: So many samples for each value of the target: then it looks like a class.
SAMPLES_PER_VALUE = 10


def regression_advice(metrics: RegressionMetrics) -> tuple[str, ...]:
    """Return what a reader of the error alone would not see, and what to do about it.

    Parameters
    ----------
    metrics
        The figures so far.

    Returns
    -------
    tuple of str
        One sentence or two for each of: worse than the mean so far, worse than no change (both by
        the mean absolute error), a 95 % interval that holds less than 85 % of the targets, and a
        target of a few integers, which may be a class. Each from 100 samples on. Empty if all is
        well.

    Examples
    --------
    >>> metrics = RegressionMetrics().update_many([20.5, 21.5] * 200, [99.0] * 400)
    >>> [sentence.split(":")[0] for sentence in regression_advice(metrics)]
    ['worse than the mean so far', 'worse than no change']
    """
    if metrics.n_scored < MIN_SAMPLES:
        return ()
    return (*_against_guesses(metrics), *_intervals(metrics), *_few_values(metrics))


def _against_guesses(metrics: RegressionMetrics) -> Iterator[str]:
    latest = metrics.latest
    for name, skill, guess, skill_now, guess_now, todo in (
        (
            "the mean so far",
            metrics.skill_mean,
            metrics.mae_mean,
            latest.skill_mean,
            latest.mae_mean,
            "do not use it as it is. Look whether the features say anything of the target, and try "
            "more hidden units",
        ),
        (
            "no change",
            metrics.skill_no_change,
            metrics.mae_no_change,
            latest.skill_no_change,
            latest.mae_no_change,
            "if each target is known before the next sample, repeat it, or give it to the learner "
            "as a feature; if targets come late, nothing can repeat them, and this does not count",
        ),
    ):
        if not skill < 0:
            continue
        if metrics.n_scored > 2 * metrics.window and skill_now > 0:
            todo = (
                f"no longer so over the latest {latest.n_samples} samples "
                f"({latest.mae:.4g} against {guess_now:.4g})"
            )
        yield (
            f"worse than {name}: the mean absolute error is {metrics.mae:.4g}, that of this guess "
            f"{guess:.4g} (skill {skill:.3f}): {todo}"
        )


def _intervals(metrics: RegressionMetrics) -> Iterator[str]:
    latest = metrics.latest
    if latest.n_with_sd < MIN_SAMPLES:
        return
    whole, now = metrics.coverage(0.95), latest.coverage(0.95)
    if whole < TOO_NARROW and now < TOO_NARROW:
        yield (
            f"the standard deviations are too small: the 95 % intervals held {100 * whole:.1f} % "
            f"of the targets, {100 * now:.1f} % of the latest {latest.n_samples}. Go by the latest "
            f"root mean square error instead, {latest.rmse:.4g}"
        )


def _few_values(metrics: RegressionMetrics) -> Iterator[str]:
    values = metrics.few_values
    if not values or metrics.n_samples < SAMPLES_PER_VALUE * len(values):
        return
    named = ", ".join(map(str, values))
    what = "the value" if len(values) == 1 else f"only the {len(values)} values"
    yield (
        f"the target has {what} {named}: if they are numbers of classes and not amounts, learn "
        "them with --task classification"
    )
