"""What the site shows beside docs/: notes that lie with the code, and the project's own texts.

A text outside docs/ becomes a page under its path in the repository. Links between pages are
written as the repository has them, so that they also work in an editor; here they are turned into
links between pages. A link to a file that exists but is no page (a source) becomes plain text; one
to a file that does not exist is left for mkdocs to refuse.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "quant/**/NUMBERS.md")
PICTURES = ("benchmarks/results/*/*.svg", "experiments/results/*/*.svg")
#: The section of the navigation that every NUMBERS.md joins, and the page that they follow.
SECTION, AFTER = "Specification", "quant/NUMBERS.md"
#: Names of the API are dotted; anything else in this form is an array, as in mu[row][column].
ARRAY = re.compile(r"(\[\w+\])\[(?=\w+\](?!\())")
#: A link or picture: its text, and its target up to the anchor.
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def outside(patterns: tuple[str, ...]) -> list[str]:
    """Paths of files outside docs/, relative to the repository."""
    found = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    return [path.relative_to(ROOT).as_posix() for path in found]


def on_files(files: Any, config: Any) -> Any:
    """Add the files, and every NUMBERS.md to the navigation."""
    from mkdocs.structure.files import File

    for name in outside(PAGES) + outside(PICTURES):
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    rooms = [name for name in outside(PAGES) if name.endswith("/NUMBERS.md") and name != AFTER]
    add_to_section(config.nav, rooms)
    return files


def add_to_section(nav: list[Any], names: list[str]) -> None:
    """Put pages into their section, behind the page that they belong to."""
    (section,) = [entry[SECTION] for entry in nav if isinstance(entry, dict) and SECTION in entry]
    known = [next(iter(entry.values())) for entry in section if isinstance(entry, dict)]
    at = known.index(AFTER) + 1
    section[at:at] = [{f"Numbers: {Path(name).parent.name}": name} for name in names]


def on_page_markdown(markdown: str, page: Any, files: Any, **_: Any) -> str:
    """Turn links between files of the repository into links between pages."""
    here = Path(page.file.abs_src_path)
    return rewrite(markdown, here, page.file.src_uri, {f.abs_src_path: f.src_uri for f in files})


def rewrite(markdown: str, here: Path, uri: str, pages: dict[str, str]) -> str:
    """Rewrite the links of one page.

    Parameters
    ----------
    markdown : str
    here : Path
        The page's file.
    uri : str
        The page's path in the site's sources.
    pages : dict
        Path in the site's sources, for the absolute path of each of its files.
    """

    def one(match: re.Match[str]) -> str:
        mark, text, target, anchor = match.groups()
        if re.match(r"[a-z]+:", target):
            return match.group()
        path = (here.parent / target).resolve()
        if str(path) in pages:
            target = os.path.relpath(pages[str(path)], Path(uri).parent)
            return f"{mark}[{text}]({target}{anchor or ''})"
        return text if path.exists() and not mark else match.group()

    return LINK.sub(one, ARRAY.sub(r"\1\\[", markdown))
