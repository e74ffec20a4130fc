"""Frama-C's Eva over what is compiled for a board, and what it cannot prove.

``python tests/proof/eva.py --record [PART ...]`` writes today's list of what is not proved.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.device.host.build import sources
from firmware_sim import get_board
from streamlearn import BimuClassifier, MesuClassifier

FRAMA_C = shutil.which("frama-c")
HERE = Path(__file__).parent
UNPROVED = HERE / "unproved.json"
#: Small, so that every loop is walked from its first turn to its last.
LAYERS, DRAWS = (3, 2, 2), 2
#: An empty assembler line keeps a pointer in a register; no other is compiled for this machine.
NO_ASM = "#define __asm(...)\n"

_ALARM = re.compile(
    r"^\[eva:alarm\] (?P<file>[^:\n]+):(?P<line>\d+): Warning: ?\n? *(?P<what>[^\n]*)", re.M
)
_OPTIONS = ("-eva-warn-key", "garbled-mix=inactive", "-eva-no-print")


@dataclass(frozen=True)
class Part:
    """What is analysed in one go.

    Attributes
    ----------
    learner : class
    board : str
        For its page, its areas, its erased value.
    options : tuple of str
        How hard Eva tries.
    """

    learner: Any
    board: str
    options: tuple[str, ...]


_KERNEL = ("-eva-auto-loop-unroll", "200", "-eva-ilevel", "32")
PARTS = {
    "kernel, MESU q16": Part(
        MesuClassifier, "riscv-virt", ("-eva-precision", "1", *_KERNEL, "-eva-slevel", "100")
    ),
    "kernel, BiMU q8": Part(
        BimuClassifier, "riscv-virt", ("-eva-precision", "1", *_KERNEL, "-eva-slevel", "60")
    ),
    "link and storage": Part(
        MesuClassifier,
        "nrf51822",
        ("-eva-precision", "1", "-eva-auto-loop-unroll", "20", "-eva-slevel", "30",
         "-eva-ilevel", "64"),
    ),
}  # fmt: skip


def analyse(name: str, folder: Path) -> tuple[Counter[str], int]:
    """Return what is not proved of a part, by place, and how many statements were reached.

    Parameters
    ----------
    name : str
        Of `PARTS`.
    folder : Path
        An empty one.
    """
    part = PARTS[name]
    learner = part.learner(LAYERS, classes=["a", "b"], n_draws=DRAWS)
    src = sources(learner, get_board(part.board), folder)
    for header in ("kernel.c", "link.c"):
        shutil.copyfile(HERE / header, src / header)
    (src / "no_asm.h").write_text(NO_ASM)
    command = [
        str(FRAMA_C),
        "-machdep",
        "gcc_x86_32",
        "-c11",
        "-cpp-extra-args=-Ilearner -Ifirmware -Iport -include no_asm.h",
        "-eva",
        *part.options,
        *_OPTIONS,
    ]
    if name.startswith("kernel"):
        files = ["kernel.c", *sorted(f"learner/{path.name}" for path in src.glob("learner/*.c"))]
    else:
        area = int(re.findall(r"SL_AREA_BYTES (\d+)", (src / "port" / "board.h").read_text())[0])
        start = int(
            re.findall(r"SL_STORAGE_ORIGIN (\w+)u", (src / "port" / "board.h").read_text())[0], 0
        )
        command += ["-absolute-valid-range", f"{start:#x}-{start + 2 * area - 1:#x}"]
        ours = ("startup.c", "startup_riscv.c")
        files = ["link.c", *sorted(f"firmware/{path.name}" for path in src.glob("firmware/*.c")
                                   if path.name not in ours)]  # fmt: skip
    # It takes its folder from PWD, wherever it is started.
    done = subprocess.run(
        [*command, *files],
        cwd=src,
        env=dict(os.environ, PWD=str(src)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ANALYSIS SUMMARY" in done.stdout, done.stdout[-2000:] + done.stderr
    reached = re.findall(r"(\d+) statements reached", done.stdout)
    found: Counter[str] = Counter()
    for alarm in _ALARM.finditer(done.stdout):
        line = (src / alarm["file"]).read_text().splitlines()[int(alarm["line"]) - 1].strip()
        what = alarm["what"].split(" assert ")[0].split(".")[0]
        kind = "a contract or an assertion" if "unknown" in what or "precond" in what else what
        found[f"{Path(alarm['file']).name}: {kind}: {line}"] += 1
    return found, int(reached[0])


def main(names: list[str], *, record: bool) -> None:
    """Print what is not proved of some parts, or of all; keep it if that is asked for."""
    for name in names or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            found, reached = analyse(name, Path(folder))
        print(f"{name}: {reached} statements, {sum(found.values())} not proved", flush=True)
        if record:
            kept = json.loads(UNPROVED.read_text("utf-8")) if UNPROVED.exists() else {}
            kept[name] = {"statements": reached, "unproved": dict(sorted(found.items()))}
            kept = {one: kept[one] for one in PARTS if one in kept}
            UNPROVED.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main([one for one in sys.argv[1:] if one != "--record"], record="--record" in sys.argv)
