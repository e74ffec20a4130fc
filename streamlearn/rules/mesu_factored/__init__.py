"""MESU with factored variance: equations and learners."""

from quant.rule import Model
from streamlearn.fidelity.stored import stored_forms
from streamlearn.rules.mesu_factored import equations
from streamlearn.rules.mesu_factored.certainty import CERTAINTY
from streamlearn.rules.mesu_factored.forms import grids
from streamlearn.rules.mesu_factored.learners import MesuFactoredClassifier, MesuFactoredRegressor
from streamlearn.rules.mesu_factored.merging import MERGING
from streamlearn.sampling import mean

#: In float64: the constants are the configuration itself.
EQUATIONS = Model(lambda spec, config: config, equations.forward, equations.update, mean=mean)

#: Of the float reference, one quantisation of q16 at a time.
FORMS = stored_forms(EQUATIONS, "μ", "means in 16 bits, rounded at random", grids)

#: The class that a user holds, by head.
LEARNERS = {"categorical": MesuFactoredClassifier, "gaussian": MesuFactoredRegressor}

__all__ = [
    "CERTAINTY",
    "EQUATIONS",
    "FORMS",
    "LEARNERS",
    "MERGING",
    "MesuFactoredClassifier",
    "MesuFactoredRegressor",
]
