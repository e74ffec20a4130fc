"""Weights of few levels: the graphs."""

from export.rules.multilevel import graph, learn

#: By kind of numbers.
GRAPHS = {"integer": graph.integer, "float64": graph.real}
#: One learning step, in integers.
LEARNING = learn.MultilevelStep
