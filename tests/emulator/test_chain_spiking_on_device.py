"""Raw samples, stages, a spiking learner: on emulated boards as on the desk, every bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import firmware_sim as fs
from export.package import write_export
from firmware_sim.link import Status
from quant.rule import RULES
from streamlearn import SpikingClassifier
from streamlearn.chain import Chain, Stages, Traces, Window

STAGES = {
    "traces": Stages(Traces((0, 2, 4)), 2),
    "window": Stages(Window(8, 4, features=("mean", "sd")), 2),
}


@pytest.mark.parametrize("rule", [rule.name for rule in RULES.values() if rule.spiking])
@pytest.mark.parametrize(
    ("board", "name"), [("rp2040", "traces"), ("nrf52840", "window"), ("riscv-virt", "traces")]
)
def test_a_chip_takes_the_steps_that_the_desk_takes(
    board: str, name: str, rule: str, tmp_path: Path
) -> None:
    stages = STAGES[name]
    learner = SpikingClassifier((stages.n_features, 20, 3), classes=range(3), rule=rule)
    desk = Chain(learner, stages)
    write_export(learner, tmp_path / "export", stages=stages)
    device = fs.Device(
        fs.build_firmware(
            tmp_path / "export", fs.get_board(board), tmp_path / "run", warnings_are_errors=True
        )
    )
    rng = np.random.default_rng(6)
    x = np.cumsum(rng.normal(size=(120, 2)), axis=0).astype(np.float32)
    rows = 0
    for t, values in enumerate(x):
        if t % 40 == 0:
            device.reset_time()
            desk.reset()
        label = t // 40 if t % 3 else None
        said = desk.test_then_learn_one(values, label)
        if said is None:
            with pytest.raises(fs.RefusedError) as refused:
                device.advance(values) if label is None else device.learn(values, label)
            assert refused.value.status == Status.NO_FEATURES
            continue
        rows += 1
        assert device.predict(values) == said
        looked = device.last_call.learner
        assert said == (device.advance(values) if label is None else device.learn(values, label))
        assert device.last_call.learner > looked, "the step of time is counted, too"
    assert device.read_state() == learner.state.tobytes()
    assert rows >= 27
    assert learner.activity.events[1] > 0, "hidden units fire, or this compares nothing"
