"""MISRA C:2012 by cppcheck's add-on: deviations by rule, with their reasons; more of one fails."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from experiments.device.host.build import sources
from firmware_sim import get_board
from streamlearn import MesuClassifier

CPPCHECK = shutil.which("cppcheck")
KNOWN = Path(__file__).with_name("misra.json")
pytestmark = [
    pytest.mark.skipif(CPPCHECK is None, reason="cppcheck is not on PATH"),
    pytest.mark.slow,
]
DEFINES = {
    "__arm__": 1, "__GNUC__": 12, "__BYTE_ORDER__": 1234, "__ORDER_LITTLE_ENDIAN__": 1234,
    "__ARM_ARCH": 6,
}  # fmt: skip


def deviations(src: Path) -> Counter[str]:
    """Return how often each rule is not kept: once for a line and rule."""
    command = [
        str(CPPCHECK), "--quiet", "--addon=misra", "--std=c11", "--platform=arm32-wchar_t4",
        "--template={id} {file}:{line}", *(f"-D{name}={value}" for name, value in DEFINES.items()),
        "-Ifirmware", "-Iport", "-Ilearner", "firmware", "learner", "port/port.c",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=src, capture_output=True, text=True, check=False)
    lines = {*done.stdout.splitlines(), *done.stderr.splitlines()}
    found = (re.match(r"misra-c2012-([\d.]+) ", line) for line in lines)
    return Counter(one[1] for one in found if one)


def sources_of(folder: Path) -> Path:
    """Return what the default learner's firmware is compiled from."""
    return sources(MesuClassifier((3, 2, 2), classes=["a", "b"]), get_board("rp2040"), folder)


def test_no_more_deviations_than_are_listed(tmp_path: Path) -> None:
    known = json.loads(KNOWN.read_text("utf-8"))
    src = sources_of(tmp_path)
    found = deviations(src)
    assert sum(found.values()) > 500, "the add-on looked"
    more = {rule: n for rule, n in found.items() if n > known.get(rule, [0])[0]}
    assert not more, f"more than misra.json says: {more}; give it a reason there, or mend it"
    # A canary: a goto (15.1) and an octal number (7.1) are counted.
    frame = src / "firmware" / "frame.c"
    odd = "again:\n    if (crc_nibble[1] == 017u) {\n        goto again;\n    }\n    return 1u;\n"
    added = f"uint32_t sl_odd(void);\nuint32_t sl_odd(void) {{\n{odd}}}\n"
    frame.write_text(f"{frame.read_text()}\n{added}")
    assert {"7.1", "15.1"} & deviations(src).keys()


def test_every_deviation_has_its_reason() -> None:
    known = json.loads(KNOWN.read_text("utf-8"))
    assert all(len(why) > 10 for _, why in known.values())


if __name__ == "__main__":  # --record: today's counts, the reasons kept
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        now = deviations(sources_of(Path(folder)))
    old = json.loads(KNOWN.read_text("utf-8"))
    order = sorted(now, key=lambda rule: [int(part) for part in rule.split(".")])
    new = {rule: [now[rule], old.get(rule, [0, "?"])[1]] for rule in order}
    print(new)
    if "--record" in sys.argv[1:]:
        rows = (f" {json.dumps(rule)}: {json.dumps(row)}" for rule, row in new.items())
        KNOWN.write_text("{\n" + ",\n".join(rows) + "\n}\n", "utf-8")
