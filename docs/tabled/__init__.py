"""The tables and figures that ``docs/tables.py`` writes, a file for each thing they are of."""
