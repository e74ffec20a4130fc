"""What an experiment's command ends with, said in one line."""

from __future__ import annotations

from streamlearn.errors import ConfigError, StreamlearnError


class ExperimentError(StreamlearnError):
    """An experiment that could not be finished; what was done is kept."""


class UsageError(StreamlearnError):
    """A command line that names no experiment, or an option that it does not have."""


class MissingError(ConfigError):
    """A package or a data set that an experiment needs is not here."""
