"""The streaming binarized metaplastic rule: the graphs."""

from export.rules.metaplastic import graph, learn

#: By kind of numbers.
GRAPHS = {"integer": graph.integer, "float32": graph.real, "float64": graph.real}
#: One learning step, in integers.
LEARNING = learn.MetaplasticStep
