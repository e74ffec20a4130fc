"""Raw samples of a signal, stages, learning: on emulated boards as on the desk, every bit."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import firmware_sim as fs
from export import open_export, write_export
from export.schema import schema
from firmware_sim.link import Status
from quant.errors import ConfigError, ExportError, StateFormatError
from quant.stages import golden
from quant.stages.file import to_bytes
from streamlearn import MesuClassifier, MesuRegressor
from streamlearn.chain import Bank, Chain, Delta, Stages, Standardise, Traces, Window

NO_FEATURES = int(Status.NO_FEATURES)


def signal(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.arange(n) // 40 % 3
    t = np.arange(n)[:, None] + np.arange(2)
    x = 9.81 + np.sin(t * (0.2 + 0.5 * y[:, None])) + 0.1 * rng.normal(size=(n, 2))
    return x.astype(np.float32), y


CHAINS = {
    "window": Stages(Window(16, 6, magnitude=True), 2),
    "delta, traces": Stages((Delta(0.2, 5, 9.8), Traces((2, 4, 6), 6)), 2),
    "standardise, delta, traces": Stages((Standardise(50), Delta(), Traces((2, 4, 6), 6)), 2),
    "bank, window": Stages((Bank(100, 16, 4, 6, 5.0), Window(4, 2, features=("mean", "sd"))), 2),
    "bank, delta, traces": Stages((Bank(100, 16, 4, 6, 5.0), Delta(0.5, 4), Traces((0, 3))), 2),
}


@pytest.mark.parametrize("board", ["nrf52840", "rp2040"])
@pytest.mark.parametrize("name", CHAINS)
def test_a_board_learns_from_a_signal_what_the_desk_learns(
    name: str, board: str, tmp_path: Path
) -> None:
    stages = CHAINS[name]
    desk = Chain(MesuClassifier((stages.n_features, 8, 3), classes=range(3)), stages)
    write_export(desk.learner, tmp_path / "export", stages=stages)
    firmware = fs.build_firmware(
        tmp_path / "export", fs.get_board(board), tmp_path / "run", warnings_are_errors=True
    )
    assert firmware.n_features == 2
    device = fs.Device(firmware)
    x, y = signal(130)
    result = device.run_stream(x[:90], y[:90])
    found = [desk.test_then_learn_one(*pair) for pair in zip(x[:90], y[:90].tolist(), strict=True)]
    assert result.predictions.tolist() == [-1 if p is None else p for p in found]
    assert sum(p is not None for p in found) == len(golden.recording(stages, x[:90])) > 7
    assert device.read_state() == desk.learner.state.tobytes()
    ends = result.statuses == 0
    assert (result.statuses[~ends] == NO_FEATURES).all()
    between = result.learn_instructions[~ends]
    assert 0 < between.max() < result.learn_instructions[ends].min()
    for values in x[90:120]:
        ahead = desk.predict_one(values)
        if ahead is None:
            for asked in (device.predict, device.advance):
                with pytest.raises(fs.RefusedError) as refused:
                    asked(values)
                assert refused.value.status == NO_FEATURES
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
    desk = Chain(MesuRegressor((3, 4, 1)), window)
    write_export(desk.learner, tmp_path / "export", stages=Stages(window))
    board = fs.get_board("nrf52840")
    device = fs.Device(fs.build_firmware(tmp_path / "export", board, tmp_path / "run"))
    x, _ = signal(60)
    for values, y in zip(x[:, :1], x[:, 1].tolist(), strict=True):
        ahead = desk.test_then_learn_one(values, y)
        payload = device.run_stream(values[None], np.array([y])).predictions[0]
        assert np.isnan(payload[0]) if ahead is None else payload.tolist() == [*ahead]
    assert device.read_state() == desk.learner.state.tobytes()


def test_a_board_begins_with_what_the_desk_knows_of_the_sensor(tmp_path: Path) -> None:
    stages = Stages((Standardise(200), Delta(), Traces((3,), 5)), 2)
    desk = Chain(MesuClassifier((stages.n_features, 4, 3), classes=range(3)), stages)
    x, y = signal(120)
    for pair in zip(x[:70], y[:70].tolist(), strict=True):
        desk.learn_one(*pair)
    settled = desk.settled()
    write_export(desk.learner, tmp_path / "export", stages=settled)
    assert open_export(tmp_path / "export").stages == settled
    assert settled.start()["standardise"]["mean"].any()
    board = fs.get_board("rp2040")
    device = fs.Device(fs.build_firmware(tmp_path / "export", board, tmp_path / "run"))
    again = Chain(desk.learner, settled)
    for begin, end in ((70, 95), (95, 120)):
        found = [
            again.test_then_learn_one(*pair)
            for pair in zip(x[begin:end], y[begin:end].tolist(), strict=True)
        ]
        result = device.run_stream(x[begin:end], y[begin:end])
        assert result.predictions.tolist() == [-1 if p is None else p for p in found]
        device.reset_time()
        again.reset()
    assert device.read_state() == again.learner.state.tobytes()


def test_the_folder_is_one_truth_with_its_stages(tmp_path: Path) -> None:
    window = Window(16, 6, ("x", "y"), magnitude=True)
    learner = MesuClassifier((window.n_features, 3), classes=range(3))
    folder = tmp_path / "export"
    manifest = write_export(learner, folder, stages=Stages(window))
    opened = open_export(folder)
    assert opened.stages == Stages(window)
    assert opened.remade
    assert manifest["stages"]["chain"][0]["channels"] == ["x", "y"]
    changed = json.loads((folder / "manifest.json").read_text())
    changed["stages"]["hop"] = 7
    (folder / "manifest.json").write_text(json.dumps(changed))
    with pytest.raises(ExportError, match="the manifest says stages"):
        open_export(folder)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert open_export(folder).stages == Stages(window)
    whole = (folder / "stages.json").read_bytes()
    foreign = to_bytes(Stages(Window(16, 7, ("x", "y"), magnitude=True)))
    for bad in (whole[:-9], foreign, b"", b"{}", to_bytes(Stages(Window(16, 6, 1)))):
        for resigned in (False, True):  # with a manifest that has the file's hash
            again = json.loads(json.dumps(manifest))
            if resigned:
                again["files"]["stages.json"] = {
                    "bytes": len(bad),
                    "sha256": hashlib.sha256(bad).hexdigest(),
                }
            (folder / "stages.json").write_bytes(bad)
            (folder / "manifest.json").write_text(json.dumps(again))
            with pytest.raises((ExportError, StateFormatError)):
                open_export(folder)
    write_export(learner, folder)  # without one again: nothing of it is left
    assert open_export(folder).stages is None
    assert not [file.name for file in folder.rglob("*stages*")]
    with pytest.raises(ConfigError, match="gives 39 features, the learner takes 4"):
        write_export(MesuClassifier((4, 2)), folder, stages=Stages(window))
    jsonschema = pytest.importorskip("jsonschema", reason="no jsonschema")
    jsonschema.validate(manifest, schema())


def test_a_log_of_samples_goes_without_stages(tmp_path: Path) -> None:
    window = Window(8, 4, 1, features=("mean", "sd"))
    write_export(MesuClassifier((2, 2)), tmp_path / "export", stages=Stages(window))
    with pytest.raises(fs.InputError, match="no stages in front of it"):
        fs.build_firmware(
            tmp_path / "export", fs.get_board("nrf52840"), tmp_path / "run", log_samples=10
        )
