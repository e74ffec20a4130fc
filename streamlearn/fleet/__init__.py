"""A fleet: one learner per sensor, on many machines, and one posterior of what all have learned."""

from streamlearn.fleet.learning import learn
from streamlearn.fleet.live import LiveLearners
from streamlearn.fleet.posterior import merge

__all__ = ["LiveLearners", "learn", "merge"]
