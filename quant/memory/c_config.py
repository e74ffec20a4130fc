"""What the memory adds to ``sl_config.h``, and where its C lies."""

from __future__ import annotations

from pathlib import Path

from quant import memory, noise
from quant.c_text import real, unsigned
from quant.memory import features, golden
from quant.network import NetworkSpec

_KERNEL = Path(__file__).parent / "kernel"


def kernel_folders(spec: NetworkSpec) -> tuple[Path, ...]:
    """Return the folders of the memory's C files; without one, that of doing nothing."""
    if spec.memory is None:
        return (_KERNEL / "none",)
    return _KERNEL / "float32", _KERNEL / spec.memory


def constants(spec: NetworkSpec, numbers: str, log2_temperature: str | None) -> dict[str, object]:
    """Return name and value of each constant.

    Parameters
    ----------
    spec : NetworkSpec
    numbers : {"integer", "float32"}
        Of the network's logits.
    log2_temperature : str, optional
        The field of the state with the logarithm of what divides the logits.
    """
    if spec.memory is None:
        return {}
    inputs, random = memory.columns(spec)
    integer = numbers == "integer"
    field = f"(state)->{log2_temperature}" if log2_temperature else "((void)(state), 0)"
    softened = "sl_softened" if integer or not log2_temperature else "sl_softened_real"
    return {
        "SL_MEMORY_INPUTS": unsigned(inputs),
        "SL_MEMORY_RANDOM": unsigned(random),
        "SL_MEMORY_UNIT": real(features.feature_unit(spec.n_features)),
        "SL_MEMORY_BIAS_GAIN": features.bias_gain(spec.n_features),
        "SL_MEMORY_SCALE_SAMPLES": unsigned(features.SCALE_SAMPLES),
        "SL_MEMORY_OUTLIER": real(features.OUTLIER),
        "SL_MEMORY_RELATIVE_FLOOR": real(features.RELATIVE_FLOOR),
        "SL_MEMORY_VARIANCE_MIN": real(features.VARIANCE_MIN),
        "SL_STREAM_MEMORY_WEIGHT": unsigned(noise.STREAM_MEMORY_WEIGHT),
        "SL_STREAM_MEMORY_BIAS": unsigned(noise.STREAM_MEMORY_BIAS),
        "SL_STREAM_MEMORY_DITHER": unsigned(noise.STREAM_MEMORY_DITHER),
        "SL_MEMORY_LOGIT": "int64_t" if integer else "float",
        "SL_MEMORY_LOGIT_UNIT": real(1 / 65536 if integer else 1.0),
        "SL_SOFTENED(state)": f"{softened}({field})",
        "SL_MEMORY_TEMPERATURE": real(golden.TEMPERATURE[spec.memory]),
        "SL_MEMORY_LOG_MIN": real(golden.LOG_MIN),
        "SL_MEMORY_SCORE_MIN": real(golden.SCORE_MIN),
        "SL_MEMORY_RATE": real(golden.RATE),
        "SL_MEMORY_EXPONENT_MAX": real(golden.EXPONENT_MAX),
        "SL_MEMORY_LEAD_RATE": real(golden.LEAD_RATE),
        "SL_MEMORY_LEAD_MIN": real(golden.LEAD_MIN),
        "SL_MEMORY_DITHER": real(golden.DITHER),
        "SL_MEMORY_UPDATES_MAX": unsigned(golden.UPDATES_MAX),
    }
