"""``streamlearn boards --plan`` and ``--fit``: where a learner has room and time."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import firmware_sim
from quant.errors import ConfigError
from quant.network import NetworkSpec
from quant.stages import Stages
from streamlearn.cli.board_costs import cost_of, counted, stage_instructions
from streamlearn.cli.board_table import commits_of
from streamlearn.cli.stage_texts import read_stages

_WIDTHS = (8, 16, 32, 64, 128, 256, 512)
_MODEL = (
    "A model, not a measurement: state bytes are exact; scratch, code and instructions are those "
    "counted for one network of a rule (128 inputs), built for speed, scaled; cycles are a "
    "constant for a core. `simulate` measures; its --optimize size takes less flash and more time."
)


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in columns:
        table.add_column(
            column, justify="left" if column in ("board", "rule", "format") else "right"
        )
    return table


def print_plan(inputs: int, classes: int, rate: float, stages: Sequence[str] = ()) -> None:
    """Print, for each board and rule, the widest hidden layer that fits and keeps up.

    Parameters
    ----------
    inputs : int
    classes : int
        0: the learner predicts a number.
    rate : float
        Samples a second that come, and are learned.
    stages : sequence of str
        As of ``run --stage``. The inputs are then raw channels, and rows of features are learned.

    Raises
    ------
    ConfigError
        If a network or a stage cannot have these sizes.
    """
    asked = read_stages(stages)
    chain = None if asked is None else Stages.from_json(asked, inputs)
    table = _table("board", "rule", "format", "hidden", "ms", "RAM, bytes", "commits", "then")
    for board in firmware_sim.list_boards():
        name = board.name
        for rule, arithmetic in counted(classes > 0, board.core.name):
            found = _widest(board, inputs, classes, rate, rule, arithmetic, chain)
            table.add_row(name, rule, arithmetic, *found)
            name = ""
        if name:
            table.add_row(name, "not counted yet", *["–"] * 6)
    to = Console(highlight=False, markup=False, emoji=False)
    to.print(table)
    learned = ""
    if chain is not None:
        names = " and ".join(one.name for one in chain.stages)
        learned = f", by {names}, {chain.n_features} features, a row each {chain.hop} samples"
    to.print(
        f"The widest hidden layer of {_WIDTHS[0]} to {_WIDTHS[-1]} units for {inputs} inputs, "
        f"{classes or 'no'} classes and {rate:g} samples a second{learned}; the milliseconds that "
        "learning one takes; how often the flash takes its state; and what the next wider one has "
        f"too little of. {_MODEL}"
    )


def _widest(
    board: firmware_sim.Board,
    inputs: int,
    classes: int,
    rate: float,
    rule: str,
    arithmetic: str,
    stages: Stages | None,
) -> tuple[str, str, str, str, str]:
    more_bytes = more = 0.0
    if stages is not None:
        inputs, rate = stages.n_features, rate / stages.hop
        more_bytes, more = stages.ram_bytes, stage_instructions(stages, board.core.name)
    found, short = ("none", "–", "–", "–"), "–"
    for width in _WIDTHS:
        head = "categorical" if classes else "gaussian"
        spec = NetworkSpec((inputs, width, classes or 1), head=head)
        cost = cost_of(spec, rule, arithmetic, board.core.name)
        storage = firmware_sim.plan_storage(board, cost.state_bytes)
        room = board.flash.bytes - board.flash.reserved_bytes
        time_ms = firmware_sim.model_cost(board, cost.learn + more).model_time_ms
        ram_bytes = cost.ram_bytes + int(more_bytes)
        if ram_bytes > board.ram.bytes:
            short = "RAM"
        elif cost.flash_bytes + storage.bytes > room:
            short = "flash"
        elif time_ms * rate > 1000:
            short = "time"
        else:
            commits = commits_of(board, cost.state_bytes)
            found = (str(width), f"{time_ms:.3g}", f"{ram_bytes:,}", commits)
            continue
        break
    return (*found, short)


def print_fit(export_dir: Path) -> None:
    """Build an export for every board and print what it takes there.

    Raises
    ------
    ExportFolderError
        If the folder is not what its manifest says.
    """
    exported = firmware_sim.open_export(export_dir)
    table = _table("board", "flash, bytes", "of", "RAM, bytes", "of", "fits", "commits")
    for board in firmware_sim.list_boards():
        table.add_row(board.name, *_fit(export_dir, board, exported.state_bytes))
    to = Console(highlight=False, markup=False, emoji=False)
    to.print(table)
    to.print(
        "Built and linked for each board; flash is the image and the two areas that keep the "
        "state. for size: only what --optimize size builds has room. no: what there is too little "
        "of, in either build. commits: how often the flash takes the state."
    )


def _fit(export_dir: Path, board: firmware_sim.Board, state_bytes: int) -> tuple[str, ...]:
    """Return what a board has room for; a build for size is tried if one for speed has none."""
    tried: tuple[tuple[firmware_sim.Optimize, str], ...] = (("speed", "yes"), ("size", "for size"))
    for optimize, fits in tried:
        try:
            with tempfile.TemporaryDirectory() as folder:
                built = firmware_sim.build_firmware(export_dir, board, folder, optimize=optimize)
        except firmware_sim.DeviceTooSmallError as error:
            short = error
            continue
        return (
            f"{built.flash_bytes + built.storage.bytes:,}",
            f"{board.flash.bytes - board.flash.reserved_bytes:,}",
            f"{built.ram_bytes.total:,}",
            f"{board.ram.bytes:,}",
            fits,
            commits_of(board, state_bytes),
        )
    numbers = f"{short.needed_bytes:,}", f"{short.available_bytes:,}"
    cells = (*numbers, "", "") if short.memory == "flash" else ("", "", *numbers)
    return (*cells, f"no: {short.memory}", "–")


def check_plan(inputs: int | None, classes: int | None, rate: float | None) -> None:
    """Refuse a plan that lacks something.

    Raises
    ------
    ConfigError
        If it does.
    """
    if inputs is None or classes is None or rate is None:
        raise ConfigError(
            "--plan takes --inputs, --classes (0: it predicts a number) and --rate (samples a "
            "second), as in --plan --inputs 128 --classes 6 --rate 50"
        )
