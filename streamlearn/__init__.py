"""streamlearn: networks that keep learning on a microcontroller."""

from streamlearn.errors import StreamlearnError
from streamlearn.learners.loading import load
from streamlearn.learners.regressor import Prediction
from streamlearn.noise_check import NoiseWarning
from streamlearn.rules.bimu import BimuClassifier, SpikingBimuClassifier
from streamlearn.rules.mesu import MesuClassifier, MesuRegressor, SpikingClassifier
from streamlearn.rules.mesu_factored import MesuFactoredClassifier, MesuFactoredRegressor
from streamlearn.rules.metaplastic import MetaplasticClassifier, SpikingMetaplasticClassifier
from streamlearn.rules.multilevel import MultilevelClassifier
from streamlearn.version import __version__

__all__ = [
    "BimuClassifier",
    "MesuClassifier",
    "MesuFactoredClassifier",
    "MesuFactoredRegressor",
    "MesuRegressor",
    "MetaplasticClassifier",
    "MultilevelClassifier",
    "NoiseWarning",
    "Prediction",
    "SpikingBimuClassifier",
    "SpikingClassifier",
    "SpikingMetaplasticClassifier",
    "StreamlearnError",
    "__version__",
    "load",
]
