"""An experiment that measures in one go: its result is one JSON file, and tables made from it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.errors import ExperimentError
from experiments.machine import origin
from experiments.options import add_results
from streamlearn.cli.common import console

Record = dict[str, Any]
RESULT_FILE = "result.json"


def no_options(parser: argparse.ArgumentParser) -> None:
    """Declare nothing."""
    del parser


def no_pictures(record: Record) -> Mapping[str, str]:
    """Draw nothing."""
    del record
    return {}


@dataclass(frozen=True)
class Study:
    """An experiment that measures in one go.

    Parameters
    ----------
    name : str
        On the command line, and the folder of its result.
    measure : callable
        From the options to plain values; says on standard error how far it is.
    tables : callable
        From the result to Markdown by the file's name without ``.md``. Pure: a test compares.
    options : callable
        Declares the study's own options.
    pictures : callable
        From the result to SVG by the file's name without ``.svg``.
    """

    name: str
    measure: Callable[[argparse.Namespace], Record]
    tables: Callable[[Record], Mapping[str, str]]
    options: Callable[[argparse.ArgumentParser], None] = no_options
    pictures: Callable[[Record], Mapping[str, str]] = no_pictures

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare its own options, and those that all studies have."""
        self.options(parser)
        add_results(parser)

    def run(self, options: argparse.Namespace) -> None:
        """Measure, keep the result, write tables and pictures, and print the tables.

        Raises
        ------
        ExperimentError
            If only tables are asked for, and nothing was measured yet.
        """
        folder: Path = options.results / self.name
        if not options.report_only:
            measured = self.measure(options)
            record = {"origin": origin(options.command), **measured}
            folder.mkdir(parents=True, exist_ok=True)
            write_record(folder / RESULT_FILE, record)
        record = read_record(folder)
        for name, text in self.tables(record).items():
            (folder / f"{name}.md").write_text(text, "utf-8")
            out = console(options.quiet, results=True)
            out.print(text, end="\n", soft_wrap=True)
        for name, svg in self.pictures(record).items():
            (folder / f"{name}.svg").write_text(svg, "utf-8")
        console(options.quiet).print(f"result and tables: {folder}", soft_wrap=True)


def read_record(folder: Path) -> Record:
    """Return a study's recorded result.

    Raises
    ------
    ExperimentError
        If there is none.
    """
    path = folder / RESULT_FILE
    if not path.is_file():
        raise ExperimentError(
            f"{path} is missing: nothing was measured yet; leave out --report-only"
        )
    return dict(json.loads(path.read_text("utf-8")))


def write_record(path: Path, record: Record) -> None:
    """Write a result with one line for each entry of its lists and mappings."""
    parts = []
    for key, value in record.items():
        if isinstance(value, list):
            rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in value)
            text = f"[\n{rows}\n]" if value else "[]"
        elif isinstance(value, dict):
            pairs = ((json.dumps(k), json.dumps(v, ensure_ascii=False)) for k, v in value.items())
            text = "{\n" + ",\n".join(": ".join(pair) for pair in pairs) + "\n}"
        else:
            text = json.dumps(value, ensure_ascii=False)
        parts.append(f"{json.dumps(key)}: {text}")
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")


def say(text: str) -> None:
    """Say on standard error how far a study is."""
    console(False).print(text, soft_wrap=True)
