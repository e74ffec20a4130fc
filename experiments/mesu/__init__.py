"""MESU: the paper's experiments, and what its integer formats and defaults rest on."""
