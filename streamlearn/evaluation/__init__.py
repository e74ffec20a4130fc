"""How good is a learner on a stream? Test, then train, and the figures of it."""

from streamlearn.evaluation.advice import advice
from streamlearn.evaluation.adwin import Adwin, Change, Drift
from streamlearn.evaluation.calibration import Calibration, ReliabilityBin
from streamlearn.evaluation.curve import Curve
from streamlearn.evaluation.fingerprint import Fingerprint
from streamlearn.evaluation.metrics import ClassificationMetrics
from streamlearn.evaluation.prequential import (
    PrequentialResult,
    evaluate,
    hash_of_predictions,
    majority_accuracy,
    majority_predictions,
    no_change_accuracy,
    no_change_predictions,
)
from streamlearn.evaluation.scores import Scores

__all__ = [
    "Adwin",
    "Calibration",
    "Change",
    "ClassificationMetrics",
    "Curve",
    "Drift",
    "Fingerprint",
    "PrequentialResult",
    "ReliabilityBin",
    "Scores",
    "advice",
    "evaluate",
    "hash_of_predictions",
    "majority_accuracy",
    "majority_predictions",
    "no_change_accuracy",
    "no_change_predictions",
]
