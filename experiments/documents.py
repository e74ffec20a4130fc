"""What writes into the documents, by name."""

from __future__ import annotations

import argparse

from experiments import demo, figures
from experiments.catalogue import Runnable


class Figures:
    """The command ``figures``."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """See :func:`experiments.figures.add_options`."""
        figures.add_options(parser)

    def run(self, options: argparse.Namespace) -> None:
        """See :func:`experiments.figures.run`."""
        figures.run(options)


EXPERIMENTS: dict[str, Runnable] = {demo.STUDY.name: demo.STUDY, "figures": Figures()}
