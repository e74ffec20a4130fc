"""The first sentence of the page: are they the same bits?

The run's own `bit_exact` is not taken on trust: a hash or a prediction that differs makes the
verdict red, and engines that left no hash are not named in a green one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from streamlearn.report.data import Ints, ReportData
from streamlearn.report.names import golden_first, is_device, is_integer, joined, normal, spoken
from streamlearn.report.text import count


@dataclass(frozen=True)
class Verdict:
    """Whether the engines in integers ended with the same bits.

    Parameters
    ----------
    kind
        "same", "differs", or "unknown" where there was nothing to compare.
    sentence
        The verdict, not escaped.
    details
        Sentences below it, not escaped.
    """

    kind: Literal["same", "differs", "unknown"]
    sentence: str
    details: tuple[str, ...]


@dataclass(frozen=True)
class Witness:
    """What one engine in integers left to compare."""

    name: str
    state: str | None
    hashed: str | None
    predictions: Ints | None


def witnesses(data: ReportData) -> list[Witness]:
    """Return every engine that must have the golden model's bits, golden model first."""
    found: dict[str, dict[str, Any]] = {}
    for name, entry in (data.metrics.get("engines") or {}).items():
        if is_integer(name) or (entry or {}).get("arithmetic") == "q16":
            found[name] = dict(entry or {})
    predictions: dict[str, Ints] = {}
    for name, predicted in data.predictions.items():
        if is_integer(name):
            listed = next((other for other in found if normal(other) == normal(name)), name)
            found.setdefault(listed, {})
            predictions[listed] = predicted
    device = data.metrics.get("device")
    if device:
        names = [name for name in found if is_device(name)] or ["device"]
        for name in names:
            known = found.setdefault(name, {})
            for key in ("state_sha256", "predictions_sha256"):
                known[key] = known.get(key) or device.get(key)
    return [
        Witness(
            name,
            found[name].get("state_sha256"),
            found[name].get("predictions_sha256"),
            predictions.get(name),
        )
        for name in golden_first(list(found))
    ]


def judge(data: ReportData) -> Verdict:
    """Compare hashes and predictions and put the result into words."""
    seen = witnesses(data)
    claim = (data.metrics.get("fidelity") or {}).get("bit_exact")
    if len(seen) < 2:
        who = f"Only {spoken(seen[0].name)} ran" if seen else "No engine in integers ran"
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
        sentence = f"{joined([spoken(w.name) for w in differ])} {verb} from " + (
            _the(spoken(reference.name))
        )
        return Verdict("differs", _capital(f"Not the same bits: {sentence}"), tuple(details))
    if claim is False:
        details.append("The hashes recorded here do not show which.")
        return Verdict("differs", "Not the same bits: the run found a difference", tuple(details))
    if len(same) < 2:
        return Verdict("unknown", "No two final states to compare bit for bit", tuple(details))
    who = _capital(joined([spoken(w.name) for w in same]))
    return Verdict(
        "same", f"{who} ended with the same state, bit for bit", (*_evidence(same), *details)
    )


def _differences(reference: Witness, other: Witness) -> list[str]:
    a, b = reference.predictions, other.predictions
    who, whom = _capital(spoken(other.name)), _the(spoken(reference.name))
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
    if not found and reference.hashed and other.hashed and reference.hashed != other.hashed:
        found.append(f"{who} and {whom}: the hashes of the predictions differ.")
    if reference.state and other.state and reference.state != other.state:
        found.append(f"{who} and {whom}: the hashes of the final state differ.")
    return found


def _comparable(reference: Witness, other: Witness) -> bool:
    return bool(reference.state and other.state) and not _unequal_length(reference, other)


def _unequal_length(reference: Witness, other: Witness) -> bool:
    a, b = reference.predictions, other.predictions
    return a is not None and b is not None and len(a) != len(b)


def _why_not(reference: Witness, other: Witness) -> str:
    who = _capital(spoken(other.name))
    a, b = reference.predictions, other.predictions
    if a is not None and b is not None and len(a) != len(b):
        return (
            f"{who} did {count(len(b))} samples, {_the(spoken(reference.name))} "
            f"{count(len(a))}: the predictions of both are equal, their states say nothing."
        )
    return f"{who} left no final state to compare."


def _evidence(same: list[Witness]) -> tuple[str, ...]:
    arrays = [w.predictions for w in same if w.predictions is not None]
    if len(arrays) == len(same):
        return (f"Their {count(len(arrays[0]))} predictions are the same too.",)
    return ()


def _the(phrase: str) -> str:
    return f"the {phrase}" if phrase == "golden model" else phrase


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _low(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
