"""The float baseline: a ReLU network trained by plain stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamlearn.baselines.base import FloatRow
from streamlearn.baselines.standardizer import RunningStandardizer
from streamlearn.errors import ConfigError, InputValueError, LabelError, ShapeError

FloatArray = NDArray[np.float64]
#: Best of the scan in docs/data.md for 128-32-6 on the gas stream.
BEST_LR = 0.01


class SgdMlpClassifier:
    """ReLU network, softmax cross-entropy, batch size 1, plain SGD, all in float64.

    ``h_0 = z``, ``h_k = relu(W_k h_(k-1) + b_k)``, ``p = softmax(W_K h_(K-1) + b_K)``, loss
    ``-log p_y``; every parameter moves by ``-lr`` times its gradient. z is x standardised
    online, see :class:`RunningStandardizer`.

    Parameters
    ----------
    layers
        Sizes from input to output, for example ``(128, 32, 6)``.
    lr
        Learning rate, above 0. The default is the best found for 128-32-6 on the bundled gas
        stream (docs/data.md).
    seed
        Seed of the initial weights, at least 0: W from N(0, 2 / fan_in), b = 0.
    bias
        Whether the layers have biases.

    Raises
    ------
    ConfigError
        Fewer than two layers, a size below 1, `lr` not a finite number above 0, a negative
        `seed`.

    Notes
    -----
    Nothing bounds the weights: too large a rate diverges, and NumPy then warns of overflow.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, Delving deep into rectifiers, ICCV (2015) 1026-1034: the
    initial weights.

    Examples
    --------
    >>> learner = SgdMlpClassifier((2, 8, 2), lr=0.1, seed=0)
    >>> for _ in range(50):
    ...     learner.learn_one([0.0, 1.0], 0)
    ...     learner.learn_one([1.0, 0.0], 1)
    >>> learner.predict_one([0.0, 1.0]), learner.predict_one([1.0, 0.0])
    (0, 1)
    """

    def __init__(
        self, layers: Sequence[int], lr: float = BEST_LR, seed: int = 0, bias: bool = True
    ) -> None:
        if len(layers) < 2 or min(layers) < 1:
            raise ConfigError(f"layers must be two or more sizes of 1 or more, got {list(layers)}")
        if not (np.isfinite(lr) and lr > 0):
            raise ConfigError(f"lr must be a finite number above 0, got {lr}")
        if seed < 0:
            raise ConfigError(f"seed must be 0 or more, got {seed}")
        self.layers = tuple(layers)
        self.lr = lr
        self.standardizer = RunningStandardizer(layers[0])
        rng = np.random.Generator(np.random.PCG64(seed))
        self.weights: list[FloatArray] = []
        self.biases: list[FloatArray] | None = [] if bias else None
        for fan_in, fan_out in pairwise(layers):
            self.weights.append(rng.normal(0, np.sqrt(2 / fan_in), (fan_out, fan_in)))
            if self.biases is not None:
                self.biases.append(np.zeros(fan_out))

    def predict_one(self, x: FloatRow | ArrayLike, /) -> int:
        """Return the most probable class; the lowest index among equals.

        Parameters
        ----------
        x
            ``[n_features]``, finite.

        Returns
        -------
        int
            Class index.

        Raises
        ------
        ShapeError
            Another number of features.
        InputValueError
            NaN or infinity.
        """
        return int(np.argmax(self.predict_proba_one(x)))

    def predict_proba_one(self, x: FloatRow | ArrayLike, /) -> FloatArray:
        """Return the probability of each class, float64 ``[n_classes]``; they sum to 1.

        What it takes and refuses: :meth:`predict_one`.
        """
        z = self.standardizer.standardize(self._checked(x))
        return _softmax(self._forward(z)[-1])

    def learn_one(self, x: FloatRow | ArrayLike, y: int, /) -> None:
        """Take one step of SGD on one sample.

        Parameters
        ----------
        x
            As :meth:`predict_one`.
        y
            Class index.

        Raises
        ------
        ShapeError, InputValueError
            As :meth:`predict_one`.
        LabelError
            `y` is not a class index.
        """
        values = self._checked(x)
        if not 0 <= y < self.layers[-1]:
            raise LabelError(f"a label must be an index in 0..{self.layers[-1] - 1}, got {y}")
        _, weight_gradients, bias_gradients = self.loss_and_gradients(
            self.standardizer.update(values), y
        )
        for weight, gradient in zip(self.weights, weight_gradients, strict=True):
            weight -= self.lr * gradient
        if self.biases is not None:
            for bias, gradient in zip(self.biases, bias_gradients, strict=True):
                bias -= self.lr * gradient

    def loss_and_gradients(
        self, z: FloatArray, y: int
    ) -> tuple[float, list[FloatArray], list[FloatArray]]:
        """Return the cross-entropy of one standardised sample and its gradients.

        Parameters
        ----------
        z
            float64 ``[n_features]``, already standardised.
        y
            Class index.

        Returns
        -------
        tuple
            Loss in nats; one gradient ``[fan_out, fan_in]`` per weight matrix; one gradient
            ``[fan_out]`` per bias (also if the network has none: the gradient of the
            pre-activation).
        """
        activations = self._forward(z)
        logits = activations[-1]
        top = logits.max()
        loss = float(top + np.log(np.exp(logits - top).sum()) - logits[y])
        delta = _softmax(logits)
        delta[y] -= 1
        weight_gradients: list[FloatArray] = []
        bias_gradients: list[FloatArray] = []
        for k in reversed(range(len(self.weights))):
            weight_gradients.insert(0, np.outer(delta, activations[k]))
            bias_gradients.insert(0, delta)
            delta = (delta @ self.weights[k]) * (activations[k] > 0)
        return loss, weight_gradients, bias_gradients

    def _forward(self, z: FloatArray) -> list[FloatArray]:
        """Input, hidden activations and logits."""
        activations = [z]
        for k, weight in enumerate(self.weights):
            a = weight @ activations[-1]
            if self.biases is not None:
                a = a + self.biases[k]
            activations.append(a if k == len(self.weights) - 1 else np.maximum(a, 0))
        return activations

    def _checked(self, x: FloatRow | ArrayLike) -> FloatArray:
        values = np.asarray(x, np.float64)
        if values.shape != (self.layers[0],):
            raise ShapeError(f"expected {self.layers[0]} features, got shape {list(values.shape)}")
        if not np.isfinite(values).all():
            bad = int(np.flatnonzero(~np.isfinite(values))[0])
            raise InputValueError(f"feature {bad} is {values[bad]}; expected a finite number")
        return values


def _softmax(logits: FloatArray) -> FloatArray:
    e = np.exp(logits - logits.max())
    return np.asarray(e / e.sum(), np.float64)
