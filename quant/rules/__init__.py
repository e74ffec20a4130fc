"""The numbers of every learning rule: one folder per rule, found by its name."""
