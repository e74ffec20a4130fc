"""The generated header: sizes, constants and tables of one learner. Data, never logic."""

from __future__ import annotations

from pathlib import Path

from quant.network import NetworkSpec
from quant.rule import Config, arithmetic_of, rule_of

KERNEL_DIR = Path(__file__).parent / "kernel"

_SOURCES = {
    "q16": ("sl_front_end_q16.c", "sl_mesu_q16_forward.c", "sl_mesu_q16_learn.c"),
    "float32": ("sl_front_end_f32.c", "sl_mesu_f32.c"),
    "q8": (
        "sl_front_end_q16.c",
        "sl_metaplastic_q8_forward.c",
        "sl_metaplastic_q8_gate.c",
        "sl_metaplastic_q8_learn.c",
        "sl_metaplastic_q8_sum.c",
    ),
}
_HEADERS = {
    "q16": (
        "sl_integer.h",
        "sl_statistics.h",
        "sl_mesu_q16.h",
        "sl_factored_q16.h",
        "sl_factored_q16_backward.h",
        "sl_factored_q16_factors.h",
        "sl_factored_q16_forward.h",
        "sl_factored_q16_learn.h",
        "sl_factored_q16_mu.h",
    ),
    "float32": ("sl_factored_f32.h",),
    "q8": ("sl_integer.h", "sl_statistics.h", "sl_metaplastic_q8.h"),
}
_GAUSSIAN = {"q16": "sl_gaussian_q16.c", "float32": "sl_gaussian_f32.c"}


def kernel_sources(arithmetic: str, head: str = "categorical") -> tuple[str, ...]:
    """Return the names of the C files of an arithmetic, in ``quant/kernel``."""
    gaussian = (_GAUSSIAN[arithmetic],) if head == "gaussian" else ()
    return ("sl_learner.c", *_SOURCES[arithmetic], *gaussian)


def kernel_headers(arithmetic: str) -> tuple[str, ...]:
    """Return the names of the headers that those files include, but for ``sl_config.h``."""
    return ("sl_learner.h", "sl_parts.h", "sl_metaplastic_q8_state.h", *_HEADERS[arithmetic])


def config_header(spec: NetworkSpec, config: Config, arithmetic: str) -> str:
    """Return the text of ``sl_config.h``.

    Raises
    ------
    ConfigError
        If the fixed-point formats cannot hold the configuration.
    """
    kernel = arithmetic_of(spec, config, arithmetic).kernel
    assert kernel is not None
    defines = {
        "SL_FRONT_END": int(spec.front_end == "standardise"),
        "SL_FRONT_END_WINDOW": f"{config.front_end_window}u",
        "SL_BIAS": int(spec.bias),
        "SL_N_LAYERS": len(spec.shapes),
        "SL_N_FEATURES": spec.n_features,
        "SL_N_CLASSES": spec.n_classes,
        **kernel.defines(spec, config),
    }
    body = "".join(f"#define {name} {value}\n" for name, value in defines.items())
    what = f"a {spec} network, rule {rule_of(config).name}, {arithmetic}"
    return (
        f"/* Generated for {what}. Do not edit. */\n"
        f"#ifndef SL_CONFIG_H\n#define SL_CONFIG_H\n\n{body}\n#endif\n"
    )
