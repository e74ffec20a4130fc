"""Weights of few levels: published results, run again."""
