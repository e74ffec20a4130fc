"""Every picture of the repository is a file that a browser shows by itself."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PICTURES = sorted([*ROOT.glob("docs/img/*.svg"), *ROOT.glob("experiments/results/**/*.svg")])
NAMESPACE = "{http://www.w3.org/2000/svg}svg"


def fault(svg: str) -> str:
    """Return what keeps an SVG from being shown, "" if nothing does."""
    try:
        root = ET.fromstring(svg)
    except ET.ParseError as error:
        return f"not XML: {error}"
    if root.tag != NAMESPACE:
        return f"root {root.tag}"
    missing = set(re.findall(r"var\((--[\w-]+)\)", svg)) - set(re.findall(r"(--[\w-]+):", svg))
    return f"colours without a value: {sorted(missing)}" if missing else ""


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_picture_is_shown_by_itself(path: Path) -> None:
    assert not fault(path.read_text())


def test_the_readmes_pictures_are_among_them() -> None:
    shown = re.findall(r"!\[[^]]*\]\(([^)]+\.svg)\)", (ROOT / "README.md").read_text())
    assert shown
    assert {ROOT / name for name in shown} <= set(PICTURES)


@pytest.mark.parametrize(
    ("svg", "said"),
    [
        ('<svg xmlns="http://www.w3.org/2000/svg"/>\n<svg/>', "not XML"),
        ("<svg/>", "root svg"),
        (
            '<svg xmlns="http://www.w3.org/2000/svg" style="fill: var(--c-pen)"/>',
            "colours without a value",
        ),
        ('<svg xmlns="http://www.w3.org/2000/svg"><style>svg { --a: red; }</style></svg>', ""),
    ],
)
def test_canary_what_cannot_be_shown_is_seen(svg: str, said: str) -> None:
    assert fault(svg).startswith(said)
    assert bool(fault(svg)) == bool(said)
