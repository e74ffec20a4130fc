"""Binarized metaplastic networks: the paper's experiments, and the learner of one byte."""
