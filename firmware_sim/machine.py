"""A firmware booted from reset in an instruction-level emulator: memory, core, serial line."""

from __future__ import annotations

import ctypes
import mmap
import struct
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .emulator import UcError, arm, uc
from .errors import BuildError, DeviceFault, InputError, PowerLost
from .image import Firmware
from .link import CRC_BYTES, HEADER_BYTES
from .native_tap import NativeTap
from .peripherals import TICK_S, Hardware, serial_of
from .port_sources import boot2_sum
from .power import Cut
from .python_tap import PythonTap
from .tap import Tap, Wiring

# The most instructions one request may take before the device counts as hung.
DEFAULT_INSTRUCTION_LIMIT = 2_000_000_000

_STACK_PAINT = b"\xc5\xc5\xc5\xc5"  # startup.c: STACK_PAINT
_WFI = b"\x30\xbf"
_NOWHERE = 0xFFFFFFF0
_SYSTEM_BASE, _SYSTEM_SIZE = 0xE000E000, 0x1000  # NVIC and SCB: memory without effect
_POWER_ON_SEED = 0x5EED
BOOT2_ADDRESS = 0x20041F00  # where the RP2040's boot ROM copies the second stage


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
        self._write_image()
        self._ram = _pages(board.ram.bytes)
        self._cut: Cut | None = None
        self._tap = self._make_tap(counting)
        self.hardware = Hardware(board, self._flash, firmware.storage, self._tap)
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
            serial_of(firmware.board),
            self._ram if firmware.board.emulate.get("code_in_ram") else None,
            firmware.board.ram.origin,
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
        runs = uc.UC_PROT_EXEC if board.emulate.get("code_in_ram") else 0
        for memory, buffer, rights in (
            (board.flash, self._flash, uc.UC_PROT_READ | uc.UC_PROT_EXEC),
            (board.ram, self._ram, uc.UC_PROT_READ | uc.UC_PROT_WRITE | runs),
        ):
            engine.mem_map_ptr(memory.origin, memory.bytes, rights, ctypes.addressof(buffer))
        engine.mem_map(_SYSTEM_BASE, _SYSTEM_SIZE, uc.UC_PROT_READ | uc.UC_PROT_WRITE)
        self._tap.attach(engine)
        self.hardware.attach(engine)
        engine.hook_add(uc.UC_HOOK_MEM_INVALID, self._on_refused_access)
        return engine

    def _on_refused_access(
        self, _uc: Any, access: int, address: int, _size: int, _value: int, _user: Any
    ) -> bool:
        self._refused_access = (access, address)
        return False

    def _write_image(self) -> None:
        flash, host = self.firmware.board.flash, ctypes.addressof(self._flash)
        ctypes.memset(host, flash.erased & 0xFF, len(self._flash))
        for address, data in self.firmware.segments:
            ctypes.memmove(host + address - flash.origin, data, len(data))

    def reflash(self) -> None:
        """Erase the whole flash, write the image again, and boot: as the board left the desk.

        Raises
        ------
        DeviceFault
            As for `power_on`.
        """
        self.hardware.cells.lost = False
        self._write_image()
        self.power_on()

    # -- running ------------------------------------------------------------------------------

    def power_on(self) -> None:
        """Fill RAM with noise and boot: what was learned since the latest commit is lost.

        Raises
        ------
        DeviceFault
            If the firmware faults on its way to the first wait.
        """
        noise = np.random.default_rng(_POWER_ON_SEED).bytes(len(self._ram))
        ctypes.memmove(self._ram, noise, len(noise))
        self._dead = None
        self._refused_access = None
        self._cut = self.hardware.cells.cut = None
        self._tap.forget()
        self.hardware.reset()
        self._uc.mem_write(_SYSTEM_BASE, bytes(_SYSTEM_SIZE))
        vectors = self.firmware.vector_address - self.firmware.board.flash.origin
        stack, entry = struct.unpack_from("<II", self._flash, vectors)
        if self.firmware.board.emulate.get("boot") == "rp2040":
            stack, entry = self._boot_rom()
        self._uc.reg_write(arm.UC_ARM_REG_SP, stack)
        self._uc.reg_write(arm.UC_ARM_REG_LR, 0xFFFFFFFF)
        self._uc.reg_write(arm.UC_ARM_REG_PC, entry | 1)
        before = self._tap.total
        self._run("booting")
        self.boot_instructions = self._tap.total - before

    def _boot_rom(self) -> tuple[int, int]:
        """Do what the RP2040's boot ROM does with the second stage; return stack and entry."""
        image = bytes(self._flash[:256])
        if boot2_sum(image[:252]) != int.from_bytes(image[252:], "little"):
            raise BuildError(f"{self.firmware.elf_path}: the second stage's CRC is wrong")
        ram = self.firmware.board.ram.origin
        ctypes.memmove(ctypes.addressof(self._ram) + BOOT2_ADDRESS - ram, image, len(image))
        return BOOT2_ADDRESS, BOOT2_ADDRESS

    def _run(self, doing: str) -> None:
        """Run until the firmware sleeps with nothing left to read."""
        if self._dead is not None:
            raise self._fault(f"the device has stopped ({self._dead}); power_on() boots it", doing)
        engine, tap = self._uc, self._tap
        tap.allow(self._limit)
        while True:
            before = tap.total
            try:
                self._start(engine)
            except UcError as error:
                self._dead = str(error)
                raise self._fault(str(error), doing) from error
            self._check_hardware(doing)
            if tap.overran:
                self._dead, why = "hung", f"hung: more than {self._limit} instructions"
                if not self.hardware.watchdog.started:
                    raise self._fault(f"{why} without an answer", doing)
                fault = self._fault(f"{why} without feeding: the watchdog resets it", doing)
                self.power_on()
                raise fault
            if not self._is_asleep() or tap.total == before:
                self._dead = "stopped outside WFI"
                raise self._fault("stopped where it should not", doing)
            if tap.rx_pending == 0:
                return

    def _start(self, engine: Any) -> None:
        """Run until something stops it; or until the power goes at an instruction."""
        at, count = engine.reg_read(arm.UC_ARM_REG_PC) | 1, 0
        if self._cut is not None and self._cut.instruction is not None:
            count = self._cut.instruction
        before = self._tap.total
        engine.emu_start(at, _NOWHERE, count=count)
        if count:
            left = count - (self._tap.total - before)
            self._cut = Cut(instruction=left) if left > 0 else None
            if left <= 0 and not self.hardware.cells.lost:
                self.hardware.cells.lose()

    def _check_hardware(self, doing: str) -> None:
        """Raise what the peripherals found: the power is gone, or a store that may not be."""
        hardware = self.hardware
        if hardware.cells.lost:
            hardware.cells.restore()
            self._cut, self._dead = None, "the power was cut"
            raise PowerLost(f"{self.firmware.board.name}: the power was cut while {doing}")
        wrong = hardware.stray
        if self._tap.stray is not None:
            wrong = self._tap.stray, "writes a register that the board does not declare"
        if wrong is not None:
            self._dead = wrong[1]
            self._refused_access = (0, wrong[0])
            raise self._fault(f"the firmware {wrong[1]}", doing)

    def cut_power(self, cut: Cut) -> None:
        """Let the power go at a place that is still to come; what runs then raises `PowerLost`.

        Parameters
        ----------
        cut : Cut
        """
        self._cut = self.hardware.cells.cut = cut

    @property
    def flash_operations(self) -> int:
        """Pages erased and units programmed since the object was made."""
        return self.hardware.cells.operations

    def pass_time(self, seconds: float, doing: str = "waiting") -> bytes:
        """Let time pass without a byte on the line; return what the device sent.

        Time does not pass by itself here: the port's clock ticks only when it is told to.

        Raises
        ------
        DeviceFault
            If the firmware faults.
        """
        for _ in range(round(seconds / TICK_S)):
            self.hardware.tick()
            self._run(doing)
        return self._tap.take()

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
