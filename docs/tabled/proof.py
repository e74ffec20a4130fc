"""What the proofs leave open."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from tabled.known import ROOT, block


@block
def unproved() -> Iterator[str]:
    """What Frama-C cannot prove, by part, file and kind: tests/proof/unproved.json."""
    parts = json.loads((ROOT / "tests" / "proof" / "unproved.json").read_text("utf-8"))
    yield "| part | statements | not proved | of them where memory is read or written |"
    yield "|---|---:|---:|---:|"
    for name, found in parts.items():
        left = found["unproved"]
        stray = sum(n for place, n in left.items() if re.search(r"bounds|initialized", place))
        yield f"| {name} | {found['statements']:,} | {sum(left.values())} | {stray} |"


@block
def misra() -> Iterator[str]:
    """Deviations from MISRA C:2012 by rule: tests/proof/misra.json."""
    yield "| rule | places | why |"
    yield "|---|---:|---|"
    rules = json.loads((ROOT / "tests" / "proof" / "misra.json").read_text("utf-8"))
    for rule, (places, why) in rules.items():
        yield f"| {rule} | {places} | {why} |"
