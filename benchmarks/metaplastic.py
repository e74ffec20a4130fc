"""Figures of the metaplastic learner: instructions, speed, calibration, novelty.

python benchmarks/metaplastic.py [device | confidence]

MNIST must be at hand (docs/data.md). Test images are looked at once, after all is chosen.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np
import numpy.typing as npt
from benchmarks_machine import machine

import firmware_sim
from export import write_export
from quant.native import NativeKernel
from quant.state import init_state
from streamlearn import MetaplasticClassifier
from streamlearn.streams.gas_drift import load_gas_drift
from streamlearn.streams.mnist import load_cifar10_gray, load_mnist
from streamlearn.uncertainty import auc, expected_calibration_error

Floats = npt.NDArray[np.float64]
MNIST = (784, 200, 10)
BOARDS = ("nrf52840", "rp2040")
LARGE = ("stm32u585",)  # holds 784-512-10
N_DEVICE, N_BEFORE, N_OUTSIDE = 500, 20_000, 2000


def digits(hidden: int) -> MetaplasticClassifier:
    """Return a learner of pixels, which are mostly zeros and need no front end."""
    return MetaplasticClassifier((784, hidden, 10), classes=range(10), front_end="none")


def taught(learner: MetaplasticClassifier, x: npt.ArrayLike, y: npt.ArrayLike) -> None:
    """Learn a block in C, as the learner would one by one."""
    kernel, state = NativeKernel(learner.spec, learner.config, "q8"), learner.state
    kernel.learn(state, np.asarray(x), np.asarray(y, np.uint32))
    learner.state = state


def device() -> None:
    """Instructions a sample on two cores, after 20,000 digits; synapses touched; host speed."""
    stream = load_mnist()
    for hidden in (200, 512):
        learner = digits(hidden)
        kernel = NativeKernel(learner.spec, learner.config, "q8")
        state = init_state(learner.spec, learner.config, "q8")
        kernel.learn(state, stream.x[:N_BEFORE], stream.y[:N_BEFORE].astype(np.uint32))
        changed, labels = [], stream.y.astype(np.uint32)
        for t in range(N_BEFORE, N_BEFORE + 1000):
            before = state["hidden_weight"].copy()
            kernel.learn_one(state, stream.x[t], int(labels[t]))
            changed.append(np.count_nonzero(before != state["hidden_weight"]))
        start, at = process_time(), slice(30_000, 50_000)
        kernel.learn(state, stream.x[at], labels[at])
        seconds = (process_time() - start) / 20_000
        print(
            f"784-{hidden}-10: {1e6 * seconds:.1f} µs of CPU to learn a sample; weights changed "
            f"{np.mean(changed):.0f} of {learner.spec.n_synapses:,} "
            f"({100 * np.mean(changed) / learner.spec.n_synapses:.2f} %), by "
            f"{100 * np.mean(np.array(changed) > 0):.0f} % of the samples ({machine()})"
        )
    gas = load_gas_drift()
    cases = [
        (MNIST, "none", (0, 0), stream, N_BEFORE, BOARDS),
        (MNIST, "none", (25, 6), stream, N_BEFORE, BOARDS),
        ((784, 512, 10), "none", (0, 0), stream, N_BEFORE, LARGE),
        ((784, 512, 10), "none", (64, 16), stream, N_BEFORE, LARGE),
        ((128, 128, 6), "standardise", (0, 0), gas, 3000, BOARDS),
    ]
    print("\n| network | board | core | learn, median | mean | maximum | predict, median | "
          "RAM: state | scratch |\n|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    for layers, front_end, (n_blocks, n_active), data, n_before, boards in cases:
        learner = MetaplasticClassifier(
            layers,
            classes=range(layers[-1]),
            front_end=front_end,  # type: ignore[arg-type]
            n_blocks=n_blocks,
            n_active=n_active,
        )
        network = "-".join(map(str, layers))
        network += f", {n_active} of {n_blocks} blocks" if n_blocks else ""
        taught(learner, data.x[:n_before], data.y[:n_before])
        for name in boards:
            with tempfile.TemporaryDirectory() as folder:
                write_export(learner, Path(folder) / "export")
                board = firmware_sim.get_board(name)
                firmware = firmware_sim.build_firmware(
                    Path(folder) / "export", board, Path(folder) / "run"
                )
                running = firmware_sim.Device(firmware)
                at = slice(n_before, n_before + N_DEVICE)
                learn = running.run_stream(data.x[at], data.y[at]).learn_instructions
                predict = []
                for x in data.x[at][:100]:
                    running.predict(x)
                    predict.append(running.last_call.learner)
                ram = firmware.ram_bytes
                print(
                    f"| {network} | {name} | {board.core.name} | "
                    f"{np.median(learn):,.0f} | {learn.mean():,.0f} | {learn.max():,} | "
                    f"{np.median(predict):,.0f} | {ram.state:,} | {ram.scratch:,} |"
                )


def measure(
    learner: MetaplasticClassifier, x: npt.NDArray[np.float32]
) -> tuple[Floats, dict[str, Floats]]:
    """Return the probabilities of each row, and its scores of being unlike what was learned."""
    p = np.array([list(learner.predict_proba_one(row).values()) for row in x])
    entropy = -np.sum(p * np.log(np.maximum(p, 1e-300)), axis=1) / np.log(p.shape[1])
    novelty = np.array([learner.novelty_one(row) for row in x])
    return p, {
        "1 - largest p": 1 - p.max(axis=1),
        "entropy": entropy,
        "undecided units": (3 * novelty - entropy) / 2,
        "novelty": novelty,
    }


def row(name: str, inside: dict[str, Floats], outside: dict[str, Floats]) -> str:
    """Return a line of AUCs."""
    return f"| {name} | " + " | ".join(f"{auc(inside[k], outside[k]):.3f}" for k in inside) + " |"


def confidence() -> None:
    """Calibration and novelty, MNIST's test images and the gas stream."""
    train, test = load_mnist(), load_mnist("test")
    learner = digits(512)
    taught(learner, train.x, train.y)
    p, inside = measure(learner, test.x)
    temperature = 2.0 ** (int(learner.state["log_temperature"][0]) / 65536)
    raw = p**temperature
    raw /= raw.sum(axis=1, keepdims=True)
    before, after = (expected_calibration_error(q, test.y) for q in (raw, p))
    print(f"784-512-10, one pass of MNIST, test images: accuracy "
          f"{100 * np.mean(p.argmax(axis=1) == test.y):.2f} %, T = {temperature:.3f}, "
          f"ECE {before:.4f} at T = 1, {after:.4f} calibrated\n")  # fmt: skip
    print("| unlike what was learned | " + " | ".join(inside) + " |")
    print("|---|" + "---|" * len(inside))
    rng = np.random.default_rng(0)
    outside: dict[str, npt.NDArray[np.float32]] = {
        "MNIST, pixels permuted": test.x[:N_OUTSIDE, rng.permutation(784)],
        "CIFAR-10, gray": load_cifar10_gray().x[:N_OUTSIDE],
        "uniform noise": rng.random((N_OUTSIDE, 784)).astype(np.float32),
    }
    for name, x in outside.items():
        print(row(name, inside, measure(learner, x)[1]))
    wrong = p.argmax(axis=1) != test.y
    right_scores = {k: v[~wrong] for k, v in inside.items()}
    print(row("its own mistakes", right_scores, {k: v[wrong] for k, v in inside.items()}))
    gases()


def gases() -> None:
    """Each gas kept from a learner of the five others; then shown to it."""
    gas, scores = load_gas_drift(), []
    for unseen in range(6):
        learner = MetaplasticClassifier((128, 128, 6), classes=range(6))
        known = np.flatnonzero(gas.y != unseen)[:3000]
        taught(learner, gas.x[known], gas.y[known])
        near = np.arange(known[-1] - 1500, min(known[-1] + 1500, len(gas.y)))
        new = near[gas.y[near] == unseen]
        old = near[(gas.y[near] != unseen) & (near > known[-1])]
        inside, outside = measure(learner, gas.x[old])[1], measure(learner, gas.x[new])[1]
        print(row(f"{gas.classes[unseen]}, never seen", inside, outside))
        scores.append([auc(inside[k], outside[k]) for k in inside])
    print("| mean of the six gases | " + " | ".join(f"{a:.3f}" for a in np.mean(scores, 0)) + " |")


PARTS: dict[str, Callable[[], None]] = {"device": device, "confidence": confidence}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
