"""MESU with a variance for every synapse."""
