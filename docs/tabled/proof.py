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
def reasons() -> Iterator[str]:
    """Why each place that is not proved holds: tests/proof/reasons.json."""
    folder = ROOT / "tests" / "proof"
    families = json.loads((folder / "reasons.json").read_text("utf-8"))
    parts = json.loads((folder / "unproved.json").read_text("utf-8"))
    yield "| places of one shape | alarms | why it holds | bounds |"
    yield "|---|---:|---|---|"
    for name, family in families.items():
        alarms = sum(
            n
            for found in parts.values()
            for place, n in found["unproved"].items()
            if any(re.match(pattern, place) for pattern in family["places"])
        )
        bounds = ", ".join(f"`{bound}`" for bound in family["bounds"]) or "–"
        yield f"| {name} | {alarms} | {family['why']} | {bounds} |"


@block
def misra() -> Iterator[str]:
    """Deviations from MISRA C:2012 by rule: tests/proof/misra.json."""
    yield "| rule | places | why |"
    yield "|---|---:|---|"
    rules = json.loads((ROOT / "tests" / "proof" / "misra.json").read_text("utf-8"))
    for rule, (places, why) in rules.items():
        yield f"| {rule} | {places} | {why} |"
