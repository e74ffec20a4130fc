"""A chain of stages as an ONNX model: a block of raw samples in, rows of features out.

What the graph promises, and how to run it, is in docs/onnx.md.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from export.graph.block import NEXT, block
from export.graph.builder import GraphBuilder
from export.graph.fields import Fields, described
from export.graph.model import OPSET, finite_rows, modelled
from export.graph.whole import Value
from quant.stages import Stages
from quant.stages.file import sha256
from streamlearn.version import __version__

#: What comes out beside the state: a row of features, and whether there is one.
FEATURES, READY = "features", "ready"
_CAME, _NONE, _NOT_FINITE = 1, 0, -1


def stages_model(stages: Stages, opset: int = OPSET) -> ModelProto:
    """Write a chain of stages as a model that takes a block of samples.

    Parameters
    ----------
    stages : Stages
    opset : int
        Version of the operators, 18 or newer.

    Returns
    -------
    ModelProto
        Inputs ``x`` float32[samples, channels] and each field of :attr:`Stages.layout`. Outputs
        ``features`` float32[samples, n_features]; ``ready`` int64[samples], 1: features came with
        that sample, 0: none did, and they are 0; -1: it was not finite, and nothing took it; and
        each field followed by ``_next``.
    """
    layout = stages.layout
    g = GraphBuilder()
    chain = _Chain(g, stages)
    finite, _ = finite_rows(g, g.unsqueeze("x", 0))
    with g.branch() as taken:
        ends = chain.ends(*chain.step(0, "x"))
    with g.branch() as refused:
        kept = chain.ends(*chain.nothing(0, _NOT_FINITE))
    flag = g.op("Reshape", finite, np.zeros(0, np.int64))
    names = [FEATURES, READY, *(field.name + NEXT for field in layout)]
    for found, name in zip(g.choose(flag, (taken, ends), (refused, kept)), names, strict=True):
        g.op("Identity", found, name=name)
    fields = [described(field) for field in layout]
    after = [described(field, NEXT) for field in layout]
    given = [_vector("x", stages.n_channels)]
    outputs = [
        _vector(FEATURES, stages.n_features),
        helper.make_tensor_value_info(READY, TensorProto.INT64, []),
    ]
    body = helper.make_graph(
        g.nodes, "streamlearn_stages", [*fields, *given], [*after, *outputs], g.initializers
    )
    told = {
        "producer": "streamlearn",
        "version": __version__,
        "stages": json.dumps(stages.to_json()),
        "stages_sha256": sha256(stages),
    }
    return modelled(block(body, layout, given, outputs, "streamlearn_stages_block"), told, opset)


def _vector(name: str, n: int) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [n])


class _Chain:
    """The nodes of a chain: each stage inside the branch of the one before that gave a row."""

    def __init__(self, g: GraphBuilder, stages: Stages) -> None:
        self.g, self.stages = g, stages
        self._fields = Fields(g, stages.layout)

    def step(self, which: int, row: str) -> tuple[str, str, dict[str, str]]:
        """Features, whether they came, and new fields, of the stages from one on."""
        if which == len(self.stages.stages):
            return row, self.g.constant(_CAME), {}
        stage = self.stages.stages[which]
        room = importlib.import_module(f"export.stages.{stage.name}")
        names = {name: f"{stage.name}_{name}" for name in stage.dtype.names or ()}
        with self.g.scope(stage.name):
            seen = room.step(self.g, stage, names, row)
            new = {names[name]: self._stored(names[name], x) for name, x in seen.after.items()}
        if seen.ready is None:
            features, ready, later = self.step(which + 1, self._made(stage.name, seen))
            return features, ready, {**new, **later}
        with self.g.branch() as then:
            made = self._made(stage.name, seen)
            ends = self.ends(*self.step(which + 1, made), which + 1)
        with self.g.branch() as other:
            nothing = self.ends(*self.nothing(which + 1, _NONE), which + 1)
        found = self.g.choose(seen.ready.name, (then, ends), (other, nothing))
        later = dict(zip(self._names(which + 1), found[2:], strict=True))
        return found[0], found[1], {**new, **later}

    def nothing(self, which: int, why: int) -> tuple[str, str, dict[str, str]]:
        """No features, and fields as they are, of the stages from one on."""
        zeros = self.g.constant(np.zeros(self.stages.n_features, np.float32))
        return zeros, self.g.constant(why), {name: name for name in self._names(which)}

    def ends(self, features: str, ready: str, new: dict[str, str], which: int = 0) -> list[str]:
        """What a branch puts out: names of its own."""
        names = self._names(which)
        return [self.g.op("Identity", x) for x in (features, ready, *(new[n] for n in names))]

    def _made(self, name: str, seen: Any) -> str:
        with self.g.scope(name):
            return self.g.cast(seen.features().name, TensorProto.FLOAT)

    def _names(self, which: int) -> list[str]:
        return [f"{s.name}_{n}" for s in self.stages.stages[which:] for n in s.dtype.names or ()]

    def _stored(self, name: str, x: Any) -> str:
        if isinstance(x, Value):
            x = self._fields.stored(name, x)
        return x if isinstance(x, str) else self.g.constant(x)
