"""Rewrite the golden file and print what changed: ``python tests/golden/regenerate.py``."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from golden_run import GOLDEN_FILE, as_text, run_all  # noqa: E402


def main() -> None:
    """Run every case, show the diff, write the file."""
    old = GOLDEN_FILE.read_text() if GOLDEN_FILE.exists() else ""
    new = as_text(run_all())
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), "before", "after", lineterm="", n=8
    )
    print("\n".join(lines) or f"{GOLDEN_FILE.name}: nothing changed")
    GOLDEN_FILE.write_text(new)


if __name__ == "__main__":
    main()
