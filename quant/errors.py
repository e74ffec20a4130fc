"""Errors of streamlearn, quant and export: one root; children also are the expected builtin."""


class StreamlearnError(Exception):
    """Root of every error that these packages raise on purpose."""


class ShapeError(StreamlearnError, ValueError):
    """An array or a feature vector has the wrong size."""


class InputValueError(StreamlearnError, ValueError):
    """A value cannot be learned from: NaN, infinity, or outside what the format holds."""


class LabelError(StreamlearnError, ValueError):
    """A label that the learner does not know."""


class ConfigError(StreamlearnError, ValueError):
    """A configuration that makes no sense or that the engine cannot represent."""


class ParameterError(ConfigError, TypeError):
    """A parameter that a constructor does not have: misspelt, or another rule's."""


class StateFormatError(StreamlearnError, ValueError):
    """A state image that is truncated, damaged, foreign or of another version."""


class ExportError(StreamlearnError, ValueError):
    """An export folder whose parts do not agree, or whose signature is not that of a key."""


class StreamFormatError(StreamlearnError, ValueError):
    """A stream that cannot be read: a missing column, a bad value, no header."""


class DivergedError(StreamlearnError, ArithmeticError):
    """A floating-point learner whose state no longer gives finite outputs."""


class UndefinedError(StreamlearnError, AttributeError):
    """A quantity that a learning rule does not have; ``hasattr`` tells, the message says why."""


class BuildError(StreamlearnError, RuntimeError):
    """The C compiler refused or is missing."""


class WriteError(StreamlearnError, OSError):
    """A file that cannot be written; what was there before is untouched."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


class SourceError(StreamlearnError, OSError):
    """A source of samples that broke off: a port that was unplugged, a disk that cannot be read."""

    def __str__(self) -> str:
        return str(self.strerror)


class RuleError(StreamlearnError):
    """A learning rule that lacks a part, or whose name is taken."""
