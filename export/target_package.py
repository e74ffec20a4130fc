"""A package for one ecosystem: the kernel, an example, names in C, sizes, a README."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from export.c_names import (
    DEFAULT_PREFIX,
    c_string,
    check_prefix,
    filled,
    renamed,
    renamed_path,
)
from export.c_package import c_package
from export.package import class_names
from export.targets import TARGETS_DIR, Target, target, targets
from quant.description import to_json
from quant.durable import write_durably
from quant.errors import ConfigError
from quant.image import decode_image
from quant.rule import rule_of
from quant.state import state_to_bytes
from streamlearn import __version__
from streamlearn.learners.base import StreamLearner

MARK_FILE = "streamlearn-package.json"
FORMAT = "streamlearn-package"
#: Shared files that lie beside the kernel, in every package.
_BESIDE = ("sl_model.h", "sl_model.c", "sl_store.h", "sl_store.c", "sl_port.h")
_BLOCK, _HEAD, _TAIL, _PAGE = 256, 16, 8, 4096
_SIZES = """\
/* Generated: what this learner's package is built with. Do not edit. */
#ifndef SL_MODEL_SIZES_H
#define SL_MODEL_SIZES_H

#include <stdint.h>

#define SL_MODEL_FEATURES    {features}
#define SL_MODEL_CLASSES     {classes} /* 0: it predicts a number */
#define SL_MODEL_STATE_BYTES {state}u
#define SL_MODEL_SLOT_BYTES  {slot}u
#define SL_MODEL_ID          {number:#010x}u /* of its settings and its exported state */
{check}
typedef {target} sl_model_target;

#endif
"""

_NAMES = """\
/* Generated: the names of features and classes, UTF-8. Do not edit. */
#include "sl_model.h"

const char *const sl_model_feature_names[SL_MODEL_FEATURES] = {{
{features}
}};

const char *const sl_model_class_names[SL_MODEL_CLASSES + 1] = {{
{classes}
}};
"""


def package_sources(learner: StreamLearner) -> dict[str, str]:
    """Return the C files of a package, the example not included: name and text, prefix ``sl``."""
    files = c_package(learner)
    for name in _BESIDE:
        files[name] = (TARGETS_DIR / "shared" / name).read_text("utf-8")
    state, described = state_to_bytes(learner.state), to_json(learner.spec, learner.config)
    settings = json.dumps(described, sort_keys=True).encode()
    files["sl_model_sizes.h"] = _SIZES.format(
        features=learner.spec.n_features,
        classes=learner.spec.n_classes,
        state=len(state),
        slot=slot_bytes(len(state)),
        number=zlib.crc32(state, zlib.crc32(settings)),
        check="#define SL_MODEL_HAS_CHECK   1\n" if "sl_state_check.c" in files else "",
        target="uint32_t" if learner.spec.n_classes else "float",
    )
    classes = [*map(c_string, class_names(learner)), "0"]
    files["sl_model_names.c"] = _NAMES.format(
        features="\n".join(f"    {c_string(name)}," for name in feature_names(learner)),
        classes="\n".join(f"    {name}," for name in classes),
    )
    return files


def slot_bytes(state_bytes: int) -> int:
    """Return the bytes that a saved record takes: whole blocks."""
    return -(-(_HEAD + state_bytes + _TAIL) // _BLOCK) * _BLOCK


def feature_names(learner: StreamLearner) -> list[str]:
    """Return a text for each feature: its name, or "feature i" where none was given."""
    given = decode_image(learner.to_bytes()).features
    return (
        [f"feature {i}" for i in range(learner.spec.n_features)]
        if given is None
        else [str(name) for name in given]
    )


def write_package(
    learner: StreamLearner,
    folder: str | Path,
    target_name: str,
    prefix: str = DEFAULT_PREFIX,
    sizes: str = "",
) -> list[str]:
    """Write a learner as a package of one ecosystem.

    Parameters
    ----------
    learner : StreamLearner
        In an arithmetic with a C kernel; its state as it is now is what the board starts from.
    folder : path
        Made if missing; an earlier package in it is replaced.
    target_name : str
        One of :func:`export.targets.targets`.
    prefix : str
        Before every C name and file, so that several learners fit into one program.
    sizes : str
        A table for the README, in markdown.

    Returns
    -------
    files : list of str
        What was written, in order.

    Raises
    ------
    ConfigError
        If there is no such target, the prefix is none, or the folder holds anything but an earlier
        package.
    BuildError
        If the learner's arithmetic has no C kernel.
    WriteError
        If a file cannot be written.
    """
    if target_name not in targets():
        raise ConfigError(f"target {target_name!r}: expected one of {', '.join(targets())}")
    chosen, root = target(target_name), Path(folder)
    contents = package_files(learner, chosen, check_prefix(prefix), sizes)
    _clear(root)
    for name, text in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, text)
    return list(contents)


def package_files(
    learner: StreamLearner, chosen: Target, prefix: str, sizes: str = ""
) -> dict[str, str]:
    """Return the files of a package: path and text, the list of them first."""
    sources = {
        f"{chosen.sources}/{renamed(name, prefix)}": renamed(text, prefix)
        for name, text in sorted(package_sources(learner).items())
    }
    values = _values(learner, chosen, prefix, list(sources), sizes)
    own = {
        renamed_path(at, prefix): renamed(
            filled("".join(part.read_text("utf-8") for part in parts), values), prefix
        )
        for at, parts in chosen.files.items()
    }
    readme = (TARGETS_DIR / "shared" / "README.md").read_text("utf-8")
    own["README.md"] = filled(readme, values)
    mark = {"format": FORMAT, "target": chosen.name, "prefix": prefix}
    files = sorted([*own, *sources])
    return {MARK_FILE: json.dumps({**mark, "files": files}, indent=2) + "\n", **own, **sources}


def _values(
    learner: StreamLearner, chosen: Target, prefix: str, sources: Sequence[str], sizes: str
) -> dict[str, str]:
    spec, name = learner.spec, f"streamlearn_{prefix}"
    compiled = [source for source in sources if source.endswith(".c")]
    does = f"one of {spec.n_classes} classes" if spec.n_classes else "a number"
    rule = rule_of(learner.config).name
    slot = slot_bytes(learner.state.nbytes)
    classes = enumerate(class_names(learner))
    values = {
        "TITLE": f"{name}, {chosen.kind}",
        "NAME": name,
        "NAME_UPPER": name.upper(),
        "PREFIX": prefix,
        "PREFIX_UPPER": prefix.upper(),
        "VERSION": __version__,
        "KIND": chosen.kind,
        "SENTENCE": f"Predicts {does} from {spec.n_features} sensor values.",
        "DESCRIPTION": f"Predicts {does} from {spec.n_features} sensor values (network {spec}, "
        f"rule {rule}, {learner.arithmetic}).",
        "SOURCE_LINES": "\n    ".join(compiled),
        "SOURCE_LINES_HERE": "\n    ".join(f"${{CMAKE_CURRENT_LIST_DIR}}/{s}" for s in compiled),
        "SIZES": sizes or "Not measured.",
        "SLOT_BYTES": f"{slot:,}",
        "STATE_BYTES": f"{learner.state.nbytes:,}",
        "PARTITION_BYTES": f"{2 * -(-slot // _PAGE) * _PAGE:#x}",
        "KINDS": str(spec.n_classes or 10),
        "N_FEATURES": str(spec.n_features),
        "N_SAMPLES": f"{learner.n_samples:,}",
        "STATE_SHA256": learner.state_sha256,
        "CLASS_ROWS": "\n".join(f"| {k} | {_in_row(text)} |" for k, text in classes)
        or "| – | it predicts a number |",
        "FEATURES": _listed(feature_names(learner)),
    }
    said = {key.upper(): filled(text, values) for key, text in chosen.texts.items()}
    return {**values, **{key: renamed_path(text, prefix) if key in ("SENSOR", "PORT") else text
                         for key, text in said.items()}}  # fmt: skip


def _in_row(text: str) -> str:
    """Return a text that keeps a row of a markdown table in one line."""
    return " ".join(text.split()).replace("|", "\\|")


def _listed(names: Sequence[str]) -> str:
    """Return names in a row; of many the first and the last ones."""
    shown = [f"`{_in_row(name)}`" for name in names]
    return ", ".join(shown if len(shown) <= 12 else [*shown[:6], "…", *shown[-3:]])


def _clear(root: Path) -> None:
    """Remove the files of an earlier package; refuse what is none."""
    if not root.exists():
        root.mkdir(parents=True)
        return
    if not any(root.iterdir()):
        return
    found = _mark_of(root)
    if found is None:
        raise ConfigError(
            f"{root} holds other files and is no package: give a new or empty folder, or that of "
            "an earlier package"
        )
    for name in found:
        path = PurePosixPath(name)
        if not path.is_absolute() and ".." not in path.parts:
            (root / path).unlink(missing_ok=True)


def _mark_of(root: Path) -> list[str] | None:
    """Return the files that an earlier package wrote, or None if the folder is none."""
    try:
        found: Any = json.loads((root / MARK_FILE).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return None
    files = found.get("files")
    return [str(name) for name in files] if isinstance(files, list) else None
