"""What the learners of binary weights share: their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamlearn.learners.classifier import StreamClassifier


class BinaryClassifier(StreamClassifier):
    """A classifier of binary weights, of which one byte each is stored, or two.

    Parameters
    ----------
    layers : sequence of int
        ``(n_features, hidden..., n_classes)``; one hidden layer suits such a network
        best.
    classes : sequence, optional
        The label of each class. Default: labels are taken in the order in which they appear.
    arithmetic : {arithmetics}
        q8 and q16 are integers of one and two bytes per synapse, float32 is the C kernel in
        floating point, float64 the equations.
    seed : int
        Of the start and of all random bits, 0 to 2^32 - 1.
    replay_bytes, replays : int
        Bytes of the state for stored samples, as many of each class, and how many of them each
        step learns again. 0 bytes: none (docs/replay.md).
    features : sequence of str, optional
        Names of the features, in order. Default: those of the first dict that is learned.
    bias : bool, optional
        Whether units have biases: see :class:`quant.network.NetworkSpec`. Default: where values are
        standardised, since signs of sums without a bias make a network odd, -x the opposite of x,
        and that never learns a class that lies between two others.
    front_end, front_end_ranges
        See :class:`quant.network.NetworkSpec`. ``front_end="none"`` takes values within ±8, best
        where most are zero, such as pixels in 0 to 1.
    memory, memory_features
        See :class:`quant.network.NetworkSpec`: what remembers every class ever taught.
    memory_bytes : int, optional
        Room for the memory in the state; it sets ``memory_features``
        (:func:`quant.memory.features_for`).
    backend : {"c", "numpy"}, optional
        For integers: the C kernel (default) or the golden model.
    {hyperparameters}

    Raises
    ------
    ConfigError
        If a value is out of range.
    LabelError
        If ``classes`` has duplicates or is longer than the output.
    ShapeError
        If ``features`` has another length than the input.

    Notes
    -----
    Reads features as float32, as a device gets them. Predicting changes nothing; learning returns
    the learner, so that calls chain.
    """

    def _build(self, given: Mapping[str, Any]) -> None:
        """Make the learner; biases where values are standardised, if nothing else is said."""
        bias = given["front_end"] != "none" if given["bias"] is None else given["bias"]
        super()._build({**given, "bias": bias})
