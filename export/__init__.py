"""Artefacts: ONNX graphs, the state image, C packages, the manifest."""

from export.package import versions, write_export

__all__ = ["versions", "write_export"]
