"""Raw samples of a signal, windows, learning: on emulated boards as on the desk, every bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import firmware_sim as fs
from export import open_export, write_export
from export.schema import schema
from firmware_sim.link import Status
from quant.errors import ConfigError, ExportError
from streamlearn import MesuClassifier, MesuRegressor
from streamlearn.windows import Window, Windowed

NO_WINDOW = int(Status.NO_WINDOW)


def signal(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.arange(n) // 40 % 3
    t = np.arange(n)[:, None] + np.arange(2)
    x = 9.81 + np.sin(t * (0.2 + 0.5 * y[:, None])) + 0.1 * rng.normal(size=(n, 2))
    return x.astype(np.float32), y


@pytest.mark.parametrize("board", ["nrf52840", "rp2040"])
def test_a_board_learns_from_a_signal_what_the_desk_learns(board: str, tmp_path: Path) -> None:
    window = Window(16, 6, 2, magnitude=True)
    desk = Windowed(MesuClassifier((window.n_features, 8, 3), classes=range(3)), window)
    write_export(desk.learner, tmp_path / "export", window=window)
    firmware = fs.build_firmware(
        tmp_path / "export", fs.get_board(board), tmp_path / "run", warnings_are_errors=True
    )
    assert firmware.n_features == 2
    device = fs.Device(firmware)
    x, y = signal(130)
    result = device.run_stream(x[:90], y[:90])
    found = [desk.test_then_learn_one(*pair) for pair in zip(x[:90], y[:90].tolist(), strict=True)]
    assert result.predictions.tolist() == [-1 if p is None else p for p in found]
    assert sum(p is not None for p in found) == 1 + (90 - 16) // 6
    assert device.read_state() == desk.learner.state.tobytes()
    ends = result.statuses == 0
    assert (result.statuses[~ends] == NO_WINDOW).all()
    assert result.learn_instructions[~ends].max() == 0
    for values in x[90:120]:
        ahead = desk.predict_one(values)
        if ahead is None:
            for asked in (device.predict, device.advance):
                with pytest.raises(fs.RefusedError) as refused:
                    asked(values)
                assert refused.value.status == NO_WINDOW
            assert desk.step(values) is None
        else:
            assert device.predict(values) == ahead
            assert device.advance(values) == desk.step(values) == ahead
    bad = x[:2].copy()
    bad[0, 1] = np.nan
    refused_too = device.run_stream(bad, np.array([0, 7]), on_refusal="record")
    assert refused_too.statuses.tolist() == [Status.NOT_FINITE, Status.UNKNOWN_LABEL]
    device.reset_time()
    desk.reset()
    assert device.run_stream(x, y).predictions.tolist() == [
        -1 if (p := desk.test_then_learn_one(*pair)) is None else p
        for pair in zip(x, y.tolist(), strict=True)
    ]
    assert device.read_state() == desk.learner.state.tobytes()


def test_a_regressor_behind_a_window(tmp_path: Path) -> None:
    window = Window(8, 4, 1, features=("mean", "sd", "rms"))
    desk = Windowed(MesuRegressor((3, 4, 1)), window)
    write_export(desk.learner, tmp_path / "export", window=window)
    board = fs.get_board("nrf52840")
    device = fs.Device(fs.build_firmware(tmp_path / "export", board, tmp_path / "run"))
    x, _ = signal(60)
    for values, y in zip(x[:, :1], x[:, 1].tolist(), strict=True):
        ahead = desk.test_then_learn_one(values, y)
        payload = device.run_stream(values[None], np.array([y])).predictions[0]
        assert np.isnan(payload[0]) if ahead is None else payload.tolist() == [*ahead]
    assert device.read_state() == desk.learner.state.tobytes()


def test_the_folder_is_one_truth_with_its_window(tmp_path: Path) -> None:
    window = Window(16, 6, ("x", "y"), magnitude=True)
    learner = MesuClassifier((window.n_features, 3), classes=range(3))
    folder = tmp_path / "export"
    manifest = write_export(learner, folder, window=window)
    opened = open_export(folder)
    assert opened.window == window
    assert opened.remade
    assert manifest["window"]["channels"] == ["x", "y"]
    changed = json.loads((folder / "manifest.json").read_text())
    changed["window"]["hop"] = 7
    (folder / "manifest.json").write_text(json.dumps(changed))
    with pytest.raises(ExportError, match="the manifest says window"):
        open_export(folder)
    write_export(learner, folder)  # without one again: nothing of it is left
    assert open_export(folder).window is None
    assert not [file.name for file in folder.rglob("*window*")]
    with pytest.raises(ConfigError, match="gives 39 features, the learner takes 4"):
        write_export(MesuClassifier((4, 2)), folder, window=window)
    jsonschema = pytest.importorskip("jsonschema", reason="no jsonschema")
    jsonschema.validate(manifest, schema())


def test_a_log_of_samples_goes_without_a_window(tmp_path: Path) -> None:
    window = Window(8, 4, 1, features=("mean", "sd"))
    write_export(MesuClassifier((2, 2)), tmp_path / "export", window=window)
    with pytest.raises(fs.InputError, match="no window in front of it"):
        fs.build_firmware(
            tmp_path / "export", fs.get_board("nrf52840"), tmp_path / "run", log_samples=10
        )
