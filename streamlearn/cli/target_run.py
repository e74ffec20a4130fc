"""``streamlearn run --task regression``: what is another than in a run of a classifier."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamlearn.by_index import runs
from streamlearn.cli.blocks import Rows
from streamlearn.cli.checkpoints import Checkpoint
from streamlearn.cli.common import target_metrics
from streamlearn.cli.observers import Block
from streamlearn.cli.record import RunRecord, delay_of
from streamlearn.cli.rules import is_exact
from streamlearn.cli.run_report import engine_of
from streamlearn.cli.sitting import Run
from streamlearn.cli.whole_samples import Stops
from streamlearn.evaluation import RegressionMetrics
from streamlearn.evaluation.error_curve import ErrorCurve
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.regressor import StreamRegressor
from streamlearn.report import ReportData


@dataclass(frozen=True, eq=False)
class TargetResult:
    """A whole run of a regressor, in figures.

    Parameters
    ----------
    figures
        Of all samples that were learned.
    seconds
        Time spent inside the learner.
    predictions_sha256
        Of all predictions (:class:`streamlearn.evaluation.Fingerprint`).
    interrupted
        Whether a signal ended it.
    """

    figures: RegressionMetrics
    seconds: float
    predictions_sha256: str
    interrupted: bool

    @property
    def n_samples(self) -> int:
        """Number of samples that were tested and learned."""
        return self.figures.n_samples


class TargetRecord(RunRecord):
    """What happened in a run of a regressor; its ``metrics`` are RegressionMetrics."""

    def _begin(self, learner: StreamLearner, start: Checkpoint) -> None:
        del learner
        self.metrics = (
            RegressionMetrics.from_dict(start.metrics)
            if start.metrics
            else RegressionMetrics(label_delay=delay_of(start))
        )
        self.curves = {}

    def _count(self, block: Block) -> int:
        known = ~np.isnan(block.labels)
        self.metrics.update_many(block.labels[known], block.predictions[known])
        return int(known.sum())

    def result(self, interrupted: bool) -> TargetResult:
        """Return the whole run as one evaluation."""
        return TargetResult(self.metrics, self.seconds, self._hash.hexdigest(), interrupted)


class WholeTargets(Stops):
    """A regressor whose samples no signal can split."""

    def __init__(self, learner: StreamRegressor) -> None:
        super().__init__()
        self.learner = learner

    def test_then_learn_block(
        self, x: NDArray[np.float32], y: NDArray[np.floating[Any]], /
    ) -> NDArray[np.floating[Any]]:
        """Predict, then learn, each row in turn, with the bits of the learner's own verbs.

        Parameters
        ----------
        x : float32[n, n_features]
            Finite, in the learner's order of features.
        y : float[n]
            Targets, each a float32; NaN: none, and the row is predicted only.

        Returns
        -------
        float[n, 3]
            Mean, aleatoric and epistemic standard deviation.

        Raises
        ------
        ShapeError, InputValueError
            As the learner; nothing was learned.
        DivergedError
            The learner is then as before the block.
        """
        learner = self.learner
        found: list[NDArray[np.floating[Any]]] = []
        with learner._lock:
            values, state = learner._read_many(x), learner._state.copy()
            for part in runs(~np.isnan(y)):
                if np.isnan(y[part.start]):
                    predicted = learner._engine.predict_many(state, values[part])[0]
                else:
                    predicted = learner._engine.learn_many(state, values[part], y[part])
                found.append(predicted)
            learner._state = state
        return np.concatenate(found) if found else np.zeros((0, 3))


class TargetRun(Run):
    """One sitting of a run of a regressor."""

    def _record_from(self, start: Checkpoint) -> TargetRecord:
        return TargetRecord(self.learner, self.rows, start)

    def _whole(self) -> WholeTargets:
        return WholeTargets(self.learner)

    def _learned(self, whole: WholeTargets, rows: Rows) -> Block:
        first, start = self.record.n_rows, perf_counter()
        taught = self._due(rows.y, ~np.isnan(rows.y), np.nan)
        predictions = whole.test_then_learn_block(rows.x, taught)
        seconds = perf_counter() - start
        return Block(first, *rows[:2], predictions, rows.lines, seconds, times=rows.times)

    def _figures(self, result: TargetResult) -> dict[str, Any]:
        return target_metrics(
            self.learner, result.figures, result.seconds, result.predictions_sha256
        )

    def _report(self, metrics: dict[str, Any], result: TargetResult) -> ReportData:
        learner, record = self.learner, self.record
        return ReportData(
            title=f"streamlearn run: {Path(self.rows.name).name}",
            classes=(),
            engines=(engine_of(learner, metrics),),
            metrics={**metrics, "interrupted": result.interrupted},
            history=record.watch.history(),
            saturations=record.saturations() if is_exact(learner) else None,
            n_stream=result.n_samples,
            timeline=self.lookout.watch.timeline,
            targets=result.figures,
            errors={
                name: curve
                for name, curve in self.lookout.watch.curves.items()
                if isinstance(curve, ErrorCurve)
            },
        )
