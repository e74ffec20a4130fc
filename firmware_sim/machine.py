"""A firmware booted from reset in an instruction-level emulator: memory, core, serial line."""

from __future__ import annotations

import ctypes
import mmap
import struct
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .emulator import UcError, arm, uc
from .errors import BuildError, DeviceFault, InputError
from .image import Firmware
from .link import CRC_BYTES, HEADER_BYTES
from .tap import NativeTap, PythonTap, Tap, Wiring

# The most instructions one request may take before the device counts as hung.
DEFAULT_INSTRUCTION_LIMIT = 2_000_000_000

_STACK_PAINT = b"\xc5\xc5\xc5\xc5"  # startup.c: STACK_PAINT
_WFI = b"\x30\xbf"
_NOWHERE = 0xFFFFFFF0
_SYSTEM_BASE, _SYSTEM_SIZE = 0xE000E000, 0x1000  # NVIC and SCB: memory without effect
_POWER_ON_SEED = 0x5EED


@dataclass(frozen=True)
class CallCount:
    """Instructions that one request took.

    Attributes
    ----------
    learner : int
        Executed inside ``sl_learner_predict``, ``sl_learner_predict_mean`` or
        ``sl_learner_learn``, callees included.
    link : int
        All others: receiving, checking and answering the frame.
    """

    learner: int
    link: int


class Machine:
    """A booted firmware and its serial line.

    RAM holds noise at power-on, the same noise every time: what is not initialised shows.

    Parameters
    ----------
    firmware : Firmware
    counting : {"auto", "native", "python"}
        How callbacks run: compiled C, Python, or C where it can be compiled.
    instruction_limit : int
        A request that takes more instructions than this is a fault ("hung").

    Attributes
    ----------
    firmware : Firmware
    last_call : CallCount
        Instructions of the latest request.
    boot_instructions : int
        Instructions from reset to the first wait for a byte.

    Raises
    ------
    DeviceFault
        If the firmware faults before it waits for its first byte.
    BuildError
        If `counting` is ``"native"`` and the C part cannot be compiled.
    """

    def __init__(
        self,
        firmware: Firmware,
        *,
        counting: Literal["auto", "native", "python"] = "auto",
        instruction_limit: int = DEFAULT_INSTRUCTION_LIMIT,
    ) -> None:
        if counting not in ("auto", "native", "python"):
            raise InputError(f"counting is {counting!r}: expected 'auto', 'native' or 'python'")
        self.firmware = firmware
        self.last_call = CallCount(0, 0)
        self.boot_instructions = 0
        self._limit = instruction_limit
        self._dead: str | None = None
        self._refused_access: tuple[int, int] | None = None
        board = firmware.board
        self._flash = _pages(board.flash.bytes)
        ctypes.memset(self._flash, 0xFF, len(self._flash))
        for address, data in firmware.segments:
            start = address - board.flash.origin
            self._flash[start : start + len(data)] = list(data)
        self._ram = _pages(board.ram.bytes)
        self._tap = self._make_tap(counting)
        self._uc = self._make_emulator()
        self.power_on()

    # -- building -----------------------------------------------------------------------------

    def _make_tap(self, counting: str) -> Tap:
        firmware = self.firmware
        line_bytes = 65536 + HEADER_BYTES + CRC_BYTES
        wiring = Wiring(
            self._flash,
            firmware.board.flash.origin,
            (
                firmware.address_of("sl_learner_predict"),
                firmware.address_of("sl_learner_learn"),
                firmware.address_of("sl_learner_predict_mean")
                if "sl_learner_predict_mean" in firmware.symbols  # an older kernel has none
                else _NOWHERE,
            ),
            2 * line_bytes,
            16 * line_bytes,
        )
        if counting != "python":
            try:
                return NativeTap(wiring)
            except BuildError:
                if counting == "native":
                    raise
        return PythonTap(wiring)

    def _make_emulator(self) -> Any:
        board = self.firmware.board
        # Not UC_MODE_MCLASS: it forces the Cortex-M33 model, whatever is asked for.
        engine = uc.Uc(uc.UC_ARCH_ARM, uc.UC_MODE_THUMB)
        engine.ctl_set_cpu_model(getattr(arm, board.core.emulator_model))
        for memory, buffer, rights in (
            (board.flash, self._flash, uc.UC_PROT_READ | uc.UC_PROT_EXEC),
            (board.ram, self._ram, uc.UC_PROT_READ | uc.UC_PROT_WRITE),
        ):
            engine.mem_map_ptr(memory.origin, memory.bytes, rights, ctypes.addressof(buffer))
        engine.mem_map(_SYSTEM_BASE, _SYSTEM_SIZE, uc.UC_PROT_READ | uc.UC_PROT_WRITE)
        self._tap.attach(engine)
        engine.hook_add(uc.UC_HOOK_MEM_INVALID, self._on_refused_access)
        return engine

    def _on_refused_access(
        self, _uc: Any, access: int, address: int, _size: int, _value: int, _user: Any
    ) -> bool:
        self._refused_access = (access, address)
        return False

    # -- running ------------------------------------------------------------------------------

    def power_on(self) -> None:
        """Fill RAM with noise and boot: everything learned since the build is lost.

        Raises
        ------
        DeviceFault
            If the firmware faults on its way to the first wait.
        """
        noise = np.random.default_rng(_POWER_ON_SEED).bytes(len(self._ram))
        ctypes.memmove(self._ram, noise, len(noise))
        self._dead = None
        self._refused_access = None
        self._tap.forget()
        vectors = self.firmware.vector_address - self.firmware.board.flash.origin
        stack, entry = struct.unpack_from("<II", self._flash, vectors)
        self._uc.reg_write(arm.UC_ARM_REG_SP, stack)
        self._uc.reg_write(arm.UC_ARM_REG_LR, 0xFFFFFFFF)
        self._uc.reg_write(arm.UC_ARM_REG_PC, entry | 1)
        before = self._tap.total
        self._run("booting")
        self.boot_instructions = self._tap.total - before

    def _run(self, doing: str) -> None:
        """Run until the firmware sleeps with nothing left to read."""
        if self._dead is not None:
            raise self._fault(f"the device has stopped ({self._dead}); power_on() boots it", doing)
        engine, tap = self._uc, self._tap
        tap.allow(self._limit)
        while True:
            before = tap.total
            try:
                engine.emu_start(engine.reg_read(arm.UC_ARM_REG_PC) | 1, _NOWHERE)
            except UcError as error:
                self._dead = str(error)
                raise self._fault(str(error), doing) from error
            if tap.overran:
                self._dead = "hung"
                raise self._fault(
                    f"hung: more than {self._limit} instructions without an answer", doing
                )
            if not self._is_asleep() or tap.total == before:
                self._dead = "stopped outside WFI"
                raise self._fault("stopped where it should not", doing)
            if tap.rx_pending == 0:
                return

    def _is_asleep(self) -> bool:
        at = self._uc.reg_read(arm.UC_ARM_REG_PC) - 2 - self.firmware.board.flash.origin
        return 0 <= at < len(self._flash) and bytes(self._flash[at : at + 2]) == _WFI

    def _fault(self, why: str, doing: str) -> DeviceFault:
        pc, lr, sp = (
            self._uc.reg_read(register)
            for register in (
                arm.UC_ARM_REG_PC,
                arm.UC_ARM_REG_LR,
                arm.UC_ARM_REG_SP,
            )
        )
        symbol = self.firmware.symbol_at(pc)
        address = None
        ram = self.firmware.board.ram
        if self._refused_access is not None:
            address = self._refused_access[1]
            why += f", address {address:#010x}"
            if ram.origin - 0x10000 <= address < ram.origin:
                reserved = self.firmware.ram_bytes.stack_reserved
                why += (
                    f": stack overflow, {reserved} bytes are reserved; build with a larger "
                    "stack_bytes"
                )
        return DeviceFault(
            f"{self.firmware.board.name}: fault while {doing}: {why}; "
            f"pc {pc:#010x} in {symbol}, lr {lr:#010x} in {self.firmware.symbol_at(lr)}, "
            f"sp {sp:#010x}",
            pc=pc,
            lr=lr,
            sp=sp,
            symbol=symbol,
            address=address,
        )

    def send_bytes(self, data: bytes, doing: str = "handling raw bytes") -> bytes:
        """Put bytes on the serial line, run until the device sleeps, return what it sent.

        Parameters
        ----------
        data : bytes
            Anything, at most 131 KB at once.
        doing : str
            For the message of a fault.

        Raises
        ------
        DeviceFault
            If the firmware faults or hangs.
        """
        tap = self._tap
        total, inside = tap.total, tap.region_total
        tap.feed(data)
        self._run(doing)
        learner = tap.region_total - inside
        self.last_call = CallCount(learner, tap.total - total - learner)
        return tap.take()

    # -- looking inside -----------------------------------------------------------------------

    @property
    def instructions_total(self) -> int:
        """Instructions executed since this object was made."""
        return self._tap.total

    def stack_peak_bytes(self) -> int:
        """Return the deepest the stack has been since power-on, in bytes.

        The firmware paints its stack at boot; this looks for the lowest word that is no longer
        paint. A word that was skipped over, or that happens to hold the paint, is not seen.
        """
        bottom = self.firmware.address_of("sl_stack_bottom") - self.firmware.board.ram.origin
        size = self.firmware.ram_bytes.stack_reserved
        stack = bytes(self._ram[bottom : bottom + size])
        clean = 0
        while clean < size and stack[clean : clean + 4] == _STACK_PAINT:
            clean += 4
        return size - clean

    def ram(self) -> bytes:
        """Return a copy of the whole RAM, as a debugger would read it."""
        return bytes(self._ram)


def _pages(size: int) -> ctypes.Array[ctypes.c_uint8]:
    """Page-aligned memory that the emulator can use in place."""
    return (ctypes.c_uint8 * size).from_buffer(mmap.mmap(-1, size))
