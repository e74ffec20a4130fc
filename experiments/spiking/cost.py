"""What a step of a spiking network costs on a board, by the events that came in it.

Counted in the emulator: 48-128-10, the settings that a new learner has, after it learned spoken
digits on the desk. It goes on with other recordings that it learns from there, each step without a
label, then each step learned. The number of events in a step is that of the state's counter. Beside
it a dense MESU 48-128-10, with as many draws, and with as many as a new one has.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import firmware_sim
from experiments.device.board import on_board
from experiments.options import count
from experiments.pictures import svg
from experiments.spiking.data import Recordings, spoken_digits
from experiments.spiking.runs import HIDDEN, shuffled
from experiments.study import Record, Study, say
from experiments.tables import markdown
from export import write_export
from streamlearn import MesuClassifier, SpikingClassifier
from streamlearn.report import colours
from streamlearn.report import svg as style

BOARDS = ("rp2040", "nrf52840", "riscv-virt")
BANDS, CLASSES = 24, 10
#: Steps of a recording that are not counted: the membranes fill.
FIRST = 10
#: Samples of the dense learner.
DENSE = 40


def taught(data: Recordings, recordings: int) -> SpikingClassifier:
    """Return a learner that has learned some of the recordings."""
    one = SpikingClassifier(
        (BANDS, HIDDEN, CLASSES), classes=range(CLASSES), front_end="none", drift=0
    )
    for i in shuffled(data, 0)[:recordings]:
        one.learn_recording(data.signals[i], int(data.labels[i]))
    return one


def steps(
    learner: SpikingClassifier, board: str, data: Recordings, which: npt.NDArray[Any]
) -> dict[str, Any]:
    """Return events and instructions of each step on a board, without a label and learned."""
    found: dict[str, Any] = {}
    for kind in ("pass", "learn"):
        with tempfile.TemporaryDirectory() as folder:
            write_export(learner, Path(folder) / "export")
            firmware = firmware_sim.build_firmware(
                Path(folder) / "export", firmware_sim.get_board(board), Path(folder) / "run"
            )
            device = firmware_sim.Device(firmware)
            events, counted = [], []
            for i in which:
                device.reset_time()
                for t, x in enumerate(data.signals[i].astype(np.float32)):
                    before = _events(device, learner)
                    if kind == "learn":
                        device.learn(x, int(data.labels[i]))
                    else:
                        device.advance(x)
                    if t >= FIRST:
                        counted.append(device.last_call.learner)
                        events.append(_events(device, learner) - before)
            found[kind] = {"events": events, "instructions": counted}
            found["ram"] = firmware.ram_bytes.total
            found["flash"] = firmware.flash_bytes
    return found


def _events(device: firmware_sim.Device, learner: SpikingClassifier) -> int:
    state = np.frombuffer(device.read_state(), learner.state.dtype)
    return int(state["events"][0, 0])


def fitted(events: list[int], instructions: list[int]) -> dict[str, float]:
    """Return instructions as a + b·events by least squares, and how far the steps lie from it."""
    x, y = np.array(events, float), np.array(instructions, float)
    matrix = np.column_stack([np.ones_like(x), x])
    (base, slope), *_ = np.linalg.lstsq(matrix, y, rcond=None)
    rest = y - matrix @ (base, slope)
    deviation = float(np.sqrt(rest @ rest / max(len(x) - 2, 1)))
    error = deviation / float(np.sqrt(np.sum((x - x.mean()) ** 2)))
    return {"base": float(base), "slope": float(slope), "error": error, "deviation": deviation}


def dense(board: str, n_draws: int) -> dict[str, float]:
    """Return the instructions of a dense learner of the same size."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(DENSE, 2 * BANDS)).astype(np.float32)
    learner = MesuClassifier((2 * BANDS, HIDDEN, CLASSES), classes=range(CLASSES), n_draws=n_draws)
    found = on_board(learner, board, x, rng.integers(0, CLASSES, DENSE), x[: DENSE // 2])
    return {"pass": float(np.median(found.predict)), "learn": float(np.median(found.learn))}


def measure(options: argparse.Namespace) -> Record:
    """Count on each board."""
    data, rows = spoken_digits(), []
    learner = taught(data, options.taught)
    which = shuffled(data, 0)[options.taught : options.taught + options.recordings]
    for board in BOARDS:
        found = steps(learner, board, data, which)
        draws = learner.config.n_draws, int(MesuClassifier((1, 2)).config.n_draws)
        beside = {str(n): dense(board, n) for n in draws}
        fits = {kind: fitted(**found[kind]) for kind in ("pass", "learn")}
        core = firmware_sim.get_board(board).core.name
        rows.append({"board": board, "core": core, "dense": beside, "fit": fits, **found})
        say(f"{board}: {fits}, {beside}, {found['ram']} bytes of RAM")
    return {"draws": learner.config.n_draws, "rows": rows}


def tables(record: Record) -> Mapping[str, str]:
    """Return the fits, and a step of five events beside the dense learner."""
    fits, shares = [], []
    for row in record["rows"]:
        name = f"{row['board']} ({row['core']})"
        for kind, said in (("pass", "without a label"), ("learn", "learned")):
            fit = row["fit"][kind]
            fits.append(
                [
                    f"{name}, {said}",
                    f"{fit['base']:,.0f}",
                    f"{fit['slope']:,.0f} ± {fit['error']:,.0f}",
                    f"{fit['deviation']:,.0f}",
                ]
            )
        cells = [name]
        for kind in ("pass", "learn"):
            five = row["fit"][kind]["base"] + 5 * row["fit"][kind]["slope"]
            cells.append(f"{five:,.0f}")
            cells += [f"{five / each[kind]:.0%}" for each in row["dense"].values()]
        shares.append([*cells, f"{row['ram']:,}"])
    drawn = list(record["rows"][0]["dense"])
    beside = [f"of a dense one's, {n} draws" for n in drawn]
    return {
        "fit": markdown(["step", "instructions", "each event", "steps lie apart by"], fits),
        "shares": markdown(
            ["board", "without a label", *beside, "learned", *beside, "RAM, bytes"], shares
        ),
    }


def pictures(record: Record) -> Mapping[str, str]:
    """Return the steps of the first board, and the lines through them."""
    row = record["rows"][0]
    with style.drawing():
        figure = style.new_figure(3.6)
        ax = figure.subplots()
        for kind, said, colour in (
            ("learn", "learned", colours.VERMILLION),
            ("pass", "without a label", colours.BLUE),
        ):
            events, fit = np.array(row[kind]["events"]), row["fit"][kind]
            thousands = np.array(row[kind]["instructions"]) / 1000
            ax.plot(events, thousands, ".", color=colour, markersize=4, label=said)
            ends = np.array([0, events.max()])
            ax.plot(ends, (fit["base"] + fit["slope"] * ends) / 1000, color=colour)
        ax.set_xlabel("events in the step")
        ax.set_ylabel("thousand instructions")
        ax.set_ylim(bottom=0)
        ax.legend()
        return {"cost": svg(figure)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument(
        "--taught", type=count(1), default=2600, metavar="N", help="recordings learned before; 2600"
    )
    parser.add_argument(
        "--recordings", type=count(1), default=4, metavar="N", help="that are counted; 4 if none"
    )


STUDY = Study("spiking-cost", measure, tables, add_options, pictures)
