"""Two learners of one network along one stream: how far apart they are, and where they part."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.errors import ConfigError, ShapeError
from streamlearn.certainty import certainty_of
from streamlearn.learners.classifier import StreamClassifier

Float = npt.NDArray[np.float64]
#: Steps are looked at in so many samples, spread over the stream.
N_PROBES = 200
#: Along the stream the layers are compared so often.
N_LOOKS = 40
#: A probability is taken as this at least: integers may round one to 0.
PROBABILITY_MIN = 2.0**-24


def fidelity(
    reference: StreamClassifier,
    quantised: StreamClassifier,
    x: npt.NDArray[np.floating],
    labels: list[Any],
    progress: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Let two learners predict, then learn, the same samples; return how far apart they are.

    Parameters
    ----------
    reference, quantised : StreamClassifier
        Of one rule, network, seed and order of classes; both are changed.
    x : float[n, n_features]
        Raw and finite.
    labels : list
        Of the samples.
    progress : callable, optional
        Is told how many samples are done.

    Returns
    -------
    dict
        JSON values: ``accuracy`` of both; ``agreement``; ``parted``, the first sample, from 1, at
        which they decide otherwise, or None; ``kl_bits``, the mean divergence of the quantised
        probabilities from the reference's; ``calibration_error`` of both; ``saturations``;
        ``layers``: root mean square errors of ``mu`` and ``ln_sigma`` at the end, the mean error
        ``ln_sigma_bias``, and ``lost_mu`` and ``lost_ln_sigma``, the share of the reference's
        steps that the quantised learner does not take; ``course``: ``mu``, ``ln_sigma`` and
        ``difference`` in accuracy after ``after`` samples. What a rule does not have is None.

    Raises
    ------
    ShapeError
        If there is no sample, or not one label per sample.
    ConfigError
        If rules or networks differ.
    """
    if len(x) != len(labels) or not len(x):
        raise ShapeError(f"{len(x)} samples and {len(labels)} labels: expected one label each")
    if (reference.config.rule, reference.spec) != (quantised.config.rule, quantised.spec):
        raise ConfigError("the two learners differ in more than their arithmetic: give one network")
    n, both = len(x), (reference, quantised)
    right, apart, kl = np.zeros((n, 2), bool), np.zeros(n, bool), 0.0
    # The rules' rooms import this package, and learners alone load no evaluation.
    from streamlearn.evaluation.calibration import Calibration

    calibration = Calibration(), Calibration()
    layers, course = _Layers(both), _Course()
    probed = set(np.linspace(0, n - 1, min(n, N_PROBES)).astype(int).tolist())
    looked = set(np.linspace(0, n - 1, min(n, N_LOOKS)).astype(int).tolist())
    for i, (values, label) in enumerate(zip(x, labels, strict=True)):
        shares = [one.predict_proba_one(values) for one in both]
        found = [max(share, key=share.__getitem__, default=None) for share in shares]
        apart[i] = found[0] != found[1]
        for k in (0, 1):
            right[i, k] = found[k] == label
            if found[k] is not None:
                calibration[k].update(shares[k][found[k]], bool(right[i, k]))
        kl += _divergence(*shares)
        if i in probed:
            layers.before()
        for one in both:
            one.learn_one(values, label)
        if i in probed:
            layers.after()
        if i in looked:
            course.look(i + 1, right[: i + 1], layers.errors())
        if progress is not None:
            progress(i + 1)
    accuracy = right.mean(axis=0).tolist()
    return {
        "rule": reference.config.rule,
        "reference": reference.arithmetic,
        "arithmetic": quantised.arithmetic,
        "n_samples": n,
        "accuracy": dict(zip(("reference", "quantised"), accuracy, strict=True)),
        "agreement": float(1 - apart.mean()),
        "parted": int(np.argmax(apart)) + 1 if apart.any() else None,
        "kl_bits": kl / n,
        "calibration_error": {
            "reference": calibration[0].expected_calibration_error,
            "quantised": calibration[1].expected_calibration_error,
        },
        "saturations": asdict(quantised.saturations),
        "layers": layers.result(),
        "course": course.values,
    }


def _divergence(p: dict[Any, float], q: dict[Any, float]) -> float:
    """Return KL(p | q) in bits, over the labels of p."""
    total = 0.0
    for label, share in p.items():
        if share > 0:
            total += share * math.log2(share / max(q.get(label, 0.0), PROBABILITY_MIN))
    return max(total, 0.0)  # float32's probabilities may add up to a little more than 1


class _Course:
    """How errors went along the stream."""

    def __init__(self) -> None:
        self.values: dict[str, list[Any]] = {
            "after": [],
            "difference": [],
            "mu": [],
            "ln_sigma": [],
            "ln_sigma_bias": [],
        }

    def look(self, n: int, right: npt.NDArray[np.bool_], errors: list[dict[str, Any]]) -> None:
        self.values["after"].append(n)
        share = right.mean(axis=0)
        self.values["difference"].append(float(share[1] - share[0]))
        for name in ("mu", "ln_sigma", "ln_sigma_bias"):
            self.values[name].append([layer[name] for layer in errors])


class _Layers:
    """Errors of both learners' weights, and the steps that the second one does not take."""

    def __init__(self, both: tuple[StreamClassifier, StreamClassifier]) -> None:
        self._both = both
        self._known = certainty_of(both[0].config.rule)
        self._before: list[list[list[Float]]] = []
        n = len(both[0].spec.shapes)
        self._taken, self._whole = np.zeros((n, 2)), np.zeros((n, 2))

    def _values(self) -> list[list[list[Float]]]:
        """Return of each learner its layers, and of each layer μ and, if there is one, ln σ."""
        known = self._known
        if known is None or known.means is None:
            return []
        found = []
        for one in self._both:
            given = one.spec, one.config, one.state
            parts = [known.means(*given)]
            if known.deviations is not None:
                tiny = np.finfo(np.float64).tiny
                parts.append([np.log(np.maximum(v, tiny)) for v in known.deviations(*given)])
            found.append([list(layer) for layer in zip(*parts, strict=True)])
        return found

    def before(self) -> None:
        self._before = self._values()

    def after(self) -> None:
        """Set the second learner's steps against the first one's: their least squares' slope."""
        if not self._before:
            return
        now = self._values()
        for layer in range(len(now[0])):
            for k in range(len(now[0][layer])):
                first, second = (now[who][layer][k] - self._before[who][layer][k] for who in (0, 1))
                self._taken[layer, k] += float(np.vdot(first, second))
                self._whole[layer, k] += float(np.vdot(first, first))

    def errors(self) -> list[dict[str, Any]]:
        now, found = self._values(), []
        for first, second in zip(*now, strict=True) if now else ():
            error: dict[str, Any] = {"ln_sigma": None, "ln_sigma_bias": None}
            error["mu"] = float(np.sqrt(np.mean((second[0] - first[0]) ** 2)))
            if len(first) > 1:
                away = second[1] - first[1]
                error["ln_sigma"] = float(np.sqrt(np.mean(away**2)))
                error["ln_sigma_bias"] = float(np.mean(away))
            found.append(error)
        return found

    def result(self) -> list[dict[str, Any]]:
        found = self.errors()
        for layer, error in enumerate(found):
            for k, name in enumerate(("lost_mu", "lost_ln_sigma")):
                whole = self._whole[layer, k]
                error[name] = float(1 - self._taken[layer, k] / whole) if whole > 0 else None
        return found
