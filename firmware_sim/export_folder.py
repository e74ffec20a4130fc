"""Reading an export folder: nothing is built from a file that is not what the manifest says."""

from __future__ import annotations

import hashlib
import json
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import ExportFolderError

FORMAT = "streamlearn-export"
FORMAT_VERSION = 2

#: Bytes; no export writes so many.
MANIFEST_MAX = 4 << 20

_AGAIN = "export it again"


@dataclass(frozen=True)
class ExportFolder:
    """A verified export folder.

    Attributes
    ----------
    path : Path
    n_features, n_classes : int
        Raw values of a sample: those of the backbone or the first stage, if the learner has one
        in front of it. 0 classes: the learner predicts a number.
    classes : tuple of str
        Class names, in the order of the class indices.
    state_bytes : int
        Size of the learner's state.
    c_sources : tuple of str
        The ``.c`` files to compile, relative to `path`.
    c_files : tuple of str
        Every file under ``c/``, headers included, relative to `path`.
    manifest : dict
        The whole manifest as read.
    """

    path: Path
    n_features: int
    n_classes: int
    classes: tuple[str, ...]
    state_bytes: int
    c_sources: tuple[str, ...]
    c_files: tuple[str, ...]
    manifest: dict[str, Any]

    @property
    def has_start(self) -> bool:
        """Whether the state that a board begins with is made from a seed: no image of it."""
        return "c/sl_state_start.c" in self.c_files

    @property
    def has_backbone(self) -> bool:
        """Whether a backbone stands in front of the learner."""
        return "c/sl_backbone.c" in self.c_files

    @property
    def has_stages(self) -> bool:
        """Whether stages that take a signal stand in front of the learner."""
        return "c/sl_stages.c" in self.c_files

    @property
    def is_spiking(self) -> bool:
        """Whether the network spikes: it then has requests of its own."""
        return "c/sl_trace.h" in self.c_files


def open_export(export_dir: str | Path) -> ExportFolder:
    """Open an export folder and verify every file against the manifest.

    Parameters
    ----------
    export_dir : path
        The folder that holds ``manifest.json`` and ``c/``.

    Raises
    ------
    ExportFolderError
        If the manifest is missing, not JSON, of another format or version or incomplete; if a
        listed file is missing, truncated or changed; if ``c/`` holds a file that the manifest
        does not list.
    """
    path = Path(export_dir)
    manifest = _read_manifest(path)
    files = _field(manifest, "files", dict, path)
    for name, facts in files.items():
        _verify_file(path, name, facts)
    on_disk = {
        item.relative_to(path).as_posix()
        for item in (path / "c").rglob("*")
        if item.is_symlink() or not item.is_dir()
    }
    foreign = sorted(on_disk - set(files))
    if foreign:
        raise ExportFolderError(
            f"{path}: {', '.join(foreign)} is not in the manifest: a file in c/ that the export "
            f"did not write could shadow one that it did; remove it, or {_AGAIN}"
        )
    return _describe(path, manifest, files)


def _describe(path: Path, manifest: dict[str, Any], files: dict[str, Any]) -> ExportFolder:
    sources = _field(manifest, "c_sources", list, path)
    for name in sources:
        if name not in files or not str(name).startswith("c/") or not str(name).endswith(".c"):
            raise ExportFolderError(
                f"{path}: c_sources names {name!r}, which is not a .c file under c/ listed in "
                f"'files'; {_AGAIN}"
            )
    classes = _field(manifest, "classes", list, path)
    n_classes = _field(manifest, "n_classes", int, path)
    if len(classes) != n_classes:
        raise ExportFolderError(
            f"{path}: the manifest says n_classes = {n_classes} but names {len(classes)} classes; "
            f"{_AGAIN}"
        )
    c_files = tuple(sorted(name for name in files if name.startswith("c/")))
    if not sources or "c/sl_learner.h" not in c_files:
        raise ExportFolderError(
            f"{path}: no C sources, or no c/sl_learner.h, in the manifest: this export cannot "
            f"run on a device; {_AGAIN} with the C package"
        )
    return ExportFolder(
        path=path,
        n_features=_n_inputs(manifest, path),
        n_classes=n_classes,
        classes=tuple(str(name) for name in classes),
        state_bytes=_field(manifest, "state_bytes", int, path),
        c_sources=tuple(sources),
        c_files=c_files,
        manifest=manifest,
    )


def _n_inputs(manifest: dict[str, Any], path: Path) -> int:
    if "stages" in manifest:
        return int(_field(_field(manifest, "stages", dict, path), "n_channels", int, path))
    if "backbone" not in manifest:
        return int(_field(manifest, "n_features", int, path))
    return int(_field(_field(manifest, "backbone", dict, path), "n_inputs", int, path))


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / "manifest.json"
    try:
        _regular(path, PurePosixPath(file.name))
        size = file.stat().st_size
        if size > MANIFEST_MAX:
            raise ExportFolderError(f"{file}: {size} bytes, a manifest has at most {MANIFEST_MAX}")
        manifest = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise ExportFolderError(
            f"{path}: no manifest.json here: expected an export folder; export a learner first"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ExportFolderError(f"{file}: cannot be read as JSON ({error}); {_AGAIN}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
        raise ExportFolderError(f"{file}: format is {found!r}, expected {FORMAT!r}")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise ExportFolderError(
            f"{file}: format_version is {manifest.get('format_version')!r}, this version reads "
            f"{FORMAT_VERSION}; {_AGAIN} with the version that is installed"
        )
    return manifest


def _field(manifest: dict[str, Any], name: str, kind: type, path: Path) -> Any:
    value = manifest.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ExportFolderError(
            f"{path}: manifest field {name!r} is {value!r}, expected {kind.__name__}; {_AGAIN}"
        )
    return value


def _verify_file(path: Path, name: str, facts: Any) -> None:
    pure = PurePosixPath(name)
    if not pure.parts or pure.is_absolute() or ".." in pure.parts or "\\" in name or "\0" in name:
        raise ExportFolderError(f"{path}: the manifest lists {name!r}, outside the folder")
    if not isinstance(facts, dict) or "bytes" not in facts or "sha256" not in facts:
        raise ExportFolderError(
            f"{path}: the manifest's entry for {name!r} lacks bytes or sha256; {_AGAIN}"
        )
    try:
        _regular(path, pure)
        size = (path / pure).stat().st_size
        content = (path / pure).read_bytes() if size == facts["bytes"] else b""
    except OSError:
        raise ExportFolderError(
            f"{path}: {name} is listed in the manifest but cannot be read; {_AGAIN}"
        ) from None
    if size != facts["bytes"] or len(content) != size:
        raise ExportFolderError(
            f"{path}: {name} has {size} bytes, the manifest says {facts['bytes']}: "
            f"truncated or replaced; {_AGAIN}"
        )
    digest = hashlib.sha256(content).hexdigest()
    if digest != facts["sha256"]:
        raise ExportFolderError(
            f"{path}: {name} was changed after the export (sha256 {digest[:12]}..., expected "
            f"{str(facts['sha256'])[:12]}...); {_AGAIN}"
        )


def _regular(path: Path, pure: PurePosixPath) -> None:
    """Refuse what is no plain file of the folder: a link leads out, a pipe never ends."""
    at = path
    for part in pure.parts:
        at = at / part
        mode = at.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise ExportFolderError(
                f"{path}: {pure} is or lies behind a link: every file of an export lies in its "
                f"folder; {_AGAIN}"
            )
    if not stat.S_ISREG(mode):
        raise ExportFolderError(f"{path}: {pure} is no regular file; {_AGAIN}")
