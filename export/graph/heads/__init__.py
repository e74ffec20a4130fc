"""The heads as ONNX nodes, by the names of :data:`quant.heads.HEADS`."""

from __future__ import annotations

from collections.abc import Mapping

from export.graph.heads import categorical, gaussian
from export.graph.heads.verbs import Verbs

HEADS: Mapping[str, Verbs] = {"categorical": categorical, "gaussian": gaussian}
