"""Rivals on every emulated core: instructions, RAM and flash of the same network.

Every core has a board with room for all of them: what is compared is code, not memories.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import firmware_sim
from experiments.blocks import learn_block
from experiments.device.board import roomy_boards
from experiments.speed import names
from experiments.speed.contenders import Images, Labels, factored_setting, setting
from experiments.speed.rivals.host import BINARY, DRAWS, NETWORK
from experiments.speed.rivals.plain_c import FIXED, FLOAT, PlainSgd
from experiments.speed.rounds import Row, Say
from export import write_export
from streamlearn import MesuClassifier, MesuFactoredClassifier, MetaplasticClassifier

#: Samples that are learned before, on the desk; and on the device, counted.
BEFORE, COUNTED = 2000, 20


@dataclass(frozen=True)
class Learner:
    """What is built for a device.

    Attributes
    ----------
    name : str
    n_draws : int or None
        None: it draws nothing.
    make : callable
        Returns it at its start, with ``write_export`` and ``learn``.
    needs_fpu : bool
    extra_flags : tuple of str
    """

    name: str
    n_draws: int | None
    make: Callable[[], Any]
    needs_fpu: bool = False
    extra_flags: tuple[str, ...] = ()


class Ours:
    """One of the project's learners, with the verbs of :class:`PlainSgd`."""

    def __init__(self, learner: Any) -> None:
        self.learner = learner

    def write_export(self, folder: Path) -> None:
        """Write what firmware is built from."""
        write_export(self.learner, folder)

    def learn(self, x: Images, y: Labels) -> None:
        """Learn a block on the desk."""
        learn_block(self.learner, x, y)

    @property
    def state(self) -> Any:
        """Everything that must survive."""
        return self.learner.state


def learners() -> Iterator[Learner]:
    """Yield everything that is measured, ours first."""
    classes, size = range(NETWORK[-1]), "-".join(map(str, NETWORK))

    def mesu(kind: Any, n_draws: int, arithmetic: str) -> Ours:
        spec, config = setting(NETWORK, n_draws)
        given = vars(config if kind is MesuClassifier else factored_setting(n_draws))
        settings = {name: value for name, value in given.items() if name != "target_window"}
        settings |= {"front_end": spec.front_end, "bias": spec.bias, "arithmetic": arithmetic}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the noise of so few draws
            return Ours(kind(NETWORK, classes=classes, **settings))

    for name, kind, arithmetic, fpu in (
        (f"MESU, q16, {size}", MesuClassifier, "q16", False),
        (f"MESU, q16 factored, {size}", MesuFactoredClassifier, "q16", False),
        (f"MESU, float32, {size}", MesuClassifier, "float32", True),
    ):
        for n_draws in DRAWS:
            yield Learner(name, n_draws, partial(mesu, kind, n_draws, arithmetic), fpu)
    binary = "-".join(map(str, BINARY))
    yield Learner(
        f"metaplastic, q8, {binary}",
        None,
        lambda: Ours(MetaplasticClassifier(BINARY, classes=classes, front_end="none")),
    )
    for name, numbers in ((names.SGD_C, FLOAT), (names.SGD_FIXED, FIXED)):
        make = partial(PlainSgd, NETWORK, numbers)
        yield Learner(f"{name}, {size}", None, make)
        yield Learner(f"{name} at -O2, {size}", None, make, extra_flags=("-O2",))


def measure_on_cores(
    pixels: Images, dense: Images, y: Labels, say: Say, before: int = BEFORE
) -> list[Row]:
    """Count what every learner takes on every core, for inputs without zeros and for pixels.

    Returns
    -------
    list of dict
        ``name``, ``core``, ``n_draws``; ``learn`` and ``predict``, medians by data; ``ram``,
        ``flash``, and ``code``, which is flash without the state that it starts from.
    """
    sets = {"dense": dense, "pixels": pixels}
    found: list[Row] = []
    for kind in learners():
        trained = {data: kind.make() for data in sets}
        for data, x in sets.items():
            trained[data].learn(x[:before], y[:before])
        with tempfile.TemporaryDirectory() as folder:
            trained["dense"].write_export(Path(folder) / "export")
            for board in roomy_boards():
                if kind.needs_fpu and not board.core.has_fpu:
                    continue
                say(f"{kind.name}, S = {kind.n_draws or '–'}, {board.core.name}")
                firmware = firmware_sim.build_firmware(
                    Path(folder) / "export",
                    board,
                    Path(folder) / board.core.name,
                    extra_flags=kind.extra_flags,
                )
                device = firmware_sim.Device(firmware)
                counts: dict[str, dict[str, int]] = {"learn": {}, "predict": {}}
                for data, x in sets.items():
                    device.write_state(trained[data].state.tobytes())
                    counted = slice(before, before + COUNTED)
                    learn, predict = _counted(device, x[counted], y[counted])
                    counts["learn"][data], counts["predict"][data] = learn, predict
                ram = firmware.ram_bytes
                found.append(
                    {
                        "name": kind.name,
                        "core": board.core.name,
                        "n_draws": kind.n_draws,
                        **counts,
                        "ram": ram.total - ram.stack_reserved + device.stack_peak_bytes(),
                        "flash": firmware.flash_bytes,
                        "code": firmware.flash_bytes - firmware.state_bytes,
                    }
                )
    return found


def _counted(device: firmware_sim.Device, x: Images, y: Labels) -> tuple[int, int]:
    """Return the medians of predicting and then learning each sample."""
    predict = []
    for row in x:
        device.predict(row)
        predict.append(device.last_call.learner)
    learn = device.run_stream(x, y).learn_instructions
    return int(np.median(learn)), int(np.median(predict))
