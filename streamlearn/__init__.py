"""streamlearn: networks that keep learning on a microcontroller."""

from streamlearn.classifier import MesuClassifier
from streamlearn.errors import StreamlearnError
from streamlearn.noise_check import NoiseWarning
from streamlearn.version import __version__

__all__ = ["MesuClassifier", "NoiseWarning", "StreamlearnError", "__version__"]
