"""The errors a user may catch; they are defined in :mod:`quant.errors`, the lowest layer."""

from quant.errors import (
    BuildError,
    ConfigError,
    InputValueError,
    LabelError,
    ShapeError,
    StateFormatError,
    StreamFormatError,
    StreamlearnError,
)

__all__ = [
    "BuildError",
    "ConfigError",
    "InputValueError",
    "LabelError",
    "ShapeError",
    "StateFormatError",
    "StreamFormatError",
    "StreamlearnError",
]
