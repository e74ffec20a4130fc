"""What a firmware's counter and serial line are connected to."""

from __future__ import annotations

import ctypes

from .errors import BuildError
from .image import Firmware
from .link import CRC_BYTES, HEADER_BYTES
from .native_tap import NativeTap
from .peripherals import serial_of
from .processors import processor_of
from .python_tap import PythonTap
from .tap import Tap, Wiring

NOWHERE = 0xFFFFFFF0
#: What may stand in front of a learner: a firmware has one of them, or none.
_IN_FRONT = {"sl_backbone", "sl_stages_look"}
_LINE_BYTES = 65536 + HEADER_BYTES + CRC_BYTES


def make_tap(
    firmware: Firmware,
    flash: ctypes.Array[ctypes.c_uint8],
    ram: ctypes.Array[ctypes.c_uint8],
    counting: str,
) -> Tap:
    """Return the tap of a firmware.

    Parameters
    ----------
    firmware : Firmware
    flash, ram : ctypes array
        Its memories.
    counting : {"auto", "native", "python"}
        Compiled C, Python, or C where it can be compiled.

    Raises
    ------
    BuildError
        If `counting` is ``"native"`` and the C part cannot be compiled.
    """
    processor = processor_of(firmware.board.core)
    wiring = Wiring(
        flash,
        firmware.board.flash.code,
        (
            firmware.address_of("sl_learner_predict"),
            firmware.address_of("sl_learner_learn"),
            _address(firmware, "sl_learner_predict_mean"),  # an older kernel has none
            next(map(firmware.address_of, _IN_FRONT & {*firmware.symbols}), NOWHERE),
            _address(firmware, "sl_stages_push"),  # time passes: in front of a learner, and in it
            _address(firmware, "sl_learner_advance"),
        ),
        2 * _LINE_BYTES,
        16 * _LINE_BYTES,
        serial_of(firmware.board),
        ram if firmware.board.emulate.get("code_in_ram") else None,
        firmware.board.ram.code,
        processor.lr,
        firmware.board.core.isa == "riscv",
    )
    if counting != "python":
        try:
            return NativeTap(wiring)
        except BuildError:
            if counting == "native":
                raise
    return PythonTap(wiring)


def _address(firmware: Firmware, name: str) -> int:
    return firmware.address_of(name) if name in firmware.symbols else NOWHERE
