"""A file of predicted numbers that grows with a run: CSV, or one JSON object per line."""

from __future__ import annotations

import math
from typing import Any

from streamlearn.watching.predictions import NUMBER_COLUMNS, Predicted, PredictionsFile

#: Digits that tell one float32 from the next.
DIGITS = 9


class NumbersFile(PredictionsFile):
    """Writes a row for every sample of a regression: mean, target if any, and both deviations.

    Parameters
    ----------
    path, names, size
        As of a PredictionsFile; there are no names.

    Notes
    -----
    Numbers have the nine digits that tell one float32 from the next. A deviation that is not known
    yet is left out, as is the target of a row that has none.
    """

    wants: frozenset[str] = frozenset()
    columns = NUMBER_COLUMNS

    def _table(self, block: Predicted) -> Any:
        mean, aleatoric, epistemic = block.predictions.T.tolist()
        n = len(block.labels)
        return zip(
            range(block.first + 1, block.first + n + 1),
            block.lines.tolist(),
            map(_number, mean),
            map(_number, block.labels.tolist()),
            map(_number, aleatoric),
            map(_number, epistemic),
            strict=True,
        )


def _number(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
