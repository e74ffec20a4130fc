"""The firmware on this machine: its storage and its link, with a board's own numbers."""
