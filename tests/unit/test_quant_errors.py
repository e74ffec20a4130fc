"""What quant refuses, and what it says."""

from __future__ import annotations

import dataclasses
import json
import math
import struct
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant import compiler
from quant.description import from_json, to_json
from quant.errors import BuildError, ConfigError, ShapeError, StateFormatError, StreamlearnError
from quant.image import FORMAT_VERSION, MAGIC, Image, decode_image, encode_image
from quant.native import NativeKernel
from quant.network import NetworkSpec, layer_view
from quant.rule import RULES
from quant.rules.mesu.config import MesuConfig
from quant.rules.mesu.plan import make_plan
from quant.rules.mesu_factored.config import MesuFactoredConfig
from quant.rules.mesu_factored.plan import decode_row, make_factored_plan
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.sampling.plan import PULL_MAX, effective_sweep
from quant.state import (
    init_state,
    state_dtype,
    state_from_bytes,
    state_sha256,
    state_to_bytes,
)

SPEC = NetworkSpec((3, 4, 2))
CONFIG = MesuConfig(n_draws=2)
HEADER = 24


def image(arithmetic: Any = "q16", **changes: Any) -> Image:
    state = init_state(SPEC, CONFIG, arithmetic, 5)
    whole = Image(SPEC, CONFIG, arithmetic, state, ("a", True), ("x", "y", "z"))
    return dataclasses.replace(whole, **changes)


def sealed(text: bytes, payload: bytes) -> bytes:
    """An image with a correct header around any contents."""
    crc = zlib.crc32(text + payload)
    sizes = 24, len(text), len(payload)
    return struct.pack("<4sHHIIII", MAGIC, FORMAT_VERSION, *sizes, crc, 0) + text + payload


# -- spec and config ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((), r"layers=\(\): expected .* 2 to 17 sizes; got 0"),
        ((4,), "2 to 17 sizes; got 1"),
        ((2,) * 18, "2 to 17 sizes; got 18"),
        ((4, 0, 2), "every size must be 1 to 65535"),
        ((4, -1, 2), "every size must be 1 to 65535"),
        ((4, 65536, 2), "every size must be 1 to 65535"),
        ((4, 1), "must be at least 2, got 1"),
        ((4097, 4096, 2), "a layer has more than 16,777,216 synapses"),
        ((4.5, 2), "expected whole numbers"),
        ((True, 2), "expected whole numbers"),
    ],
)
def test_wrong_layers_are_refused(layers: tuple[int, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        NetworkSpec(layers)


@pytest.mark.parametrize("layers", [(1, 2), (65535, 2), (2, 65535, 2), (2,) * 17])
def test_the_ends_of_the_allowed_layers_are_allowed(layers: tuple[int, ...]) -> None:
    assert NetworkSpec(layers).layers == layers


@pytest.mark.parametrize("bits", [5, 16, (), (12, 5), (12.0, 12), 12.0, None, True])
def test_wrong_formats_are_refused(bits: Any) -> None:
    with pytest.raises(ConfigError, match=r"mu_frac_bits=.*: expected 6 to 15, one number or one"):
        MesuConfig(mu_frac_bits=bits)


@pytest.mark.parametrize("arithmetic", RULES["mesu"].arithmetics)
@pytest.mark.parametrize("bits", [(12,), (12, 12, 12)])
def test_formats_for_another_number_of_layers_are_refused(bits: Any, arithmetic: str) -> None:
    with pytest.raises(ConfigError, match=r"mu_frac_bits=.*: expected 6 to 15, one number or 2,"):
        init_state(NetworkSpec((4, 3, 2)), MesuConfig(mu_frac_bits=bits), arithmetic)


@pytest.mark.parametrize("bias", [2, -1, 0.5, 1, None, "no"])
def test_a_bias_that_is_no_truth_value_is_refused(bias: Any) -> None:
    with pytest.raises(ConfigError, match=f"bias={bias!r}: expected True or False"):
        NetworkSpec((4, 3, 2), bias=bias)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("value", [True, "2", np.complex64(1)])
def test_a_hyperparameter_that_is_no_real_number_is_refused(rule: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=r"front_end_window=.*: expected a number"):
        RULES[rule].config(front_end_window=value)


def test_numpys_numbers_become_pythons_so_that_the_learner_can_be_saved() -> None:
    third = np.float32(1 / 3)
    spec = NetworkSpec((3, 4, 2), np.True_)  # type: ignore[arg-type]
    config = MesuConfig(
        lr_mu=third,
        n_draws=np.int64(2),  # type: ignore[arg-type]
        memory_window=np.int32(5000),
        mu_frac_bits=np.int64(10),  # type: ignore[arg-type]
    )
    assert type(config.lr_mu) is float
    assert {type(n) for n in (config.n_draws, config.memory_window, config.mu_frac_bits)} == {int}
    assert type(spec.bias) is bool
    assert make_plan(spec, config) == make_plan(spec, MesuConfig(**{
        **vars(config), "lr_mu": float(third)}))  # fmt: skip
    assert from_json(json.loads(json.dumps(to_json(spec, config)))) == (spec, config)
    plastic = NetworkSpec((3, 2)), MetaplasticConfig(clamp=third)
    assert from_json(json.loads(json.dumps(to_json(*plastic)))) == plastic


def test_unknown_names_are_refused() -> None:
    known = "'standardise', 'frozen' or 'none'"
    with pytest.raises(ConfigError, match=f"front_end='norm': expected {known}"):
        NetworkSpec((2, 2), front_end="norm")
    with pytest.raises(ConfigError, match="head='poisson': expected 'categorical' or 'gaussian'"):
        NetworkSpec((2, 2), head="poisson")
    described = {**to_json(SPEC, CONFIG), "rule": "sgd"}
    with pytest.raises(
        ConfigError,
        match=f"rule='sgd': expected one of {', '.join(map(repr, RULES))}",
    ):
        from_json(described)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("memory_window", 0, "memory_window=0: expected a number of samples, 1 or above, or inf"),
        ("memory_window", -1.0, "memory_window=-1.0"),
        ("memory_window", math.nan, "memory_window=nan"),
        ("sigma_prior", 0.0, "sigma_prior=0.0: expected a finite number above 0, or None"),
        ("sigma_prior", -1.0, "sigma_prior=-1.0"),
        ("sigma_prior", math.inf, "sigma_prior=inf"),
        ("mu_prior", math.nan, "mu_prior=nan: expected a finite number"),
        ("sigma_init", 0.0, "sigma_init=0.0: expected a finite number above 0"),
        ("lr_mu", 0.0, "lr_mu=0.0"),
        ("lr_sigma", -2.0, "lr_sigma=-2.0"),
        ("mu_init", -0.1, "mu_init=-0.1: expected a finite number, 0 or above"),
        ("n_draws", 0, "n_draws=0: expected 1 to 64 draws"),
        ("n_draws", 65, "n_draws=65: expected 1 to 64 draws"),
        ("sweep", 0, "sweep=0: expected a power of two, 1 to 4096"),
        ("sweep", 3, "sweep=3"),
        ("sweep", 8192, "sweep=8192"),
        ("front_end_window", 1, "front_end_window=1: expected 2 to 32768 samples"),
        ("front_end_window", 32769, "front_end_window=32769"),
    ],
)
def test_a_value_out_of_range_is_refused(name: str, value: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MesuConfig(**{name: value})  # type: ignore[arg-type]


def test_a_config_error_is_a_value_error_and_ours() -> None:
    assert issubclass(ConfigError, ValueError)
    assert issubclass(ConfigError, StreamlearnError)


def test_json_describes_a_learner_completely() -> None:
    config = MesuConfig(memory_window=math.inf, sigma_prior=0.5, n_draws=3)
    spec = NetworkSpec((3, 2), bias=False, front_end="none")
    assert from_json(json.loads(json.dumps(to_json(spec, config)))) == (spec, config)


def test_from_json_refuses_what_it_does_not_know() -> None:
    def changed(part: str, **extra: Any) -> dict[str, Any]:
        values = json.loads(json.dumps(to_json(SPEC, CONFIG)))
        values[part] |= extra
        return values

    for part in ("network", "config"):
        with pytest.raises(ConfigError, match=r"not a description of a learner: .*momentum"):
            from_json(changed(part, momentum=0.9))
        with pytest.raises(ConfigError, match=f"not a description of a learner: '{part}'"):
            from_json({k: v for k, v in to_json(SPEC, CONFIG).items() if k != part})
    with pytest.raises(ConfigError, match="n_draws=99"):
        from_json(changed("config", n_draws=99))


# -- plan -----------------------------------------------------------------------------------


def test_a_window_too_short_for_fixed_point_is_refused_with_the_shortest_that_works() -> None:
    with pytest.raises(ConfigError, match=r"memory_window=511: too short .* use at least 512"):
        make_plan(SPEC, MesuConfig(memory_window=511))
    assert make_plan(SPEC, MesuConfig(memory_window=512)).pull_mu == PULL_MAX


def test_a_window_too_long_for_fixed_point_is_refused_with_the_longest_that_works() -> None:
    with pytest.raises(ConfigError, match=r"so long that its pull rounds away.*use at most 4.29e"):
        make_plan(SPEC, MesuConfig(memory_window=1e10))
    assert make_plan(SPEC, MesuConfig(memory_window=4.29e9)).pull_mu == 8


def test_an_endless_window_never_pulls() -> None:
    plan = make_plan(SPEC, MesuConfig(memory_window=math.inf))
    assert (plan.pull_mu, plan.pull_rho) == (0, 0)


@pytest.mark.parametrize("window", [512, 1000, 1e4, 1e5, 1e9])
def test_the_sweep_is_halved_until_one_pull_is_at_most_a_256th(window: float) -> None:
    config = MesuConfig(memory_window=window)
    sweep = effective_sweep(config)
    assert sweep * config.lr_mu / window <= 2**-8
    assert sweep == 64 or 2 * sweep * config.lr_mu / window > 2**-8


def test_sigmas_outside_fixed_point_are_refused() -> None:
    for changes in ({"sigma_prior": 9.0}, {"sigma_prior": 4.8e-4, "sigma_init": 5e-4}):
        with pytest.raises(ConfigError, match=r"holds priors and starts between 0\.001 and 5\.6"):
            make_plan(SPEC, MesuConfig(**changes))


def test_a_start_below_the_rows_factor_is_refused_instead_of_raised() -> None:
    spec = NetworkSpec((4, 3))
    with pytest.raises(ConfigError, match=r"sigma_init=4\.96e-05 .* holds starts from 8\.63e-05"):
        make_factored_plan(spec, MesuFactoredConfig(sigma_prior=1.0, sigma_init=2 * 2**-14.3))
    config = MesuFactoredConfig(sigma_prior=1.0, sigma_init=2 * 2**-13.5)
    plan = make_factored_plan(spec, config).layers[0]
    held = decode_row(np.array(plan.row_init_q), plan.v_exponent)
    assert held == pytest.approx(config.sigma_init_of(4) ** 2)


def test_a_start_far_wider_than_the_prior_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"more than 11 times sigma_prior=0\.02"):
        make_plan(SPEC, MesuConfig(sigma_init=1.0, sigma_prior=0.02))


@pytest.mark.parametrize("changes", [{"mu_init": 15.0}, {"mu_prior": 8.0}, {"mu_prior": -8.0}])
def test_means_outside_fixed_point_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="fixed point with mu_frac_bits=12 holds means within ±8"):
        make_plan(SPEC, MesuConfig(**changes))  # type: ignore[arg-type]


# -- state ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arithmetic", "size", "offsets"),
    [
        (
            "q16",
            20048,
            [
                *(0, 4, 8, 12, 16, 20, 532, 1044, 1556, 1812, 2068, 10720, 19372, 19500, 19628),
                *(19756, 19884, 20046),
            ],
        ),
        (
            "float32",
            36804,
            [0, 4, 8, 12, 16, 20, 532, 1044, 1556, 18860, 36164, 36420, 36548, 36676],
        ),
        (
            "float64",
            72952,
            [0, 4, 8, 12, 16, 20, 24, 1048, 2072, 3096, 37704, 72312, 72568, 72696, 72824],
        ),
    ],
)
def test_the_worked_example_of_the_document(arithmetic: Any, size: int, offsets: list[int]) -> None:
    dtype = state_dtype(NetworkSpec((128, 32, 6)), MesuConfig(step="fixed"), arithmetic)
    assert dtype.itemsize == size
    assert [dtype.fields[name][1] for name in dtype.names or ()] == offsets  # type: ignore[index]


@pytest.mark.parametrize("front_end", ["standardise", "frozen", "none"])
@pytest.mark.parametrize("layers", [(3, 2), (4, 3, 2), (1, 2), (2, 5, 3)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("adaptive", [True, False])
def test_sizes_follow_the_documents_formulas(
    front_end: Any, layers: tuple[int, ...], bias: bool, adaptive: bool
) -> None:
    spec = NetworkSpec(layers, bias=bias, front_end=front_end)
    n, p = spec.n_features, spec.n_synapses
    assert p == sum((a + bias) * b for a, b in pairwise(layers))
    config = dataclasses.replace(CONFIG, step="adaptive" if adaptive else "fixed")
    # Of an adaptive step: two words, one of them in place of the reserved one; the slow copy.
    a, last = int(adaptive), (layers[-2] + bias) * layers[-1] * int(adaptive)
    s, rows = int(front_end != "none"), -(-n // 4) * 4
    halves, counts = s * 4 * n + 4 * p + 2 * last, s * (-(-2 * n // 4) * 4 + 3 * rows)
    exponents = -(-sum(inputs + bias for inputs in layers[:-1]) // 4) * 4
    q16 = 20 + 4 * a + s * 12 * n + -(-halves // 4) * 4 + s * 4 * rows + exponents
    assert state_dtype(spec, config, "q16").itemsize == q16
    float32 = 20 + 4 * a + s * 12 * n + 8 * p + 4 * last + counts
    assert state_dtype(spec, config, "float32").itemsize == float32
    float64 = 24 + 16 * a + s * 24 * n + 16 * p + 8 * last + counts
    assert state_dtype(spec, config, "float64").itemsize == -(-float64 // 8) * 8


def test_a_state_of_another_size_is_refused() -> None:
    data = state_to_bytes(init_state(SPEC, CONFIG, "q16"))
    for wrong in (data[:-1], data + b"\0", b""):
        with pytest.raises(ShapeError, match=f"state of {len(wrong)} bytes: a 3-4-2 network in q"):
            state_from_bytes(SPEC, CONFIG, "q16", wrong)
    restored = state_from_bytes(SPEC, CONFIG, "q16", data)
    assert state_to_bytes(restored) == data
    assert len(state_sha256(restored)) == 64


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, "1"])
def test_a_seed_out_of_range_is_refused(seed: Any) -> None:
    with pytest.raises(ConfigError, match=f"seed={seed!r}: expected 0 to 4294967295"):
        init_state(SPEC, CONFIG, "q16", seed)


def test_an_unknown_arithmetic_is_refused() -> None:
    with pytest.raises(ConfigError, match="arithmetic='q8': expected one of q16, float32, float64"):
        init_state(SPEC, CONFIG, "q8")


def test_every_arithmetic_starts_from_the_same_draws() -> None:
    exact = init_state(SPEC, CONFIG, "float64", 3)
    fixed = init_state(SPEC, CONFIG, "q16", 3)
    for layer in range(2):
        mu = layer_view(SPEC, exact, "mu", layer)
        mu_q = layer_view(SPEC, fixed, "mu", layer)
        assert np.abs(mu_q / 4096 - mu).max() <= 2 / 4096
        assert not mu[-1].any()
        assert not mu_q[-1].any()


# -- image ----------------------------------------------------------------------------------


@pytest.mark.parametrize("arithmetic", RULES["mesu"].arithmetics)
def test_an_image_is_a_learner_again(arithmetic: Any) -> None:
    whole = image(arithmetic)
    back = decode_image(encode_image(whole))
    assert back.state.tobytes() == whole.state.tobytes()
    for field in ("spec", "config", "arithmetic", "labels", "features"):
        assert getattr(back, field) == getattr(whole, field)


def test_the_header_is_the_documents_header() -> None:
    data = encode_image(image())
    magic, version, size, text, payload, crc, reserved = struct.unpack_from("<4sHHIIII", data)
    assert (magic, version, size, reserved) == (b"SLST", FORMAT_VERSION, 24, 0)
    assert text % 8 == 0
    assert len(data) == 24 + text + payload
    assert crc == zlib.crc32(data[24:])
    assert json.loads(data[24 : 24 + text])["arithmetic"] == "q16"


def test_every_truncation_is_refused() -> None:
    data = encode_image(image())
    for length in range(len(data)):
        with pytest.raises(StateFormatError, match=r"truncated|cut"):
            decode_image(data[:length])


def test_appended_bytes_are_refused() -> None:
    with pytest.raises(StateFormatError, match="something was added"):
        decode_image(encode_image(image()) + b"\0")


def test_every_flipped_bit_is_refused() -> None:
    data = encode_image(image())
    for position in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            with pytest.raises(StateFormatError):
                decode_image(bytes(damaged))


def test_messages_name_the_file_and_the_fault() -> None:
    data = encode_image(image())
    with pytest.raises(StateFormatError, match=r"a\.sls: begins with b'PK.*another kind of file"):
        decode_image(b"PK\x03\x04" + data[4:], "a.sls")
    newer = data[:4] + struct.pack("<H", FORMAT_VERSION + 1) + data[6:]
    with pytest.raises(
        StateFormatError,
        match=f"version {FORMAT_VERSION + 1}, this streamlearn reads version {FORMAT_VERSION}",
    ):
        decode_image(newer)
    with pytest.raises(StateFormatError, match=r"CRC-32 is .* the header says .* damaged"):
        decode_image(data[:-1] + bytes([data[-1] ^ 1]))


def test_a_description_that_does_not_fit_its_state_is_refused() -> None:
    data = encode_image(image())
    size = struct.unpack_from("<I", data, 8)[0]
    text, payload = data[24 : 24 + size], data[24 + size :]
    assert decode_image(sealed(text, payload)).spec == SPEC
    wrong = {
        b'"rule":"mesu"': (b'"rule":"sgd"', "rule='sgd': expected one of .*'mesu'"),
        rb'"layers":[3,4,2]': (b'"layers":[3,5,2]', "state of .* bytes: a 3-5-2 network"),
        b'"arithmetic":"q16"': (b'"arithmetic":"q17"', "arithmetic='q17': expected one of"),
        b'"bias":true': (b'"bias":1,"dropout":0', "unexpected keyword argument 'dropout'"),
        b'"labels"': (b'"labelz"', "'labels'"),
        b'"n_draws":2': (b'"n_draws":0', "n_draws=0: expected 1 to 64"),
        b"{": (b"[", "delimiter"),
        b'["a",true]': (b'[["a"],true]', r"labels has \['a'\]: expected text, finite numbers"),
        b'"labels":["a",true]': (b'"labels":["a","a"]', "expected different ones, at most 2"),
        b'["a",true],': (b'["a","b","c"],', "different ones, at most 2"),
        b'"a",true': (b"NaN", "NaN is no number of JSON"),
        b'"features"': (b'"epochs":-1,"features"', "epochs=-1: expected a whole number from 0"),
        b'"memory_window":100000.0': (b'"memory_window":511.0', "too short"),
        b'["x","y","z"]': (b'["x","y"]', r"features=\['x', 'y'\]: expected null or a list of 3"),
    }
    for old, (new, message) in wrong.items():
        with pytest.raises(StateFormatError, match=f"description does not fit: .*{message}"):
            decode_image(sealed(text.replace(old, new, 1), payload))
    with pytest.raises(StateFormatError, match="description does not fit"):
        decode_image(sealed(b"\xff" * 8, payload))
    with pytest.raises(StateFormatError, match="description is nested too deep"):
        decode_image(sealed(b"[" * 200_000, payload))


# -- compiler -------------------------------------------------------------------------------


def test_a_failing_compiler_shows_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The compiler's own cache stays where it is: it takes seconds to fill.
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(compiler.cache_dir() / "zig"))
    monkeypatch.setenv("STREAMLEARN_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "broken.c"
    source.write_text("int f(void) { return not_declared_anywhere; }\n")
    with pytest.raises(BuildError, match=r"failed with exit code \d+:\n[\s\S]*not_declared_any"):
        compiler.build_shared([source], {}, tmp_path)
    kernels = tmp_path / "cache" / "kernels"
    assert list(kernels.iterdir()) == []


def test_the_cache_follows_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMLEARN_CACHE", str(tmp_path))
    assert compiler.cache_dir() == tmp_path
    monkeypatch.delenv("STREAMLEARN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert compiler.cache_dir() == tmp_path / "xdg" / "streamlearn"


def test_the_kernel_refuses_bad_input_and_leaves_the_state_alone() -> None:
    # The network of the property tests: compiled once, then cached.
    spec, config = NetworkSpec((5, 4, 3)), MesuConfig(n_draws=3, memory_window=2000)
    kernel = NativeKernel(spec, config, "q16")
    state = init_state(spec, config, "q16")
    before = state.tobytes()
    for bad in (np.nan, np.inf, -np.inf):
        x = np.array([0, 0, 0, 0, bad], np.float32)
        assert kernel.learn_one(state, x, 0) == -1
        with pytest.raises(StreamlearnError, match="sample 0 of 1: an input is NaN or infinite"):
            kernel.learn(state, x[None], np.array([0], np.uint32))
    assert kernel.learn_one(state, np.zeros(5, np.float32), 3) == -2
    assert state.tobytes() == before
