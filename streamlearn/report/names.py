"""What a display name stands for: an engine or a baseline, and which."""

from __future__ import annotations

from streamlearn.report.data import ReportData


def normal(name: str) -> str:
    """Return `name` in lower case with spaces for hyphens and underscores."""
    return " ".join(name.lower().replace("-", " ").replace("_", " ").split())


def is_float(name: str) -> bool:
    """Say whether it is an engine in floating point."""
    return normal(name).startswith("float")


def is_device(name: str) -> bool:
    """Say whether it is the firmware on the (emulated) device."""
    return normal(name).startswith("device")


def is_golden(name: str) -> bool:
    """Say whether it is the golden model."""
    return "golden" in normal(name)


def is_integer(name: str) -> bool:
    """Say whether it must have the golden model's bits."""
    return normal(name).startswith("q16") or is_golden(name) or is_device(name)


def is_engine(name: str) -> bool:
    """Say whether it is this project's learner, in any arithmetic."""
    return is_float(name) or is_integer(name)


def spoken(name: str) -> str:
    """Return what a sentence calls it."""
    if is_golden(name):
        return "golden model"
    if is_device(name):
        return "the device"
    return "host C" if normal(name) == "q16 c" else name


def golden_first(names: list[str]) -> list[str]:
    """Return the names in order: golden model, other engines as given, device."""
    return sorted(names, key=lambda name: (not is_golden(name), is_device(name)))


def float_name(data: ReportData) -> str | None:
    """Return the predictions to compare q16 with: float64, else another float, else None."""
    found = [name for name in data.predictions if is_float(name)]
    exact = [name for name in found if normal(name) == "float64"]
    return next(iter(exact + found), None)


def integer_name(data: ReportData) -> str | None:
    """Return the predictions that stand for q16: the golden model's before all others."""
    found = golden_first([name for name in data.predictions if is_integer(name)])
    return next(iter(found), None)


def joined(names: list[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
