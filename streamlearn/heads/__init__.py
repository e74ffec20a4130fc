"""The heads in float64, by the names of :data:`quant.heads.HEADS`."""

from __future__ import annotations

from collections.abc import Mapping

from quant.heads.head import Verbs
from streamlearn.heads import categorical, gaussian

HEADS: Mapping[str, Verbs] = {"categorical": categorical, "gaussian": gaussian}
