"""Samples per second of every engine beside PyTorch, and what a sample costs."""
