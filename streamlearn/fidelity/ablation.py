"""What each quantisation alone costs: the float reference with one of them at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from quant.counters import Saturations
from quant.errors import ConfigError
from quant.front_end import INPUT_FRAC_BITS
from quant.heads.categorical.taught import compared, with_class
from quant.layout import State
from quant.network import NetworkSpec
from quant.rooms import optional_part
from quant.rule import Config
from quant.state import init_state
from streamlearn import front_end
from streamlearn.certainty import certainty_of

Float = npt.NDArray[np.float64]
#: The reference: nothing is quantised.
BASE = "nothing"
#: All that a rule has, as its arithmetic in integers; but for :attr:`Forms.alternatives`.
ALL = "all"
#: Every rule has it: inputs in Q3.4.
INPUTS = "inputs"


@dataclass(frozen=True)
class Forms:
    """A rule's float reference with switches.

    It is the optional attribute ``FORMS`` of a rule's room on the floor ``streamlearn``.

    Attributes
    ----------
    switches : mapping
        Name of a quantisation, and what it does, in words. :data:`INPUTS` is every rule's.
    forward : callable
        ``forward(spec, config, state, z, on)``: as of the rule's equations, with the switches that
        are ``on``.
    update : callable
        ``update(spec, config, state, forward, target, on)``: likewise.
    alternatives : tuple of str
        Switches that an arithmetic in integers does not have: what would be instead of one of it.
    """

    switches: Mapping[str, str]
    forward: Callable[[NetworkSpec, Config, State, Float, Collection[str]], Any]
    update: Callable[[NetworkSpec, Config, State, Any, int, Collection[str]], None]
    alternatives: tuple[str, ...] = ()

    def sets(self) -> dict[str, tuple[str, ...]]:
        """Return what is on, by name: nothing, each one alone, and all."""
        names = (INPUTS, *self.switches)
        usual = tuple(name for name in names if name not in self.alternatives)
        return {BASE: (), **{name: (name,) for name in names}, ALL: usual}


def forms_of(rule: str) -> Forms | None:
    """Return a rule's float reference with switches; None if it has none.

    Raises
    ------
    RuleError
        If its room has something else there.
    """
    return optional_part(rule, "FORMS", Forms, "streamlearn.fidelity.Forms")


@dataclass
class Run:
    """What one set of switches did on the stream.

    Attributes
    ----------
    decisions : int64[n]
        Class indices, each before the sample was learned.
    state : State
        At the end.
    """

    decisions: npt.NDArray[np.int64]
    state: State


def costs(
    spec: NetworkSpec,
    config: Config,
    x: npt.NDArray[np.floating],
    y: npt.NDArray[np.integer],
    seed: int = 0,
    only: Collection[str] | None = None,
    progress: Callable[[str, int], object] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return what each quantisation alone costs, as JSON values.

    Parameters
    ----------
    spec, config : NetworkSpec, configuration of a rule
        Of a classifier, without memory and reservoir.
    x : float[n, n_features]
        Raw and finite.
    y : int[n]
        Class indices.
    seed : int
    only : collection of str, optional
        Names of :meth:`Forms.sets`; all if not given. The reference always runs.
    progress : callable, optional
        ``progress(name, n)``: which set is running, and how many samples are done.

    Returns
    -------
    dict
        By name: ``accuracy``, ``agreement`` with the reference, and ``layers``: ``mu``, root mean
        square difference of μ from the reference's; ``ln_sigma`` and ``ln_sigma_bias``, of ln σ the
        same and the mean difference, None if the rule has no σ.

    Raises
    ------
    ConfigError
        If the rule has no reference with switches, or a name is none of its sets.
    """
    forms = forms_of(config.rule)
    if forms is None:
        raise ConfigError(f"the rule {config.rule!r} has no float reference with switches (FORMS)")
    if not spec.n_classes or spec.memory is not None or spec.replay_bytes:
        raise ConfigError(
            "quantisations are switched in the network of a classifier: leave memory and "
            "replay_bytes out"
        )
    sets = forms.sets()
    wanted = set(sets if only is None else only)
    if wanted - set(sets):
        raise ConfigError(f"{', '.join(wanted - set(sets))}: expected names of {', '.join(sets)}")
    runs = {}
    for name, on in sets.items():
        if name == BASE or name in wanted:
            tell = None if progress is None else _telling(progress, name)
            runs[name] = _run(forms, spec, config, x, y, seed, on, tell)
    return {name: _cost(spec, config, run, runs[BASE], y) for name, run in runs.items()}


def _telling(progress: Callable[[str, int], object], name: str) -> Callable[[int], object]:
    return lambda n: progress(name, n)


def _run(
    forms: Forms,
    spec: NetworkSpec,
    config: Config,
    x: npt.NDArray[np.floating],
    y: npt.NDArray[np.integer],
    seed: int,
    on: Collection[str],
    progress: Callable[[int], object] | None,
) -> Run:
    state = init_state(spec, config, "float64", seed)
    decisions, count = np.zeros(len(x), np.int64), Saturations()
    for i, (raw, label) in enumerate(zip(x, y.tolist(), strict=True)):
        values = raw.astype(np.float64)
        window = config.front_end_window
        statistics, z = front_end.inputs(spec.front_end, window, state, values, count)
        if INPUTS in on:
            z = np.sign(z) * np.floor(np.abs(z) * (1 << INPUT_FRAC_BITS) + 0.5)
            z /= 1 << INPUT_FRAC_BITS
        forward = forms.forward(spec, config, state, z, on)
        decisions[i] = int(np.argmax(compared(state, forward.outputs.sum(axis=1))))
        taught = with_class(state, label)
        forms.update(spec, config, state, forward, label, on)
        for name, value in {**statistics, "taught": taught}.items():
            state[name][0] = value
        if progress is not None:
            progress(i + 1)
    return Run(decisions, state)


def _cost(
    spec: NetworkSpec, config: Config, run: Run, base: Run, y: npt.NDArray[np.integer]
) -> dict[str, Any]:
    known, layers = certainty_of(config.rule), []
    if known is not None and known.means is not None:
        for i in range(len(spec.shapes)):
            first, second = (known.means(spec, config, one.state)[i] for one in (base, run))
            layer: dict[str, Any] = {"mu": _rms(second - first)}
            layer |= {"ln_sigma": None, "ln_sigma_bias": None}
            if known.deviations is not None:
                old, new = (known.deviations(spec, config, one.state)[i] for one in (base, run))
                away = np.log(new) - np.log(old)
                layer |= {"ln_sigma": _rms(away), "ln_sigma_bias": float(np.mean(away))}
            layers.append(layer)
    return {
        "accuracy": float(np.mean(run.decisions == y)),
        "agreement": float(np.mean(run.decisions == base.decisions)),
        "layers": layers,
    }


def _rms(values: Float) -> float:
    return float(np.sqrt(np.mean(values**2)))
