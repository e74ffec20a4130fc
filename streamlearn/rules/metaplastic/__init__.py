"""The streaming binarized metaplastic rule: equations and learners."""

from quant.rule import Model
from streamlearn.rules.metaplastic import equations
from streamlearn.rules.metaplastic.certainty import CERTAINTY
from streamlearn.rules.metaplastic.learners import MetaplasticClassifier

#: In float64: the constants are the configuration itself.
EQUATIONS = Model(
    lambda spec, config: config, equations.forward, equations.update, equations.undecided
)

#: The class that a user holds, by head.
LEARNERS = {"categorical": MetaplasticClassifier}

__all__ = ["CERTAINTY", "EQUATIONS", "LEARNERS", "MetaplasticClassifier"]
