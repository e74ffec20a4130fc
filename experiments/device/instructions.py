"""Instructions, state and flash of each kind of learner on the gas stream.

``python benchmarks/instructions.py [samples]`` prints a markdown table.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

import firmware_sim
from export import write_export
from streamlearn import MesuClassifier, MesuRegressor, MetaplasticClassifier
from streamlearn.streams import load_gas_concentration, load_gas_drift

BOARDS = ("rp2040", "nrf52840")
N_PREDICTIONS = 50


def main() -> None:
    """Learn the first samples of the stream on two boards."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    stream = load_gas_drift()
    classes = stream.x[:n], stream.y[:n]
    targets = load_gas_concentration(limit=n)
    learners = {
        "MESU, q16, 128-32-6": MesuClassifier((128, 32, 6), classes=range(6)),
        "MESU, q16, factored, 128-32-6": MesuClassifier(
            (128, 32, 6), classes=range(6), variance="factored"
        ),
        "metaplastic, q8, 128-128-6": MetaplasticClassifier((128, 128, 6), classes=range(6)),
        "MESU regressor, q16, 128-32-1": MesuRegressor((128, 32, 1)),
    }
    print("| learner | board | instructions to learn | to predict | state | flash |")
    print("|---|---|---:|---:|---:|---:|")
    for name, learner in learners.items():
        number = isinstance(learner, MesuRegressor)
        x, y = (targets.x, targets.y) if number else classes
        with tempfile.TemporaryDirectory() as folder:
            write_export(learner, Path(folder) / "export")
            for board_name in BOARDS:
                board = firmware_sim.get_board(board_name)
                firmware = firmware_sim.build_firmware(
                    Path(folder) / "export", board, Path(folder) / board_name
                )
                device = firmware_sim.Device(firmware)
                learn = int(np.median(device.run_stream(x, y).learn_instructions))
                counts = []
                for row in x[:: max(1, n // N_PREDICTIONS)]:
                    (device.predict_target if number else device.predict)(row)
                    counts.append(device.last_call.learner)
                predict = int(np.median(counts))
                print(
                    f"| {name} | {board.name} ({board.core.name}) | {learn:,} | {predict:,} "
                    f"| {firmware.ram_bytes.state:,} | {firmware.flash_bytes:,} |"
                )


if __name__ == "__main__":
    main()
