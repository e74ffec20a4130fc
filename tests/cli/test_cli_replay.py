"""``--replay-bytes``: a reservoir on the host and on the device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from cli_helpers import LABEL, Cli, read_json

from streamlearn import MesuClassifier, load


def test_run_export_simulate_is_one_learner(cli: Cli, toy: Path, tmp_path: Path) -> None:
    given = ("--replay-bytes", 200, "--set", "replays=2", "--out", tmp_path / "run", "-q")
    ended = cli("run", "--stream", toy, "--label", LABEL, *given)
    assert ended.code == 0, ended.err
    learner = load(tmp_path / "run" / "state.sls")
    assert isinstance(learner, MesuClassifier)
    assert (learner.spec.replay_bytes, learner.spec.replays) == (200, 2)
    assert learner.state["replay_stored"].sum() == learner.spec.replay_capacity > 30

    assert cli("export", tmp_path / "run", "--to", tmp_path / "export").code == 0
    more = ("--board", "rp2040", "--out", tmp_path / "sim", "-q")
    ended = cli("simulate", tmp_path / "export", "--stream", toy, "--label", LABEL, *more)
    assert ended.code == 0, ended.err
    on_device = load(tmp_path / "sim" / "state.sls")
    device = read_json(tmp_path / "sim" / "metrics.json")["device"]
    assert device["state_sha256"] == on_device.state_sha256 != learner.state_sha256
    assert on_device.n_samples == 2 * learner.n_samples
    assert np.array_equal(on_device.state["replay_seen"], 2 * learner.state["replay_seen"])


def test_too_few_bytes_are_one_line(cli: Cli, toy: Path) -> None:
    ended = cli("run", "--stream", toy, "--label", LABEL, "--replay-bytes", 20)
    assert ended.code == 1
    assert "replay_bytes=20: a sample of each of the 3 classes needs 46 bytes" in ended.err
