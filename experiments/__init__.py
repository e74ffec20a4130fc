"""Published results, run again: experiments, their runs, tables and pictures.

``streamlearn reproduce --list`` names them; docs/reproduction.md has what came out.
"""

from streamlearn.reproduce.experiments import EXPERIMENTS, N_TASKS, Experiment, find_experiment
from streamlearn.reproduce.learners import ALGORITHMS, Setting
from streamlearn.reproduce.runs import Run, default_work, execute

__all__ = [
    "ALGORITHMS",
    "EXPERIMENTS",
    "N_TASKS",
    "Experiment",
    "Run",
    "Setting",
    "default_work",
    "execute",
    "find_experiment",
]
