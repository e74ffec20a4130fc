"""What streamlearn's learners are compared with."""

from streamlearn.baselines.base import OnlineClassifier
from streamlearn.baselines.river_adapter import RiverClassifier
from streamlearn.baselines.sgd_mlp import SgdMlpClassifier
from streamlearn.baselines.trivial import MajorityClassifier, NoChangeClassifier

__all__ = [
    "MajorityClassifier",
    "NoChangeClassifier",
    "OnlineClassifier",
    "RiverClassifier",
    "SgdMlpClassifier",
]
