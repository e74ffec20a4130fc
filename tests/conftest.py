"""What several test folders share: the gas stream and the golden model's run over it, made once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rules.mesu.config import MesuConfig
from quant.rules.metaplastic.config import MetaplasticConfig
from quant.state import init_state, state_to_bytes
from streamlearn.engines import make_engine
from streamlearn.streams import Stream, load_gas_drift


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name a case of bytes by its length: its content may hold a time (gzip's header does)."""
    del config
    return f"{argname}-of-{len(val)}" if isinstance(val, bytes) else None


SPEC = NetworkSpec((128, 32, 6))
CONFIG = MesuConfig()
METAPLASTIC_SPEC = NetworkSpec((128, 64, 6), bias=False)
METAPLASTIC_CONFIG = MetaplasticConfig()


@dataclass(frozen=True, eq=False)
class Run:
    """A learner's whole stream: what it predicted, and its state's bytes at the end."""

    predictions: npt.NDArray[np.int64]
    state: bytes
    saturations: Any


@pytest.fixture(scope="session")
def gas() -> Stream:
    return load_gas_drift()


def numpy_run(gas: Stream, spec: NetworkSpec, config: Any, arithmetic: str) -> Run:
    engine = make_engine(spec, config, arithmetic, "numpy")
    state = init_state(spec, config, arithmetic, 0)
    rows = gas.x.astype(np.float64)
    predictions = [engine.learn(state, x, y) for x, y in zip(rows, gas.y.tolist(), strict=True)]
    return Run(np.array(predictions), state_to_bytes(state), engine.saturations)


@pytest.fixture(scope="session")
def golden_run(gas: Stream) -> Run:
    """The NumPy golden model over all 6,697 samples with the default configuration, seed 0."""
    return numpy_run(gas, SPEC, CONFIG, "q16")


def native_run(gas: Stream, spec: NetworkSpec, config: Any, arithmetic: str) -> Run:
    kernel = NativeKernel(spec, config, arithmetic)
    predictions = kernel.learn(state := init_state(spec, config, arithmetic, 0), gas.x, gas.y)
    return Run(predictions.astype(np.int64), state_to_bytes(state), kernel.saturations)


@pytest.fixture(scope="session")
def host_c_run(gas: Stream) -> Run:
    """The C kernel on the host in q16, same stream, same start."""
    return native_run(gas, SPEC, CONFIG, "q16")


@pytest.fixture(scope="session")
def host_float32_run(gas: Stream) -> Run:
    """The C kernel on the host in float32, same stream, same start."""
    return native_run(gas, SPEC, CONFIG, "float32")


@pytest.fixture(scope="session")
def metaplastic_golden_run(gas: Stream) -> Run:
    """The metaplastic rule's golden model over all 6,697 samples, default settings, seed 0."""
    return numpy_run(gas, METAPLASTIC_SPEC, METAPLASTIC_CONFIG, "q8")


@pytest.fixture(scope="session")
def metaplastic_host_run(gas: Stream) -> Run:
    """The metaplastic rule in C on the host, same stream, same start."""
    return native_run(gas, METAPLASTIC_SPEC, METAPLASTIC_CONFIG, "q8")
