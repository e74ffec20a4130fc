"""A firmware booted from reset in an instruction-level emulator: memory, core, serial line."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, Literal

from .breaking import Breaking
from .emulator import UcError, uc
from .errors import DeviceFault, InputError, PowerLost
from .image import Firmware
from .locate import locate
from .memory import Memory
from .peripherals import TICK_S, Hardware
from .power import Cut
from .processors import make_engine, processor_of
from .tap import Tap
from .wiring import NOWHERE, make_tap

# The most instructions one request may take before the device counts as hung.
DEFAULT_INSTRUCTION_LIMIT = 2_000_000_000


@dataclass(frozen=True)
class CallCount:
    """Instructions that one request took.

    Attributes
    ----------
    learner : int
        Executed inside ``sl_learner_predict``, ``sl_learner_predict_mean``, ``sl_learner_learn``
        and the ``sl_backbone`` in front of them, callees included; of a spiking network inside
        ``sl_learner_advance``, too.
    link : int
        All others: receiving, checking and answering the frame.
    """

    learner: int
    link: int


class Machine(Breaking):
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
        self._processor = processor_of(board.core)
        self._memory = Memory(firmware)
        self._flash, self._ram = self._memory.flash, self._memory.ram
        self._tap: Tap = make_tap(firmware, self._flash, self._ram, counting)
        self.hardware = Hardware(board, self._flash, firmware.storage, self._tap)
        self._uc = self._make_emulator()
        self.power_on()

    # -- building -----------------------------------------------------------------------------

    def _make_emulator(self) -> Any:
        board = self.firmware.board
        engine = make_engine(board.core)
        for memory, buffer, rights, runs in (
            (board.flash, self._flash, uc.UC_PROT_READ, True),
            (
                board.ram,
                self._ram,
                uc.UC_PROT_READ | uc.UC_PROT_WRITE,
                bool(board.emulate.get("code_in_ram")),
            ),
        ):
            at, size = ctypes.addressof(buffer), memory.bytes
            here = uc.UC_PROT_EXEC if runs and memory.code == memory.origin else 0
            engine.mem_map_ptr(memory.origin, size, rights | here, at)
            if runs and not here:
                engine.mem_map_ptr(memory.code, size, uc.UC_PROT_EXEC, at)
        if self._processor.system is not None:
            engine.mem_map(*self._processor.system, uc.UC_PROT_READ | uc.UC_PROT_WRITE)
        self._tap.attach(engine)
        self.hardware.attach(engine)
        engine.hook_add(uc.UC_HOOK_MEM_INVALID, self._on_refused_access)
        return engine

    def _on_refused_access(
        self, _uc: Any, access: int, address: int, _size: int, _value: int, _user: Any
    ) -> bool:
        self._refused_access = (access, address)
        return False

    def reflash(self) -> None:
        """Erase the whole flash, write the image again, and boot: as the board left the desk.

        Raises
        ------
        DeviceFault
            As for `power_on`.
        """
        self.hardware.cells.lost = False
        self.heal()
        self._memory.write_image()
        self.power_on()

    # -- running ------------------------------------------------------------------------------

    def power_on(self) -> None:
        """Fill RAM with noise and boot: what was learned since the latest commit is lost.

        Raises
        ------
        DeviceFault
            If the firmware faults on its way to the first wait.
        """
        self._memory.fill_ram()
        self._dead = None
        self._refused_access = None
        self._cut = self.hardware.cells.cut = None
        self._tap.forget()
        self.hardware.reset()
        processor = self._processor
        if processor.system is not None:
            self._uc.mem_write(processor.system[0], bytes(processor.system[1]))
        stack, entry = self._memory.boot()
        self._uc.reg_write(processor.sp, stack)
        self._uc.reg_write(processor.lr, 0xFFFFFFFF)
        self._uc.reg_write(processor.pc, entry | processor.odd)
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
        at, count = engine.reg_read(self._processor.pc) | self._processor.odd, 0
        if self._cut is not None and self._cut.instruction is not None:
            count = self._cut.instruction
        before = self._tap.total
        engine.emu_start(at, NOWHERE, count=count)
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
        wfi = self._processor.wfi
        at = int(self._uc.reg_read(self._processor.pc)) - len(wfi)
        return self._memory.code_at(at, len(wfi)) == wfi

    def _fault(self, why: str, doing: str) -> DeviceFault:
        refused = None if self._refused_access is None else self._refused_access[1]
        return locate(self.firmware, self._uc, f"fault while {doing}: {why}", refused)

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
        return self._memory.stack_peak_bytes()

    def ram(self) -> bytes:
        """Return a copy of the whole RAM, as a debugger would read it."""
        return bytes(self._ram)
