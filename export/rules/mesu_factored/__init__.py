"""MESU with factored variance: the graphs."""

from export.graph.sampling import sampling_graphs
from export.rules.mesu_factored import graph, learn

#: By kind of numbers.
GRAPHS = sampling_graphs(graph.integer_layer, graph.real_layer)
#: One learning step, in integers.
LEARNING = learn.FactoredStep
