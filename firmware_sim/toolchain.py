"""From an export folder to a checked firmware for one board."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from .boards import Board
from .cores import Core
from .errors import BuildError, ExportFolderError
from .export_folder import ExportFolder, open_export
from .fit import check_fit, image_bytes
from .image import Firmware, load_firmware
from .linker import render_linker_script
from .lock_sources import check_lock, copy_lock
from .optimizing import Optimize, join_sources, optimize_flags
from .port_sources import CommitWhen, copy_port, log_plan
from .stack import stack_use
from .storage import LogPlan, Storage, plan_storage
from .uf2 import write_bin, write_uf2
from .zig import run_cc, zig_version

#: A stack is never smaller, nor no multiple of 8: the linker script says so, too.
LEAST_STACK_BYTES = 256

_FIRMWARE_DIR = Path(__file__).with_name("firmware")
_STARTUP = {"arm": "startup.c", "riscv": "startup_riscv.c"}
_FIRMWARE_SOURCES = ("frame.c", "storage.c", "requests.c", "main.c")
_FIRMWARE_HEADERS = ("frame.h", "lock.h", "log.h", "memory.h", "port.h", "requests.h", "storage.h")
#: Requests that only one kind of network has, by whether it spikes.
_KIND = {True: "kind_spiking.c", False: "kind_plain.c"}
#: What makes features of raw values, by whether there is a backbone.
_RAW = {True: "raw_backbone.c", False: "raw_plain.c"}
#: Both of a learner behind stages.
_STAGES = "stages.c"

# -g keeps the symbol table (the linker script discards the DWARF itself: 0.7 MB of the
# compiler's run-time library, full of this machine's paths).
_FLAGS = (
    "-Os",
    "-std=c11",
    "-ffreestanding",
    "-g",
    "-Wall",
    "-Wextra",
    "-fno-sanitize=all",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-fno-common",
    "-Ifirmware",
    "-Iport",
    "-Ilearner",
)
_LINK_FLAGS = ("-Wl,--gc-sections", "-Wl,-e,Reset_Handler", "-Wl,-z,max-page-size=4")


def build_firmware(
    export_dir: str | Path,
    board: Board,
    out_dir: str | Path,
    *,
    stack_bytes: int | None = None,
    warnings_are_errors: bool = False,
    optimize: Optimize = "speed",
    extra_flags: Sequence[str] = (),
    commit: CommitWhen = "request",
    watchdog: bool = False,
    key: bytes | None = None,
    log_samples: int = 0,
) -> Firmware:
    """Build the firmware of an exported learner for a board.

    `out_dir` then holds ``firmware.elf``, ``board.ld``, ``build.log`` (the command and the
    compiler's warnings), ``src/`` with every source that was compiled, and ``firmware.uf2`` or
    ``firmware.bin`` for a board that takes it.

    Parameters
    ----------
    export_dir : path
        Export folder; every file is verified against its manifest first.
    board : Board
    out_dir : path
        Made if missing; ``src/`` in it is replaced.
    stack_bytes : int, optional
        Stack to reserve, in bytes; else as much as the deepest calls can take
        (`firmware_sim.stack`). Less than that is refused.
    warnings_are_errors : bool
        Refuse code that the compiler warns of.
    optimize : "speed" or "size"
        Loops for the core that it runs on; or the same bits in about half the flash, with more
        instructions (docs/device.md, "For speed or for size").
    extra_flags : sequence of str
        For the compiler, behind ours, of which the last wins: ``-O2`` instead of ``-Os``, which
        takes more flash and is not always faster (docs/device.md).
    commit : "request", "never" or int
        When the state is written to flash: when COMMIT asks for it; never; or also after every so
        many learned samples.
    watchdog : bool
        Start the board's watchdog at boot: it resets a firmware that hangs.
    key : bytes or None
        32 bytes: the state is read and written only by who has them, too (docs/device.md, "Behind
        a key"). They stand in the image and in ``src/``.
    log_samples : int
        Keep a log of so many learned samples at least in flash; 0: of none (docs/device.md, "A log
        of every sample").

    Raises
    ------
    InputError
        If `key` has another size, `optimize` is neither, or `commit` is none of its values, or is
        ``"never"`` with a key or a log; if a spiking network is to keep a log.
    ExportFolderError
        If the folder is not what its manifest says.
    DeviceTooSmallError
        If the firmware does not fit the board; the message has the numbers.
    BuildError
        If compiling, linking or the static check of the instructions fails, or `stack_bytes` is
        too small.
    """
    check_lock(key, commit)
    chosen = optimize_flags(optimize)
    export = open_export(export_dir)
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    log = log_plan(board, export, log_samples, commit)
    storage = plan_storage(board, export.state_bytes, log)
    sources = copy_sources(export, board.core, out / "src", log)
    sources += copy_port(board, storage, export, out / "src", commit, watchdog, key is not None)
    if key is not None:
        sources += copy_lock(key, core_flags(board.core), _FIRMWARE_DIR, out / "src")
    if optimize == "size":
        sources = join_sources(sources, out / "src")
    arguments = [*core_flags(board.core), *_FLAGS, *chosen, *extra_flags]
    if warnings_are_errors:
        arguments.append("-Werror")
    arguments += [*sources, *_LINK_FLAGS]

    # First with room for everything, so that what does not fit can be told to the byte.
    measured = _link(arguments, board, storage, LEAST_STACK_BYTES, out, "roomy")
    stack_bytes = _stack_to_reserve(measured, stack_bytes)
    measured = measured.with_stack(stack_bytes)
    _check_agreement(measured, export)
    check_fit(measured, log_samples, optimize)
    for leftover in ("firmware-roomy.elf", "board-roomy.ld"):
        (out / leftover).unlink()
    # Then with the board's own limits, so that the linker agrees.
    firmware = _link(arguments, board, storage, stack_bytes, out, "")
    if board.uf2_family is not None:
        write_uf2(out / "firmware.uf2", firmware.segments, board.uf2_family)
    if board.bin_image:
        write_bin(out / "firmware.bin", firmware.segments, board.flash.origin)
    return firmware


def _stack_to_reserve(firmware: Firmware, wanted: int | None) -> int:
    """Return the deepest that the stack can get, or what is wanted if that is enough."""
    use = stack_use(firmware.elf_path)
    bound = max(LEAST_STACK_BYTES, -(-use.bound // 8) * 8)
    if wanted is not None and LEAST_STACK_BYTES <= wanted < bound:
        raise BuildError(
            f"stack_bytes is {wanted}: {firmware.board.name} can take {use.bound} bytes, in "
            f"{' > '.join(use.path)}; leave stack_bytes out, or give {bound} at least"
        )
    return bound if wanted is None else wanted


def core_flags(core: Core) -> list[str]:
    """Return what tells the compiler which core to compile for."""
    flags = ["-target", core.target, f"-mcpu={core.mcpu}"]
    if core.isa == "riscv":
        flags.append("-mcmodel=medany")
    return [*flags, "-DSL_CORE_HAS_FPU=1"] if core.has_fpu else flags


def copy_sources(
    export: ExportFolder, core: Core, src: Path, log: LogPlan | None = None
) -> list[str]:
    """Copy what is compiled to `src`; return the .c files relative to it, in a fixed order."""
    if src.exists():
        shutil.rmtree(src)
    (src / "firmware").mkdir(parents=True)
    compiled = [
        _STARTUP[core.isa],
        *_FIRMWARE_SOURCES,
        *(
            [_STAGES]
            if export.has_stages
            else [_KIND[export.is_spiking], _RAW[export.has_backbone]]
        ),
    ]
    if log is not None:
        compiled.append("log.c")
    for name in (*compiled, *_FIRMWARE_HEADERS):
        shutil.copyfile(_FIRMWARE_DIR / name, src / "firmware" / name)
    for name in export.c_files:
        target = src / "learner" / Path(name).relative_to("c")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(export.path / name, target)
    return [f"firmware/{name}" for name in compiled] + [
        f"learner/{Path(name).relative_to('c').as_posix()}" for name in export.c_sources
    ]


def _link(
    arguments: list[str],
    board: Board,
    storage: Storage,
    stack_bytes: int,
    out: Path,
    suffix: str,
) -> Firmware:
    dash = f"-{suffix}" if suffix else ""
    script, elf = f"board{dash}.ld", f"firmware{dash}.elf"
    text = render_linker_script(board, storage, stack_bytes, roomy=bool(suffix))
    (out / script).write_text(text, "utf-8")
    command = [*arguments, "-T", f"../{script}", "-o", f"../{elf}"]
    printed = run_cc(command, cwd=out / "src")
    if not suffix:
        (out / "build.log").write_text(
            f"# ziglang {zig_version()}, in src/:\npython -m ziglang cc {' '.join(command)}\n"
            + (f"{printed}\n" if printed else ""),
            "utf-8",
        )
    return load_firmware(out / elf, board)


def _check_agreement(firmware: Firmware, export: ExportFolder) -> None:
    """Refuse an export whose manifest and C code describe different learners."""
    size_of_image = image_bytes(firmware)
    pairs = (
        ("n_features", export.n_features, firmware.n_features),
        ("n_classes", export.n_classes, firmware.n_classes),
        ("state_bytes", export.state_bytes, firmware.state_bytes),
        ("size of sl_state_image", 0 if export.has_start else export.state_bytes, size_of_image),
    )
    for name, said, built in pairs:
        if said != built:
            raise ExportFolderError(
                f"{export.path}: {name}: the manifest says {said}, the compiled C code {built}; "
                "export it again"
            )
