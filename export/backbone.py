"""A backbone's files in an export folder: itself, its C, and its graph."""

from __future__ import annotations

from quant.backbone import Backbone
from quant.backbone.c_text import c_files
from quant.backbone.file import to_bytes
from quant.errors import ConfigError

BACKBONE_FILE, BACKBONE_ONNX_FILE = "backbone.json", "backbone.onnx"


def check_backbone(backbone: Backbone, n_features: int) -> None:
    """Refuse a backbone that does not fit a learner.

    Raises
    ------
    ConfigError
        If it makes another number of features, or is none.
    """
    if not isinstance(backbone, Backbone):
        raise ConfigError(
            f"backbone is a {type(backbone).__name__}: expected a Backbone, as load_backbone(path) "
            "returns it"
        )
    if backbone.n_features != n_features:
        raise ConfigError(
            f"the backbone makes {backbone.n_features} features, the learner takes {n_features}: "
            "give the one that made what the learner learned from"
        )


def backbone_files(backbone: Backbone) -> dict[str, bytes]:
    """Return the files of a backbone: name and content."""
    # ONNX takes its time: only who exports waits
    from export.graph.backbone import backbone_model

    model = backbone_model(backbone).SerializeToString(deterministic=True)
    files = {f"c/{name}": text.encode() for name, text in c_files(backbone).items()}
    return {**files, BACKBONE_FILE: to_bytes(backbone), BACKBONE_ONNX_FILE: model}
