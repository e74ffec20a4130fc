"""MESU with a variance for every synapse: the graphs."""

from export.rules.mesu import graph

#: By kind of numbers.
GRAPHS = {"integer": graph.integer, "float32": graph.real, "float64": graph.real}
