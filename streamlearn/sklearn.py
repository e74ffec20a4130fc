"""scikit-learn estimators over the learners: ``fit``, ``partial_fit``, ``predict``, ``score``.

Needs the extra ``pip install "streamlearn[sklearn]"``; nothing else in streamlearn imports it.

An estimator has the learner's parameters under the learner's names, but for three: ``hidden``, the
sizes of the hidden layers, stands for ``layers``, whose first and last size come from the data;
``random_state`` for ``seed``; ``classes`` and ``features`` come from the data too. What was learned
is ``learner_``, which can be saved, exported and put on a device. The classes are made from the
learners' own constructors, so that a parameter has one default and one explanation.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from quant.rule import RULES
from streamlearn.errors import ConfigError
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.learners.loading import learner_class
from streamlearn.learners.numbers import Floats
from streamlearn.learners.parameters import refuse_unknown

try:
    from sklearn.base import (  # type: ignore[import-untyped]
        BaseEstimator,
        ClassifierMixin,
        RegressorMixin,
    )
    from sklearn.utils import check_random_state  # type: ignore[import-untyped]
    from sklearn.utils.multiclass import (  # type: ignore[import-untyped]
        check_classification_targets,
    )
    from sklearn.utils.validation import (  # type: ignore[import-untyped]
        check_is_fitted,
        validate_data,
    )
except ImportError as error:  # missing, or too old to have one of these
    raise ModuleNotFoundError(
        "streamlearn.sklearn needs scikit-learn 1.6 or newer, which is not installed: "
        'pip install "streamlearn[sklearn]"',
        name="sklearn",
    ) from error

if TYPE_CHECKING:
    from typing_extensions import Self

    def __getattr__(name: str) -> Any:
        """Return an estimator class; a type checker cannot see those made below."""


#: Parameters of a learner that follow from the data, or have scikit-learn's name here.
_FROM_DATA = ("layers", "classes", "features", "seed")
_OWN = {"hidden": (32,), "epochs": 10, "shuffle": True, "random_state": 0}
_OWN_DOC = """\
hidden : tuple of int
    Units of each hidden layer; () for none.
epochs : int
    Passes of ``fit`` over the data, 1 or more. ``partial_fit`` makes one.
shuffle : bool
    Whether ``fit`` draws a new order for every pass. ``partial_fit`` keeps the order given.
random_state : int, RandomState or None
    Of the start, the noise and the order; an int is the learner's seed."""
_ATTRIBUTES_DOC = """\
Attributes
----------
learner_ : {learner}
    What was learned: save it, export it, or go on learning one sample at a time.
n_features_in_ : int
feature_names_in_ : array of str
    Only where the data had names.{classes}
"""


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """What the estimators of classes and of numbers share."""

    _learner_class: Any
    hidden: Any
    epochs: Any
    shuffle: Any
    random_state: Any

    def _settings(self) -> dict[str, Any]:
        """Return the learner's parameters."""
        return {k: v for k, v in self.get_params(deep=False).items() if k not in _OWN}

    def _make(self, n_outputs: int, **more: Any) -> Any:
        """Return a fresh learner of the data's sizes."""
        hidden = self.hidden
        if not isinstance(hidden, list | tuple | np.ndarray):
            raise ConfigError(f"hidden={hidden!r}: expected a tuple of sizes, such as (32,)")
        names = getattr(self, "feature_names_in_", None)
        return self._learner_class(
            layers=(self.n_features_in_, *hidden, n_outputs),
            seed=self._random().seed,
            features=None if names is None else list(names),
            **more,
            **self._settings(),
        )

    def _random(self) -> _Random:
        return _Random(self.random_state)

    def _learn(self, X: Floats, y: Any) -> None:
        """Make ``epochs`` passes."""
        if not isinstance(self.epochs, int | np.integer) or self.epochs < 1:
            raise ConfigError(f"epochs={self.epochs!r}: expected a whole number, 1 or more")
        random = self._random().orders
        for _ in range(self.epochs):
            order = random.permutation(len(X)) if self.shuffle else np.arange(len(X))
            self.learner_.learn_many(X[order], y[order])


class _Random:
    """A learner's seed, and what draws the orders of the passes."""

    def __init__(self, random_state: Any) -> None:
        whole = isinstance(random_state, int | np.integer)
        source = check_random_state(random_state)
        self.seed = int(random_state) if whole else int(source.randint(2**31))
        self.orders = check_random_state(self.seed)


class _Classifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    def fit(self, X: Any, y: Any) -> Self:
        """Learn from the start, in ``epochs`` passes of single samples.

        Parameters
        ----------
        X : array or data frame ``[n, n_features]``
        y : array or Series ``[n]``
            Labels.
        """
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        self._start(np.unique(y))
        self._learn(X, y)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Learn a block, one sample after the other in the order given: a stream in pieces.

        Parameters
        ----------
        X : array or data frame ``[n, n_features]``
        y : array or Series ``[n]``
            Labels.
        classes : array, optional
            All labels that will ever come; needed at the first call.

        Raises
        ------
        ValueError
            If the first call has no ``classes``, or a later one others.
        """
        first = not hasattr(self, "learner_")
        X, y = validate_data(self, X, y, reset=first)
        check_classification_targets(y)
        if first and classes is None:
            raise ConfigError("classes=None: the first partial_fit needs all labels that will come")
        if first:
            self._start(np.unique(classes))
        elif classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise ConfigError(
                f"classes={classes!r}: the first partial_fit had {self.classes_!r}; leave it out"
            )
        self.learner_.learn_many(X, y)
        return self

    def _start(self, classes: Any) -> None:
        self.classes_ = classes
        self.learner_ = self._make(max(len(classes), 2), classes=classes.tolist())

    def predict(self, X: Any) -> Any:
        """Return the label of each row."""
        check_is_fitted(self)
        found = self.learner_.predict_many(validate_data(self, X, reset=False))
        return np.array(found, dtype=self.classes_.dtype)

    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of each of ``classes_`` in each row, ``float64[n, classes]``."""
        check_is_fitted(self)
        found: Floats = self.learner_.predict_proba_many(validate_data(self, X, reset=False))
        return found


class _Regressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    def fit(self, X: Any, y: Any) -> Self:
        """Learn from the start, in ``epochs`` passes of single samples.

        Parameters
        ----------
        X : array or data frame ``[n, n_features]``
        y : array or Series ``[n]``
            Numbers.
        """
        X, y = validate_data(self, X, y, y_numeric=True)
        self.learner_ = self._make(1)
        self._learn(X, y)
        return self

    def partial_fit(self, X: Any, y: Any) -> Self:
        """Learn a block, one sample after the other in the order given: a stream in pieces."""
        first = not hasattr(self, "learner_")
        X, y = validate_data(self, X, y, y_numeric=True, reset=first)
        if first:
            self.learner_ = self._make(1)
        self.learner_.learn_many(X, y)
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the mean of each row's target, and with ``return_std`` its standard deviation.

        The deviation is that of the whole: ``√(aleatoric² + epistemic²)``.
        """
        check_is_fitted(self)
        found = self.learner_.predict_distribution_many(validate_data(self, X, reset=False))
        mean = found[:, 0]
        return (mean, np.hypot(found[:, 1], found[:, 2])) if return_std else mean


def estimator(learner: type, module: str = __name__) -> Any:
    """Return the estimator class of a learner class, with its parameters, all keyword-only.

    Parameters
    ----------
    learner : type
        Such as the class of a rule of your own.
    module : str
        Where it will be found under the learner's name, for pickle.
    """
    base = _Classifier if issubclass(learner, StreamClassifier) else _Regressor
    given = list(inspect.signature(learner).parameters.values())
    kept = [p.replace(kind=p.KEYWORD_ONLY) for p in given if p.name not in _FROM_DATA]
    own = [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=d) for n, d in _OWN.items()]
    parameters = [*own, *kept]
    defaults = {p.name: p.default for p in parameters}

    def __init__(self: Any, **given: Any) -> None:  # noqa: N807 - becomes the class's own
        refuse_unknown(type(self).__name__, given, tuple(defaults))
        for name, default in defaults.items():
            setattr(self, name, given.get(name, default))

    me = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    setattr(__init__, "__signature__", inspect.Signature([me, *parameters]))  # noqa: B010
    __init__.__qualname__ = f"{learner.__name__}.__init__"
    members = {
        "__init__": __init__,
        "__doc__": _document(learner, issubclass(base, _Classifier)),
        "__module__": module,
        "_learner_class": learner,
    }
    return type(learner.__name__, (base,), members)


def _document(learner: type, classifies: bool) -> str:
    """Return the learner's docstring with the estimator's parameters and attributes."""
    text = inspect.getdoc(learner) or ""
    summary, _, rest = text.partition("Parameters\n----------\n")
    # An entry is a line of names and the indented lines under it.
    entries = re.findall(r"^\S.*\n(?:[ ].*\n|\n(?=[ ]))*", rest.partition("\n\n")[0] + "\n", re.M)
    kept = [
        entry.rstrip()
        for entry in entries
        if not set(entry.partition(" :")[0].split(", ")) & {*_FROM_DATA}
    ]
    classes = "\nclasses_ : array\n    The labels, sorted." if classifies else ""
    return "\n".join(
        [
            f"{summary.strip()}\n\nAn estimator of scikit-learn over "
            f":class:`streamlearn.{learner.__name__}`.\n",
            "Parameters\n----------",
            _OWN_DOC,
            *kept,
            "",
            _ATTRIBUTES_DOC.format(learner=f"streamlearn.{learner.__name__}", classes=classes),
        ]
    )


_LEARNERS = [learner_class(name, head) for name, rule in RULES.items() for head in rule.heads]
__all__ = sorted(kind.__name__ for kind in _LEARNERS)
globals().update({kind.__name__: estimator(kind) for kind in _LEARNERS})
