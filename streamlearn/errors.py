"""The errors a user may catch; they are defined in :mod:`quant.errors`, the lowest layer."""

from quant.errors import (
    BuildError,
    ConfigError,
    DivergedError,
    InputValueError,
    LabelError,
    ParameterError,
    ShapeError,
    SourceError,
    StateFormatError,
    StreamFormatError,
    StreamlearnError,
    UndefinedError,
    WriteError,
)

__all__ = [
    "BuildError",
    "ConfigError",
    "DivergedError",
    "InputValueError",
    "LabelError",
    "ParameterError",
    "ShapeError",
    "SourceError",
    "StateFormatError",
    "StreamFormatError",
    "StreamlearnError",
    "UndefinedError",
    "WriteError",
]
