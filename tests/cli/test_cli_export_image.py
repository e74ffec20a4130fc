"""``export`` of a state image, and of a spiking network as a graph of NIR."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_helpers import Cli, Ended

from export import open_export
from streamlearn import MesuClassifier, SpikingClassifier


@pytest.fixture
def waves(tmp_path: Path) -> SpikingClassifier:
    """A spiking learner after some recordings, saved as ``waves.sls``."""
    learner = SpikingClassifier((2, 8, 2), front_end="none")
    steps = np.arange(40)[:, None] + np.arange(2)
    for recording in range(8):
        slow = recording % 2
        wave = 2 * np.sin(steps * (0.3 if slow else 0.9) + recording)
        learner.learn_recording(wave, "slow" if slow else "quick", every=5)
    learner.save(tmp_path / "waves.sls")
    return learner


def test_a_spiking_learner_is_exported_and_goes_on_on_a_board(
    cli: Cli, waves: SpikingClassifier, tmp_path: Path
) -> None:
    ended = cli("export", tmp_path / "waves.sls", "--to", tmp_path / "folder")
    assert ended.code == 0, ended.err
    assert open_export(tmp_path / "folder").learner.state_sha256 == waves.state_sha256
    rows = [[round(float(v), 3) for v in np.sin([t * 0.3, t * 0.4])] for t in range(25)]
    stream = tmp_path / "wave.csv"
    stream.write_text("\n".join(["a,b,kind", *(f"{a},{b},slow" for a, b in rows)]) + "\n")
    result = tmp_path / "result.json"
    ended = cli("simulate", tmp_path / "folder", "--stream", stream, "--label", "kind",
                "--out", tmp_path / "board", "--json", result, "--quiet")  # fmt: skip
    assert ended.code == 0, ended.err
    for row in rows:
        waves.learn_one(row, "slow")
    assert json.loads(result.read_text())["state_sha256"] == waves.state_sha256


def test_a_graph_of_nir_is_the_learners(cli: Cli, waves: SpikingClassifier, tmp_path: Path) -> None:
    nir = pytest.importorskip("nir", reason="the package nir is not here")
    from streamlearn.neuromorphic import from_nir, to_nir

    graph = tmp_path / "waves.nir"
    for given, dt in (((), 1e-4), (("--dt", 0.01), 0.01)):
        ended = cli("export", tmp_path / "waves.sls", "--target", "nir", *given, "--to", graph)
        assert (ended.code, ended.out.strip()) == (0, f"{graph}: a graph of NIR")
        assert nir.read(graph).metadata["dt"] == dt
    more: dict[str, Any] = {"classes": waves.labels, "front_end": "none"}
    found, same = from_nir(graph, **more), from_nir(to_nir(waves, dt=0.01), **more)
    assert found.spec.leaks == waves.spec.leaks
    assert found.state_sha256 == same.state_sha256


def _refused(ended: Ended, message: str, to: Path) -> None:
    assert ended.code != 0
    assert re.search(message, ended.err), ended.err
    assert not to.exists(), "something was left behind"


@pytest.mark.usefixtures("waves")
def test_what_cannot_be_exported_so_is_refused(cli: Cli, tmp_path: Path) -> None:
    image, to = tmp_path / "waves.sls", tmp_path / "to"
    MesuClassifier((2, 3, 2)).save(tmp_path / "dense.sls")
    (tmp_path / "foreign.csv").write_text("a,b,kind\n" + "1,2,quick\n" * 9)
    wrong: tuple[tuple[tuple[object, ...], str], ...] = (
        ((image, "--target", "make", "--dt", 1), r"--dt: .* give --target nir"),
        ((image, "--target", "nir", "--prefix", "gas"), r"--prefix: it is of a package"),
        ((image, "--stages"), r"--stages: .* had none"),
        ((tmp_path / "foreign.csv",), r"another kind of file"),
        ((tmp_path / "nowhere.sls",), r"is no run folder"),
    )
    for arguments, message in wrong:
        _refused(cli("export", *arguments, "--to", to), message, to)
    pytest.importorskip("nir", reason="the package nir is not here")
    wrong = (
        ((tmp_path / "dense.sls", "--target", "nir"), r"a MesuClassifier: NIR describes spiking"),
        ((image, "--target", "nir", "--dt", -1), r"dt=-1.0: expected the seconds of a step"),
    )
    for arguments, message in wrong:
        _refused(cli("export", *arguments, "--to", to), message, to)
