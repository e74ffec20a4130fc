"""Why q16's last layer ends with a smaller σ than float32's: what the hidden gradient loses.

Permuted MNIST with few images per task and a window of five tasks, so that 100 tasks take seconds.
Then q16's state learns on for some samples beside float64, which has the same weights and noise: a
difference that does not average out is a bias of the arithmetic.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from experiments.data import Floats, Permutations, load_digits, standardised
from experiments.loop.runs import Setting
from experiments.mesu.learners import MesuLearner
from experiments.options import count
from experiments.study import Record, Study, say
from experiments.tables import markdown
from quant.counters import Saturations
from quant.heads.categorical import golden as head
from quant.integers import shift_truncate
from quant.layout import State
from quant.network import layer_view
from quant.rules.mesu import golden
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu.variance import decode, exponent_view
from quant.state import init_state
from quant.tables import EXP2
from streamlearn.rules.mesu import equations

Doubles = npt.NDArray[np.float64]
WINDOW_TASKS = 5
LOOKS = 5
#: Of the hidden gradient, Q4.20.
LSB = 2.0**20
#: What is done to δ, the gradient by the logits, before floats take it through the last layer.
CUTS = {
    "table": "softmax by table",
    "probabilities": "and probabilities cut to 16 bits: δ as it is in q16",
    "lanes": "and δ cut to 15 bits of a draw's sum, for products in lanes of 16 bits",
    "mended": "as *lanes*, and then the true class gets what the others lost",
    "nearest": "as *table*, and probabilities rounded to the nearest",
    "balanced": "as *probabilities*, and the true class gets what the others lost",
    "q16": "the hidden gradient as q16 has it",
}


def forward_looks(learner: MesuLearner, x: Floats) -> dict[str, float]:
    """Return what a learner's hidden units do on some samples, and σ of its last layer."""
    (mu, sigma), (_, last) = (learner.moments(layer) for layer in range(2))
    rng = np.random.default_rng(1)
    spread = np.sqrt((x**2) @ (sigma**2))[:, None]
    shape = (len(x), learner.config.n_draws, mu.shape[1])
    hidden = np.maximum((x @ mu)[:, None] + spread * rng.standard_normal(shape), 0)
    return {
        "active": float((hidden > 0).mean()),
        "square": float((hidden**2).mean()),
        "sigma": float(np.exp(np.log(last).mean())),
    }


def in_floats(learner: MesuLearner, state: State) -> State:
    """Return a state in integers as one in float64, with the same weights."""
    spec, config = learner.spec, learner.config
    found = init_state(spec, config, "float64", 0)
    for layer, plan in enumerate(make_plan(spec, config).layers):
        mu = layer_view(spec, state, "mu", layer).astype(np.float64)
        exponent = exponent_view(spec, state["rho_exponent"][0], layer)
        layer_view(spec, found, "mu", layer)[:] = np.ldexp(mu, -plan.mu_frac_bits)
        sigma = np.sqrt(decode(layer_view(spec, state, "rho", layer), exponent))
        layer_view(spec, found, "sigma", layer)[:] = sigma
    return found


def in_lanes(delta: Doubles) -> Doubles:
    """Return δ with the bits that q16's sums over the units leave it."""
    whole = np.rint(delta * LSB).astype(np.int64)
    k = max(0, int(np.abs(whole).sum(axis=0).max()).bit_length() - golden.LANE_BITS)
    cut: Doubles = np.ldexp(shift_truncate(whole, k).astype(np.float64), k) / LSB
    return cut


def deltas(logits: Any, label: int) -> dict[str, Doubles]:
    """Return δ of q16's logits with the cuts of :data:`CUTS`."""
    t = np.minimum((logits.max(axis=0) - logits) >> 6, 16383)
    u = t * 23637 >> 14
    power = (EXP2[u >> 2 & 255].astype(np.int64) >> (u >> 10)).astype(np.float64)
    p, own = power / power.sum(axis=0), np.zeros((len(power), 1))
    own[label] = 1
    cut = head.output_gradient(logits, label, Saturations()) / LSB
    balanced, lanes = cut.copy(), in_lanes(cut)
    mended = lanes.copy()
    for whole in (balanced, mended):
        whole[label] -= whole.sum(axis=0)
    return {
        "table": p - own,
        "probabilities": cut,
        "lanes": lanes,
        "mended": mended,
        "nearest": np.floor(p * 65536 + 0.5) / 65536 - own,
        "balanced": balanced,
    }


def beside(learner: MesuLearner, state: State, x: Floats, labels: Any) -> dict[str, Any]:
    """Take samples through q16 and float64 from one state; return means and standard errors.

    Returns
    -------
    dict
        ``gradient``: by a cut, the difference of the hidden gradient in LSB; ``push``: how much
        more a step of q16 raises the mean pre-activation of the samples, and how much of that float
        steps with q16's hidden gradient do.
    """
    spec, config = learner.spec, learner.config
    plan, counts = make_plan(spec, config), Saturations()
    real, mean = in_floats(learner, state), x.mean(axis=0)
    gradient: dict[str, list[float]] = {name: [] for name in CUTS}
    push: dict[str, list[float]] = {"step": [], "gradient": []}
    for n, (row, label) in enumerate(zip(x.astype(np.float64), labels.tolist(), strict=True)):
        a, b = state.copy(), real.copy()
        a["n_samples"] = b["n_samples"] = n
        ours = golden.forward(spec, plan, a, np.rint(row * 16).astype(np.int64), counts)
        theirs = equations.forward(spec, config, b, row, counts)  # type: ignore[arg-type]
        below = _through(theirs, *(layer_view(spec, b, f, 1) for f in ("mu", "sigma")))
        shares = np.exp(theirs.outputs - theirs.outputs.max(axis=0))
        exact = shares / shares.sum(axis=0)
        exact[label] -= 1
        base = below(exact)
        for name, delta in deltas(ours.outputs, label).items():
            gradient[name].append(float((below(delta) - base).mean() * LSB))
        d = head.output_gradient(ours.outputs, label, counts)
        r = golden.ratio(d, ours.epsilon[1], ours.inverse_spread[1], counts)
        mu, rho = (layer_view(spec, a, f, 1).astype(np.int64) for f in ("mu", "rho"))
        exponent = exponent_view(spec, a["rho_exponent"][0], 1).astype(np.int64)
        x1, bits = ours.inputs[1], ours.frac_bits[1]
        given = golden.backward_inputs(x1, bits, d, r, mu, rho, exponent, plan.layers[1], counts)
        q16 = given.mean(axis=1) / LSB
        gradient["q16"].append(float((q16 - base).mean() * LSB))
        before = [layer_view(spec, s, "mu", 0).astype(np.float64) for s in (a, b)]
        variance = layer_view(spec, b, "sigma", 0) ** 2
        golden.update(spec, plan, a, ours, label, counts)
        equations.update(spec, config, b, theirs, label, counts)  # type: ignore[arg-type]
        moved = [layer_view(spec, s, "mu", 0) - old for s, old in zip((a, b), before, strict=True)]
        apart = np.ldexp(moved[0], -plan.layers[0].mu_frac_bits) - moved[1]
        push["step"].append(float((mean @ apart).mean()))
        by_gradient = (mean @ (variance * row[:, None])) * (q16 - base)
        push["gradient"].append(float(-by_gradient.mean()))
    return {
        name: {key: _mean(values) for key, values in part.items()}
        for name, part in (("gradient", gradient), ("push", push))
    }


def _through(forward: Any, mu: Doubles, sigma: Doubles) -> Callable[[Doubles], Doubles]:
    """Return the last layer's backward pass in floats, the mean over the draws."""
    x, over = forward.inputs[1], forward.epsilon[1] / forward.spread[1]
    return lambda d: np.where(x > 0, mu @ d + x * (sigma**2 @ (d * over)), 0).mean(axis=1)


def _mean(values: list[float]) -> list[float]:
    return [float(np.mean(values)), float(np.std(values) / np.sqrt(len(values)))]


def measure(options: argparse.Namespace) -> Record:
    """Learn the tasks in float32 and q16, and then some samples in q16 beside float64."""
    n, tasks = options.limit_samples, options.tasks
    digits, permutations = load_digits(n), Permutations(0)
    raw = standardised(digits.train)
    # What q16 takes of the inputs, Q3.4: both learn the same numbers.
    images = (np.sign(raw) * np.minimum(np.floor(np.abs(raw) * 16 + 0.5), 127) / 16).astype("f4")
    setting = Setting("mesu", memory_window=float(WINDOW_TASKS * n))
    learners = {name: MesuLearner(setting, 0, name) for name in ("float32", "q16")}
    course = []
    for task in range(tasks):
        x = images[:, permutations[task]]
        for learner in learners.values():
            learner.learn(x, digits.train_labels, task)
        if (task + 1) % max(tasks // LOOKS, 1) == 0:
            found = {name: forward_looks(one, x[:500]) for name, one in learners.items()}
            course.append({"tasks": task + 1, **found})
            say(str(course[-1]))
    some = np.linspace(0, n - 1, min(options.probes, n)).astype(int)
    q16 = learners["q16"]
    found = beside(q16, q16.state, x[some], digits.train_labels[some])
    return {"samples": n, "tasks": tasks, "probes": len(some), "course": course, **found}


def tables(record: Record) -> Mapping[str, str]:
    """Return the course of both learners, the gradient's biases, and what they push."""
    course = []
    for look in record["course"]:
        a, b = look["float32"], look["q16"]
        apart = [f"{100 * (b[key] / a[key] - 1):+.1f}" for key in ("square", "sigma")]
        cells = [f"{100 * a['active']:.1f}", f"{100 * b['active']:.1f}", *apart]
        course.append([str(look["tasks"]), *cells])
    head_ = ["tasks", "units active, float32, %", "q16, %", "their mean square, %"]
    biases = [
        [f"*{name}*: {CUTS[name]}", f"{mean:+.1f} ± {error:.1f}"]
        for name, (mean, error) in record["gradient"].items()
    ]
    (step, error), (part, its) = (record["push"][name] for name in ("step", "gradient"))
    pushes = [
        ["a step of q16, less one of float64", f"{1e3 * step:+.2f} ± {1e3 * error:.2f}"],
        ["of it by q16's hidden gradient", f"{1e3 * part:+.2f} ± {1e3 * its:.2f}"],
    ]
    where = record["origin"]
    note = (
        f"`{where['command']}`: {record['tasks']} tasks of {record['samples']:,} images, "
        f"then {record['probes']} samples; means ± standard error."
    )
    return {
        "course": markdown([*head_, "σ of the last layer, %"], course),
        "bias": markdown(["δ", "mean hidden gradient, less float64's, LSB of 2^-20"], biases),
        "push": markdown(["mean pre-activation of the samples", "raised by, 10^-3"], pushes),
        "origin": f"{note}\n",
    }


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the study's own options."""
    parser.add_argument(
        "--limit-samples", type=count(2), default=2000, metavar="N", help="images of a task; 2000"
    )
    parser.add_argument("--tasks", type=count(1), default=100, metavar="N", help="100 if none")
    parser.add_argument(
        "--probes", type=count(2), default=400, metavar="N", help="samples beside float64; 400"
    )


STUDY = Study("sigma-bias", measure, tables, add_options)
