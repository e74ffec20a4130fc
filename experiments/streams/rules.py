"""Our rules on the bench: every rule of the registry, with its own defaults, and some options.

One set of defaults for all streams; nothing here is set for one of them.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments.streams.contender import Contender, Floats, Integers, Learner, Shape
from quant.errors import DivergedError
from quant.network import NetworkSpec
from quant.rooms import part
from quant.rule import RULES, Rule
from streamlearn import NoiseWarning
from streamlearn.learners.classifier import StreamClassifier

#: Rows that are learned in one call: what is lost of the predictions if a learner diverges.
BLOCK = 500


@dataclass(frozen=True)
class Variant:
    """A rule with an option.

    Attributes
    ----------
    name, title : str
    rule : str
        Of :data:`quant.rule.RULES`.
    options : mapping
        Keyword parameters of the learner.
    wider : int
        So many times the hidden units of MESU, for a rule with fewer bytes per synapse.
    """

    name: str
    title: str
    rule: str
    options: Mapping[str, Any] = field(default_factory=dict)
    wider: int = 1


#: Options that are worth a row, and names that are not the rule's own. Every option is a parameter
#: of the learner (a test asks), unless it stands in PENDING.
LISTED = (
    Variant("mesu", "MESU", "mesu"),
    Variant("mesu-fixed", "MESU, fixed step", "mesu", {"step": "fixed"}),
    Variant("mesu-lda", "MESU with memory", "mesu", {"memory": "lda"}),
    Variant(
        "mesu-lda-40kb",
        "MESU with 40 KB of memory",
        "mesu",
        {"memory": "lda", "memory_bytes": 40 * 1024},
    ),
    Variant("mesu-replay", "MESU with 18 KB of replay", "mesu", {"replay_bytes": 18_000}),
    Variant("mesu-factored", "MESU factored", "mesu_factored"),
    Variant("metaplastic", "binary rule", "metaplastic", wider=4),
    Variant(
        "metaplastic-fixed", "binary rule, fixed step", "metaplastic", {"step": "fixed"}, wider=4
    ),
)


def variants() -> tuple[Variant, ...]:
    """Return those and, with its defaults, every other rule that learns classes."""
    listed = {variant.rule for variant in LISTED}
    others = (
        Variant(name, rule.title or name, name, wider=4 if _one_byte(rule) else 1)
        for name, rule in RULES.items()
        if "categorical" in rule.heads and name not in listed
    )
    return (*LISTED, *others)


def _one_byte(rule: Rule) -> bool:
    """Return whether a synapse is one byte in a rule's first arithmetic."""
    spec = NetworkSpec((2, 2, 2))
    fields = next(iter(rule.arithmetics.values())).fields(spec, rule.config())
    return np.dtype(next(f.dtype for f in fields if f.name == rule.weight)).itemsize == 1


VARIANTS = variants()
#: Options that no learner has yet: their variants do not run. A test fails as soon as one exists.
PENDING: frozenset[str] = frozenset()

#: The reference: MESU with a fixed step and the best of these windows, chosen for each stream.
WINDOWS = (1e3, 3e3, 1e4, 3e4, 1e5)
WINDOW_FAMILY = "mesu-window"


def learner_class(rule: str) -> type[StreamClassifier]:
    """Return a rule's classifier."""
    found: type[StreamClassifier] = part(rule, "streamlearn").LEARNERS["categorical"]
    return found


def known_options(rule: str) -> frozenset[str]:
    """Return the names of the parameters that a rule's classifier has."""
    return frozenset(inspect.signature(learner_class(rule)).parameters)


class RuleLearner:
    """One of our classifiers.

    Parameters
    ----------
    rule : str
    shape : Shape
    seed : int
    wider : int
    options : mapping
    """

    def __init__(
        self, rule: str, shape: Shape, seed: int, wider: int, options: Mapping[str, Any]
    ) -> None:
        layers = (shape.n_features, shape.hidden * wider, shape.n_classes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NoiseWarning)  # the scan goes where it warns
            self.learner = learner_class(rule)(
                layers,
                classes=range(shape.n_classes),
                seed=seed,
                front_end=shape.front_end,
                **options,
            )

    def learn(self, x: Floats, y: Integers) -> Integers:
        """See :class:`Learner`; rows after a divergence count as nothing predicted."""
        found = np.full(len(y), -1, np.int64)
        for start in range(0, len(y), BLOCK):
            rows = slice(start, start + BLOCK)
            try:
                found[rows] = _places(self.learner.test_then_learn_many(x[rows], y[rows].tolist()))
            except DivergedError:
                break
        return found

    def predict(self, x: Floats) -> Integers:
        """See :class:`Learner`."""
        return _places(self.learner.predict_many(x))

    def recall(self, x: Floats) -> Integers | None:
        """See :class:`Learner`."""
        if getattr(self.learner, "memory", None) in (None, "none"):
            return None
        many: Callable[[Any], Any] | None = getattr(self.learner, "recall_many", None)
        if many is not None:
            return _places(many(x))
        recall_one: Callable[[Any], Any] = self.learner.recall_one
        return _places([recall_one(row) for row in x])

    def state_bytes(self) -> int:
        """Return the bytes of the state, as a board holds it."""
        return int(self.learner.state.nbytes)


def _places(found: Sequence[int | None]) -> Integers:
    """Return class indices, -1 where nothing was predicted."""
    return np.array([-1 if place is None else place for place in found], np.int64)


def _maker(
    rule: str, options: Mapping[str, Any], wider: int = 1
) -> Callable[[Shape, int], Learner]:
    return lambda shape, seed: RuleLearner(rule, shape, seed, wider, options)


def rule_contenders() -> list[Contender]:
    """Return our variants, and the windows of the reference."""
    ours = [
        Contender(
            variant.name,
            variant.title,
            "ours",
            _maker(variant.rule, variant.options, variant.wider),
            bytes_of="state",
            options=tuple(variant.options.items()),
            pending=bool(PENDING & set(variant.options)),
        )
        for variant in VARIANTS
    ]
    fixed = {} if "step" in PENDING else {"step": "fixed"}
    windows = [
        Contender(
            f"{WINDOW_FAMILY}-{window:.0f}",
            f"MESU, fixed step, N = {window:,.0f}",
            "reference",
            _maker("mesu", {"memory_window": window, **fixed}),
            n_seeds=3,
            family=WINDOW_FAMILY,
            setting=f"{window:,.0f}",
            disturbed=False,
            bytes_of="state",
        )
        for window in WINDOWS
    ]
    return ours + windows
