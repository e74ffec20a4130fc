"""MESU with a variance for every synapse: equations and learners."""

from quant.rule import Model
from streamlearn.rules.mesu import equations
from streamlearn.rules.mesu.certainty import CERTAINTY
from streamlearn.rules.mesu.forms import FORMS
from streamlearn.rules.mesu.learners import MesuClassifier, MesuRegressor
from streamlearn.rules.mesu.merging import MERGING
from streamlearn.rules.mesu.posterior import set_posterior
from streamlearn.rules.mesu.spiking import SpikingClassifier
from streamlearn.sampling import mean

#: In float64: the constants are the configuration itself.
EQUATIONS = Model(lambda spec, config: config, equations.forward, equations.update, mean=mean)

#: The class that a user holds, by head.
LEARNERS = {"categorical": MesuClassifier, "gaussian": MesuRegressor}
#: The same for spiking layers.
SPIKING = SpikingClassifier

__all__ = [
    "CERTAINTY",
    "EQUATIONS",
    "FORMS",
    "LEARNERS",
    "MERGING",
    "MesuClassifier",
    "MesuRegressor",
    "SpikingClassifier",
    "set_posterior",
]
