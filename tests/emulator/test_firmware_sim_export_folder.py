"""Nothing is built from a file that is not what the manifest says."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import firmware_sim_helpers as helpers
import pytest

import firmware_sim as fs


def edit(export: Path, **changes: object) -> None:
    file = export / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest.update(changes)
    file.write_text(json.dumps(manifest))


def truncate(export: Path) -> None:
    file = export / "c" / "sl_state_image.c"
    file.write_bytes(file.read_bytes()[:-10])


def flip(export: Path) -> None:
    file = export / "c" / "sl_learner.c"
    file.write_bytes(file.read_bytes().replace(b"256", b"255"))


def linked(export: Path) -> None:
    """The same bytes, but from elsewhere."""
    file, other = export / "c" / "sl_learner.c", export.parent / "elsewhere.c"
    file.rename(other)
    file.symlink_to(other)


def linked_folder(export: Path) -> None:
    (export / "c").rename(export.parent / "c")
    (export / "c").symlink_to(export.parent / "c")


def pipe(export: Path) -> None:
    """Who reads it waits for ever."""
    file = export / "c" / "sl_learner.c"
    file.unlink()
    os.mkfifo(file)


def huge(export: Path) -> None:
    """Refused by its size, before anything is read."""
    os.truncate(export / "c" / "sl_learner.c", 1 << 36)


def outside(export: Path) -> None:
    edit(export, files={"../c.c": {"bytes": 1, "sha256": ""}})


def manifest_pipe(export: Path) -> None:
    (export / "manifest.json").unlink()
    os.mkfifo(export / "manifest.json")


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (lambda e: (e / "manifest.json").unlink(), "no manifest.json"),
        (lambda e: (e / "manifest.json").write_text("{"), "cannot be read as JSON"),
        (lambda e: (e / "manifest.json").write_text("[1]"), "format is 'list'"),
        (lambda e: (e / "manifest.json").write_text("[" * 100_000), "cannot be read as JSON"),
        (lambda e: os.truncate(e / "manifest.json", 1 << 36), "a manifest has at most"),
        (manifest_pipe, "no regular file"),
        (lambda e: edit(e, format="other"), "format is 'other'"),
        (lambda e: edit(e, format_version=3), "format_version is 3"),
        (lambda e: edit(e, n_features=None), "'n_features' is None"),
        (lambda e: edit(e, n_features=True), "'n_features' is True"),
        (lambda e: edit(e, classes=["a"]), "names 1 classes"),
        (lambda e: edit(e, c_sources=[]), "no C sources"),
        (lambda e: edit(e, c_sources=["manifest.json"]), "c_sources names"),
        (lambda e: edit(e, files={"c/x.c": 1}), "lacks bytes or sha256"),
        (outside, "outside the folder"),
        (truncate, "truncated or replaced"),
        (huge, "truncated or replaced"),
        (linked, "behind a link"),
        (linked_folder, "behind a link"),
        (pipe, "no regular file"),
        (lambda e: os.mkfifo(e / "c" / "string.h"), "not in the manifest"),
        (lambda e: (e / "c" / "string.h").symlink_to("nowhere"), "not in the manifest"),
        (lambda e: edit(e, files={"c": {"bytes": 1, "sha256": ""}}), "no regular file"),
        (lambda e: edit(e, files={"c/\0": {"bytes": 1, "sha256": ""}}), "outside the folder"),
        (flip, "was changed after the export"),
        (lambda e: (e / "c" / "sl_learner.h").unlink(), "cannot be read"),
        (lambda e: (e / "c" / "string.h").write_text(""), "not in the manifest"),
    ],
)
def test_a_tampered_folder_is_refused(
    tmp_path: Path, tamper: Callable[[Path], object], message: str
) -> None:
    export = helpers.make_export(tmp_path / "export")
    assert fs.open_export(export).n_features == 8
    tamper(export)
    with pytest.raises(fs.ExportFolderError, match=message):
        fs.build_firmware(export, fs.get_board(), tmp_path / "out")
    assert not (tmp_path / "out" / "firmware.elf").exists()


@pytest.mark.parametrize(
    ("name", "value"), [("n_features", 9), ("n_classes", 2), ("state_bytes", 64)]
)
def test_a_manifest_that_disagrees_with_the_code_is_refused(
    tmp_path: Path, name: str, value: int
) -> None:
    export = helpers.make_export(tmp_path / "export")
    edit(export, **{name: value})
    if name == "n_classes":
        edit(export, classes=["a", "b"])
    with pytest.raises(fs.ExportFolderError, match=f"{name}: the manifest says {value}"):
        fs.build_firmware(export, fs.get_board(), tmp_path / "out")
