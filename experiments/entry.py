"""One line of the list of experiments."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One line of the list.

    Parameters
    ----------
    module : str
        Has the experiment, below this package.
    title : str
        One line: what it shows.
    packages, data_sets : tuple of str
        What all of it needs (:mod:`experiments.needs`). An experiment of the run loop asks its
        runs instead, since its algorithms differ.
    """

    module: str
    title: str
    packages: tuple[str, ...] = ()
    data_sets: tuple[str, ...] = ()
