"""Raw values, backbone, learning: on emulated boards as on the desk, every bit."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from backbone_helpers import convolutional, dense, image_features, samples

import firmware_sim as fs
from export import open_export, write_export
from export.schema import schema
from quant.backbone.file import save, to_bytes
from quant.backbone.golden import features
from quant.errors import ConfigError, ExportError, StateFormatError
from streamlearn import MesuClassifier, cli

CASES = {"nrf52840": convolutional(), "rp2040": dense()}


@pytest.mark.parametrize("board", CASES)
def test_a_board_learns_from_raw_values_what_the_desk_learns(board: str, tmp_path: Path) -> None:
    backbone = CASES[board]
    learner = MesuClassifier((backbone.n_features, 6, 3), classes=range(3))
    write_export(learner, tmp_path / "export", backbone=backbone)
    firmware = fs.build_firmware(
        tmp_path / "export", fs.get_board(board), tmp_path / "run", warnings_are_errors=True
    )
    assert firmware.n_features == backbone.n_inputs
    device = fs.Device(firmware)
    x = samples(backbone, 60)
    y = np.arange(60) % 3
    result = device.run_stream(x, y)
    seen = features(backbone, x)
    assert result.predictions.tolist() == learner.test_then_learn_many(seen, y)
    assert device.read_state() == learner.state.tobytes()
    assert device.predict(x[7]) == learner.predict_one(seen[7])
    assert device.predict(x[7], draws=False) == learner.predict_one(seen[7], draws=False)
    assert len(np.unique(seen)) > 3
    assert result.learn_instructions.min() > backbone.n_products  # the backbone's are counted
    bad = x[:1].copy()
    bad[0, 3] = np.nan
    assert device.run_stream(bad, y[:1], on_refusal="record").statuses.tolist() == [6]
    assert device.read_state() == learner.state.tobytes()


def test_the_folder_is_one_truth_with_its_backbone(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="no jsonschema")
    backbone = image_features()
    learner = MesuClassifier((12, 3), classes=range(3))
    folder = tmp_path / "export"
    manifest = write_export(learner, folder, backbone=backbone)
    jsonschema.validate(manifest, schema())
    opened = open_export(folder)
    assert opened.backbone is not None
    assert to_bytes(opened.backbone) == to_bytes(backbone)
    assert opened.remade

    def put(name: str, data: bytes) -> None:
        (folder / name).write_bytes(data)
        found = json.loads((folder / "manifest.json").read_text())
        found["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        (folder / "manifest.json").write_text(json.dumps(found))

    for name, error, says in (
        ("backbone.json", ExportError, "of different exports"),
        ("backbone.onnx", ExportError, "of different exports"),
        ("c/sl_backbone_data.c", ExportError, "of different exports"),
        ("backbone.json", StateFormatError, "no backbone"),
    ):
        write_export(learner, folder, backbone=backbone)
        data = (folder / name).read_bytes()
        other = to_bytes(image_features(1)) if name == "backbone.json" else data.replace(b"1", b"2")
        put(name, b"{}" if error is StateFormatError else other)
        with pytest.raises(error, match=says):
            open_export(folder)

    write_export(learner, folder)  # without one again: nothing of it is left
    assert open_export(folder).backbone is None
    assert not [file.name for file in folder.rglob("*backbone*")]


def test_a_backbone_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="makes 12 features, the learner takes 4"):
        write_export(MesuClassifier((4, 2)), tmp_path / "export", backbone=image_features())


def test_the_command_line_exports_with_one_and_follow_refuses_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backbone = image_features()
    (tmp_path / "run").mkdir()
    MesuClassifier((12, 3), classes=range(3)).save(tmp_path / "run" / "state.sls")
    save(backbone, tmp_path / "backbone.json")
    to = ["--to", str(tmp_path / "export"), "--backbone", str(tmp_path / "backbone.json")]
    assert cli.run(["export", str(tmp_path / "run"), *to]) == 0
    opened = open_export(tmp_path / "export")
    assert opened.backbone is not None
    assert to_bytes(opened.backbone) == to_bytes(backbone)
    rows = ",".join(f"x{i}" for i in range(16)) + ",y\n" + ",".join(["1"] * 17) + "\n"
    (tmp_path / "raw.csv").write_text(rows)
    given = ["--stream", str(tmp_path / "raw.csv"), "--label", "y", "--out", str(tmp_path / "f")]
    capsys.readouterr()
    assert cli.run(["follow", str(tmp_path / "export"), *given]) == 1
    assert "has a backbone in front of its learner" in capsys.readouterr().err
