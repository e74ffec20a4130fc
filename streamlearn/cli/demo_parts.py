"""The parts of the demo: each learns the stream by itself, here or in a helper's process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time

from streamlearn.baselines import (
    MajorityClassifier,
    NoChangeClassifier,
    RiverClassifier,
    SgdMlpClassifier,
)
from streamlearn.baselines.base import OnlineClassifier
from streamlearn.baselines.river_adapter import available
from streamlearn.cli.demo_results import ENGINES, GOLDEN, HIDDEN, REFERENCE, TRIVIAL, Demo
from streamlearn.cli.device import DeviceRun, learn_on_device
from streamlearn.cli.endings import CommandError
from streamlearn.cli.weights import WeightWatch
from streamlearn.cli.whole_samples import WholeSamples
from streamlearn.evaluation import PrequentialResult, evaluate
from streamlearn.rules.mesu import MesuClassifier

#: Samples between two looks at what the others do.
PROGRESS_EVERY = 50
SGD, RIVER, DEVICE_PART = "SGD MLP", "River 1-NN of 500", "device"
_PLANS = {plan.name: plan for plan in ENGINES}
Report = Callable[[int], None]


@dataclass(frozen=True)
class Timing:
    """What a part took, in seconds.

    Attributes
    ----------
    name : str
    process : str
        Which process it ran in.
    wall_s, cpu_s : float
    """

    name: str
    process: str
    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class Outcome:
    """What a part found.

    Attributes
    ----------
    name : str
    timing : Timing
    learner, result, watch, device
        What there is of them.
    """

    name: str
    timing: Timing
    learner: MesuClassifier | None = None
    result: PrequentialResult | None = None
    watch: WeightWatch | None = None
    device: DeviceRun | None = None

    @property
    def interrupted(self) -> bool:
        """Whether it ended before the stream did."""
        return any(part.interrupted for part in (self.result, self.device) if part is not None)

    def put(self, found: Demo) -> None:
        """Put it where it belongs."""
        plan = _PLANS.get(self.name)
        if self.device is not None:
            found.device = self.device
        elif plan is None and self.result is not None:
            found.baselines[self.name] = self.result
        elif plan is not None and self.learner is not None and self.result is not None:
            found.learners[plan], found.results[plan] = self.learner, self.result
            found.watch = self.watch or found.watch


def in_turn() -> tuple[str, ...]:
    """Return all parts in the order of the report."""
    river = (RIVER,) if available() else ()
    return (*_PLANS, *TRIVIAL, SGD, *river, DEVICE_PART)


def for_helpers() -> tuple[str, ...]:
    """Return the parts that another process may do, the longest first.

    A learner in integers stays here: what it counted is no part of its state.
    """
    long = (DEVICE_PART, REFERENCE.name, RIVER, SGD)
    return tuple(name for name in long if name in in_turn())


def for_this_process() -> tuple[str, ...]:
    """Return the others, the longest first."""
    rest = [name for name in in_turn() if name not in for_helpers()]
    return (GOLDEN.name, *(name for name in rest if name != GOLDEN.name))


def run_part(name: str, found: Demo, report: Report, process: str) -> Outcome:
    """Do one part; `found` is read only.

    Parameters
    ----------
    name : str
        Of :func:`in_turn`.
    found : Demo
        With the stream, the seed and, for the device, its firmware.
    report : callable
        Called with the number of samples, now and then and at the end; may raise
        KeyboardInterrupt, which ends the part between two samples.
    process : str
        For the timing.
    """
    wall, cpu = perf_counter(), process_time()

    def outcome(**parts: object) -> Outcome:
        timing = Timing(name, process, perf_counter() - wall, process_time() - cpu)
        return Outcome(name, timing, **parts)  # type: ignore[arg-type]

    if name == DEVICE_PART:
        return outcome(device=_device(found, report))
    if name in _PLANS:
        return outcome(**_engine(found, name, report))
    return outcome(result=_baseline(found, name, report))


def _sometimes(found: Demo, report: Report) -> Callable[[int, int], None]:
    total = len(found.stream)

    def on_progress(n: int, _: int) -> None:
        if n % PROGRESS_EVERY == 0 or n == total:
            report(n)

    return on_progress


def _engine(found: Demo, name: str, report: Report) -> dict[str, object]:
    plan = _PLANS[name]
    learner = found.new_learner(plan.arithmetic, plan.backend)
    watch = WeightWatch(learner) if plan.watched else None
    sometimes = _sometimes(found, report)
    with WholeSamples(learner) as whole:

        def after(n: int, right: int) -> None:
            if watch is not None:
                watch(n)
            sometimes(n, right)
            whole.counted()

        result = evaluate(whole, found.stream, on_progress=after)
    return {"learner": learner, "result": result, "watch": watch}


def _baseline(found: Demo, name: str, report: Report) -> PrequentialResult:
    layers = (found.stream.n_features, HIDDEN, found.stream.n_classes)
    no_change, majority = TRIVIAL
    make: dict[str, Callable[[], OnlineClassifier]] = {
        no_change: NoChangeClassifier,
        majority: MajorityClassifier,
        SGD: lambda: SgdMlpClassifier(layers, seed=found.seed),
        RIVER: RiverClassifier,
    }
    return evaluate(make[name](), found.stream, on_progress=_sometimes(found, report))


def _device(found: Demo, report: Report) -> DeviceRun:
    if found.firmware is None:
        raise CommandError("the device has no firmware: build it first")
    return learn_on_device(found.firmware, lambda: [(found.stream.x, found.stream.y)], report)
