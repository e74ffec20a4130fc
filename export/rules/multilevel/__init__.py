"""Weights of few levels: the graphs."""

from export.rules.multilevel import graph

#: By kind of numbers.
GRAPHS = {"integer": graph.integer, "float64": graph.real}
