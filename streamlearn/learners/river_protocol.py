"""What River asks of an estimator, without River: ``clone``, parameters, tags, ``|``.

River is no dependency, and none of its classes is a parent when streamlearn is imported: the first
learner that is made where River is installed joins it (:func:`join_river`). The methods here are
the learner's own, so that a learner is the same with and without River.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from typing_extensions import Self

_FIXED = (
    "a network has a fixed number of inputs, as its device has sensors: a sample with other "
    "features is refused by name (ShapeError)"
)
#: River's checks that a learner does not pass, and why.
SKIPPED_CHECKS = {
    "check_emerging_features": _FIXED,
    "check_disappearing_features": _FIXED,
    "check_radically_disappearing_features": _FIXED,
    "check_learn_many_matches_learn_one": _FIXED + "; River's check takes features away. "
    "tests/ecosystem compares blocks with single samples, bit for bit",
}


class RiverEstimator:
    """The protocol of ``river.base.Estimator``."""

    get_params: Any
    spec: Any
    _state: Any
    _labels: list[Any]

    _supervised = True

    def clone(
        self, new_params: dict[str, Any] | None = None, include_attributes: bool = False
    ) -> Self:
        """Return a fresh learner with the same parameters, which has learned nothing.

        Parameters
        ----------
        new_params : dict, optional
            Parameters to change.
        include_attributes : bool
            Keep what was learned: state, labels and names of features.

        Raises
        ------
        ParameterError
            If there is no such parameter; ConfigError if a value is out of range.
        ShapeError
            If what was learned is kept but does not fit the new parameters.
        """
        made: Any = type(self)(**{**self.get_params(), **(new_params or {})})
        if include_attributes:
            made._take(self)
        clone: Self = made
        return clone

    def mutate(self, new_attrs: dict[str, Any]) -> None:
        """Refuse to change a parameter in place, as River does for immutable ones.

        Raises
        ------
        ValueError
            If there is anything to change: the state was made for the parameters as they are.
        """
        for name in new_attrs:
            raise ValueError(
                f"{name!r} is not a mutable attribute of {type(self).__name__}: "
                f"learner.clone({{{name!r}: …}}) makes a learner with another"
            )

    def _get_params(self) -> dict[str, Any]:
        params: dict[str, Any] = self.get_params()
        return params

    @property
    def _mutable_attributes(self) -> set[str]:
        return set()

    @property
    def _is_stochastic(self) -> bool:
        return False  # the seed is always set

    @property
    def _multiclass(self) -> bool:
        """Whether labels are more than False and True, in which case River asks for these."""
        labels = {*getattr(self, "_labels", ())}
        return self.spec.n_classes > 2 or bool(self.spec.n_classes and labels != {False, True})

    def _more_tags(self) -> set[str]:
        return set()

    @property
    def _tags(self) -> set[str]:
        return set()

    @property
    def _raw_memory_usage(self) -> int:
        """Bytes of the state, which is all that learning changes, and of the labels."""
        labels: list[Any] = getattr(self, "_labels", [])
        return int(self._state.nbytes) + sum(map(sys.getsizeof, labels))

    @property
    def _memory_usage(self) -> str:
        size = self._raw_memory_usage
        return f"{size:,} B" if size < 10_000 else f"{size / 1024:,.1f} KiB"

    def __or__(self, other: Any) -> Any:
        return _pipeline(self, other)

    def __ror__(self, other: Any) -> Any:
        return _pipeline(other, self)

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        """Sizes and names that fit the streams of River's checks.

        The names are given, since the order of the first sample's is the order of the inputs
        otherwise, and one check shuffles them.
        """
        from river import datasets

        classifies = hasattr(cls, "predict_proba_one")
        stream: Any = getattr(datasets, "Phishing" if classifies else "TrumpApproval")()
        names = tuple(next(iter(stream))[0])
        # In C every new parameter of a clone would be a kernel of its own to compile.
        given: dict[str, Any] = {"features": names, "arithmetic": "float64"}
        if classifies:
            yield {**given, "layers": (len(names), 8, 2), "classes": (False, True)}
        else:
            yield {**given, "layers": (len(names), 8, 1)}

    def _unit_test_skips(self) -> set[str]:
        return set(SKIPPED_CHECKS)


def join_river(kind: type, what: Literal["Classifier", "Regressor"]) -> None:
    """Make ``kind`` one of River's classifiers or regressors, where River is installed.

    Its pipelines and metrics ask by isinstance, so that ``kind`` is registered with River's
    abstract class. Its wrappers ask for ``river.base.Base``, which takes no registration: it
    becomes the last parent of :class:`~streamlearn.learners.base.StreamLearner`, behind all
    methods of this module, which it therefore cannot change.
    """
    if find_spec("river") is None:
        return
    from river import base

    getattr(base, f"MiniBatch{what}").register(kind)
    if base.Base not in kind.__mro__:
        root = next(parent for parent in kind.__mro__ if RiverEstimator in parent.__bases__)
        root.__bases__ = (*root.__bases__, base.Base)


def _pipeline(*steps: Any) -> Any:
    if find_spec("river") is None:
        return NotImplemented
    from river import compose

    return compose.Pipeline(*steps)
