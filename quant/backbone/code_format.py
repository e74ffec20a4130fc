"""The scale and range of a tensor's codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quant.errors import ConfigError

#: A format's fraction bits; the bits that a code has at most.
FRAC_MIN, FRAC_MAX, BITS_MAX = -16, 30, 8


@dataclass(frozen=True)
class CodeFormat:
    """Numbers of one scale for a whole tensor: ``code · 2^-frac_bits``.

    Parameters
    ----------
    bits : int
        1 to 8.
    frac_bits : int
    signed : bool

    Raises
    ------
    ConfigError
        If a number is out of range.
    """

    bits: int
    frac_bits: int
    signed: bool = False

    def __post_init__(self) -> None:
        whole_number("bits", self.bits, 1 + self.signed, BITS_MAX)
        whole_number("frac_bits", self.frac_bits, FRAC_MIN, FRAC_MAX)
        if not isinstance(self.signed, bool):
            raise ConfigError(f"signed={self.signed!r}: expected True or False")

    @property
    def least(self) -> int:
        """The least code."""
        return -(1 << self.bits - 1) if self.signed else 0

    @property
    def most(self) -> int:
        """The largest code."""
        return (1 << self.bits - self.signed) - 1

    @property
    def scale(self) -> float:
        """What code 1 is worth."""
        return 2.0**-self.frac_bits


def whole_number(name: str, value: Any, least: int, most: int) -> None:
    """Refuse what is no whole number of a range.

    Raises
    ------
    ConfigError
        If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ConfigError(f"{name}={value!r}: expected a whole number of {least} to {most}")
