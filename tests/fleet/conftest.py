"""Tests of the fleet use the brokers of tests/sources."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "sources"))
