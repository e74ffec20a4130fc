"""Errors of the device simulator: one root, children that also are the builtin a caller expects."""

from __future__ import annotations


class FirmwareSimError(Exception):
    """Root of every error that firmware_sim raises on purpose."""


class ExportFolderError(FirmwareSimError, ValueError):
    """An export folder that is missing, damaged, foreign or of another version."""


class BoardError(FirmwareSimError, ValueError):
    """A board that is unknown or whose description makes no sense."""


class InputError(FirmwareSimError, ValueError):
    """An argument that cannot be sent to the device: wrong shape, type or range."""


class DeviceTooSmallError(FirmwareSimError):
    """The firmware needs more flash or RAM than the board has.

    Attributes
    ----------
    memory : str
        ``"flash"`` or ``"RAM"``.
    needed_bytes, available_bytes : int
        What the firmware takes and what the board has.
    """

    def __init__(
        self, message: str, *, memory: str, needed_bytes: int, available_bytes: int
    ) -> None:
        super().__init__(message)
        self.memory = memory
        self.needed_bytes = needed_bytes
        self.available_bytes = available_bytes


class BuildError(FirmwareSimError, RuntimeError):
    """The compiler or linker refused, is missing, or built something the core cannot run."""


class DeviceFault(FirmwareSimError, RuntimeError):  # noqa: N818 - the field's word for it
    """The emulated processor faulted, locked up or ran away.

    Attributes
    ----------
    pc, lr, sp : int
        Registers at the fault.
    symbol : str
        The function that `pc` lies in, with the offset.
    address : int or None
        The memory address that was refused, where the fault was a memory access.
    """

    def __init__(
        self,
        message: str,
        *,
        pc: int,
        lr: int,
        sp: int,
        symbol: str,
        address: int | None = None,
    ) -> None:
        super().__init__(message)
        self.pc = pc
        self.lr = lr
        self.sp = sp
        self.symbol = symbol
        self.address = address


class PowerLost(FirmwareSimError):  # noqa: N818 - the field's word for it
    """The power of a simulated board was cut; `power_on` boots it again."""


class LinkError(FirmwareSimError, RuntimeError):
    """The device answered nothing, or something that is not a frame of the protocol."""


class SilentError(LinkError):
    """No whole answer came in time; whether the device did what was asked is not known."""


class RefusedError(LinkError):
    """The device answered with an error status; its state is as before.

    Attributes
    ----------
    status : int
        A `firmware_sim.link.Status`.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status
