"""BiMU, binary weights that know how sure they are: equations and learners."""

from quant.rule import Model
from streamlearn.rules.bimu import equations
from streamlearn.rules.bimu.certainty import CERTAINTY
from streamlearn.rules.bimu.learners import BimuClassifier

#: In float64: the constants are the configuration itself.
EQUATIONS = Model(
    lambda spec, config: config, equations.forward, equations.update, mean=equations.mean
)

#: The class that a user holds, by head.
LEARNERS = {"categorical": BimuClassifier}

__all__ = ["CERTAINTY", "EQUATIONS", "LEARNERS", "BimuClassifier"]
