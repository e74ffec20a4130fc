"""Numbers on the pages that are constants of the program: each page says what the program has."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamlearn.cli import blocks, waiting
from streamlearn.fleet import folder
from streamlearn.fleet import live as fleet_live
from streamlearn.fleet.devices import registry, tending
from streamlearn.recorder import expressions, layout, writer
from streamlearn.serve import live, server
from streamlearn.sources import limits, serial_port
from streamlearn.streams import csv_scan, late_labels
from streamlearn.watching import log, predictions, watch

DOCS = Path(__file__).parents[2] / "docs"
MIB = 1 << 20
#: Page, and what has to stand there.
SAID = [
    ("sources.md", f"| `MAX_LINE_BYTES` | {limits.MAX_LINE_BYTES // MIB} MiB |"),
    ("sources.md", f"| `MAX_LIVE_LINE_BYTES` | {limits.MAX_LIVE_LINE_BYTES // MIB} MiB |"),
    ("sources.md", f"| `MAX_COLUMNS`, `MAX_JSON_KEYS` | {limits.MAX_COLUMNS:,} |"),
    ("sources.md", f"| `MAX_JSON_DEPTH` | {limits.MAX_JSON_DEPTH} |"),
    ("sources.md", f"| {limits.QUEUE_LINES:,} lines, {limits.QUEUE_BYTES // MIB} MiB |"),
    ("sources.md", f"| `CONNECT_SECONDS` | {limits.CONNECT_SECONDS:g} s |"),
    ("sources.md", f"silent for {serial_port._SILENCE_S:g} seconds"),
    ("sources.md", f"double up to {limits.BACKOFF_MAX_S:g} seconds"),
    ("columns.md", f"at most {csv_scan.MAX_WORDS} different words"),
    (
        "columns.md",
        f"at most {waiting.MOST_ROWS:,} rows and {late_labels.MOST_LABELS:,} labels wait",
    ),
    ("watch.md", f"One sample in {watch.EVERY} is asked"),
    ("watch.md", f"of the first {watch.FIRST:,} one in {watch.EVERY_FIRST}"),
    ("watch.md", f"up to {predictions.MOST_WAITING // MIB} MB of rows wait"),
    ("watch.md", f"A file has {log.MOST_BYTES // MIB} MB at most"),
    ("watch.md", f"At most {server.MAX_CONNECTIONS} connections"),
    ("watch.md", f"open at a time, {server.MAX_EVENTS} of them pages"),
    ("fleet.md", f"{fleet_live.LIVE:,} unless you say otherwise"),
    ("fleet.md", f"in {folder.RECOVERY_PARTS} files, whatever the number of workers"),
    ("operate-a-fleet.md", f"over the latest {registry.WINDOW} samples"),
    ("operate-a-fleet.md", f"after every {tending.CHECK_EVERY} the whole state"),
    ("recorder.md", f"blocks of at most {writer._BLOCK_SAMPLES:,} samples"),
    ("recorder.md", f"the state every {writer.SNAPSHOT_EVERY:,} samples"),
    ("recorder.md", f"a header of at most {layout.MAX_HEADER_BYTES >> 30} GiB"),
    ("recorder.md", f"a block of at most {layout.MAX_BLOCK_BYTES // MIB} MiB unpacked"),
    ("recorder.md", f"and {layout.MAX_BLOCK_SAMPLES:,} samples"),
    ("recorder.md", f"a condition of at most {expressions.MAX_CHARACTERS:,} characters"),
]


@pytest.mark.parametrize(("page", "text"), SAID)
def test_a_page_says_the_constant(page: str, text: str) -> None:
    words = " ".join((DOCS / page).read_text("utf-8").split())
    assert text in words


def test_those_that_are_said_in_words() -> None:
    assert live.SHARE == 0.1, "watch.md: a tenth of one processor"
    assert log.N_OLDER == 3, "watch.md: three older ones"
    assert blocks.WANTED_S == 0.02, "running.md: about twenty milliseconds"
