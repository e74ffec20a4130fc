"""What is measured, section by section; each returns plain values for the JSON file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from experiments.data import Permutations
from experiments.speed.contenders import (
    ARITHMETICS,
    Images,
    Labels,
    call_contenders,
    engine_contenders,
    engines,
    factored_setting,
    label_of,
    setting,
)
from experiments.speed.names import FACTORED
from experiments.speed.rounds import Row, Say, Timed, in_rounds
from experiments.speed.torch_contenders import torch_contenders, torch_local
from quant.native import NativeKernel
from quant.network import layer_view
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu.variance import decode, exponent_view
from quant.state import init_state, state_dtype
from streamlearn.engines import NativeEngine

NETWORKS = ((784, 50, 10), (784, 256, 10))
SPEED_DRAWS = (10, 4)
WIDTHS = (16, 50, 128, 256, 512)
DRAWS = (1, 2, 4, 10, 20, 40, 64)
ZERO_SHARES = (0.0, 0.25, 0.5, 0.75, 0.9)


def measure_speed(x: Images, y: Labels, rounds: int, round_s: float, say: Say) -> list[Row]:
    """Every engine, one sample a call, and PyTorch, on both networks with both numbers of draws."""
    found = []
    for layers in NETWORKS:
        for n_draws in SPEED_DRAWS:
            say(f"{'-'.join(map(str, layers))}, {n_draws} draws")
            contenders = [
                *engine_contenders(layers, n_draws),
                *call_contenders(layers, n_draws),
                *torch_contenders(layers, n_draws),
            ]
            for row in in_rounds(contenders, x, y, rounds, round_s):
                found.append({"layers": list(layers), "n_draws": n_draws, **row})
    return found


def measure_bytes() -> list[Row]:
    """State and scratch of each arithmetic, and bytes of a synapse in the state."""
    found = []
    for layers in NETWORKS:
        for n_draws in SPEED_DRAWS:
            spec, config = setting(layers, n_draws)
            kernels = {
                label_of(arithmetic, backend): engine.kernel.scratch_bytes
                for arithmetic, backend, engine in engines(layers, n_draws, ("c",))
                if isinstance(engine, NativeEngine)
            }
            factored = factored_setting(n_draws)
            kernels[FACTORED] = NativeKernel(spec, factored, "q16").scratch_bytes
            kinds: list[tuple[str, str, Any]] = [
                (a, label_of(a, "c"), state_dtype(spec, config, a)) for a in ARITHMETICS
            ]
            kinds.append(("q16 factored", FACTORED, state_dtype(spec, factored, "q16")))
            for arithmetic, label, dtype in kinds:
                fixed = sum(
                    dtype[name].itemsize
                    for name in dtype.names or ()
                    if not dtype[name].shape or name == "padding"
                )
                found.append(
                    {
                        "layers": list(layers),
                        "n_draws": n_draws,
                        "arithmetic": arithmetic,
                        "synapses": spec.n_synapses,
                        "state_bytes": dtype.itemsize,
                        "synapse_bytes": (dtype.itemsize - fixed) / spec.n_synapses,
                        "scratch_bytes": kernels.get(label),
                    }
                )
    return found


def measure_scan(
    values: Sequence[int],
    layers_of: Callable[[int], tuple[int, ...]],
    draws_of: Callable[[int], int],
    x: Images,
    y: Labels,
    rounds: int,
    round_s: float,
    say: Say,
) -> list[Row]:
    """Measure the C engines and PyTorch's local loop at each value of width or draws."""
    found = []
    for value in values:
        layers, n_draws = layers_of(value), draws_of(value)
        say(f"{'-'.join(map(str, layers))}, {n_draws} draws")
        contenders = [*engine_contenders(layers, n_draws, ("c",)), torch_local(layers, n_draws)]
        found += [{"at": value, **row} for row in in_rounds(contenders, x, y, rounds, round_s)]
    return found


def measure_zeros(
    pixels: Images, dense: Images, y: Labels, rounds: int, round_s: float, say: Say
) -> list[Row]:
    """Measure the C engines by the share of zero inputs, on both networks.

    ``data`` is "pixels", MNIST in [0, 1] as it is, or "erased": standardised images, which have
    no zero, with a share of the pixels of each set to 0 at random.
    """
    found = []
    rng = np.random.default_rng(0)
    where = rng.random(dense.shape, dtype=np.float32)
    sets = [("erased", share, dense * (where >= share)) for share in ZERO_SHARES]
    sets.append(("pixels", float(np.mean(pixels == 0)), pixels))
    for layers in NETWORKS:
        say(f"{'-'.join(map(str, layers))}, zero inputs")
        # all shares of all engines in one set of rounds: the ratio is between the shares
        timed = [
            (data, share, Timed(contender, images, y, round_s))
            for data, share, images in sets
            for contender in [
                *engine_contenders(layers, 10, ("c",)),
                torch_local(layers, 10),
            ]
        ]
        for _ in range(rounds):
            for _, _, one in timed:
                one.round()
        for data, share, one in timed:
            found.append(
                {"layers": list(layers), "data": data, "share": round(share, 4), **one.result()}
            )
    return found


def measure_length(x: Images, y: Labels, n_tasks: int, say: Say) -> list[Row]:
    """Learn task after task of permuted MNIST on each C engine, and look after every task.

    Returns
    -------
    list of dict
        One an engine: ``cpu_s`` and ``wall_s`` a sample, ``accuracy`` test-then-train in %, mean
        σ and largest \\|μ\\| of each layer, one entry per task; ``saturations``, ``finite``.
    """
    layers = NETWORKS[0]
    spec, config = setting(layers, 10)
    labels = y.astype(np.uint32)
    running = []
    for arithmetic, backend, engine in engines(layers, 10, ("c",)):
        assert isinstance(engine, NativeEngine)
        state = init_state(spec, config, arithmetic, 0)
        row: Row = {"name": label_of(arithmetic, backend), "block": len(y), "finite": True}
        row |= {key: [] for key in ("cpu_s", "wall_s", "accuracy", "sigma", "mu")}
        running.append((engine.kernel, state, row))
    permutations = Permutations(0, x.shape[1])
    for task in range(n_tasks):
        if task % 10 == 0:
            say(f"stream, task {task + 1} of {n_tasks}")
        images = np.take(x, permutations[task], axis=1)
        for kernel, state, row in running:
            wall, cpu = time.perf_counter(), time.process_time()
            predicted = kernel.learn(state, images, labels)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            row["cpu_s"].append(float(f"{cpu / len(y):.4g}"))
            row["wall_s"].append(float(f"{wall / len(y):.4g}"))
            row["accuracy"].append(round(100 * float(np.mean(predicted == y)), 2))
            _look(state, row)
    for kernel, _, row in running:
        row["saturations"] = _counts(kernel)
    return [row for *_, row in running]


def _look(state: Any, row: Row) -> None:
    """Note mean σ and largest \\|μ\\| of each layer, and whether all is finite."""
    spec, config = setting(NETWORKS[0], 10)
    sigma, mu = [], []
    for layer in range(len(spec.shapes)):
        raw = layer_view(spec, state, "mu", layer)
        if "rho" in (state.dtype.names or ()):
            plan = make_plan(spec, config).layers[layer]
            m = np.ldexp(raw.astype(np.float64), -plan.mu_frac_bits)
            exponents = exponent_view(spec, state["rho_exponent"][0], layer)
            s = np.sqrt(decode(layer_view(spec, state, "rho", layer), exponents))
        else:
            m, s = raw, layer_view(spec, state, "sigma", layer)
        row["finite"] &= bool(np.isfinite(m).all() and np.isfinite(s).all() and (s > 0).all())
        sigma.append(float(f"{s.mean(dtype=np.float64):.4g}"))
        mu.append(float(f"{np.abs(m).max():.4g}"))
    row["sigma"].append(sigma)
    row["mu"].append(mu)


def _counts(kernel: NativeKernel) -> dict[str, int]:
    return {name: int(n) for name, n in vars(kernel.saturations).items()}
