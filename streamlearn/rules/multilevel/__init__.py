"""Weights of few levels, moved one level at a time by chance: equations and learners."""

from quant.rule import Model
from streamlearn.fidelity.stored import stored_forms
from streamlearn.rules.multilevel import equations
from streamlearn.rules.multilevel.certainty import CERTAINTY
from streamlearn.rules.multilevel.forms import grids
from streamlearn.rules.multilevel.learners import MultilevelClassifier

#: In float64: the constants are the configuration itself.
EQUATIONS = Model(lambda spec, config: config, equations.forward, equations.update)

#: Of the float reference, one quantisation of q8 at a time.
FORMS = stored_forms(EQUATIONS, "levels", "whole levels, rounded at random", grids)

#: The class that a user holds, by head.
LEARNERS = {"categorical": MultilevelClassifier}

__all__ = ["CERTAINTY", "EQUATIONS", "FORMS", "LEARNERS", "MultilevelClassifier"]
