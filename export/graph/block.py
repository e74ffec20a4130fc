"""A step of a state as a graph over a block of samples."""

from __future__ import annotations

from onnx import GraphProto, ValueInfoProto, helper

from export.graph.fields import described
from quant.layout import Layout

#: What follows the name of a field after the step.
NEXT = "_next"


def block(
    body: GraphProto,
    layout: Layout,
    given: list[ValueInfoProto],
    outputs: list[ValueInfoProto],
    name: str,
) -> GraphProto:
    """Return a step as the body of a Scan over samples.

    Parameters
    ----------
    body : GraphProto
        Inputs: each field, then ``given``. Outputs: each field followed by :data:`NEXT`, then
        ``outputs``.
    layout : Layout
        The fields.
    given, outputs : list of ValueInfoProto
        Of one sample: what the block has an axis of samples in front of.
    name : str
        Of the graph.
    """
    fields, after = [described(f) for f in layout], [described(f, NEXT) for f in layout]
    node = helper.make_node(
        "Scan",
        [*(f.name for f in fields), *(i.name for i in given)],
        [*(f.name for f in after), *(o.name for o in outputs)],
        name="samples",
        num_scan_inputs=len(given),
        body=body,
    )
    wide = [[_with_samples(i) for i in infos] for infos in (given, outputs)]
    return helper.make_graph([node], name, [*wide[0], *fields], [*wide[1], *after])


def _with_samples(info: ValueInfoProto) -> ValueInfoProto:
    kind = info.type.tensor_type
    shape = ["samples", *(dim.dim_value for dim in kind.shape.dim)]
    return helper.make_tensor_value_info(info.name, kind.elem_type, shape)
