"""A bench of real and made streams: every rule with one set of defaults, beside the field's own.

``load(name, seed, n)`` returns a stream of :data:`NAMES`; the same arguments, the same rows.
"""

from experiments.streams.loading import load, load_held_out
from experiments.streams.sources import NAMES, SOURCES, Source

__all__ = ["NAMES", "SOURCES", "Source", "load", "load_held_out"]
