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
from streamlearn.evaluation.regression import ErrorDrift, RegressionMetrics
from streamlearn.evaluation.regression_advice import regression_advice
from streamlearn.evaluation.scores import Scores
from streamlearn.evaluation.target_history import Points, Stretches, TargetHistory
from streamlearn.evaluation.target_scores import TargetScores

__all__ = [
    "Adwin",
    "Calibration",
    "Change",
    "ClassificationMetrics",
    "Curve",
    "Drift",
    "ErrorDrift",
    "Fingerprint",
    "Points",
    "PrequentialResult",
    "RegressionMetrics",
    "ReliabilityBin",
    "Scores",
    "Stretches",
    "TargetHistory",
    "TargetScores",
    "advice",
    "evaluate",
    "hash_of_predictions",
    "majority_accuracy",
    "majority_predictions",
    "no_change_accuracy",
    "no_change_predictions",
    "regression_advice",
]
