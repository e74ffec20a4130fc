"""Opening an export folder: manifest, state, graphs and C say the same, or it is refused.

The state image is read first; from the learner in it everything else is made anew and compared, so
that no statement of the folder is believed.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from export.backbone import BACKBONE_FILE
from export.chain_files import STAGES_FILE, STAGES_ONNX_FILE
from export.package import (
    FORMAT,
    FORMAT_VERSION,
    LEARN_FILES,
    MANIFEST_FILE,
    ONNX_FILE,
    STATE_FILE,
    class_names,
    contents_of,
    manifest_of,
    versions,
)
from export.signing import SIGNATURE_FILE, VerifyKey
from quant.backbone import Backbone
from quant.backbone.file import from_bytes
from quant.description import to_json
from quant.errors import ConfigError, ExportError
from quant.stages import Stages
from quant.stages import file as stages_file
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.loading import read
from streamlearn.version import __version__

MANIFEST_MAX = 4 << 20
FILE_MAX = 1 << 30
#: What a manifest has beside what the learner says.
FREE = ("versions", "stream")
_AGAIN = "export it again"


@dataclass(frozen=True)
class Opened:
    """An export folder of which every part agrees.

    Attributes
    ----------
    learner : StreamLearner
    manifest : dict
    signed_by : str or None
        Name of the key whose signature was verified.
    remade : bool
        Whether graphs and C were compared byte by byte with what this version makes of the learner;
        if another version wrote them, with what they say of themselves.
    backbone : Backbone or None
        What stands in front of the learner.
    stages : Stages or None
        What else may stand there.
    """

    learner: StreamLearner
    manifest: dict[str, Any]
    signed_by: str | None
    remade: bool
    backbone: Backbone | None = None
    stages: Stages | None = None


def open_export(folder: str | Path, signed_by: str | Path | None = None) -> Opened:
    """Open an export folder; nothing is returned of one whose parts do not agree.

    Parameters
    ----------
    folder : path
    signed_by : path, optional
        The public key whose signature the manifest has to have (:mod:`export.signing`).

    Raises
    ------
    ExportError
        If a file is missing, changed, a link or no regular file; the manifest says anything that is
        not so of the state in the folder; a graph or a C source is not that of the state; or the
        signature is not the key's.
    StateFormatError
        If the state image, the backbone or the chain of stages is damaged, or holds what no learner
        comes to.
    """
    root = Path(folder)
    text = _contents(root, MANIFEST_FILE, None, MANIFEST_MAX)
    signer = None
    if signed_by is not None:
        key = VerifyKey.load(signed_by)
        signature = _contents(root, SIGNATURE_FILE, None, MANIFEST_MAX).decode("utf-8", "replace")
        key.verify(text, signature, f"{root / MANIFEST_FILE}")
        signer = key.name
    manifest = _parsed(root, text)
    files = _files(root, manifest)
    learner = read(_listed(root, STATE_FILE, files), str(root / STATE_FILE))
    backbone = None
    if BACKBONE_FILE in files:
        backbone = from_bytes(_listed(root, BACKBONE_FILE, files), str(root / BACKBONE_FILE))
    stages = None
    if STAGES_FILE in files:
        stages = stages_file.from_bytes(_listed(root, STAGES_FILE, files), str(root / STAGES_FILE))
    try:
        remade = contents_of(learner, backbone, stages)
    except ConfigError as error:
        raise ExportError(f"{root}: no export has such a state: {error}") from error
    told, now = manifest["versions"], versions()
    ours = all(told.get(name) == now[name] for name in ("streamlearn", "onnx"))
    known = manifest_of(learner, remade, backbone, stages)
    for member, value in known.items():
        if member in ("files", "c_sources") and not ours:
            continue
        if _plain(manifest.get(member)) != _plain(value):
            raise ExportError(
                f"{root}: the manifest says {member} = {_short(manifest.get(member))}, the state "
                f"in {STATE_FILE} {_short(value)}: they are of different exports; {_AGAIN}"
            )
    unknown = sorted(set(manifest) - set(known) - set(FREE))
    if unknown:
        raise ExportError(f"{root}: the manifest has {unknown}, which no export writes; {_AGAIN}")
    for file in files:
        data = _listed(root, file, files)
        if ours and data != remade[file]:
            raise ExportError(
                f"{root}: {file} is not what the state in {STATE_FILE} gives: it was changed, or "
                f"another build of streamlearn {__version__} wrote it; {_AGAIN}"
            )
        if not ours:
            _says(root, file, data, learner, stages)
    _no_others(root, files)
    return Opened(learner, manifest, signer, ours, backbone, stages)


def _contents(root: Path, name: str, size: int | None, most: int) -> bytes:
    """Read a regular file of the folder, through no link, of a size that is known or bounded."""
    at = root
    try:
        for part in PurePosixPath(name).parts:
            at = at / part
            mode = at.lstat().st_mode
            if stat.S_ISLNK(mode):
                raise ExportError(f"{root}: {name} is or lies behind a link; {_AGAIN}")
        if not stat.S_ISREG(mode):
            raise ExportError(f"{root}: {name} is no regular file; {_AGAIN}")
        found = at.stat().st_size
        if found > most or (size is not None and found != size):
            expected = f"the manifest says {size}" if size is not None else f"at most {most}"
            raise ExportError(f"{root}: {name} has {found} bytes, {expected}; {_AGAIN}")
        with at.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise ExportError(
            f"{root}: {name} cannot be read ({error.strerror}): expected an export folder; {_AGAIN}"
        ) from None


def _parsed(root: Path, text: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a name stands there twice")
        return found

    def refused(word: str) -> float:
        raise ValueError(f"{word} is no number of JSON")

    try:
        manifest = json.loads(
            text.decode("utf-8"), object_pairs_hook=unique, parse_constant=refused
        )
    except (ValueError, RecursionError) as error:
        raise ExportError(f"{root / MANIFEST_FILE}: no JSON: {error}; {_AGAIN}") from None
    if not isinstance(manifest, dict):
        raise ExportError(
            f"{root / MANIFEST_FILE}: a {type(manifest).__name__}, expected an object; {_AGAIN}"
        )
    for name, expected in (("format", FORMAT), ("format_version", FORMAT_VERSION)):
        if _plain(manifest.get(name)) != _plain(expected):
            raise ExportError(
                f"{root}: {name} is {_short(manifest.get(name))}, this version reads {expected!r}; "
                f"{_AGAIN} with the version that is installed"
            )
    told = manifest.get("versions")
    if not isinstance(told, dict) or not all(isinstance(v, str) for v in told.values()):
        raise ExportError(f"{root}: versions is {_short(told)}, expected names and texts; {_AGAIN}")
    if not isinstance(manifest.get("stream", {}), dict):
        raise ExportError(
            f"{root}: stream is {_short(manifest['stream'])}, expected an object; {_AGAIN}"
        )
    return manifest


def _files(root: Path, manifest: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Return size and SHA-256 of each listed file."""
    listed, found = manifest.get("files"), {}
    for name, facts in listed.items() if isinstance(listed, dict) else ():
        pure = PurePosixPath(name)
        if (
            str(pure) != name
            or pure.is_absolute()
            or ".." in pure.parts
            or set(name) & {"\\", "\0"}
        ):
            raise ExportError(f"{root}: the manifest lists {_short(name)}, outside the folder")
        size, digest = (
            (facts.get(k) for k in ("bytes", "sha256")) if isinstance(facts, dict) else (0, 0)
        )
        if type(size) is not int or not isinstance(digest, str) or not 0 <= size <= FILE_MAX:
            raise ExportError(
                f"{root}: the entry of {name} is {_short(facts)}, expected bytes and sha256; "
                f"{_AGAIN}"
            )
        found[name] = (size, digest)
    if STATE_FILE not in found:
        raise ExportError(
            f"{root}: files is {_short(listed)}, expected {STATE_FILE} and more; {_AGAIN}"
        )
    return found


def _listed(root: Path, name: str, files: dict[str, tuple[int, str]]) -> bytes:
    size, digest = files[name]
    data = _contents(root, name, size, size)
    if hashlib.sha256(data).hexdigest() != digest:
        raise ExportError(f"{root}: {name} was changed after the export; {_AGAIN}")
    return data


def _no_others(root: Path, files: Iterable[str]) -> None:
    on_disk = {
        item.relative_to(root).as_posix()
        for item in (root / "c").rglob("*")
        if item.is_symlink() or not item.is_dir()
    }
    others = sorted(on_disk - set(files))
    if others:
        raise ExportError(f"{root}: {', '.join(others)} is not in the manifest; {_AGAIN}")


def _says(
    root: Path, name: str, data: bytes, learner: StreamLearner, stages: Stages | None
) -> None:
    """Compare what a file of another version says of its learner, or of its stages."""
    if name == STAGES_ONNX_FILE:
        of = _metadata(root, name, data).get("stages_sha256")
        if stages is None or of != stages_file.sha256(stages):
            raise ExportError(f"{root}: {name} is of other stages than {STAGES_FILE}; {_AGAIN}")
    if name in (ONNX_FILE, *LEARN_FILES):
        said = _metadata(root, name, data)
        expected = {
            "arithmetic": learner.arithmetic,
            "state_sha256": learner.state_sha256,
            "classes": json.dumps(class_names(learner)),
        }
        for key, value in expected.items():
            if said.get(key) != value:
                raise ExportError(
                    f"{root}: {name} says {key} = {_short(said.get(key))}, the state "
                    f"{_short(value)}; {_AGAIN}"
                )
        try:
            spec = json.loads(said.get("spec", ""))
        except (ValueError, RecursionError):
            spec = None
        if spec != to_json(learner.spec, learner.config):
            raise ExportError(f"{root}: {name} is of another network or configuration; {_AGAIN}")
    if name == "c/sl_state_image.c":
        body = data.decode("ascii", "replace").partition("= {")[2].partition("}")[0]
        values = [word.strip() for word in body.split(",") if word.strip()]
        if values != [str(byte) for byte in learner.state.tobytes()]:
            raise ExportError(f"{root}: {name} holds another state than {STATE_FILE}; {_AGAIN}")


def _metadata(root: Path, name: str, data: bytes) -> dict[str, str]:
    import onnx

    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf has its own, whatever is installed
        raise ExportError(f"{root}: {name} is no ONNX model: {type(error).__name__}") from error
    return {entry.key: entry.value for entry in model.metadata_props}


def _plain(value: Any) -> str:
    """Return JSON text: 1, 1.0 and true are different values."""
    return json.dumps(value, sort_keys=True)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
