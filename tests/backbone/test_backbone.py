"""Golden, C and ONNX of a backbone: the same bits; its file and its limits."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from backbone_helpers import BACKBONES, HostC, convolutional, dense, image_features, samples

from export import write_export
from export.graph.backbone import backbone_model
from quant.backbone import Backbone, CodeFormat, MaxPool, Weighted
from quant.backbone.file import from_bytes, load, save, sha256, to_bytes
from quant.backbone.golden import codes_of, feature_codes, features, shift_half_even
from quant.errors import ConfigError, InputValueError, ShapeError, StateFormatError
from streamlearn import MesuClassifier

EACH = pytest.mark.parametrize("name", BACKBONES)


def by_hand(backbone: Backbone, x: np.ndarray) -> list[int]:
    """One sample in whole numbers of Python, place by place."""
    codes = codes_of(x, backbone.given).reshape(backbone.input_shape)
    for at, layer in enumerate(backbone.layers):
        shape = backbone.shapes[at + 1]
        out = np.zeros(shape, np.int64)
        for place in itertools.product(*map(range, shape)):
            if isinstance(layer, MaxPool):
                k, r, c = place[0], place[1] * layer.stride, place[2] * layer.stride
                out[place] = codes[k, r : r + layer.size, c : c + layer.size].max()
                continue
            total = int(layer.bias[place[0]])
            for of, weight in np.ndenumerate(layer.weight[place[0]]):
                if layer.is_conv:
                    r, c = (
                        p * layer.stride + o - layer.padding
                        for p, o in zip(place[1:], of[1:], strict=True)
                    )
                    inside = 0 <= r < codes.shape[1] and 0 <= c < codes.shape[2]
                    total += int(weight) * int(codes[of[0], r, c]) if inside else 0
                else:
                    total += int(weight) * int(codes.ravel()[of[0]])
            form = backbone.formats[at].frac_bits + layer.weight_format.frac_bits
            # Python rounds half to even, and a fraction of two powers is exact.
            rounded = round(total * 2.0 ** (layer.out.frac_bits - form))
            out[place] = min(max(rounded, 0), layer.out.most)
        codes = out
    return codes.ravel().tolist()


@EACH
def test_golden_is_the_sum_that_a_person_would_write(name: str) -> None:
    seen = set[int]()
    for seed in range(3):
        backbone = BACKBONES[name](seed)
        x = samples(backbone, 4, seed)
        found = feature_codes(backbone, x)
        assert [by_hand(backbone, row) for row in x] == found.tolist()
        seen.update(found.ravel().tolist())
    assert len(seen) > 3


@EACH
def test_c_on_the_host_is_golden(name: str, tmp_path: Path) -> None:
    """With every warning an error, and undefined behaviour ending the process."""
    for seed in range(2):
        backbone = BACKBONES[name](seed)
        x = samples(backbone, 80, seed)
        kernel = HostC(backbone, tmp_path / str(seed))
        assert kernel(x).tobytes() == features(backbone, x).tobytes()
    x[3, 2] = np.nan
    with pytest.raises(ValueError, match="status -1"):
        kernel(x)


def in_onnx_runtime(backbone: Backbone, x: np.ndarray, kept: bool, optimised: bool) -> bytes:
    options = onnxruntime.SessionOptions()
    if kept:
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    if not optimised:
        level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.graph_optimization_level = level
    model = backbone_model(backbone).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    found: bytes = session.run(None, {"x": x})[0].tobytes()
    return found


@EACH
@pytest.mark.parametrize("optimised", [False, True], ids=["plain", "optimised"])
def test_onnx_runtime_is_golden(name: str, optimised: bool) -> None:
    for seed in range(3):
        backbone = BACKBONES[name](seed)
        x = samples(backbone, 80, seed)
        assert in_onnx_runtime(backbone, x, True, optimised) == features(backbone, x).tobytes()


@pytest.mark.parametrize("name", ["convolutional", "image"])
def test_seven_bits_are_golden_in_the_integer_operators_of_onnx_runtime_too(name: str) -> None:
    """On x86 without VNNI these add two products in 16 bits: codes of 8 bits may saturate there."""
    for seed in range(3):
        given = BACKBONES[name](seed)
        backbone = Backbone(given.input_shape, CodeFormat(7, 5), given.layers)
        x = samples(backbone, 80, seed)
        assert in_onnx_runtime(backbone, x, False, True) == features(backbone, x).tobytes()


def test_canary_another_weight_is_seen(tmp_path: Path) -> None:
    one = dense()
    first = one.layers[0]
    assert isinstance(first, Weighted)
    weight = first.weight.copy()
    weight[0, 0] = 127 if weight[0, 0] < 0 else -127
    other = Backbone(
        one.input_shape, one.given, (dataclasses.replace(first, weight=weight), *one.layers[1:])
    )
    x = samples(one, 200)
    assert HostC(other, tmp_path)(x).tobytes() != features(one, x).tobytes()
    assert sha256(other) != sha256(one)


def test_rounding_is_half_to_even() -> None:
    sums = np.arange(-40, 41)
    for shift in range(5):
        expected = [round(n / 2**shift) for n in sums.tolist()]
        assert shift_half_even(sums, shift).tolist() == expected
    assert shift_half_even(sums, -2).tolist() == (4 * sums).tolist()


@EACH
def test_a_file_is_the_backbone(name: str, tmp_path: Path) -> None:
    backbone = BACKBONES[name]()
    save(backbone, tmp_path / "a.json")
    again = load(tmp_path / "a.json")
    assert to_bytes(again) == to_bytes(backbone)
    x = samples(backbone)
    assert (features(again, x) == features(backbone, x)).all()


def test_damaged_files_are_refused_with_a_sentence(tmp_path: Path) -> None:
    good = json.loads(to_bytes(convolutional()))
    kinds = [b"", b"[]", b"\xff", b"{" * 10_000, json.dumps({**good, "version": 2}).encode()]
    for part in good:
        kinds.append(json.dumps({k: v for k, v in good.items() if k != part}).encode())
        kinds += [json.dumps({**good, part: value}).encode() for value in (None, 3, [], {}, "x")]
    for at, member in itertools.product(range(4), ("kind", "shape", "weight", "bias", "out")):
        for value in (..., None, -1, "AA", [2, 2], {"bits": 9}, "@"):
            layers = [dict(layer) for layer in good["layers"]]
            layers[at][member] = value
            if value is ...:
                del layers[at][member]
            kinds.append(json.dumps({**good, "layers": layers}).encode())
    refused = 0
    for data in kinds:
        try:
            from_bytes(data, "a.json")
        except StateFormatError as error:
            refused += str(error).startswith("a.json: ")
    assert refused >= len(kinds) - 5  # what is left says the same in other words
    with pytest.raises(StateFormatError, match="cannot be read"):
        load(tmp_path / "missing.json")


def with_first(**changes: object) -> None:
    one = convolutional()
    first = one.layers[0]
    assert isinstance(first, Weighted)
    Backbone(one.input_shape, one.given, (dataclasses.replace(first, **changes), *one.layers[1:]))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"bias": np.full(5, 1 << 24, np.int32)}, "a sum may reach"),
        ({"out": CodeFormat(7, 30)}, "fraction bits more than the sum"),
        ({"out": CodeFormat(7, 3, signed=True)}, "has a sign"),
        ({"weight_format": CodeFormat(2, 6, signed=True)}, "narrow range of a signed format"),
        ({"stride": 0}, "stride=0"),
        ({"bias": np.zeros(4, np.int32)}, "one per output"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        with_first(**changes)


def test_shapes_that_do_not_fit_are_refused() -> None:
    one = image_features()
    with pytest.raises(ShapeError, match="convolution of 1 channels behind"):
        Backbone((2, 4, 4), one.given, one.layers)
    with pytest.raises(ShapeError, match="a window of"):
        Backbone((1, 1, 1), one.given, one.layers)
    with pytest.raises(ConfigError, match="without a layer of weights"):
        Backbone((1, 4, 4), one.given, (MaxPool(2, 2),))
    with pytest.raises(ShapeError, match="expected \\[n, 16\\]"):
        features(one, np.zeros((2, 3)))
    with pytest.raises(InputValueError, match="NaN or infinity"):
        features(one, np.full((1, 16), np.inf))


def test_a_sum_stays_below_what_float32_counts() -> None:
    """The limit is the worst case over all inputs, and the largest one is taken."""
    weight = np.full((1, 1038), 127, np.int8)
    given = CodeFormat(7, 0)
    form, out = CodeFormat(8, 0, signed=True), CodeFormat(7, 6)
    layer = Weighted(weight, form, np.zeros(1, np.int32), out)
    assert feature_codes(Backbone((1038,), given, (layer,)), np.full((1, 1038), 200)) == 127
    wide = dataclasses.replace(layer, weight=np.full((1, 1041), 127, np.int8))
    with pytest.raises(ConfigError, match="a sum may reach"):
        Backbone((1041,), given, (wide,))


@pytest.mark.parametrize(
    ("x", "error"),
    [
        ([["a"] * 12], InputValueError), ([[None] * 11 + ["b"]], InputValueError),
        (np.ones((1, 12)) * 1j, InputValueError), ([[object()] * 12], InputValueError),
        (np.full((1, 12), 1e300), InputValueError), ([[10**400] * 12], InputValueError),
        ([[1, 2], [3]], ShapeError), (np.ones((1, 3, 4)), ShapeError),
    ],
    ids=["words", "one word", "complex", "objects", "beyond float32", "beyond", "ragged", "images"],
)  # fmt: skip
@pytest.mark.filterwarnings("error")
def test_raw_values_that_are_none_are_refused(x: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"x (holds|has|is)"):
        features(dense(), x)  # type: ignore[arg-type]


def test_a_shape_whose_product_overflows_64_bits_is_refused() -> None:
    """5 · 3689348814741910324 is 4 modulo 2^64: a file of some bytes that claims 4 inputs."""
    layer = Weighted(
        np.ones((2, 4), np.int8), CodeFormat(8, 5, True), np.zeros(2, np.int32), CodeFormat(7, 3)
    )
    with pytest.raises(ShapeError, match="expected 18446744073709551620 inputs"):
        Backbone((5, 1, 3689348814741910324), CodeFormat(8, 5), (layer,))
    values = json.loads(to_bytes(Backbone((4,), CodeFormat(8, 5), (layer,))))
    values["input_shape"] = [5, 1, 3689348814741910324]
    with pytest.raises(StateFormatError, match="expected 18446744073709551620 inputs"):
        from_bytes(json.dumps(values).encode())


def test_layers_of_other_types_are_refused() -> None:
    form, out, bias = CodeFormat(8, 5, True), CodeFormat(7, 3), np.zeros(1, np.int32)
    good = Weighted(np.ones((1, 4), np.int8), form, bias, out)
    with pytest.raises(ConfigError, match="weight is a list: expected a ndarray"):
        Weighted([[1, 1, 1, 1]], form, bias, out)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="out is a int: expected a CodeFormat"):
        Weighted(good.weight, form, bias, 8)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="layer 1 is 'pool': expected a Weighted or a MaxPool"):
        Backbone((4,), CodeFormat(8, 5), (good, "pool"))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="given=None: expected the CodeFormat"):
        Backbone((4,), None, (good,))  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="input_shape"):
        Backbone((True,), CodeFormat(8, 5), (good,))


def test_an_export_takes_a_backbone_and_no_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="backbone is a str: expected a Backbone, as load_back"):
        write_export(MesuClassifier((5, 3)), tmp_path / "e", backbone="b.json")  # type: ignore[arg-type]
