"""Every experiment by name: the one list of them. Nothing heavy is imported before one is run."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Protocol, cast

from experiments.entry import Entry


class Runnable(Protocol):
    """What a module of the catalogue has for each of its names, in ``EXPERIMENTS``."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options; must work without any optional package."""

    def run(self, options: argparse.Namespace) -> None:
        """Measure, keep the result, and print its tables."""


#: By topic, in the order of the list; behind them what a folder's own ``entries.py`` adds.
TOPICS: dict[str, dict[str, Entry]] = {
    "Published results": {
        "mesu-pmnist": Entry(
            "mesu.experiments", "200 tasks of permuted MNIST, every algorithm (Bonnet, figure 3)"
        ),
        "mesu-pmnist-fashion": Entry(
            "mesu.experiments", "the same, with Fashion-MNIST as the out-of-distribution images"
        ),
        "mesu-sampling": Entry(
            "mesu.experiments", "weights drawn, or pre-activations: what it does to old tasks"
        ),
        "mesu-window": Entry("mesu.experiments", "memory window by width (Bonnet, supplement)"),
        "vanishing-plasticity": Entry(
            "mesu.experiments",
            "last-task accuracy and mean σ along 200 tasks (runs of mesu-pmnist)",
        ),
        "fixed-point": Entry(
            "mesu.experiments", "the same tasks in fixed point and in float32 (runs of mesu-pmnist)"
        ),
        "sigma-parts": Entry(
            "mesu.experiments",
            "which of q16's roundings changes σ of the last layer",
            ("numba",),
            ("mnist",),
        ),
        "sigma-bias": Entry(
            "mesu.experiments",
            "what q16's hidden gradient loses, and why its last σ end smaller",
            (),
            ("mnist",),
        ),
        "mesu-hessian": Entry(
            "mesu.experiments", "1/σ² against the Hessian's diagonal (Bonnet, supplement 1)"
        ),
        "bnn-pmnist": Entry(
            "metaplastic.experiments", "binarized network, 6 permuted MNISTs (Laborieux, figure 2)"
        ),
        "bnn-epochs": Entry(
            "metaplastic.experiments", "the same with the paper's 40 epochs, at 512 wide"
        ),
        "bnn-wide": Entry("metaplastic.experiments", "the same with few epochs, at 1024 wide"),
        "bnn-tune": Entry(
            "metaplastic.experiments", "the m of fewer epochs, chosen on validation images"
        ),
        "bnn-stream": Entry(
            "metaplastic.experiments",
            "MNIST in 60 subsets against joint training (Laborieux, fig. 4)",
        ),
        "bnn-quadratic": Entry(
            "metaplastic.experiments",
            "importance and divergence on a quadratic loss (Laborieux, fig. 5)",
        ),
        "bnn-importance": Entry(
            "metaplastic.experiments",
            "cost of switching weights by magnitude (Laborieux, figure 5)",
        ),
    },
    "Streams": {
        "streams": Entry(
            "streams.bench", "real and made streams: every rule beside the field's learners"
        ),
        "streaming-pmnist": Entry(
            "streaming.experiments",
            "20 permuted MNISTs in one pass: one byte per synapse, and others",
        ),
        "streaming-gated": Entry(
            "streaming.experiments",
            "the same at H = 512, each sample in its active blocks of units",
        ),
        "streaming-hundred": Entry(
            "streaming.experiments",
            "the same at H = 512 for a hundred tasks: the newest five, and all",
        ),
        "streaming-tune": Entry(
            "streaming.experiments",
            "scans of rates and windows on validation images",
            ("numba",),
            ("mnist",),
        ),
        "streaming-beyond": Entry(
            "streaming.experiments",
            "changes of the binary rule that might remember more",
            ("numba",),
            ("mnist",),
        ),
        "metaplastic-gas": Entry(
            "metaplastic.experiments",
            "the metaplastic learner on the gas stream, beside SGD and MESU",
        ),
        "metaplastic-columns": Entry(
            "metaplastic.experiments", "how many columns the metaplastic learner needs"
        ),
        "metaplastic-confidence": Entry(
            "metaplastic.experiments",
            "calibration and novelty, MNIST and gases",
            (),
            ("mnist", "cifar10-gray"),
        ),
        "novelty": Entry(
            "metaplastic.experiments",
            "novelty_one of every rule, MNIST and gases",
            (),
            ("mnist", "cifar10-gray"),
        ),
        "replay": Entry(
            "replay", "stored samples learned again: classes in blocks, and the price under drift"
        ),
        "memory": Entry(
            "memory", "what the memory knows at the end, and how sure it is of it", (), ("mnist",)
        ),
        "windows": Entry(
            "signals.experiments",
            "windows of gestures and exercises: held out, and other days",
            ("sklearn",),
        ),
        "front-ends": Entry(
            "signals.experiments",
            "events with their traces, and longer windows, beside a GRU",
            ("sklearn", "torch"),
        ),
        "sound": Entry(
            "signals.experiments", "spoken digits by bands and windows or traces of them"
        ),
        "machine": Entry(
            "signals.experiments", "a machine's temperature: alarms before its failures"
        ),
        "stage-cost": Entry(
            "signals.experiments", "instructions of a second of an accelerometer, and of sound"
        ),
        "spiking": Entry(
            "spiking.experiments", "spiking learners on spoken digits and cues, beside SGD"
        ),
        "spiking-settings": Entry(
            "spiking.experiments", "settings of spiking learners, chosen on other recordings"
        ),
        "spiking-floats": Entry(
            "spiking.floats", "spoken digits in integers beside the same learner in float32"
        ),
        "spiking-cost": Entry(
            "spiking.experiments", "instructions of a step of a spiking network, by its events"
        ),
        "labels": Entry(
            "labels",
            "labels only where draws disagree: accuracy against the share of labels",
            ("river",),
        ),
        "fleet-merge": Entry(
            "fleet.experiments", "devices that see parts of the gas stream, merged into one"
        ),
        "fidelity": Entry(
            "fidelity",
            "every rule's integers beside its floats; each quantisation alone",
        ),
        "noise-limits": Entry(
            "mesu.experiments", "where predicted weight noise exceeds the signal"
        ),
        "regression": Entry("mesu.experiments", "MESU and River's regressors on the gas stream"),
        "formats": Entry(
            "mesu.experiments",
            "formats of μ and σ² chosen from data",
            (),
            ("mnist", "cifar10-gray"),
        ),
    },
    "Cost": {
        "without-draws": Entry(
            "without_draws",
            "a prediction with the mean weights beside the drawn one",
            (),
            ("mnist",),
        ),
        "instructions": Entry(
            "device.experiments", "instructions, state and flash of each learner"
        ),
        "metaplastic-device": Entry(
            "device.experiments", "instructions and RAM of the metaplastic learner", (), ("mnist",)
        ),
        "size": Entry("device.experiments", "flash and RAM of the demo's learner on every board"),
        "parts": Entry("device.experiments", "where each kilobyte of a firmware's flash goes"),
        "builds": Entry(
            "device.experiments", "firmware for speed and for size: bytes, instructions, one state"
        ),
        "power-cuts": Entry(
            "device.experiments", "power cuts on every board: each flash operation, drawn, twice"
        ),
        "hostile": Entry(
            "device.experiments", "a million hostile states over the link, under the sanitizers"
        ),
        "flags": Entry("device.experiments", "what the compiler's flags give on each core"),
        "tracked": Entry(
            "device.experiments", "sizes and instruction counts of this release, and what moved"
        ),
        "recorder": Entry(
            "recorder", "bytes and time of a record of samples, and how fast it is learned again"
        ),
        "speed": Entry(
            "speed.experiments",
            "samples/s of every engine and of rivals; rivals on every core",
            (),
            ("mnist",),
        ),
        "onnx-speed": Entry(
            "onnx_speed", "a learning step of the ONNX graphs beside the C engine's", (), ("mnist",)
        ),
        "fleet-overhead": Entry(
            "fleet.experiments", "what it costs to carry learners as images, and to run a fleet"
        ),
        "run-speed": Entry(
            "speed.experiments",
            "CPU of run, learn_one and a thousand learners, beside River and NumPy",
            ("river",),
        ),
    },
    "Documents": {
        "demo-table": Entry("documents", "run the demo; the README's table and pictures"),
        "figures": Entry("documents", "write recorded results into the documents, or check them"),
    },
}
for _path in sorted(Path(__file__).parent.glob("*/entries.py")):
    _module = importlib.import_module(f"experiments.{_path.parent.name}.entries")
    for _topic, _entries in _module.ENTRIES.items():
        TOPICS[_topic].update(_entries)
CATALOGUE = {name: entry for entries in TOPICS.values() for name, entry in entries.items()}


def load(name: str) -> Runnable:
    """Import an experiment."""
    module = importlib.import_module(f"experiments.{CATALOGUE[name].module}")
    return cast(Runnable, module.EXPERIMENTS[name])
