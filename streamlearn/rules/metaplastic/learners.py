"""The binarized metaplastic learner that a user holds: one byte a synapse."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.gates import gates_of
from streamlearn.engines import Backend
from streamlearn.learners.classifier import Raw, StreamClassifier


class MetaplasticClassifier(StreamClassifier):
    """A binary network that learns one sample at a time and consolidates what is confirmed.

    Weights are ±1, the signs of hidden weights of one byte. A hidden weight that has moved far
    from zero is updated less often, so that what was learned long outlives what was learned
    briefly.

    Parameters
    ----------
    layers : sequence of int
        ``(n_features, hidden..., n_classes)``; one hidden layer is the rule's ground.
    classes : sequence, optional
        The label of each class. Default: labels are taken in the order in which they appear.
    arithmetic : {"q8", "float64"}
        One byte a synapse and nothing but integers, or the equations.
    seed : int
        Of the start and of the pulses, 0 to 2^32 - 1.
    features : sequence of str, optional
        Names of the features, in order. Default: those of the first dict that is learned.
    bias : bool, optional
        Whether units have biases: see :class:`quant.network.NetworkSpec`. Default: where values are
        standardised, since signs of sums without a bias make a network odd, -x the opposite of x,
        and that never learns a class that lies between two others.
    front_end
        See :class:`quant.network.NetworkSpec`. ``front_end="none"`` takes values within ±8, best
        where most are zero, such as pixels in 0 to 1.
    backend : {"c", "numpy"}, optional
        For q8: the C kernel (default) or the golden model.
    metaplasticity : float
        The paper's *m*: a step towards zero is let through with probability
        ``1 - tanh²(m |W|)``, 0 to 16. 0 switches the memory off. With gates
        (:mod:`quant.rules.metaplastic.gates`) fewer tasks share a unit, and 1.02 keeps as much.
    metaplasticity_output : float
        The same in the last layer.
    clamp : float
        Hidden weights stay within ±clamp, 1/64 to 1. Part of the rule: it bounds how far a
        weight is consolidated, and so how old a memory can be.
    weight_init, weight_init_output : float or None
        Hidden weights start uniform in ±weight_init, 0 to 1, and within `clamp`; those of the last
        layer in ±weight_init_output. None: 0.24·√(784/n), at most 0.75, with n features.
    bias_input : float
        The first layer's bias is a row whose input is always this, 1/16 to 7.9; where there are
        biases. 11/16 is the median size of a standardised normal value: a unit of one column with
        its bias cuts it at the quartiles.
    window : float or None
        Straight-through window: a unit learns where its pre-activation is within ``window`` times
        the norm of its input, 1/256 to 16. None: 0.68·√(h/n), at least √(128/n), all within 0.5
        and 1, with h units in the first hidden layer (classes, where there is none).
    skip : float
        A sample whose probabilities are all within this of what they should be teaches nothing,
        0 to 1.
    lr, lr_output : float or None
        Learning rates of the hidden layers and of the last, in steps of the hidden weight's 2^-7,
        1/256 to 16. At 1 a gradient of 1 moves a weight by one step on average. None: 1.3·(784/n)^¼
        and (784/n)^¼, within 1 and 2.
    logit_scale : float or None
        The last layer's sums are divided by the norm of its input and multiplied by this before
        the softmax, 1/16 to 8. None: 0.0536·√n, within 0.75 and 1.5.
    calibration_window : int
        Samples over which the temperature of the probabilities follows the stream; a power of
        two, 64 to 65536.
    front_end_window : int
        Samples over which the front end's mean and variance follow the sensor, 2 to 32768.
    n_blocks, n_active : int
        Gates: the first hidden layer is so many blocks of units, of which so many are active per
        sample, those with the largest gate scores (:mod:`quant.rules.metaplastic.gates`); later
        layers have no blocks. For many tasks one after the other; 64 and 16, with
        ``metaplasticity=1.02``, are what docs/binarized.md measures. 0: all units are active.

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
    the learner, so that calls chain. ``predict_proba_one`` is calibrated: a temperature, part of
    the state, follows how sure the network may be.

    References
    ----------
    Laborieux et al., Synaptic metaplasticity in binarized neural networks, Nature Communications
    12, 2549 (2021).

    Examples
    --------
    >>> from streamlearn import MetaplasticClassifier
    >>> learner = MetaplasticClassifier(layers=(2, 16, 2), arithmetic="float64")
    >>> for t in range(400):
    ...     _ = learner.learn_one([t % 2, t % 3], "odd" if t % 2 else "even")
    >>> learner.predict_one([1, 0])
    'odd'
    """

    _rule = "metaplastic"
    config: MetaplasticConfig

    def __init__(
        self,
        layers: Sequence[int],
        *,
        classes: Sequence[Hashable] | None = None,
        arithmetic: str = "q8",
        seed: int = 0,
        bias: bool | None = None,
        front_end: str = "standardise",
        features: Sequence[str] | None = None,
        backend: Backend | None = None,
        metaplasticity: float = 1.14,
        metaplasticity_output: float = 3.2,
        clamp: float = 0.906,
        weight_init: float | None = None,
        weight_init_output: float = 0.156,
        bias_input: float = 11 / 16,
        window: float | None = None,
        skip: float = 0.156,
        lr: float | None = None,
        lr_output: float | None = None,
        logit_scale: float | None = None,
        calibration_window: int = 256,
        front_end_window: int = 300,
        n_blocks: int = 0,
        n_active: int = 0,
    ) -> None:
        given = locals()
        self._build({**given, "bias": front_end == "standardise" if bias is None else bias})

    def _novelty(self, values: Raw) -> float:
        """Return ``(2 u + e) / 3``.

        u is the share of the active hidden units inside the straight-through window, which a small
        change would turn over; e the entropy of the calibrated probabilities over that of not
        knowing. Nothing is stored for it, and it costs one comparison per hidden unit.
        """
        selected = gates_of(self.spec, self.config).n_selected
        share: float = self._engine.undecided(self._state, values) / max(selected, 1)
        entropy: float = super()._novelty(values)
        return (2 * share + entropy) / 3

    def __repr__(self) -> str:
        spec, config = self.spec, self.config
        gates = f"{config.n_active} of {config.n_blocks} blocks, " if config.n_blocks else ""
        return (
            f"MetaplasticClassifier({spec}, {gates}{self.arithmetic}, "
            f"metaplasticity={self.config.metaplasticity:g}, {self.n_samples} samples)"
        )
