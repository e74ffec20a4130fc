"""The memories of a simulated board: the image in flash, noise in RAM, and where it boots."""

from __future__ import annotations

import ctypes
import mmap
import struct

import numpy as np

from .errors import BuildError
from .image import Firmware
from .port_sources import boot2_sum
from .processors import processor_of

BOOT2_ADDRESS = 0x20041F00  # where the RP2040's boot ROM copies the second stage

DIRECT_BOOT = 2 * (0xAEDB041D).to_bytes(4, "little")  # with these the ESP32-C3 runs from flash

_STACK_PAINT = b"\xc5\xc5\xc5\xc5"  # startup.c: STACK_PAINT
_POWER_ON_SEED = 0x5EED


class Memory:
    """Flash and RAM of a board, page-aligned, so that the emulator uses them in place.

    Parameters
    ----------
    firmware : Firmware

    Attributes
    ----------
    flash, ram : ctypes array
    """

    def __init__(self, firmware: Firmware) -> None:
        self._firmware = firmware
        self.flash = _pages(firmware.board.flash.bytes)
        self.ram = _pages(firmware.board.ram.bytes)
        self.write_image()

    def write_image(self) -> None:
        """Erase the whole flash and write the image.

        Raises
        ------
        BuildError
            If a part of the image lies outside of the flash.
        """
        flash, host = self._firmware.board.flash, ctypes.addressof(self.flash)
        ctypes.memset(host, flash.erased & 0xFF, len(self.flash))
        for address, data in self._firmware.segments:
            if not flash.origin <= address <= flash.origin + flash.bytes - len(data):
                raise BuildError(
                    f"{self._firmware.elf_path}: {len(data)} bytes for {address:#010x}, outside "
                    f"of the flash, {flash.bytes} bytes from {flash.origin:#010x} on"
                )
            ctypes.memmove(host + address - flash.origin, data, len(data))

    def fill_ram(self) -> None:
        """Fill the RAM with noise, the same noise every time."""
        noise = np.random.default_rng(_POWER_ON_SEED).bytes(len(self.ram))
        ctypes.memmove(self.ram, noise, len(noise))

    def boot(self) -> tuple[int, int]:
        """Return the stack and the entry that the processor takes at a reset.

        Raises
        ------
        BuildError
            If a boot ROM does not accept the image.
        """
        board = self._firmware.board
        if board.boot == "rp2040":
            return self._boot_rom()
        if board.boot == "esp32c3":
            return self._direct_boot()
        if not processor_of(board.core).has_vectors:
            return 0, self._firmware.vector_address
        stack, entry = struct.unpack_from(
            "<II", self.flash, self._firmware.vector_address - board.flash.origin
        )
        return stack, entry

    def _boot_rom(self) -> tuple[int, int]:
        """Do what the RP2040's boot ROM does with the second stage."""
        image = bytes(self.flash[:256])
        if boot2_sum(image[:252]) != int.from_bytes(image[252:], "little"):
            raise BuildError(f"{self._firmware.elf_path}: the second stage's CRC is wrong")
        ram = self._firmware.board.ram.origin
        ctypes.memmove(ctypes.addressof(self.ram) + BOOT2_ADDRESS - ram, image, len(image))
        return BOOT2_ADDRESS, BOOT2_ADDRESS

    def _direct_boot(self) -> tuple[int, int]:
        """Do what the ESP32-C3's boot ROM does if the flash begins with its two magic words."""
        if bytes(self.flash[:8]) != DIRECT_BOOT:
            raise BuildError(
                f"{self._firmware.elf_path}: the flash does not begin with {DIRECT_BOOT.hex(' ')}"
            )
        return 0, self._firmware.board.flash.code + len(DIRECT_BOOT)

    def code_at(self, address: int, size: int) -> bytes:
        """Return bytes of the flash, none where it has none."""
        at = address - self._firmware.board.flash.code
        return bytes(self.flash[at : at + size]) if 0 <= at < len(self.flash) else b""

    def stack_peak_bytes(self) -> int:
        """Return how far from its top the stack's paint is gone, in bytes."""
        firmware = self._firmware
        bottom = firmware.address_of("sl_stack_bottom") - firmware.board.ram.origin
        size = firmware.ram_bytes.stack_reserved
        stack = bytes(self.ram[bottom : bottom + size])
        clean = 0
        while clean < size and stack[clean : clean + 4] == _STACK_PAINT:
            clean += 4
        return size - clean


def _pages(size: int) -> ctypes.Array[ctypes.c_uint8]:
    return (ctypes.c_uint8 * size).from_buffer(mmap.mmap(-1, size))
