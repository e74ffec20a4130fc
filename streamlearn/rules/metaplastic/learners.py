"""The binarized metaplastic learner that a user holds: one byte per synapse."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from quant.rules.metaplastic.config import MetaplasticConfig
from quant.rules.metaplastic.cuts import metaplasticity_of
from quant.rules.metaplastic.gates import gates_of
from streamlearn.engines import Backend
from streamlearn.learners.binary import BinaryClassifier
from streamlearn.learners.classifier import Raw


class MetaplasticClassifier(BinaryClassifier):
    """A binary network that learns one sample at a time and consolidates what is confirmed.

    Weights are ±1, the signs of hidden weights of one byte. A hidden weight that has moved far
    from zero is updated less often, so that what was learned long outlives what was learned
    briefly. ``predict_proba_one`` is calibrated: a temperature, part of the state, follows how sure
    the network may be.

    {inherited}

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
        front_end_ranges: Sequence[tuple[float, float]] | None = None,
        replay_bytes: int = 0,
        replays: int = 1,
        memory: str | None = None,
        memory_features: int = 64,
        memory_bytes: int | None = None,
        features: Sequence[str] | None = None,
        backend: Backend | None = None,
        metaplasticity: float | None = None,
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
        cuts: int | None = None,
        step: str | None = None,
    ) -> None:
        self._build(locals())

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
            f"metaplasticity={metaplasticity_of(spec, config):g}, {self.n_samples} samples)"
        )
