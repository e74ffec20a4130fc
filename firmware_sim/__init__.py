"""The device: real firmware for a Cortex-M board, booted from reset in an emulator.

Imports nothing of the packages that export a learner; it takes an export folder.

    firmware = build_firmware("export", get_board("nrf52840"), "run")
    device = Device(firmware)
    result = device.run_stream(xs, labels)
    cost = model_cost(firmware.board, result.learn_instructions.mean())
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .boards import (
    DEFAULT_BOARD,
    Board,
    board_from_dict,
    get_board,
    list_boards,
    load_board,
)
from .errors import (
    BoardError,
    BuildError,
    DeviceFault,
    DeviceTooSmallError,
    ExportFolderError,
    FirmwareSimError,
    InputError,
    LinkError,
    PowerLost,
    RefusedError,
    SilentError,
)
from .optimizing import Optimize, optimize_of
from .storage import Storage, plan_storage

if TYPE_CHECKING:
    from .device import Device, Health, Hello, Stored, TargetPrediction
    from .event_log import Logged, LogInfo, log_info, read_log
    from .export_folder import ExportFolder, open_export
    from .image import Firmware, RamBytes, load_firmware
    from .locking import new_key, read_key
    from .machine import CallCount
    from .model import ModelCost, model_cost
    from .power import Cut
    from .remote import RemoteDevice, open_port
    from .sizes import LinkedSizes, linked_sizes
    from .stream import StreamInterrupted, StreamResult
    from .toolchain import build_firmware
    from .verbs import Verbs

#: Where the rest is. It is imported when it is asked for: the emulator and the disassembler take
#: longer to import than many a command takes to run.
_LATER = {
    "device": ("Device", "Health", "Hello", "Stored", "TargetPrediction"),
    "event_log": ("LogInfo", "Logged", "log_info", "read_log"),
    "export_folder": ("ExportFolder", "open_export"),
    "image": ("Firmware", "RamBytes", "load_firmware"),
    "locking": ("new_key", "read_key"),
    "machine": ("CallCount",),
    "power": ("Cut",),
    "model": ("ModelCost", "model_cost"),
    "remote": ("RemoteDevice", "open_port"),
    "sizes": ("LinkedSizes", "linked_sizes"),
    "stream": ("StreamInterrupted", "StreamResult"),
    "toolchain": ("build_firmware",),
    "verbs": ("Verbs",),
}
_MODULES = {name: module for module, names in _LATER.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    return found


__all__ = [
    "DEFAULT_BOARD",
    "Board",
    "BoardError",
    "BuildError",
    "CallCount",
    "Cut",
    "Device",
    "DeviceFault",
    "DeviceTooSmallError",
    "ExportFolder",
    "ExportFolderError",
    "Firmware",
    "FirmwareSimError",
    "Health",
    "Hello",
    "InputError",
    "LinkError",
    "LinkedSizes",
    "LogInfo",
    "Logged",
    "ModelCost",
    "Optimize",
    "PowerLost",
    "RamBytes",
    "RefusedError",
    "RemoteDevice",
    "SilentError",
    "Storage",
    "Stored",
    "StreamInterrupted",
    "StreamResult",
    "TargetPrediction",
    "Verbs",
    "board_from_dict",
    "build_firmware",
    "get_board",
    "linked_sizes",
    "list_boards",
    "load_board",
    "load_firmware",
    "log_info",
    "model_cost",
    "new_key",
    "open_export",
    "open_port",
    "optimize_of",
    "plan_storage",
    "read_key",
    "read_log",
]
