"""A spiking learner on a board beside golden's: steps of which every second has a label."""

from __future__ import annotations

import numpy as np

import firmware_sim as fs
from streamlearn import SpikingClassifier


def learn_in_time(device: fs.Device, golden: SpikingClassifier, steps: int, recording: int) -> None:
    """Take so many steps of three values, a recording every so many, and compare what is said."""
    rng = np.random.default_rng(3)
    x = np.cumsum(rng.normal(size=(steps, 3)), axis=0).astype(np.float32)
    for t in range(steps):
        y = t // recording
        if t % recording == 0:
            device.reset_time()
            golden.reset()
        assert device.predict(x[t]) == golden.predict_one(x[t])
        if t % 2:
            assert device.learn(x[t], y) == golden.test_then_learn_one(x[t], y)
        else:
            assert device.advance(x[t]) == golden.step(x[t])
    assert device.read_state() == golden.state.tobytes()
    assert golden.n_samples == steps // 2
