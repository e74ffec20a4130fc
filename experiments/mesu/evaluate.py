"""What is measured after each task: accuracy, calibration, out-of-distribution detection."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from experiments.data import Floats, Images, Integers
from streamlearn.uncertainty import Entropies, auc, entropies, expected_calibration_error

#: One array a layer, ``float32[draws, in, out]``.
Weights = list[Floats]
#: Images that are evaluated at once: 10 draws of 50 hidden units of them stay in the cache.
ROWS = 1000


def logits(weights: Weights, images: Floats, permutation: Integers) -> Floats:
    """Return ``float32[draws, n, classes]`` of images whose pixels are permuted.

    The first layer's rows are permuted instead, which is the same and cheaper.
    """
    first = np.empty_like(weights[0])
    first[:, permutation] = weights[0]
    n_draws, n_in, n_out = first.shape
    together = np.ascontiguousarray(first.transpose(1, 0, 2)).reshape(n_in, n_draws * n_out)
    parts = []
    for start in range(0, len(images), ROWS):
        rows = images[start : start + ROWS] @ together
        a = rows.reshape(-1, n_draws, n_out).transpose(1, 0, 2)
        for w in weights[1:]:
            a = np.matmul(np.maximum(a, 0), w)
        parts.append(a)
    return np.concatenate(parts, axis=1)


def probabilities(z: Floats) -> Floats:
    """Softmax over the last axis."""
    p: Floats = np.exp(z - z.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    return p


def accuracy(weights: Weights, data: Images, permutation: Integers) -> float:
    """Return the test accuracy on a task in %, two decimals: argmax of mean log-softmax."""
    z = logits(weights, data.test, permutation)
    return _percent(z, data.test_labels)


def _percent(z: Floats, labels: Integers) -> float:
    # log-softmax shifts all classes of a draw alike: the argmax of the mean logits is the same
    return round(100 * float(np.mean(z.mean(axis=0).argmax(axis=1) == labels)), 2)


def full_measure(
    weights: Weights, data: Images, permutation: Integers, unseen: Mapping[str, Entropies]
) -> dict[str, float]:
    """Return accuracy, calibration and how well entropies tell digits from the rest.

    Parameters
    ----------
    weights : list of float32[draws, in, out]
    data : Images
    permutation : int64[784]
        Of the task.
    unseen : mapping
        What :func:`unseen_entropies` returned for the same weights.

    Returns
    -------
    dict
        ``accuracy`` in %; ``auc`` and ``auc_aleatoric`` against out-of-distribution images,
        permuted as the task's are; one AUC for each of `unseen`; ``ece`` of the mean probabilities.
        AUCs are by epistemic entropy, but by aleatoric where that is named or there is one draw.
    """
    z = logits(weights, data.test, permutation)
    p = probabilities(z)
    inside = entropies(p)
    outside = entropies(probabilities(logits(weights, data.foreign, permutation)))
    areas = {name: auc(_score(inside, z), _score(others, z)) for name, others in unseen.items()}
    return {
        "accuracy": _percent(z, data.test_labels),
        "auc": round(auc(_score(inside, z), _score(outside, z)), 4),
        "auc_aleatoric": round(auc(inside.aleatoric, outside.aleatoric), 4),
        **{name: round(area, 4) for name, area in areas.items()},
        "ece": round(expected_calibration_error(p.mean(axis=0), data.test_labels), 4),
    }


def unseen_entropies(weights: Weights, data: Images, seed: int) -> dict[str, Entropies]:
    """Return the entropies of what belongs to no task.

    ``auc_plain``: out-of-distribution images as they are; ``auc_unseen``: digits by a
    permutation that is no task's, which differ from a task's in nothing but the places of their
    pixels.
    """
    n_pixels = data.test.shape[1]
    unseen = np.random.default_rng((seed, 4)).permutation(n_pixels)
    plain = logits(weights, data.foreign, np.arange(n_pixels))
    return {
        "auc_plain": entropies(probabilities(plain)),
        "auc_unseen": entropies(probabilities(logits(weights, data.test, unseen))),
    }


def _score(parts: Entropies, z: Floats) -> npt.NDArray[np.float64]:
    """Epistemic entropy, or aleatoric of a network with one draw, which has no other."""
    return parts.aleatoric if len(z) == 1 else parts.epistemic
