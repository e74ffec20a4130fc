"""Experiments with many learners: what merging keeps, and what it costs to carry images."""
