"""The first sentence of the page: are they the same bits?

The run's own `bit_exact` is not trusted: a hash or a prediction that differs makes the
verdict red, and engines that left no hash are not named in a green one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from streamlearn.report.data import Engine, ReportData
from streamlearn.report.engines import golden_first, joined, spoken
from streamlearn.report.text import count


@dataclass(frozen=True)
class Verdict:
    """Whether the engines in integers ended with the same bits.

    Parameters
    ----------
    kind
        "same", "differs", or "unknown" if there was nothing to compare.
    sentence
        The verdict, not escaped.
    details
        Sentences below it, not escaped.
    """

    kind: Literal["same", "differs", "unknown"]
    sentence: str
    details: tuple[str, ...]


def judge(data: ReportData) -> Verdict:
    """Compare hashes and predictions and put the result into words."""
    seen = golden_first(engine for engine in data.engines if engine.exact)
    claim = (data.metrics.get("fidelity") or {}).get("bit_exact")
    if len(seen) < 2:
        who = f"Only {spoken(seen[0])} ran" if seen else "No engine in integers ran"
        if claim is False:
            return Verdict("differs", f"The run reports different bits, but {_low(who)}", ())
        return Verdict("unknown", f"{who}: no bits to compare", ())
    reference, *others = seen
    same, differ, details = [reference], [], []
    for other in others:
        reasons = _differences(reference, other)
        if reasons:
            differ.append(other)
            details += reasons
        elif _comparable(reference, other):
            same.append(other)
        else:
            details.append(_why_not(reference, other))
    if differ:
        verb = "differs" if len(differ) == 1 else "differ"
        sentence = f"{joined([spoken(e) for e in differ])} {verb} from " + (_the(spoken(reference)))
        return Verdict("differs", _capital(f"Not the same bits: {sentence}"), tuple(details))
    if claim is False:
        details.append("The hashes recorded here do not show which.")
        return Verdict("differs", "Not the same bits: the run found a difference", tuple(details))
    if len(same) < 2:
        return Verdict("unknown", "No two final states to compare bit for bit", tuple(details))
    who = _capital(joined([spoken(e) for e in same]))
    return Verdict(
        "same", f"{who} ended with the same state, bit for bit", (*_evidence(same), *details)
    )


def _differences(reference: Engine, other: Engine) -> list[str]:
    a, b = reference.predictions, other.predictions
    who, whom = _capital(spoken(other)), _the(spoken(reference))
    found = []
    if a is not None and b is not None:
        m = min(len(a), len(b))
        apart = np.flatnonzero(a[:m] != b[:m])
        if len(apart):
            found.append(
                f"{who} predicts otherwise than {whom} on {count(len(apart))} of "
                f"{count(m)} samples, first on sample {count(int(apart[0]) + 1)}."
            )
        if len(a) != len(b):
            return found
    if not found and _unlike(reference.predictions_sha256, other.predictions_sha256):
        found.append(f"{who} and {whom}: the hashes of the predictions differ.")
    if _unlike(reference.state_sha256, other.state_sha256):
        found.append(f"{who} and {whom}: the hashes of the final state differ.")
    return found


def _unlike(a: str | None, b: str | None) -> bool:
    """Say whether two hashes are known and differ."""
    return bool(a and b and a != b)


def _comparable(reference: Engine, other: Engine) -> bool:
    known = bool(reference.state_sha256 and other.state_sha256)
    return known and not _unequal_length(reference, other)


def _unequal_length(reference: Engine, other: Engine) -> bool:
    a, b = reference.predictions, other.predictions
    return a is not None and b is not None and len(a) != len(b)


def _why_not(reference: Engine, other: Engine) -> str:
    who = _capital(spoken(other))
    a, b = reference.predictions, other.predictions
    if a is not None and b is not None and len(a) != len(b):
        return (
            f"{who} did {count(len(b))} samples, {_the(spoken(reference))} "
            f"{count(len(a))}: the predictions of both are equal, their states say nothing."
        )
    return f"{who} left no final state to compare."


def _evidence(same: list[Engine]) -> tuple[str, ...]:
    arrays = [e.predictions for e in same if e.predictions is not None]
    if len(arrays) == len(same):
        return (f"Their {count(len(arrays[0]))} predictions are the same too.",)
    return ()


def _the(phrase: str) -> str:
    return f"the {phrase}" if phrase == "golden model" else phrase


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _low(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
