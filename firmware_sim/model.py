"""Modelled time and energy. Instructions are counted; cycles, time and energy are a model.

    t = instructions * cycles_per_instruction / clock
    E = t * supply * active current,   active current = uA/MHz * clock

No wait states, no caches, no sleep current, no peripherals.
"""

from __future__ import annotations

from dataclasses import dataclass

from .boards import Board
from .errors import InputError


@dataclass(frozen=True)
class ModelCost:
    """The model's figures for a number of instructions.

    Attributes
    ----------
    instructions : float
        What they are for (a mean over samples need not be whole).
    model_cycles : float
    model_time_ms : float
        Milliseconds.
    model_energy_uj : float or None
        Microjoules; None where the board has no current model.
    """

    instructions: float
    model_cycles: float
    model_time_ms: float
    model_energy_uj: float | None


def model_cost(board: Board, instructions: float) -> ModelCost:
    """Return modelled cycles, time and energy of a number of instructions on a board.

    Raises
    ------
    InputError
        If `instructions` is negative or not finite.
    """
    if not 0 <= instructions < float("inf"):
        raise InputError(f"instructions is {instructions}: expected a number of at least 0")
    instructions = float(instructions)  # of NumPy's a user would read the type
    cycles = instructions * board.cycles_per_instruction
    time_s = cycles / board.clock_hz
    energy_uj = None
    if board.current is not None:
        current_ua = board.current.active_ua_per_mhz * board.clock_hz / 1e6
        energy_uj = current_ua * board.current.supply_v * time_s
    return ModelCost(instructions, cycles, time_s * 1e3, energy_uj)
