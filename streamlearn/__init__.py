"""streamlearn: networks that keep learning on a microcontroller."""

from streamlearn.classifier import MesuClassifier
from streamlearn.errors import StreamlearnError
from streamlearn.loading import load
from streamlearn.metaplastic_classifier import MetaplasticClassifier
from streamlearn.noise_check import NoiseWarning
from streamlearn.regressor import MesuRegressor, Prediction
from streamlearn.version import __version__

__all__ = [
    "MesuClassifier",
    "MesuRegressor",
    "MetaplasticClassifier",
    "NoiseWarning",
    "Prediction",
    "StreamlearnError",
    "__version__",
    "load",
]
