"""Permuted MNIST in one pass without task boundaries: who remembers what."""
