"""The new classes learned on an emulated board, from raw values, behind a backbone."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]

import firmware_sim
from experiments.backbone.problems import Floats, Integers
from export import write_export
from export.graph.backbone import backbone_model
from quant.backbone import Backbone
from quant.backbone.golden import features
from streamlearn import MesuClassifier

#: Has room for a memory of 432 columns.
BOARD = "stm32u585"


def learn_on_chip(
    learner: MesuClassifier,
    backbone: Backbone,
    x: Floats,
    y: Integers,
    asked: Floats,
) -> tuple[MesuClassifier, dict[str, Any]]:
    """Let a board go on learning; return its learner, and what it cost.

    The desk learns the same with its C kernel; ``same_state`` says whether the state is the same
    bits, ``same_recall`` whether the board answers the same.
    """
    desk = copy.deepcopy(learner)
    desk.learn_many(features(backbone, x), y)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_export(learner, root / "export", backbone=backbone)
        board = firmware_sim.get_board(BOARD)
        firmware = firmware_sim.build_firmware(root / "export", board, root / "run")
        device = firmware_sim.Device(firmware)
        result = device.run_stream(x, y)
        state = device.read_state()
        answers = [device.recall(row) for row in asked]
        stack = device.stack_peak_bytes()
    chip = copy.deepcopy(learner)
    chip.state = np.frombuffer(state, learner.state.dtype)
    recalled = chip.recall_many(features(backbone, asked))
    return chip, {
        "board": BOARD,
        "samples": len(x),
        "same_state": bool(chip.state_sha256 == desk.state_sha256),
        "state_sha256": chip.state_sha256,
        "asked": len(asked),
        "same_recall": [*map(int, recalled)] == answers,
        "learn_instructions": float(result.learn_instructions.mean()),
        "flash": firmware.flash_bytes,
        "ram": firmware.ram_bytes.total,
        "stack": stack,
    }


def onnx_differs(backbone: Backbone, x: Floats) -> int:
    """Return how many features are other bits in ONNX Runtime than in the golden model."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    model = backbone_model(backbone).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    found = session.run(None, {"x": x})[0].view(np.uint32)
    return int(np.count_nonzero(found != features(backbone, x).view(np.uint32)))
