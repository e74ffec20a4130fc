"""The binary learner along a stream of tasks: its cost falls where samples are right already."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

import firmware_sim
from experiments.data import Permutations
from experiments.speed.contenders import Images, Labels
from experiments.speed.rivals.host import BINARY
from experiments.speed.rounds import Row, Say
from export import write_export
from quant.native import NativeKernel
from quant.rules.metaplastic.state import weight_view
from streamlearn import MetaplasticClassifier

TASKS, BOARD = 10, "nrf52840"
#: Samples at the end of each task that the device learns, and over which changes are counted.
COUNTED = 200


def measure_along(pixels: Images, y: Labels, say: Say, n_tasks: int = TASKS) -> list[Row]:
    """Learn permuted MNIST task by task; the last samples of each on a device too.

    Returns
    -------
    list of dict
        One per task: ``us``, CPU microseconds per sample; ``accuracy``, test-then-train, in %;
        ``changing``, the share of the last samples that changed any weight; ``learn_median``,
        ``learn_mean`` and ``predict_median``, instructions on the board.
    """
    learner = MetaplasticClassifier(BINARY, classes=range(BINARY[-1]), front_end="none")
    spec, state = learner.spec, learner.state.copy()
    kernel = NativeKernel(spec, learner.config, learner.arithmetic)
    labels = y.astype(np.uint32)
    permutations, found = Permutations(0, pixels.shape[1]), []
    whole = len(y) - min(COUNTED, len(y) // 2)
    with tempfile.TemporaryDirectory() as folder:
        write_export(learner, Path(folder) / "export")
        board = firmware_sim.get_board(BOARD)
        firmware = firmware_sim.build_firmware(Path(folder) / "export", board, Path(folder) / "f")
        device = firmware_sim.Device(firmware)
        for task in range(n_tasks):
            say(f"binary learner, task {task + 1} of {n_tasks}")
            x = np.take(pixels, permutations[task], axis=1)
            start = time.process_time()
            predicted = kernel.learn(state, x[:whole], labels[:whole])
            used = time.process_time() - start
            device.write_state(state.tobytes())
            changing = 0
            for row in range(whole, len(y)):
                before = [weight_view(spec, state, k).copy() for k in range(len(spec.shapes))]
                kernel.learn(state, x[row : row + 1], labels[row : row + 1])
                now = (weight_view(spec, state, k) for k in range(len(spec.shapes)))
                changing += any((a != b).any() for a, b in zip(before, now, strict=True))
            predict = []
            for row in range(whole, min(whole + 20, len(y))):
                device.predict(x[row])
                predict.append(device.last_call.learner)
            learn = device.run_stream(x[whole:], y[whole:]).learn_instructions
            found.append(
                {
                    "task": task + 1,
                    "us": float(f"{1e6 * used / whole:.4g}"),
                    "accuracy": round(100 * float(np.mean(predicted == y[:whole])), 2),
                    "changing": round(changing / (len(y) - whole), 4),
                    "learn_median": int(np.median(learn)),
                    "learn_mean": int(np.mean(learn)),
                    "predict_median": int(np.median(predict)),
                }
            )
    return found
