"""The export folder: everything a board, a runtime or a colleague needs, with its checksums."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from export.backbone import BACKBONE_FILE, BACKBONE_ONNX_FILE, backbone_files, check_backbone
from export.c_package import c_package
from export.chain_files import STAGES_FILE, STAGES_ONNX_FILE, stages_files
from export.signing import SIGNATURE_FILE, SigningKey
from quant.backbone import Backbone
from quant.backbone.file import sha256 as backbone_sha256
from quant.compiler import zig_version
from quant.description import to_json
from quant.durable import write_durably
from quant.errors import ConfigError
from quant.layout import C_TYPES, Layout
from quant.rule import arithmetic_of, rule_of
from quant.stages import Stages, check_stages
from quant.stages.file import sha256 as stages_sha256
from quant.state import layout_of
from streamlearn import __version__
from streamlearn.learners.base import StreamLearner

FORMAT = "streamlearn-export"
FORMAT_VERSION = 2
STATE_FILE = "state.sls"
ONNX_FILE = "predict.onnx"
LEARN_FILES = ("learn.onnx", "learn_block.onnx")
MANIFEST_FILE = "manifest.json"


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    return {
        "streamlearn": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "onnx": version("onnx"),
        "zig": zig_version(),
    }


def write_export(
    learner: StreamLearner,
    folder: str | Path,
    stream: Mapping[str, Any] | None = None,
    key: SigningKey | None = None,
    backbone: Backbone | None = None,
    stages: Stages | None = None,
) -> dict[str, Any]:
    """Write the ONNX graphs, the state image, the C package and ``manifest.json``.

    ``predict.onnx`` predicts from the state as it is now. ``learn.onnx`` and ``learn_block.onnx``
    learn, of every learner in integers without a memory or a reservoir; the manifest says why an
    export has none. Of a spiking learner there is no ``predict.onnx``: a step needs what the one
    before left, so ``learn.onnx`` predicts as well. ``stages.onnx`` makes a signal's features.

    Parameters
    ----------
    learner : StreamLearner
        In an arithmetic with a C kernel; its state as it is now is what the device starts from.
    folder : path
        Made if missing; files of an earlier export in it are replaced.
    stream : mapping, optional
        How the learner's stream is read, for who feeds it later; it stands in the manifest as it
        is.
    key : SigningKey, optional
        Signs the manifest, which has the hashes of all files (:mod:`export.signing`).
    backbone : Backbone, optional
        What makes the learner's features of raw values. A board then takes raw values.
    stages : Stages, optional
        What makes the learner's features of a signal. A board then takes raw samples; it begins
        with a new recording, for a signal that stopped is another one. ``Chain.settled()`` gives
        stages that know the sensor.

    Returns
    -------
    manifest : dict
        As written.

    Raises
    ------
    ConfigError
        If the learner's arithmetic has no C kernel, as float64, the backbone makes another number
        of features, or the folder holds anything but an earlier export.
    WriteError
        If a file cannot be written, as on a full disk. The folder is then refused by who opens it.
    """
    contents = contents_of(learner, backbone, stages)
    root = Path(folder)
    if root.exists() and any(root.iterdir()) and not _is_export(root):
        raise ConfigError(
            f"{root} holds other files and is no export: give a new or empty folder, or that of "
            "an earlier export"
        )
    (root / "c").mkdir(parents=True, exist_ok=True)
    in_front = (BACKBONE_FILE, BACKBONE_ONNX_FILE, STAGES_FILE, STAGES_ONNX_FILE)
    ours = (ONNX_FILE, *LEARN_FILES, *in_front, SIGNATURE_FILE)
    of_old = (root / name for name in (*ours, "model.onnx"))
    for stale in (*(root / "c").glob("*.[ch]"), *of_old):
        stale.unlink(missing_ok=True)
    # Cut short, it is refused by who opens it, and known again by the next export.
    _write_manifest(root, {"format": FORMAT, "format_version": FORMAT_VERSION})
    for name, data in contents.items():
        write_durably(root / name, data)
    manifest = manifest_of(learner, contents, backbone, stages)
    manifest |= {"versions": versions(), **({} if stream is None else {"stream": dict(stream)})}
    text = _write_manifest(root, manifest)
    if key is not None:
        write_durably(root / SIGNATURE_FILE, key.sign(text, f"state {learner.state_sha256}"))
    return manifest


def contents_of(
    learner: StreamLearner, backbone: Backbone | None = None, stages: Stages | None = None
) -> dict[str, bytes]:
    """Return the files of a learner's export but for the manifest, by name.

    Raises
    ------
    ConfigError
        If the learner's arithmetic has no C kernel, what stands in front is another learner's, or
        there are both a backbone and stages.
    """
    # ONNX takes its time: only who exports waits
    from export.graph.learning import learning_models, why_not
    from export.graph.model import prediction_model

    if arithmetic_of(learner.spec, learner.config, learner.arithmetic).kernel is None:
        kinds = rule_of(learner.config).arithmetics.items()
        on_chip = [name for name, kind in kinds if kind.kernel is not None]
        raise ConfigError(
            f"a {learner.arithmetic} learner cannot be exported: no board runs it; learn with "
            f"arithmetic {' or '.join(on_chip)}"
        )
    contents = {f"c/{name}": text.encode() for name, text in c_package(learner).items()}
    contents[STATE_FILE] = learner.to_bytes()
    if backbone is not None:
        check_backbone(backbone, learner.spec.n_features)
        contents |= backbone_files(backbone)
    if stages is not None:
        if backbone is not None:
            raise ConfigError("a backbone and stages in front of one learner: give one of them")
        check_stages(stages, learner.spec)
        contents |= stages_files(stages)
    given, names = (learner.spec, learner.config), class_names(learner)
    models = {}
    if not learner.spec.leaks:
        models[ONNX_FILE] = prediction_model(*given, learner.state, learner.arithmetic, names)
    if why_not(*given, learner.arithmetic) is None:
        pair = learning_models(*given, learner.arithmetic, learner.state, names)
        models.update(zip(LEARN_FILES, pair, strict=True))
    for name, model in models.items():
        contents[name] = model.SerializeToString(deterministic=True)
    return contents


def manifest_of(
    learner: StreamLearner,
    contents: Mapping[str, bytes],
    backbone: Backbone | None = None,
    stages: Stages | None = None,
) -> dict[str, Any]:
    """Return what a manifest says of a learner and its files: all but versions and stream."""
    from export.graph.learning import why_not
    from export.graph.model import IR_VERSION, OPSET

    no_learning = why_not(learner.spec, learner.config, learner.arithmetic)
    in_front: dict[str, Any] = {} if backbone is None else {"backbone": _described(backbone)}
    if stages is not None:
        in_front["stages"] = {
            "n_channels": stages.n_channels,
            "hop": stages.hop,
            "chain": stages.to_json(),
            "sha256": stages_sha256(stages),
            "state_bytes": stages.layout.n_bytes,
            "state_fields": _stage_fields(stages),
        }
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **to_json(learner.spec, learner.config),
        "arithmetic": learner.arithmetic,
        "n_features": learner.spec.n_features,
        "n_classes": learner.spec.n_classes,
        "classes": class_names(learner),
        "n_samples": learner.n_samples,
        "state_bytes": learner.state.nbytes,
        "state_sha256": learner.state_sha256,
        "state_fields": state_fields(learner),
        **in_front,
        "onnx": {"opset": OPSET, "ir_version": IR_VERSION, "no_learning_because": no_learning},
        "c_sources": sorted(name for name in contents if name.endswith(".c")),
        "files": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in sorted(contents.items())
        },
    }


def _described(backbone: Backbone) -> dict[str, Any]:
    return {
        "n_inputs": backbone.n_inputs,
        "n_features": backbone.n_features,
        "sha256": backbone_sha256(backbone),
    }


def state_fields(learner: StreamLearner) -> list[dict[str, Any]]:
    """Return the fields of a learner's state as JSON values: what a graph that learns is fed."""
    return fields_of(layout_of(learner.spec, learner.config, learner.arithmetic))


def fields_of(layout: Layout) -> list[dict[str, Any]]:
    """Return the fields of any state as JSON values."""
    return [
        {
            "name": field.name,
            "type": C_TYPES[field.dtype],
            "shape": list(field.shape),
            "offset": layout.offsets[field.name],
        }
        for field in layout
    ]


def _stage_fields(stages: Stages) -> list[dict[str, Any]]:
    """Return the fields of a chain's state, what each begins with, and which a recording keeps."""
    first, described = stages.start(), iter(fields_of(stages.layout))
    return [
        {**next(described), "start": first[one.name][name][0].tolist(), "kept": one.kept}
        for one in stages.stages
        for name in one.dtype.names or ()
    ]


def _write_manifest(root: Path, manifest: dict[str, Any]) -> bytes:
    text = (json.dumps(manifest, indent=2) + "\n").encode()
    write_durably(root / MANIFEST_FILE, text)
    return text


def _is_export(root: Path) -> bool:
    """Tell whether an export wrote a folder; other tools have a ``manifest.json`` as well."""
    try:
        found = json.loads((root / MANIFEST_FILE).read_text("utf-8"))
        return isinstance(found, dict) and found.get("format") == FORMAT
    except (OSError, ValueError, RecursionError):
        return False


def class_names(learner: StreamLearner) -> list[str]:
    """Return a text for each class index, each another one.

    A class without a label yet is called "class i", and "class i, without a label" if a label has
    that name.

    Raises
    ------
    ConfigError
        If two labels have one text, such as 1 and "1".
    """
    names: dict[str, object] = {}
    for label in learner.labels:
        if str(label) in names:
            raise ConfigError(
                f"the labels {names[str(label)]!r} and {label!r} would have one name in the "
                "export; teach the learner labels of one type"
            )
        names[str(label)] = label
    for i in range(len(names), learner.spec.n_classes):
        name = f"class {i}"
        while name in names:
            name += ", without a label"
        names[name] = None
    return [*names]
