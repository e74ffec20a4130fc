"""The device: a firmware booted from reset in an instruction-level emulator, talked to by UART."""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from .emulator import UcError, arm, uc
from .errors import BuildError, DeviceFault, InputError, LinkError, RefusedError
from .image import Firmware
from .link import (
    CRC_BYTES,
    HEADER_BYTES,
    REPLY,
    Frame,
    Request,
    decode_frames,
    encode_frame,
    status_text,
)
from .stream import StreamResult, run_stream
from .tap import NativeTap, PythonTap, Tap

# The most instructions one request may take before the device counts as hung.
DEFAULT_INSTRUCTION_LIMIT = 2_000_000_000

_STACK_PAINT = b"\xc5\xc5\xc5\xc5"  # startup.c: STACK_PAINT
_WFI = b"\x30\xbf"
_NOWHERE = 0xFFFFFFF0
_SYSTEM_BASE, _SYSTEM_SIZE = 0xE000E000, 0x1000  # NVIC and SCB: memory without effect
_POWER_ON_SEED = 0x5EED
_HELLO = struct.Struct("<6I")
_PREDICTION = struct.Struct("<3f")
_REQUEST_NAMES = {int(request): request.name for request in Request}


@dataclass(frozen=True)
class Hello:
    """What a device says of itself: protocol version, sizes of learner and link."""

    protocol_version: int
    n_features: int
    n_classes: int
    state_bytes: int
    scratch_bytes: int
    max_payload_bytes: int


class TargetPrediction(NamedTuple):
    """What a learner of numbers says, in the target's units: mean and two standard deviations."""

    mean: float
    aleatoric: float
    epistemic: float


@dataclass(frozen=True)
class CallCount:
    """Instructions that one request took.

    Attributes
    ----------
    learner : int
        Executed inside ``sl_learner_predict`` or ``sl_learner_learn``, callees included.
    link : int
        All others: receiving, checking and answering the frame.
    """

    learner: int
    link: int


class Device:
    """A booted firmware.

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
        self._sequence = 0
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
        arguments = (
            self._flash,
            firmware.board.flash.origin,
            (
                firmware.address_of("sl_learner_predict"),
                firmware.address_of("sl_learner_learn"),
            ),
            2 * line_bytes,
            16 * line_bytes,
        )
        if counting != "python":
            try:
                return NativeTap(*arguments)
            except BuildError:
                if counting == "native":
                    raise
        return PythonTap(*arguments)

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

    # -- the link -----------------------------------------------------------------------------

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

    def exchange(self, request: int, payload: bytes = b"") -> Frame:
        """Send one request and return the reply, whatever its status.

        Raises
        ------
        LinkError
            If not exactly one reply to this request came back.
        DeviceFault
            If the firmware faults or hangs.
        """
        self._sequence = (self._sequence + 1) & 0xFF
        name = _REQUEST_NAMES.get(request, f"request {request}")
        sent = self.send_bytes(encode_frame(request, self._sequence, payload), f"answering {name}")
        frames = decode_frames(sent)
        if len(frames) != 1:
            raise LinkError(f"{name}: expected one reply, got {len(frames)}; call resync()")
        reply = frames[0]
        if reply.type != request | REPLY or reply.sequence != self._sequence:
            raise LinkError(
                f"{name} number {self._sequence}: the reply is of type {reply.type:#x} and number "
                f"{reply.sequence}; call resync()"
            )
        return reply

    def _ask(self, request: Request, payload: bytes = b"") -> bytes:
        reply = self.exchange(request, payload)
        if reply.status:
            raise RefusedError(
                f"{request.name} refused by {self.firmware.board.name}: "
                f"{status_text(reply.status)}",
                status=reply.status,
            )
        return reply.payload

    def resync(self) -> None:
        """Flush a half-received frame with idle bytes, and drop whatever the device says to it."""
        longest = self.firmware.max_payload_bytes + HEADER_BYTES + CRC_BYTES
        self.send_bytes(bytes(longest), "resynchronising")

    def hello(self) -> Hello:
        """Ask the device what it is.

        Raises
        ------
        LinkError, DeviceFault
            As for `exchange`.
        """
        return Hello(*_HELLO.unpack(self._ask(Request.HELLO)))

    def predict(self, x: npt.ArrayLike) -> int:
        """Return the class index the device predicts.

        Parameters
        ----------
        x : float32[n_features]
            Raw sensor values.

        Raises
        ------
        InputError
            If `x` has another shape, or the firmware predicts a number.
        RefusedError
            If the device refuses, e.g. because a value is not finite.
        LinkError, DeviceFault
            As for `exchange`.
        """
        self._expect(classes=True)
        return int.from_bytes(self._ask(Request.PREDICT, self._features(x)), "little")

    def learn(self, x: npt.ArrayLike, label: int) -> int:
        """Let the device learn one sample; return the class it predicted *before* learning.

        Parameters
        ----------
        x : float32[n_features]
            Raw sensor values.
        label : int
            Class index, 0 to 65535; the device refuses those it does not know.

        Raises
        ------
        InputError, RefusedError, LinkError, DeviceFault
            As for `predict`.
        """
        self._expect(classes=True)
        if not 0 <= label <= 0xFFFF:
            raise InputError(f"label is {label}: a frame holds 0 to 65535")
        payload = self._features(x) + int(label).to_bytes(2, "little")
        return int.from_bytes(self._ask(Request.LEARN, payload), "little")

    def predict_target(self, x: npt.ArrayLike) -> TargetPrediction:
        """Return the number the device predicts, and how unsure it is.

        Parameters
        ----------
        x : float32[n_features]
            Raw sensor values.

        Raises
        ------
        InputError
            If `x` has another shape, or the firmware predicts a class.
        RefusedError, LinkError, DeviceFault
            As for `predict`.
        """
        self._expect(classes=False)
        return TargetPrediction(*_PREDICTION.unpack(self._ask(Request.PREDICT, self._features(x))))

    def learn_target(self, x: npt.ArrayLike, y: float) -> TargetPrediction:
        """Let the device learn one target; return what it predicted *before* learning.

        Parameters
        ----------
        x : float32[n_features]
            Raw sensor values.
        y : float
            Rounded to float32; the device refuses one that is not finite.

        Raises
        ------
        InputError, RefusedError, LinkError, DeviceFault
            As for `predict_target`.
        """
        self._expect(classes=False)
        payload = self._features(x) + np.float32(y).tobytes()
        return TargetPrediction(*_PREDICTION.unpack(self._ask(Request.LEARN, payload)))

    def _expect(self, *, classes: bool) -> None:
        if classes != (self.firmware.n_classes > 0):
            raise InputError(
                "this firmware predicts a number: use predict_target and learn_target"
                if classes
                else "this firmware predicts a class: use predict and learn"
            )

    def _features(self, x: npt.ArrayLike) -> bytes:
        values = np.asarray(x, dtype="<f4")
        if values.shape != (self.firmware.n_features,):
            raise InputError(
                f"x has shape {values.shape}: this firmware takes ({self.firmware.n_features},)"
            )
        return values.tobytes()

    def read_state(self) -> bytes:
        """Read the learner's whole state over the link.

        Raises
        ------
        LinkError, DeviceFault
            As for `exchange`.
        """
        size, chunk, parts = self.firmware.state_bytes, 0x8000, []
        for offset in range(0, size, chunk):
            payload = struct.pack("<IH", offset, min(chunk, size - offset))
            parts.append(self._ask(Request.READ_STATE, payload))
        return b"".join(parts)

    def write_state(self, state: bytes) -> None:
        """Replace the learner's whole state over the link.

        Parameters
        ----------
        state : bytes
            `state_bytes` bytes, as `read_state` returns them.

        Raises
        ------
        InputError
            If the size differs.
        LinkError, DeviceFault
            As for `exchange`.
        """
        if len(state) != self.firmware.state_bytes:
            raise InputError(
                f"state of {len(state)} bytes: this firmware's has {self.firmware.state_bytes}"
            )
        chunk = self.firmware.max_payload_bytes - 4
        for offset in range(0, len(state), chunk):
            payload = struct.pack("<I", offset) + state[offset : offset + chunk]
            self._ask(Request.WRITE_STATE, payload)

    def run_stream(
        self,
        xs: npt.ArrayLike,
        labels: npt.ArrayLike,
        on_progress: Callable[[int, int], None] | None = None,
        *,
        progress_every: int = 100,
        on_refusal: Literal["raise", "record"] = "raise",
    ) -> StreamResult:
        """Learn a whole stream, test-then-train, one frame a sample.

        See `firmware_sim.stream.run_stream` for parameters, result and errors.
        """
        return run_stream(
            self,
            xs,
            labels,
            on_progress,
            progress_every=progress_every,
            on_refusal=on_refusal,
        )

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
