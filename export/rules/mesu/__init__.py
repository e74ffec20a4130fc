"""MESU with a variance for every synapse: the graphs."""

from export.graph.sampling import sampling_graphs
from export.rules.mesu import graph

#: By kind of numbers.
GRAPHS = sampling_graphs(graph.integer_layer, graph.real_layer)
