"""What tests of graphs that learn share: a learner's graphs, and its state as their inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from export.graph.learning import learning_models
from quant.state import state_sha256

State = dict[str, npt.NDArray[Any]]


def start_of(learner: Any) -> State:
    return {name: np.asarray(learner.state[name][0]) for name in learner.state.dtype.names}


def models(learner: Any, **more: Any) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    given = learner.spec, learner.config, learner.arithmetic, learner.state
    return learning_models(*given, **more)


def session(model: onnx.ModelProto) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def sha256(learner: Any, state: State) -> str:
    as_one = learner.state.copy()
    for name, value in state.items():
        as_one[name][0] = value
    return state_sha256(as_one)


def run_of(runtime: Any, given: State) -> State:
    """Return what comes out of a session, or of ONNX's reference, by name."""
    outputs = getattr(runtime, "get_outputs", None)
    names = runtime.output_names if outputs is None else [one.name for one in outputs()]
    return dict(zip(names, runtime.run(None, given), strict=True))
