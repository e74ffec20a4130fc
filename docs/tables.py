"""Write the figures of README.md and docs/ that a short run gives: `python docs/tables.py`.

A figure stands between `<!-- tables:NAME -->` and `<!-- /tables -->`, in a line or around a block.
NAME is a marked function of a file in `tabled`, with its arguments after colons. What an experiment
recorded is written by `python -m experiments figures` instead. `--check` writes nothing and fails
if a page says something else; `tests/docs` does the same. It takes about half a minute.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import sys
from pathlib import Path

import tabled
from tabled.known import ROOT, figure

from export.schema import schema

SCHEMA = ROOT / "docs" / "export-manifest.schema.json"
MARK = re.compile(r"<!-- tables:(?P<name>[^>\n]+?) -->(?P<text>.*?)<!-- /tables -->", re.DOTALL)
for _file in pkgutil.iter_modules(tabled.__path__):
    importlib.import_module(f"tabled.{_file.name}")


def pages() -> list[Path]:
    """Every text that may hold figures."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def rewritten(text: str) -> str:
    """Return a page with its figures as they are today."""
    return MARK.sub(
        lambda found: (
            f"<!-- tables:{found['name']} -->{figure(*found['name'].split(':'))}<!-- /tables -->"
        ),
        text,
    )


def main(check: bool = False) -> None:
    """Rewrite the pages, or with ``check`` name those that are stale."""
    stale = []
    for path in pages():
        text = path.read_text("utf-8")
        new = rewritten(text)
        if new != text:
            stale.append(path.relative_to(ROOT).as_posix())
            if not check:
                path.write_text(new, "utf-8")
    text = json.dumps(schema(), indent=2) + "\n"
    if not SCHEMA.exists() or SCHEMA.read_text("utf-8") != text:
        stale.append(SCHEMA.relative_to(ROOT).as_posix())
        if not check:
            SCHEMA.write_text(text, "utf-8")
    print(f"{'stale' if check else 'written'}: {', '.join(stale) or 'nothing'}")
    if check and stale:
        raise SystemExit("run: python docs/tables.py")


if __name__ == "__main__":
    main("--check" in sys.argv[1:])
