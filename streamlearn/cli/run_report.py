"""The report of ``streamlearn run``: what one learner did with one stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamlearn.cli.record import LEARNER, MAJORITY, NO_CHANGE, RunResult
from streamlearn.cli.rules import arithmetic_of_learner, is_exact
from streamlearn.cli.weights import WeightWatch
from streamlearn.evaluation import Curve
from streamlearn.learners.base import StreamLearner
from streamlearn.learners.classifier import StreamClassifier
from streamlearn.report import Baseline, Engine, ReportData
from streamlearn.streams.csv_stream import CsvStream
from streamlearn.watching import Watch


def engine_of(learner: StreamLearner, metrics: dict[str, Any], **more: Any) -> Engine:
    """Return a run's learner as the page shows it."""
    return Engine(
        name=learner.arithmetic,
        rule=learner.config.rule,
        head=learner.spec.head,
        arithmetic=learner.arithmetic,
        backend="numpy" if arithmetic_of_learner(learner).kernel is None else "c",
        exact=is_exact(learner),
        samples_per_s=metrics["samples_per_s"],
        state_sha256=metrics["state_sha256"],
        predictions_sha256=metrics["predictions_sha256"],
        **more,
    )


def run_report(
    rows: CsvStream,
    learner: StreamClassifier,
    metrics: dict[str, Any],
    result: RunResult,
    watch: WeightWatch,
    saturations: dict[str, int],
    looked: Watch,
) -> ReportData:
    """Return the page of one learner: accuracy, mistakes, weights, saturations."""
    return ReportData(
        title=f"streamlearn run: {Path(rows.name).name}",
        n_stream=result.n_samples,
        confusion=result.figures.confusion_matrix,
        classes=rows.classes,
        engines=(engine_of(learner, metrics, curve=result.curves[LEARNER]),),
        baselines=(
            Baseline(NO_CHANGE, curve=result.curves[NO_CHANGE], trivial=True),
            Baseline(MAJORITY, curve=result.curves[MAJORITY], trivial=True),
            *(
                Baseline(name, curve=curve)
                for name, curve in looked.curves.items()
                if isinstance(curve, Curve)
            ),
        ),
        metrics={**metrics, "interrupted": result.interrupted},
        history=watch.history(),
        saturations=saturations if is_exact(learner) else None,
        timeline=looked.timeline,
    )
