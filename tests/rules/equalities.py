"""What must hold of every rule in integers: golden = C = emulated device = ONNX.

Functions of a learner's kind, so that a rule registered in a test goes through them as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from learners import Kind

import firmware_sim
from export import write_export
from export.graph.model import prediction_model
from quant.rule import RULES
from quant.state import init_state
from streamlearn.checks.samples import N_FEATURES, samples
from streamlearn.engines import NativeEngine, NumpyEngine

BOARDS = ("rp2040", "nrf52840")
Raw = npt.NDArray[np.float64]


def integer(kind: Kind) -> bool:
    """Tell whether a kind is a golden model in integers."""
    return RULES[kind.rule].arithmetics[kind.arithmetic].golden is not None


def stream(kind: Kind, n: int, seed: int = 0) -> tuple[Any, Raw, npt.NDArray[Any]]:
    """Return a learner and ``n`` samples: raw features in float32, and class indices or numbers.

    One in ten samples is absurd: zero, huge, tiny.
    """
    learner = kind.make(**({"classes": range(3)} if kind.head == "categorical" else {}))
    rows = samples(learner, n, seed)
    x = np.array([row for row, _ in rows], np.float32)
    rng = np.random.default_rng(seed)
    for t in range(9, n, 10):
        x[t] = rng.choice([0.0, 1e30, -1e30, 1e-38, 3.4e38], N_FEATURES)
    return learner, x.astype(np.float64), np.array([label for _, label in rows])


def golden_equals_c(kind: Kind, n: int = 300) -> None:
    """Predictions, state and saturations, every bit, at every 50th sample."""
    learner, x, y = stream(kind, n)
    given = learner.spec, learner.config, learner.arithmetic
    golden, native = NumpyEngine(*given), NativeEngine(*given)
    one, other = init_state(*given), init_state(*given)
    for start in range(0, n, 50):
        part = slice(start, start + 50)
        a = golden.learn_many(one, x[part], y[part])
        b = native.learn_many(other, x[part], y[part])
        assert np.array_equal(a, b), f"{kind}: predictions of samples {start} to {start + 49}"
        assert one.tobytes() == other.tobytes(), f"{kind}: state after {start + 50} samples"
        found, expected = (e.predict_many(one, x[part], draws=False) for e in (native, golden))
        assert np.array_equal(found[0], expected[0]), f"{kind}: without draws"
        if kind.head == "categorical":
            assert np.array_equal(found[1], expected[1]), f"{kind}: logits without draws"
        assert one.tobytes() == other.tobytes(), f"{kind}: predicting changes nothing"
    assert golden.saturations == native.saturations, f"{kind}: saturations"


def device_equals_host(kind: Kind, board: str, folder: Path, n: int = 60) -> None:
    """A learner exported, built and booted learns on the board what it learns on the desk."""
    learner, x, y = stream(kind, n)
    write_export(learner, folder / "export")
    firmware = firmware_sim.build_firmware(
        folder / "export",
        firmware_sim.get_board(board),
        folder / "run",
        warnings_are_errors=True,
    )
    device = firmware_sim.Device(firmware)
    found = device.run_stream(x.astype(np.float32), y)
    expected = [learner.test_then_learn_one(*sample) for sample in zip(x, y.tolist(), strict=True)]
    assert np.array_equal(np.array(found.predictions), np.array(expected)), f"{kind} on {board}"
    assert device.read_state() == learner.state.tobytes(), f"{kind} on {board}: state"
    predict = device.predict if kind.head == "categorical" else device.predict_target
    mean = learner.predict_many if kind.head == "categorical" else learner.predict_distribution_many
    without = [predict(row, draws=False) for row in x[:20].astype(np.float32)]
    assert np.array_equal(without, mean(x[:20], draws=False)), f"{kind} on {board}: without draws"
    assert device.read_state() == learner.state.tobytes()


def onnx_equals_golden(kind: Kind, folder: Path, n: int = 40) -> None:
    """ONNX Runtime predicts from the exported state what the learner predicts.

    Also if a class was never taught: of a classifier, class 0.
    """
    _onnx_equals_golden(kind, folder, n, lambda target: True)
    if kind.head == "categorical":
        _onnx_equals_golden(kind, folder, n, lambda target: target > 0)


def _onnx_equals_golden(kind: Kind, folder: Path, n: int, taught: Any) -> None:
    import onnxruntime

    learner, x, y = stream(kind, n)
    for row, label in zip(x, y.tolist(), strict=True):
        if taught(label):
            learner.learn_one(row, label)
    write_export(learner, folder / "export")
    exported = (folder / "export" / "model.onnx").read_bytes()
    given = learner.spec, learner.config, learner.state, learner.arithmetic
    mean = prediction_model(*given, [str(k) for k in learner.labels], draws=False)
    batch = stream(kind, n, seed=7)[1]
    for draws, model in ((True, exported), (False, mean.SerializeToString())):
        session = onnxruntime.InferenceSession(model)
        outputs = dict(
            zip(
                [output.name for output in session.get_outputs()],
                session.run(None, {"x": batch.astype(np.float32)}),
                strict=True,
            )
        )
        if kind.head == "categorical":
            labels = learner.predict_many(batch, draws=draws)
            assert outputs["label"].tolist() == labels, (kind, draws)
            expected = learner.predict_proba_many(batch, draws=draws)
            assert np.allclose(outputs["probabilities"], expected, atol=1e-6), (kind, draws)
        else:
            expected = learner.predict_distribution_many(batch, draws=draws)
            found = outputs["prediction"]
            assert np.allclose(found, expected, rtol=1e-6, equal_nan=True), (kind, draws)
