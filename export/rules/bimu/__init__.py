"""BiMU: the graphs."""

from export.rules.bimu import graph

#: By kind of numbers.
GRAPHS = {"integer": graph.integer, "float64": graph.real}
