"""The equations and the learners of every rule: one folder per rule, found by its name."""
