"""Artefacts: ONNX graphs, the state image, C packages, the manifest."""

from export.opening import Opened, open_export
from export.package import versions, write_export
from export.signing import SigningKey, VerifyKey, new_key

__all__ = [
    "Opened",
    "SigningKey",
    "VerifyKey",
    "new_key",
    "open_export",
    "versions",
    "write_export",
]
