"""MESU with a variance for every synapse: the graphs."""

from export.graph.sampling import sampling_graphs
from export.rules.mesu import graph, learn

#: By kind of numbers.
GRAPHS = sampling_graphs(graph.integer_layer, graph.real_layer)
#: One learning step, in integers.
LEARNING = learn.MesuStep
