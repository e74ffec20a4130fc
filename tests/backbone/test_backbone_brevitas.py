"""Integers out of Brevitas layers and back: torch, golden and Brevitas' own export are one."""

from __future__ import annotations

import copy
import sys
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from backbone_helpers import BACKBONES, samples

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
qnn = pytest.importorskip("brevitas.nn", reason="Brevitas is not installed")

from brevitas.quant import Int8WeightPerChannelFixedPointMSE, Int8WeightPerTensorFloat  # noqa: E402

from quant.backbone import Backbone, CodeFormat, Weighted  # noqa: E402
from quant.backbone.file import to_bytes  # noqa: E402
from quant.backbone.golden import feature_codes, features  # noqa: E402
from streamlearn.errors import ConfigError, InputValueError, ShapeError  # noqa: E402
from streamlearn.torch.backbone import (  # noqa: E402
    Chain,
    Conv,
    Dense,
    Pool,
    float_backbone,
    freeze,
    layers_of,
    pretrain,
    quantised,
)

torch.set_num_threads(1)
SHAPE = (2, 9, 9)
PARTS = {
    "convolutional": (SHAPE, [Conv(4, 3, 2, 1), Pool(2, 1), Conv(5, 2), Dense(6)]),
    "dense": ((162,), [Dense(20), Dense(5)]),
    "image": (SHAPE, [Conv(4, 3, 2, 1)]),
}


def patterns(n: int = 256, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Three noisy patterns."""
    generator = torch.Generator().manual_seed(seed)
    means = torch.rand(3, 162, generator=torch.Generator().manual_seed(99))
    y = torch.randint(3, (n,), generator=generator)
    return means[y] + 0.3 * torch.randn(n, 162, generator=generator), y


def trained(name: str, weight_bits: int = 8, activation_bits: int = 7) -> Chain:
    shape, parts = PARTS[name]
    generator = torch.Generator().manual_seed(1)
    x, y = patterns()
    net = float_backbone(shape, parts, generator)
    given = CodeFormat(8, 6, signed=True)
    aware = quantised(net, x, given, weight_bits=weight_bits, activation_bits=activation_bits)
    pretrain(aware, x, y, epochs=2, generator=generator)
    return aware


@pytest.mark.parametrize("bits", [(8, 7), (3, 4)], ids=["8-7", "3-4"])
@pytest.mark.parametrize("name", PARTS)
def test_trained_layers_are_golden_and_come_back(name: str, bits: tuple[int, int]) -> None:
    net = trained(name, *bits)
    backbone = freeze(net)
    x, _ = patterns(300, 5)
    expected = features(backbone, x.numpy())
    again = layers_of(backbone)
    for chain in (net, again):
        assert chain(x).detach().numpy().tobytes() == expected.tobytes()
    assert to_bytes(freeze(again)) == to_bytes(backbone)
    assert len(np.unique(expected)) > 3
    for layer in backbone.layers:
        if isinstance(layer, Weighted):
            assert (layer.weight_format.bits, layer.out.bits) == bits


@pytest.mark.parametrize("name", BACKBONES)
def test_any_integers_come_back_out_of_brevitas_layers(name: str) -> None:
    backbone = BACKBONES[name]()
    layers = layers_of(backbone)
    assert to_bytes(freeze(layers)) == to_bytes(backbone)
    x = samples(backbone)
    found = layers(torch.from_numpy(x)).numpy()
    assert found.tobytes() == features(backbone, x).tobytes()


@pytest.mark.parametrize("name", ["convolutional", "dense"])
def test_the_export_of_brevitas_itself_is_golden(name: str, tmp_path: Path) -> None:
    """QCDQ as Brevitas writes it, in ONNX Runtime, beside the graph that the folder has."""
    pytest.importorskip("onnxoptimizer", reason="no onnxoptimizer, which Brevitas exports with")
    net = trained(name)
    x, _ = patterns(1, 5)
    path = str(tmp_path / "qcdq.onnx")
    more = {"dynamo": False, "opset_version": 18}
    with warnings.catch_warnings():  # its own, of what it imports and traces
        warnings.simplefilter("ignore")
        from brevitas.export import export_onnx_qcdq

        export_onnx_qcdq(copy.deepcopy(net), args=x, export_path=path, **more)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    options.log_severity_level = 3  # it says of each constant that it is no input
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    backbone = freeze(net)
    for row in patterns(40, 6)[0].split(1):
        found = session.run(None, {session.get_inputs()[0].name: row.numpy()})[0]
        assert found.tobytes() == features(backbone, row.numpy()).tobytes()


def test_training_with_quantisation_learns() -> None:
    x, y = patterns(512, 3)
    generator = torch.Generator().manual_seed(0)
    net = quantised(float_backbone((162,), [Dense(16)], generator), x, CodeFormat(8, 6, True))
    before = to_bytes(freeze(copy.deepcopy(net)))
    head = pretrain(net, x, y, epochs=4, generator=generator)
    test, labels = patterns(512, 4)
    right = (head(net(test)).argmax(1) == labels).float().mean()
    assert right > 0.9
    assert to_bytes(freeze(net)) != before
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_turned_images_are_told_apart() -> None:
    """With rotations there are four times the classes, and one batch has all four."""
    x, y = patterns(256)
    net = float_backbone(SHAPE, [Conv(4, 3, 2, 1)], torch.Generator().manual_seed(0))
    assert pretrain(net, x, y, rotations=True).out_features == 12
    with pytest.raises(ShapeError, match="square images"):
        pretrain(float_backbone((2, 9, 7), [Conv(4, 3)]), x[:, :126], y, rotations=True)


def test_the_program_of_the_docs_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).parents[2]
    monkeypatch.syspath_prepend(str(root / "tests" / "docs"))
    monkeypatch.delitem(sys.modules, "pages", raising=False)
    import pages

    ran = pages.run_page((root / "docs" / "backbone.md").read_text())
    assert len(ran) > 1
    for block, printed in ran:
        assert pages.fits(block.output or "", printed), f"after\n{block.code}\ncame\n{printed}"


def quantisation(**more: object) -> list[torch.nn.Module]:
    net = trained("dense")
    linear = qnn.QuantLinear(162, 4, bias=True, **more)
    return [net[0], linear, net[2]]


@pytest.mark.parametrize(
    ("modules", "says"),
    [
        (lambda: [torch.nn.Linear(2, 2)], "expected a QuantIdentity first"),
        (lambda: [trained("dense")[0], torch.nn.BatchNorm1d(2)], "merge a normalisation"),
        (lambda: quantisation()[:2], "expected a QuantReLU behind"),
        (lambda: quantisation(weight_quant=Int8WeightPerTensorFloat), "expected a power of two"),
        (lambda: quantisation(weight_quant=Int8WeightPerChannelFixedPointMSE), "one per tensor"),
    ],
    ids=["no rounding", "normalisation", "no relu", "scale", "channels"],
)
def test_what_integers_here_do_not_have_is_refused(modules: object, says: str) -> None:
    chain = Chain((162,), *modules())  # type: ignore[operator]
    with pytest.raises(ConfigError, match=says):
        freeze(chain)


def test_a_dilated_convolution_is_refused() -> None:
    net = trained("image")
    net[1].dilation = (2, 2)
    with pytest.raises(ConfigError, match="dilation"):
        freeze(net)


def test_canary_another_bias_is_seen() -> None:
    net = trained("image")
    before = freeze(net)
    with torch.no_grad():
        net[1].bias += 2 * before.formats[1].scale
    after: Backbone = freeze(net)
    x = patterns(64)[0].numpy()
    assert (feature_codes(after, x) != feature_codes(before, x)).any()


ROWS, LABELS = torch.zeros(70, 8), torch.arange(70) % 3

REFUSED = {
    "float64 rows": (lambda net: pretrain(net, ROWS.double(), LABELS), "x is torch.float64"),
    "an array": (lambda net: pretrain(net, ROWS.numpy(), LABELS), "x is ndarray"),
    "rows of another size": (lambda net: pretrain(net, torch.zeros(70, 9), LABELS), "with 8 valu"),
    "NaN": (lambda net: pretrain(net, ROWS * torch.nan, LABELS), "NaN or infinity"),
    "a label below 0": (lambda net: pretrain(net, ROWS, LABELS - 1), "y holds -1"),
    "labels in floats": (lambda net: pretrain(net, ROWS, LABELS.float()), "y is torch.float32"),
    "fewer labels": (lambda net: pretrain(net, ROWS, LABELS[:3]), "expected \\[70\\], a label per"),
    "no epoch": (lambda net: pretrain(net, ROWS, LABELS, epochs=0), "epochs=0"),
    "a batch of none": (lambda net: pretrain(net, ROWS, LABELS, batch=0), "batch=0"),
    "no samples": (lambda net: quantised(net, ROWS[:0], CodeFormat(8, 5)), "x is \\[0, 8\\]"),
    "samples of NaN": (lambda net: quantised(net, ROWS * torch.nan, CodeFormat(8, 5)), "NaN or"),
    "no format": (lambda net: quantised(net, ROWS, None), "given=None"),
    "no chain": (lambda net: freeze(torch.nn.Sequential(*net)), "a Sequential: expected a Chain"),
    "no parts": (lambda _: float_backbone((8,), []), "parts="),
    "no units": (lambda _: float_backbone((8,), [Dense(0)]), "units=0"),
    "no part": (lambda _: float_backbone((8,), ["a"]), "a part is 'a'"),
    "a shape of two": (lambda _: float_backbone((4, 4), [Dense(3)]), "input_shape="),
    "a window too large": (lambda _: float_backbone((1, 4, 4), [Conv(2, 9)]), "Conv.*behind"),
    "a pool too large": (lambda _: float_backbone((1, 4, 4), [Pool(9, 9)]), "Pool.*behind"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_trained_or_frozen_is_refused(what: str) -> None:
    do, says = REFUSED[what]
    with pytest.raises((ConfigError, ShapeError, InputValueError), match=says):
        do(float_backbone((8,), [Dense(6), Dense(4)]))
