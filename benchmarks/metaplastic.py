"""Figures of the metaplastic learner: instructions, calibration, novelty.

python benchmarks/metaplastic.py [device | confidence]

MNIST must be at hand (docs/data.md). Test images are looked at once, after all is chosen.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

import firmware_sim
from export import write_export
from quant.native import NativeKernel
from streamlearn import MesuClassifier, MetaplasticClassifier
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.streams.gas_drift import load_gas_drift
from streamlearn.streams.mnist import load_cifar10_gray, load_mnist
from streamlearn.uncertainty import auc, expected_calibration_error

Floats = npt.NDArray[np.float64]
BOARDS = ("nrf52840", "rp2040")
LARGE = ("stm32u585",)  # holds 784-512-10
N_DEVICE, N_BEFORE, N_GAS, N_OUTSIDE = 500, 20_000, 3000, 2000


def digits(hidden: int) -> MetaplasticClassifier:
    """Return a learner of pixels, which are mostly zeros and need no front end."""
    return MetaplasticClassifier((784, hidden, 10), classes=range(10), front_end="none")


def taught(learner: StreamClassifier, x: npt.ArrayLike, y: npt.ArrayLike) -> None:
    """Learn a block in C, as the learner would one by one."""
    kernel, state = NativeKernel(learner.spec, learner.config, learner.arithmetic), learner.state
    kernel.learn(state, np.asarray(x), np.asarray(y, np.uint32))
    learner.state = state


def device() -> None:
    """Instructions a sample, after 20,000 digits or 3,000 measurements of gases."""
    stream, gas = load_mnist(), load_gas_drift()

    def gated(hidden: int, n_blocks: int, n_active: int) -> MetaplasticClassifier:
        return MetaplasticClassifier(
            (784, hidden, 10),
            classes=range(10),
            front_end="none",
            n_blocks=n_blocks,
            n_active=n_active,
        )

    mesu = MesuClassifier((784, 50, 10), classes=range(10), front_end="none")
    cases: list[tuple[str, StreamClassifier, tuple[str, ...]]] = [
        ("784-200-10", digits(200), BOARDS),
        ("784-200-10, 6 of 25 blocks", gated(200, 25, 6), BOARDS),
        ("784-512-10", digits(512), LARGE),
        ("784-512-10, 16 of 64 blocks", gated(512, 64, 16), LARGE),
        ("128-128-6", MetaplasticClassifier((128, 128, 6), classes=range(6)), BOARDS),
        ("beside them MESU, q16, 784-50-10", mesu, BOARDS),
    ]
    print("| network | board | core | learn, median | mean | maximum | predict, median | "
          "RAM: state | scratch |\n|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    for network, learner, boards in cases:
        data, n_before = (stream, N_BEFORE) if learner.spec.layers[0] == 784 else (gas, N_GAS)
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
                    f"{np.median(predict):,.0f} | {ram.state:,} | {ram.scratch:,} |",
                    flush=True,
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
