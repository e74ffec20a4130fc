"""The learner that a run folder keeps."""

from __future__ import annotations

from pathlib import Path

from streamlearn.cli import checkpoints
from streamlearn.cli.checkpoints import CHECKPOINT_DIR
from streamlearn.cli.endings import CommandError
from streamlearn.cli.folders import MANIFEST_FILE, STATE_FILE, entry, read_manifest
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.loading import load, read


def learner_of(run_dir: Path) -> StreamLearner:
    """Return the learner of a run folder: the latest that was kept, and whole.

    Raises
    ------
    CommandError
        If it holds none, or an image that its manifest does not know: one of another time.
    StateFormatError
        If the image is damaged.
    """
    image, described = run_dir / STATE_FILE, read_manifest(run_dir)
    known = None if described is None else described.get("files", {}).get(STATE_FILE)
    if image.is_file():
        data = image.read_bytes()
        if described is None or known == entry(data):
            return read(data, str(image))
    found = checkpoints.newest(run_dir)
    if found is not None:
        return read(found.image, f"{run_dir / CHECKPOINT_DIR}, sample {found.n_samples}")
    if image.is_file() and described is not None:
        load(image)  # damaged: says so
        raise CommandError(
            f"{image} is not what {run_dir / MANIFEST_FILE} describes: a command was cut short in "
            "this folder; run it again"
        )
    raise CommandError(
        f"{image} is missing: {run_dir} is no run folder; make one with "
        "`streamlearn run … --out DIR` or `streamlearn demo --out DIR`"
    )


def exported_learner(source: Path) -> StreamLearner:
    """Return what ``export`` is given: the learner of a state image, or of a run folder.

    Raises
    ------
    CommandError, StateFormatError
        As of :func:`learner_of`, or of an image.
    """
    return load(source) if source.is_file() else learner_of(source)


def any_learner(path: Path, signed_by: Path | None = None) -> tuple[str, StreamLearner]:
    """Return what a path is, in words, and its learner: a state image, an export or a run folder.

    Raises
    ------
    CommandError
        If there is nothing, or nothing that holds a learner.
    StateFormatError
        If the image is damaged.
    ExportError
        If an export folder is not what its manifest says.
    """
    from export import open_export
    from export.package import FORMAT

    if path.is_dir():
        described = read_manifest(path)
        if described is not None and described.get("format") == FORMAT:
            return "export folder", open_export(path, signed_by).learner
        if signed_by is None:
            return "run folder", learner_of(path)
    if signed_by is not None:
        raise CommandError(f"--signed-by: {path} is no export folder, and only these are signed")
    if not path.exists():
        raise CommandError(f"{path} does not exist: give a state image, an export or a run folder")
    return "state image", load(path)
