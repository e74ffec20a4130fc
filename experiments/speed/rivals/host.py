"""Rivals on the desk: whoever learns the same network one sample at a time, in turn, in one run.

Those that need a package which is not there, or that cannot be compiled, are rows without figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from experiments.needs import missing_packages
from experiments.speed import names
from experiments.speed.contenders import Contender, Images, Labels, engine_contenders, start_of
from experiments.speed.rivals.plain_c import FIXED, FLOAT, PlainSgd
from experiments.speed.rounds import Row, Say, in_rounds
from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.state import init_state

NETWORK = (784, 50, 10)
#: With the bytes of MESU's network.
BINARY = (784, 200, 10)
DRAWS = (10, 4)
#: Samples that a rival learns before it is measured, so that a compiler fails here or nowhere.
TRIAL = 3

Maker = Callable[[Sequence[int], int], Callable[[Images, Labels], object]]


def _numba(layers: Sequence[int], n_draws: int) -> Callable[[Images, Labels], object]:
    from experiments.speed.rivals.mesu_loop import NumbaLoop

    return NumbaLoop(*start_of(layers, n_draws)).learn


def _jax(layers: Sequence[int], n_draws: int) -> Callable[[Images, Labels], object]:
    from experiments.speed.rivals.jax_loop import JaxLoop

    return JaxLoop(*start_of(layers, n_draws)).learn


def _compiled(layers: Sequence[int], n_draws: int) -> Callable[[Images, Labels], object]:
    from experiments.speed.rivals.compiled_torch import CompiledLoop

    return CompiledLoop(*start_of(layers, n_draws)).learn


def _tuned(layers: Sequence[int], n_draws: int) -> Callable[[Images, Labels], object]:
    from experiments.speed.torch_loops import LocalLoop

    return LocalLoop(*start_of(layers, n_draws)).learn


def _plain(layers: Sequence[int], n_draws: int) -> Callable[[Images, Labels], object]:
    from experiments.speed.torch_loops import PlainLoop

    return PlainLoop(*start_of(layers, n_draws)).learn


#: By name: what has to be installed, and who makes it.
OPTIONAL: Mapping[str, tuple[str, Maker]] = {
    names.NUMBA: ("numba", _numba),
    names.JAX: ("jax", _jax),
    names.COMPILED: ("torch", _compiled),
    names.RIVAL_TUNED: ("torch", _tuned),
    names.RIVAL_PLAIN: ("torch", _plain),
}


def binary_contender() -> Contender:
    """Return the binary learner with the bytes of MESU's network."""
    spec, config = NetworkSpec(BINARY, front_end="none"), MetaplasticConfig()
    kernel, state = NativeKernel(spec, config, "q8"), init_state(spec, config, "q8", 0)
    name = f"{names.METAPLASTIC}, {'-'.join(map(str, BINARY))}"
    return Contender(name, "engine", lambda x, y: kernel.learn(state, x, y.astype(np.uint32)))


def rivals(
    layers: Sequence[int], n_draws: int, x: Images, y: Labels
) -> tuple[list[Contender], list[Row]]:
    """Return those that can be measured, and a row with the reason for each that cannot.

    Parameters
    ----------
    layers : sequence of int
    n_draws : int
    x, y : arrays
        A few samples to try each on.
    """
    made = engine_contenders(layers, n_draws, ("c",))
    made = [replace(one, name=f"MESU, {one.name}") for one in made] + [binary_contender()]
    for name, numbers in ((names.SGD_C, FLOAT), (names.SGD_FIXED, FIXED)):
        made.append(Contender(name, "plain", PlainSgd(layers, numbers).learn))
    missing: list[Row] = []
    for name, (package, make) in OPTIONAL.items():
        if missing_packages([package]):
            missing.append({"name": name, "missing": f"{package} is not installed"})
            continue
        try:
            learn = make(layers, n_draws)
            learn(x, y)
        except Exception as error:  # noqa: BLE001 - another project's compiler; the row says it
            missing.append({"name": name, "missing": f"does not run here: {_short(error)}"})
            continue
        made.append(Contender(name, "rival", learn))
    return made, missing


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:120]}"


def measure_rivals(
    pixels: Images, dense: Images, y: Labels, rounds: int, round_s: float, say: Say
) -> list[Row]:
    """Measure everybody on standardised images, which have no zeros, and on pixels in [0, 1].

    Returns
    -------
    list of dict
        ``data``, ``zeros`` (their share), ``n_draws``, ``name``; then the times of the rounds, or
        ``missing``.
    """
    found: list[Row] = []
    for data, x in (("dense", dense), ("pixels", pixels)):
        share = round(float(np.mean(x == 0)), 4)
        for n_draws in DRAWS:
            about: dict[str, Any] = {"data": data, "zeros": share, "n_draws": n_draws}
            say(f"rivals, {data}, {n_draws} draws")
            made, missing = rivals(NETWORK, n_draws, x[:TRIAL], y[:TRIAL])
            found += [{**about, **row} for row in in_rounds(made, x, y, rounds, round_s)]
            found += [{**about, **row} for row in missing]
    return found
