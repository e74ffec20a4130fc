"""MESU with factored variance: the graphs."""

from export.rules.mesu_factored import graph

#: By kind of numbers.
GRAPHS = {"integer": graph.integer, "float32": graph.real, "float64": graph.real}
