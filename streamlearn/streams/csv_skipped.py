"""Rows that were left out of a stream."""

from __future__ import annotations

from dataclasses import dataclass, field

N_MESSAGES = 10


@dataclass
class Skipped:
    """Rows that were left out.

    Parameters
    ----------
    count
        How many.
    messages
        What was wrong with the first ten.
    """

    count: int = 0
    messages: list[str] = field(default_factory=list)

    def add(self, message: str) -> None:
        """Count one row, and keep its message if there is room."""
        self.count += 1
        if len(self.messages) < N_MESSAGES:
            self.messages.append(message)
