"""Gaussian weights and sampled pre-activations: what both MESU rules share.

A rule with another way of keeping the variances takes hyperparameters, constants and the forward
pass's skeleton from here; rules never import each other.
"""
