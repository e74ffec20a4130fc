"""Rewrite the golden files and print what changed: ``python tests/golden/regenerate.py``."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from golden_run import FILES, HERE, as_text, run_file  # noqa: E402


def main() -> None:
    """Run every case, show the diff, write the files."""
    for name in FILES:
        file = HERE / name
        old = file.read_text() if file.exists() else ""
        new = as_text(run_file(name))
        lines = difflib.unified_diff(
            old.splitlines(), new.splitlines(), "before", "after", lineterm="", n=8
        )
        print("\n".join(lines) or f"{name}: nothing changed")
        file.write_text(new)


if __name__ == "__main__":
    main()
