"""``streamlearn simulate --power-cuts … --fault …``: many short runs in which something fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

import firmware_sim
from firmware_sim.faults import KINDS, Fault, Kind, read_fault
from firmware_sim.power import schedule
from firmware_sim.worlds import Outcome, Trial, World, summary
from streamlearn.cli.common import console, progress
from streamlearn.cli.device import build
from streamlearn.cli.endings import CommandError
from streamlearn.cli.feeding import Feed, fed, source_of
from streamlearn.cli.folders import claimed, write_json, write_manifest

FIRMWARE_DIR = "firmware"
WORLDS_FILE = "worlds.json"
#: Samples of each run, and those between two commits.
SAMPLES, EVERY = 10, 2

_SAID = {
    "worlds": "worlds",
    "cuts": "power cuts",
    "faults": "faults of the storage",
    "commits_refused": "commits that the board said it could not do",
    "boots_with_an_older_state": "boots with an older state than the newest confirmed",
    "bytes_damaged": "bytes of flash that were wrong at the end",
}


@dataclass(frozen=True)
class Failing:
    """What is to fail.

    Parameters
    ----------
    power_cuts
        A schedule of `firmware_sim.power.schedule`.
    faults
        Each ``swarm``, a kind, or one fault as `firmware_sim.faults.read_fault` takes it.
    seed
        Of the first world.
    """

    power_cuts: str | None
    faults: Sequence[str]
    seed: int

    @property
    def asked(self) -> bool:
        """Whether anything is."""
        return self.power_cuts is not None or bool(self.faults)

    def read(self) -> tuple[tuple[Kind, ...], tuple[Fault, ...]]:
        """Return the kinds that are to be drawn, or the faults that are given.

        Raises
        ------
        InputError
            If a fault or the schedule is none.
        CommandError
            If drawn faults and given ones are mixed.
        """
        schedule(self.power_cuts or "none", 1, 1)
        kinds: list[Kind] = []
        given: list[Fault] = []
        for text in self.faults:
            if text == "swarm":
                kinds += KINDS
            elif text in KINDS:
                kinds += [kind for kind in KINDS if kind == text]
            else:
                given.append(read_fault(text))
        if given and kinds:
            raise CommandError("--fault: either kinds, which are drawn, or faults given in full")
        return tuple(dict.fromkeys(kinds)), tuple(given)

    def worlds(self, trial: Trial) -> list[World]:
        """Return all worlds to run."""
        kinds, given = self.read()
        cuts = schedule(self.power_cuts or "none", trial.operations, trial.instructions, self.seed)
        if given:
            return [World(some, given) for some in cuts]
        return list(trial.drawn(cuts, kinds, self.seed))


def run_worlds(
    export_dir: Path,
    feed: Feed,
    board: firmware_sim.Board,
    failing: Failing,
    out: Path,
    json_file: Path | None,
    quiet: bool,
    log_samples: int = 0,
    optimize: firmware_sim.Optimize = "speed",
) -> None:
    """Build, and run the first samples of the stream in many worlds.

    Raises
    ------
    InputError, CommandError
        If what is to fail cannot be read.
    PromiseBroken
        At the first world in which a promise does not hold.
    """
    failing.read()
    exported = firmware_sim.open_export(export_dir)
    if exported.has_stages:
        raise CommandError(
            f"{export_dir} has stages in front of its learner, which begin anew after a reset: "
            "worlds compare runs that go on; give an export without"
        )
    rows = fed(feed, exported, quiet)
    rows.raw = False  # worlds are runs of labelled rows
    source = source_of("simulate", rows, out)
    with claimed(out, json_file, source):
        to = console(quiet)
        found = list(islice(rows, SAMPLES))
        if len(found) < SAMPLES:
            raise CommandError(
                f"{source['stream']}: {len(found)} labelled rows; worlds are runs of {SAMPLES}"
            )
        xs = np.array([row[0] for row in found], np.float32)
        ys = np.array([row[1] for row in found], np.int64 if exported.n_classes else np.float32)
        firmware = build(
            export_dir, board, out / FIRMWARE_DIR, log_samples=log_samples, optimize=optimize
        )
        trial = Trial(firmware, xs, ys, EVERY)
        worlds, outcomes = failing.worlds(trial), list[Outcome]()
        to.print(f"{len(worlds):,} worlds of {SAMPLES} samples each", soft_wrap=True)
        with progress(to) as display:
            task = display.add_task(f"worlds of {board.name}", total=len(worlds))
            for world in worlds:
                outcomes.append(trial.run(world))
                display.update(task, completed=len(outcomes))
        figures: dict[str, Any] = {"board": board.name, "seed": failing.seed, **summary(outcomes)}
        write_json(out / WORLDS_FILE, figures)
        write_manifest(out, (WORLDS_FILE, FIRMWARE_DIR), source)
        if json_file is not None:
            write_json(json_file, figures)
        table = console(quiet, results=True)
        for name, said in _SAID.items():
            table.print(f"{figures[name]:>8,} {said}")
        table.print("every promise of docs/device.md held")
