"""Is the quantised learner the float learner? Along a stream, and quantisation by quantisation."""

from streamlearn.fidelity.ablation import BASE, Forms, costs, forms_of
from streamlearn.fidelity.pairs import fidelity

__all__ = ["BASE", "Forms", "costs", "fidelity", "forms_of"]
