"""Write the figures of README.md and docs/ that a short run gives: `python docs/tables.py`.

A figure stands between `<!-- tables:NAME -->` and `<!-- /tables -->`, in a line or around a block.
NAME is a function of this file, with its arguments after colons. What an experiment recorded is
written by `python -m experiments figures` instead. `--check` writes nothing and fails
if a page says something else; `tests/docs` does the same. It takes about half a minute.
"""

from __future__ import annotations

import dataclasses
import json
import re
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx

import firmware_sim
from export import package, write_export
from export.schema import schema
from firmware_sim import link
from quant import c_config, image
from quant.network import NetworkSpec
from quant.rule import RULES, Rule, part
from quant.state import layout_of
from streamlearn.cli import folders
from streamlearn.cli.board_table import commits_of
from streamlearn.cli.options import DEMO_STATE_BYTES
from streamlearn.evaluation import evaluate
from streamlearn.learners.loading import variants_of
from streamlearn.recorder.layout import FORMAT_VERSION as RECORD_VERSION
from streamlearn.streams import load_gas_concentration, load_gas_drift

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "docs" / "export-manifest.schema.json"
MARK = re.compile(r"<!-- tables:(?P<name>[^>\n]+?) -->(?P<text>.*?)<!-- /tables -->", re.DOTALL)
BOARDS = ("rp2040", "nrf52840")
N_COUNTED, N_PREDICTIONS = 200, 50
#: Hidden units; of rules with a byte per synapse so many that they have about the same bytes.
HIDDEN, HIDDEN_OF_BYTES = 32, 128


@cache
def learners() -> dict[str, tuple[type[Any], str, Rule]]:
    """The learner class of every rule and head, with both, by the name of the class."""
    found = {}
    for rule in RULES:
        for head, cls in part(rule, "streamlearn").LEARNERS.items():
            found[cls.__name__] = cls, head, RULES[rule]
    return found


def spiking() -> dict[str, tuple[type[Any], Rule]]:
    """The spiking class of every rule that has one, with the rule, by the name of the class."""
    rooms = (
        (rule, getattr(part(name, "streamlearn"), "SPIKING", None)) for name, rule in RULES.items()
    )
    return {cls.__name__: (cls, rule) for rule, cls in rooms if cls is not None}


def is_classifier(name: str) -> bool:
    """Tell whether a learner predicts classes."""
    return learners()[name][1] == "categorical"


def make(name: str, **settings: Any) -> Any:
    """Make a learner for the gas stream, with its defaults."""
    if is_classifier(name):
        settings = {"classes": range(6), **settings}
    n_out = 6 if is_classifier(name) else 1
    return learners()[name][0]((128, hidden(name), n_out), **settings)


@cache
def hidden(name: str) -> int:
    """Return the hidden units of a learner, by the bytes of its weights."""
    cls, head, rule = learners()[name]
    weights = cls((128, HIDDEN, 6 if head == "categorical" else 1)).state[rule.weight]
    return HIDDEN_OF_BYTES if weights.dtype.itemsize == 1 else HIDDEN


def shape(name: str) -> str:
    """Layers of a learner, as "128-32-6"."""
    return "-".join(map(str, make(name).spec.layers))


@cache
def counted(name: str, board_name: str) -> dict[str, int]:
    """Median instructions inside the learner over the stream's first samples, and its bytes."""
    return measured(make(name), board_name, *_samples(not is_classifier(name)))


def measured(learner: Any, board_name: str, x: Any, y: Any) -> dict[str, int]:
    """The same of a learner as it is, over samples of its own."""
    target = learner.spec.n_classes == 0
    with tempfile.TemporaryDirectory() as folder:
        write_export(learner, Path(folder) / "export")
        board = firmware_sim.get_board(board_name)
        firmware = firmware_sim.build_firmware(
            Path(folder) / "export", board, Path(folder) / "build"
        )
        device = firmware_sim.Device(firmware)
        learn = int(np.median(device.run_stream(x, y).learn_instructions))
        ask = device.predict_target if target else device.predict
        counts: dict[bool, list[int]] = {True: [], False: []}
        for row in x[:: max(1, len(x) // N_PREDICTIONS)]:
            for draws, each in counts.items():
                ask(row, draws=draws)
                each.append(device.last_call.learner)
        return {
            "learn": learn,
            "predict": int(np.median(counts[True])),
            "without draws": int(np.median(counts[False])),
            "state": firmware.ram_bytes.state,
            "flash": firmware.flash_bytes,
        }


@cache
def _samples(target: bool) -> tuple[Any, Any]:
    stream = load_gas_concentration(limit=N_COUNTED) if target else load_gas_drift()
    return stream.x[:N_COUNTED], stream.y[:N_COUNTED]


def count(name: str, board_name: str, what: str) -> str:
    """One figure of a learner on a board."""
    return f"{counted(name, board_name)[what]:,}"


@cache
def gas_accuracy(name: str) -> float:
    """Prequential accuracy over the bundled stream, with the learner's defaults and seed 0."""
    return evaluate(make(name), load_gas_drift()).accuracy


def accuracy(name: str) -> str:
    """Accuracy of a learner on the gas stream, in percent."""
    return f"{100 * gas_accuracy(name):.1f}"


def appearance(name: str) -> str:
    """Accuracy of a learner that is told no classes: they get outputs as they appear."""
    learner, stream = make(name, classes=None), load_gas_drift()
    right = 0
    for x, y in stream:
        right += learner.predict_one(x) == y
        learner.learn_one(x, y)
    return f"{100 * right / len(stream):.2f}"


def share(name: str, of: str, board_name: str, what: str) -> str:
    """One learner's figure in percent of another's."""
    return f"{100 * counted(name, board_name)[what] / counted(of, board_name)[what]:.0f}"


def instructions() -> Iterator[str]:
    """Instructions, state and flash of every learner."""
    heads = ("learn", "predict", "without draws", "state", "flash")
    yield (
        "| learner | board | instructions to learn | to predict | without draws | state, bytes "
        "| flash, bytes |"
    )
    yield "|---|---|" + "---:|" * len(heads)
    for name in learners():
        for board in BOARDS:
            figures = " | ".join(count(name, board, what) for what in heads)
            yield (
                f"| `{name}`, {make(name).arithmetic}, {shape(name)} "
                f"| {board} ({firmware_sim.get_board(board).core.name}) | {figures} |"
            )


def lock() -> Iterator[str]:
    """What a key costs: flash, RAM and instructions, with the stream's learner on each core."""
    yield (
        "| board | flash, bytes | RAM, bytes | deepest stack | instructions to begin a session "
        "| for a request and its reply | for 64 bytes more |"
    )
    yield "|---|" + "---:|" * 6
    for name in BOARDS:
        with tempfile.TemporaryDirectory() as folder:
            write_export(make("MesuClassifier"), Path(folder) / "export")
            plain, locked = (_linked(Path(folder), name, key) for key in (None, bytes(32)))
        board = firmware_sim.get_board(name)
        before, now = plain[0].ram_bytes, locked[0].ram_bytes
        small, large = (locked[1][size] - plain[1][size] for size in (4, 4 + 64 * 64))
        yield (
            f"| {name} ({board.core.name}) | +{locked[0].flash_bytes - plain[0].flash_bytes:,} "
            f"| +{now.total - before.total:,} | {plain[2]:,} → {locked[2]:,} "
            f"| {locked[1][0]:,} | +{small:,} | +{(large - small) // 64:,} |"
        )


def _linked(folder: Path, board: str, key: bytes | None) -> tuple[Any, dict[int, int], int]:
    """Firmware; the link's instructions by bytes of state read, 0: a session; deepest stack."""
    firmware = firmware_sim.build_firmware(
        folder / "export", firmware_sim.get_board(board), folder / f"{board}-{key is None}", key=key
    )
    device = firmware_sim.Device(firmware, key=key)
    device.learn(_samples(False)[0][0], 0)
    device.commit()
    took = {}
    for size in (4, 4 + 64 * 64):
        device.exchange(link.Request.READ_STATE, struct.pack("<IH", 0, size))
        took[size] = device.last_call.link
    device.exchange(link.Request.SESSION, bytes(16))
    return firmware, {**took, 0: device.last_call.link}, device.stack_peak_bytes()


def event_log() -> Iterator[str]:
    """What a log of the newest 100 samples costs, with the stream's learner on each core."""
    yield (
        "| board | code, bytes | RAM, bytes | ring, bytes | instructions for each sample more "
        "| samples until the flash wears out |"
    )
    yield "|---|" + "---:|" * 5
    for name in BOARDS:
        took, built = [], []
        for samples in (0, 100):
            with tempfile.TemporaryDirectory() as folder:
                write_export(make("MesuClassifier"), Path(folder) / "export")
                board = firmware_sim.get_board(name)
                built.append(
                    firmware_sim.build_firmware(
                        Path(folder) / "export", board, Path(folder) / "run", log_samples=samples
                    )
                )
                device = firmware_sim.Device(built[-1])
                found = []
                for row in _samples(False)[0][:9]:
                    device.learn(row, 0)
                    found.append(device.last_call.link)
                took.append(int(np.median(found)))
        plain, logged = built
        ring = logged.storage.log
        assert ring is not None
        yield (
            f"| {name} ({board.core.name}) | +{logged.flash_bytes - plain.flash_bytes:,} "
            f"| +{logged.ram_bytes.total - plain.ram_bytes.total:,} | {ring.bytes:,} "
            f"| +{took[1] - took[0]:,} | {logged.storage.logged:,} |"
        )


def memories() -> Iterator[str]:
    """What a memory costs the gas learner: after 180 samples its scale is fixed."""
    yield (
        "| memory | state, bytes | "
        + " | ".join(
            f"{what}, {firmware_sim.get_board(board).core.name}"
            for what in ("learn", "predict")
            for board in BOARDS
        )
        + " |"
    )
    yield "|---|" + "---:|" * (1 + 2 * len(BOARDS))
    x, y = _samples(False)
    for title, settings in MEMORIES.items():
        learner = make("MesuClassifier", **settings).learn_many(x[:180], y[:180].tolist())
        found = [measured(learner, board, x[180:], y[180:]) for board in BOARDS]
        cells = [f"{one[what]:,}" for what in ("learn", "predict") for one in found]
        yield f"| {title} | {learner.state.nbytes:,} | " + " | ".join(cells) + " |"


MEMORIES: dict[str, dict[str, Any]] = {
    "none": {},
    "`mean`, 64 columns": {"memory": "mean"},
    "`lda`, 32 columns": {"memory": "lda", "memory_features": 32},
    "`lda`, in 12 KB": {"memory": "lda", "memory_bytes": 12 * 1024},
    "`lda`, the 128 inputs": {"memory": "lda", "memory_features": 0},
}


def boards() -> Iterator[str]:
    """Every board that is shipped."""
    yield "| name | core | clock | flash | RAM | current model | commits | in QEMU |"
    yield "|---|---|---:|---:|---:|---|---:|---|"
    for board in firmware_sim.list_boards():
        default = " (default)" if board.name == firmware_sim.DEFAULT_BOARD else ""
        now = board.current
        other = f"`{board.qemu.machine}`" if board.qemu else ""
        current = f"{now.active_ua_per_mhz:g} µA/MHz at {now.supply_v} V" if now else "none"
        yield (
            f"| `{board.name}`{default} | {board.core.name} | {board.clock_hz / 1e6:g} MHz "
            f"| {board.flash.bytes // 1024:,} KiB | {board.ram.bytes // 1024:,} KiB | {current} "
            f"| {commits_of(board, DEMO_STATE_BYTES)} | {other} |"
        )


def wear() -> Iterator[str]:
    """How much of a state a few samples change: what a delta would have to write."""
    yield "| learner | samples between commits | 16-byte units of the state that differ |"
    yield "|---|---:|---:|"
    stream = load_gas_drift(limit=600)
    for name in filter(is_classifier, learners()):
        learner = make(name)
        learner.learn_many(stream.x[:500], stream.y[:500])
        before, at = _units(learner), 500
        for n in (1, 10, 100):
            learner.learn_many(stream.x[at : 500 + n], stream.y[at : 500 + n])
            at = 500 + n
            differ = (before != _units(learner)).any(1).mean()
            yield f"| `{name}`, {shape(name)} | {n} | {100 * differ:.0f} % |"


def unproved() -> Iterator[str]:
    """What Frama-C cannot prove, by part, file and kind: tests/proof/unproved.json."""
    parts = json.loads((ROOT / "tests" / "proof" / "unproved.json").read_text("utf-8"))
    yield "| part | statements | not proved | of them where memory is read or written |"
    yield "|---|---:|---:|---:|"
    for name, found in parts.items():
        left = found["unproved"]
        stray = sum(n for place, n in left.items() if re.search(r"bounds|initialized", place))
        yield f"| {name} | {found['statements']:,} | {sum(left.values())} | {stray} |"


def misra() -> Iterator[str]:
    """Deviations from MISRA C:2012 by rule: tests/proof/misra.json."""
    yield "| rule | places | why |"
    yield "|---|---:|---|"
    rules = json.loads((ROOT / "tests" / "proof" / "misra.json").read_text("utf-8"))
    for rule, (places, why) in rules.items():
        yield f"| {rule} | {places} | {why} |"


def _units(learner: Any) -> Any:
    content = np.frombuffer(learner.state.tobytes(), np.uint8)
    return content[: len(content) // 16 * 16].reshape(-1, 16)


def rules() -> Iterator[str]:
    """Compare the classifiers of about the same size on the gas stream."""
    names = [name for name in learners() if is_classifier(name)]
    yield "| | " + " | ".join(f"`{name}`" for name in names) + " |"
    yield "|---|" + "---:|" * len(names)
    for title, figure in RULE_ROWS.items():
        yield f"| {title} | " + " | ".join(figure(name) for name in names) + " |"


def synapse_bytes(name: str) -> float:
    """Bytes of the state per synapse, without front end and header."""
    learner = make(name, front_end="none")
    return (learner.state.nbytes - 16) / learner.spec.n_synapses


def _cells(path: str) -> Iterator[dict[str, str]]:
    """Rows of a recorded table, each cell by the head of its column."""
    head, _, *lines = (
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in (ROOT / "experiments" / "results" / path).read_text("utf-8").splitlines()
    )
    return (dict(zip(head, cells, strict=True)) for cells in lines)


def one_byte() -> Iterator[str]:
    """Compare the rules of a byte per synapse on the streams that `labels` has whole."""
    rows = {
        row["stream"]: int(row["rows"].replace(",", "")) for row in _cells("streams/streams.md")
    }
    most = json.loads((ROOT / "experiments/results/labels/result.json").read_text("utf-8"))
    binary = {row["accuracy, %"]: row["binary rule"] for row in _cells("streams/table.md")}
    mine = {row["stream"]: row["all"] for row in _cells("labels/table.md") if row["rule"] == "BiMU"}
    names = [name for name in mine if rows[name] <= most["samples"] and name in binary]
    yield "| stream | `BimuClassifier` | `MetaplasticClassifier` |"
    yield "|---|---:|---:|"
    for name in names:
        yield f"| {name} | {mine[name]} | {binary[name]} |"
    means = [
        sum(float(found[name].split()[0]) for name in names) / len(names)
        for found in (mine, binary)
    ]
    yield "| **mean** | " + " | ".join(f"**{mean:.1f}**" for mean in means) + " |"


VERBS = {
    "learn": "learn",
    "predict": "predict",
    "without draws": "predict without draws",
}
RULE_ROWS: dict[str, Callable[[str], str]] = {
    "layers": shape,
    "synapses": lambda name: f"{make(name).spec.n_synapses:,}",
    "bytes per synapse": lambda name: f"{synapse_bytes(name):.2f}",
    "state, bytes": lambda name: f"{make(name).state.nbytes:,}",
    "accuracy on the gas stream": lambda name: f"{100 * gas_accuracy(name):.2f} %",
    **{
        f"instructions to {verb}, {firmware_sim.get_board(board).core.name}": partial(
            lambda name, board, what: count(name, board, what), board=board, what=what
        )
        for board in BOARDS
        for what, verb in VERBS.items()
    },
}


def members() -> Iterator[str]:
    """What the description of a state image holds."""

    def names(cls: type[Any]) -> str:
        return ", ".join(f"`{field.name}`" for field in dataclasses.fields(cls))

    yield "| member | value |"
    yield "|---|---|"
    yield f"| rule | {', '.join(map(repr, RULES))} |".replace("'", '"')
    yield f"| network | {names(NetworkSpec)} |"
    for name, rule in RULES.items():
        yield f'| config of "{name}" | {names(rule.config)} |'
    for name, rule in RULES.items():
        known = ", ".join(f'"{arithmetic}"' for arithmetic in rule.arithmetics)
        yield f'| arithmetic of "{name}" | {known}: the layout of the payload |'
    yield (
        "| labels | the label of each class index: text, numbers or truth values; shorter than the "
        "classes if not all have been seen |"
    )
    yield "| features | the names of the features in order, or null |"


def layouts() -> Iterator[str]:
    """Where each byte of a state lies: every learner in every arithmetic and variant it has."""
    seen_memory = False
    for name, (_, head, rule) in learners().items():
        for arithmetic in rule.arithmetics:
            seen = set()
            # A memory's fields are the same beside every rule: the first learner shows them.
            memory = {} if seen_memory else {"with a memory": {"memory": "lda"}}
            seen_memory = True
            variants = {"": {}, **variants_of(rule.name, head), **memory}
            for variant, settings in variants.items():
                learner = make(name, arithmetic=arithmetic, **settings)
                layout = layout_of(learner.spec, learner.config, arithmetic)
                if layout in seen:
                    continue  # the variant keeps nothing of its own
                seen.add(layout)
                yield from _layout(f"`{name}`, {arithmetic}{variant and f', {variant}'}", learner)
    for name, (cls, rule) in spiking().items():
        for arithmetic in rule.spiking:
            learner = cls((48, 128, 10), arithmetic=arithmetic)
            yield from _layout(f"`{name}`, {arithmetic}", learner)


def _layout(title: str, learner: Any) -> Iterator[str]:
    layout = layout_of(learner.spec, learner.config, learner.arithmetic)
    yield f"\n### {title}\n"
    yield f"{'-'.join(map(str, learner.spec.layers))}, {layout.n_bytes:,} bytes.\n"
    # |mu| in a cell
    yield re.sub(r"\|(\w+)\|", r"\\|\1\\|", layout.table()).rstrip()


def _nodes(graph: onnx.GraphProto) -> int:
    """Nodes of a graph and of its subgraphs."""
    inner = (a.g for node in graph.node for a in node.attribute if a.HasField("g"))
    return len(graph.node) + sum(_nodes(subgraph) for subgraph in inner)


def onnx_sizes() -> Iterator[str]:
    """Nodes and bytes of every learner's graphs, the nodes of subgraphs among them."""
    yield "| learner | nodes to predict | bytes | nodes to learn | bytes |"
    yield "|---|---:|---:|---:|---:|"
    for name, (_, _, rule) in learners().items():
        for arithmetic, kind in rule.arithmetics.items():
            if kind.kernel is None:
                continue  # for the desk only: never exported
            learner = make(name, arithmetic=arithmetic)
            x, y = _samples(not is_classifier(name))
            for row, label in zip(x[:N_PREDICTIONS], y.tolist(), strict=False):
                learner.learn_one(row, label)  # before the first one there is nothing to scale by
            with tempfile.TemporaryDirectory() as folder:
                write_export(learner, Path(folder) / "export")
                cells = [f"`{name}`, {arithmetic}, {shape(name)}"]
                for file in ("predict.onnx", "learn.onnx"):
                    path = Path(folder) / "export" / file
                    there = path.exists()
                    cells.append(f"{_nodes(onnx.load(path).graph):,}" if there else "")
                    cells.append(f"{path.stat().st_size:,}" if there else "")
            yield f"| {' | '.join(cells)} |"


def version(of: str) -> str:
    """Version of a format that outlives a program."""
    known = {
        "state": image.FORMAT_VERSION,
        "export": package.FORMAT_VERSION,
        "run": folders.FORMAT_VERSION,
        "record": RECORD_VERSION,
        "link": link.VERSION,
        "config": c_config.CONFIG_VERSION,
    }
    return str(known[of])


def figure(name: str, *arguments: str) -> Any:
    """Find the function that a marker names."""
    blocks = (
        boards,
        wear,
        instructions,
        memories,
        lock,
        event_log,
        rules,
        one_byte,
        members,
        layouts,
    )
    proofs = (unproved, misra)
    known = {f.__name__.replace("_", "-"): f for f in (*blocks, *proofs, onnx_sizes)}
    one: dict[str, Callable[..., str]] = {
        f.__name__: f for f in (count, share, accuracy, appearance, version)
    }
    if name in known:
        return "\n\n" + "\n".join(known[name](*arguments)).strip("\n") + "\n\n"
    if name not in one:
        raise SystemExit(f"no figure is called {name!r}: {', '.join([*known, *one])}")
    return one[name](*arguments)


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
