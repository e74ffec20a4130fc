"""stages.onnx in JavaScript: raw samples of a signal end with the state of the library's chain."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from runtime_folder import EXAMPLES, NO_RUNTIME, load

from export import write_export
from streamlearn import MesuClassifier
from streamlearn.chain import Chain, Delta, Stages, Standardise, Traces

pytestmark = [
    pytest.mark.skipif(not load().there(), reason=NO_RUNTIME),
    pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js: apt-get install nodejs"),
]
N, PART = 160, 40
PROGRAM = """
import { readFile } from "node:fs/promises";
import * as ort from "./runtime/ort.wasm.bundle.min.mjs";
import { Learner } from "./learner.mjs";

const here = (name) => new URL(name, import.meta.url);
const bytes = async (name) => new Uint8Array(await readFile(here(name)));
ort.env.wasm.wasmBinary = await readFile(here("runtime/ort-wasm-simd-threaded.wasm"));
ort.env.wasm.numThreads = 1;
const learner = await Learner.open(ort, (name) => bytes(`export/${name}`));
const raw = new Float32Array((await bytes("signal.bin")).slice().buffer);
const said = [];
for (let at = 0; at < N; at += PART) {
  if (at === 2 * PART) learner.reset();
  const labels = Array.from({ length: PART }, (_, i) => Math.floor((at + i) / PART) % 2);
  said.push(...(await learner.learnSignal(raw.slice(2 * at, 2 * (at + PART)), labels)));
}
console.log(JSON.stringify(said));
console.log(await learner.sha256());
"""


def test_node_learns_a_signal_to_the_state_of_the_chain(tmp_path: Path) -> None:
    stages = Stages((Standardise(50), Delta(), Traces((1, 3), 7)), 2)
    learner = MesuClassifier((stages.n_features, 6, 2), classes=range(2))
    write_export(learner, tmp_path / "export", stages=stages)
    load().add_runtime(tmp_path)
    shutil.copy(EXAMPLES / "learner.mjs", tmp_path)
    labels = np.arange(N) // PART % 2
    raw = np.sin(np.arange(N)[:, None] * (0.2 + labels[:, None]) + [0, 2]).astype("<f4")
    raw.tofile(tmp_path / "signal.bin")
    program = tmp_path / "signal.mjs"
    program.write_text(PROGRAM.replace("PART", str(PART)).replace("N;", f"{N};"))
    done = subprocess.run(["node", str(program)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    said, state = done.stdout.splitlines()
    chain, expected = Chain(learner, stages), []
    for t, (row, label) in enumerate(zip(raw, labels.tolist(), strict=True)):
        if t == 2 * PART:
            chain.reset()
        expected.append(chain.test_then_learn_one(row, label))
    assert said == str(expected).replace("None", "null").replace(" ", "")
    assert sum(one is not None for one in expected) == 2 * (2 * PART // 7)
    assert state == learner.state_sha256
