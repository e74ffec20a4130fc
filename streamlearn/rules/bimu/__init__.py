"""BiMU, binary weights that know how sure they are: equations and learners."""

from quant.rule import Model
from streamlearn.fidelity.stored import stored_forms
from streamlearn.rules.bimu import equations
from streamlearn.rules.bimu.certainty import CERTAINTY
from streamlearn.rules.bimu.forms import grids
from streamlearn.rules.bimu.learners import BimuClassifier
from streamlearn.rules.bimu.merging import MERGING
from streamlearn.rules.bimu.spiking import SpikingBimuClassifier

#: In float64: the constants are the configuration itself.
EQUATIONS = Model(
    lambda spec, config: config, equations.forward, equations.update, mean=equations.mean
)

#: Of the float reference, one quantisation of q8 at a time.
FORMS = stored_forms(EQUATIONS, "λ", "λ in Q2.5, rounded at random", grids)

#: The class that a user holds, by head.
LEARNERS = {"categorical": BimuClassifier}
#: The same for spiking layers.
SPIKING = SpikingBimuClassifier

__all__ = [
    "CERTAINTY",
    "EQUATIONS",
    "FORMS",
    "LEARNERS",
    "MERGING",
    "BimuClassifier",
    "SpikingBimuClassifier",
]
