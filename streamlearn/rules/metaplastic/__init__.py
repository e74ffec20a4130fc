"""The streaming binarized metaplastic rule: equations and learners."""

from quant.rule import Model
from streamlearn.fidelity.stored import stored_forms
from streamlearn.rules.metaplastic import equations
from streamlearn.rules.metaplastic.certainty import CERTAINTY
from streamlearn.rules.metaplastic.forms import grids
from streamlearn.rules.metaplastic.learners import MetaplasticClassifier
from streamlearn.rules.metaplastic.spiking import SpikingMetaplasticClassifier

#: In float64: the constants are the configuration itself.
EQUATIONS = Model(
    lambda spec, config: config, equations.forward, equations.update, equations.undecided
)

#: Of the float reference, one quantisation of q8 at a time.
FORMS = stored_forms(EQUATIONS, "hidden weights", "in Q0.7, rounded at random", grids)

#: The class that a user holds, by head.
LEARNERS = {"categorical": MetaplasticClassifier}
#: The same for spiking layers.
SPIKING = SpikingMetaplasticClassifier

__all__ = [
    "CERTAINTY",
    "EQUATIONS",
    "FORMS",
    "LEARNERS",
    "SPIKING",
    "MetaplasticClassifier",
    "SpikingMetaplasticClassifier",
]
