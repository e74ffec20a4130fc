"""The C build of one learner: its files, and the generated header ``sl_config.h``.

The header is data, never logic: a version, sizes, constants and tables, and the struct of the
state, which comes from the same description as NumPy's type (:mod:`quant.layout`). Files are found
by their folder: what all learners share, the front end, the head, and the rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from quant import averages
from quant.c_text import RuleKernel, table, unsigned, whole
from quant.errors import BuildError
from quant.layout import C_TYPES
from quant.memory import c_config as memory
from quant.network import NetworkSpec
from quant.replay import label_dtype
from quant.rule import Config, arithmetic_of, rule_of
from quant.spiking import n_charges
from quant.state import layout_of
from quant.tables import EXP2, EXP2_COARSE, EXP2_FINE

#: ``sl_learner.h`` refuses a header of another version.
CONFIG_VERSION = 1

_QUANT = Path(__file__).parent
KERNEL_DIR = _QUANT / "kernel"
REPLAY_DIR = _QUANT / "replay" / "kernel"
SPIKING_DIR = _QUANT / "spiking" / "kernel"
#: What only the shared library of the host has: never part of firmware.
HOST_SOURCE = KERNEL_DIR / "sl_host.c"


def _kernel_of(spec: NetworkSpec, config: Config, arithmetic: str) -> tuple[str, RuleKernel]:
    """Return the rule's name and its kernel."""
    name, kernel = rule_of(config).name, arithmetic_of(spec, config, arithmetic).kernel
    if kernel is None:
        raise BuildError(f"rule {name!r} has no C for {arithmetic}")
    return name, kernel


def kernel_folders(spec: NetworkSpec, config: Config, arithmetic: str) -> tuple[Path, ...]:
    """Return the folders of a learner's C files, the shared one first.

    Raises
    ------
    BuildError
        If a part has no C for this arithmetic.
    """
    name, rule = _kernel_of(spec, config, arithmetic)
    numbers = arithmetic_of(spec, config, arithmetic).numbers
    folders = [KERNEL_DIR]
    rooms = {
        "the front end": _QUANT / "front_end" / "kernel",
        f"the head {spec.head!r}": _QUANT / "heads" / spec.head / "kernel",
        **{f"{room.parent.name}, which rule {name!r} uses,": room for room in rule.rooms},
    }
    for part, room in rooms.items():
        kinds = [folder for folder in (room.iterdir() if room.exists() else ()) if folder.is_dir()]
        found = [folder for folder in (room, room / numbers) if _c_files([folder])]
        if not found or (kinds and room / numbers not in found):
            raise BuildError(f"{part} has no C for {arithmetic}: expected files in {room}")
        folders += found
    own = rule.folder / arithmetic
    if spec.replay_capacity:
        folders += [REPLAY_DIR, REPLAY_DIR / numbers]
    folders += _spiking_folders(spec, config, numbers)
    folders += [rule.folder / part for part in rule.parts(spec, config)]
    if not _c_files([own]):
        raise BuildError(f"rule {name!r} has no C for {arithmetic}: expected files in {own}")
    folders += averages.kernel_folders(spec.average_window, numbers)
    return (*folders, *memory.kernel_folders(spec), own)


def _spiking_folders(spec: NetworkSpec, config: Config, numbers: str) -> list[Path]:
    """Return the folders of spiking layers, and of how values reach them; else that of none."""
    if not spec.leaks:
        found = ("none", f"none/{numbers}", "feedforward")
        return [SPIKING_DIR / part for part in found]
    arriving = "delta" if spec.delta else "values"
    kept = ["charged"] if rule_of(config).charges else ["uncharged", f"uncharged/{numbers}"]
    read = ["feedforward"]
    if spec.recurrent:
        later = "later" if len(spec.layers) > 3 else "first"
        read = ["recurrent", f"recurrent/{numbers}", f"recurrent/{later}"]
    return [SPIKING_DIR / part for part in ("time", numbers, arriving, *kept, *read)]


def _c_files(folders: Iterable[Path], pattern: str = "*.[ch]") -> list[Path]:
    return [file for folder in folders for file in sorted(folder.glob(pattern))]


def kernel_sources(spec: NetworkSpec, config: Config, arithmetic: str) -> list[Path]:
    """Return the C files of a learner, but for those of the host alone."""
    files = _c_files(kernel_folders(spec, config, arithmetic), "*.c")
    return [file for file in files if file != HOST_SOURCE]


def kernel_headers(spec: NetworkSpec, config: Config, arithmetic: str) -> list[Path]:
    """Return the headers that those files include, but for ``sl_config.h``."""
    return _c_files(kernel_folders(spec, config, arithmetic), "*.h")


def all_kernel_files() -> list[Path]:
    """Return every C file of every learner; what stands in front of it is none of its."""
    found = _QUANT.glob("**/kernel/**/*.[ch]")
    in_front = {_QUANT / "backbone", _QUANT / "stages"}
    return sorted(file for file in found if not in_front & {*file.parents})


def _replay_defines(spec: NetworkSpec, config: Config, arithmetic: str) -> dict[str, object]:
    """Return what the reservoir adds: its size, and how many words the state begins with."""
    found: dict[str, object] = {"SL_REPLAY_CAPACITY": unsigned(spec.replay_capacity)}
    if spec.replay_capacity:
        found |= {
            "SL_REPLAYS": unsigned(spec.replays),
            "SL_REPLAY_LABEL": C_TYPES[label_dtype(spec.n_classes)],
            "SL_STATE_WORDS": unsigned(layout_of(spec, config, arithmetic).n_words),
        }
    return found


def _spiking_defines(spec: NetworkSpec, config: Config) -> dict[str, object]:
    """Return what spiking layers add: that there are any, and how they leak."""
    if not spec.leaks:
        return {}
    hidden, charged = sum(spec.layers[1:-1]), rule_of(config).charges
    draws = getattr(config, "n_draws", 1)
    models = [kind.golden for kind in rule_of(config).arithmetics.values()]
    found: dict[str, object] = {
        "SL_SPIKING": 1,
        "SL_COUNTS_UNDECIDED": int(any(model and model.undecided for model in models)),
        "SL_LEAKS": whole(spec.leaks),
        "SL_N_HIDDEN_UNITS": hidden,
        "SL_CHARGED": int(charged and hidden > 0),
        "SL_N_CHARGES": n_charges(spec.layers, draws) if charged else 0,
    }
    if spec.delta:
        threshold, leak = spec.delta
        found |= {"SL_N_INPUTS": spec.layers[0], "SL_DELTA": threshold, "SL_DELTA_LEAK": leak}
    if spec.recurrent:
        found["SL_N_INPUTS"] = spec.layers[0] + spec.own_units(0)
        found["SL_N_OWN_SPIKES"] = n_charges(spec.layers, draws)
        found["SL_N_OWN_TRACES"] = sum(spec.layers[2:-1]) * draws
    return found


def config_header(spec: NetworkSpec, config: Config, arithmetic: str) -> str:
    """Return the text of ``sl_config.h``.

    Raises
    ------
    ConfigError
        If the fixed-point formats cannot hold the configuration.
    """
    name, rule = _kernel_of(spec, config, arithmetic)
    kind = arithmetic_of(spec, config, arithmetic)
    own = rule.constants(spec, config, arithmetic)
    layout = layout_of(spec, config, arithmetic)
    step = {field.name: field.dtype for field in layout}.get("step_log2")
    defines: dict[str, object] = {
        "SL_CONFIG_VERSION": CONFIG_VERSION,
        "SL_STANDARDISE": int(spec.front_end != "none"),
        "SL_FROZEN": int(spec.front_end == "frozen"),
        "SL_FRONT_END_WINDOW": unsigned(config.front_end_window),
        "SL_BIAS": int(spec.bias),
        "SL_N_LAYERS": len(spec.shapes),
        "SL_N_FEATURES": spec.n_features,
        "SL_N_CLASSES": spec.n_classes,
        "SL_N_OUTPUTS": spec.n_outputs,
        "SL_EXP2_TABLE": whole(EXP2),
        "SL_EXP2_COARSE": whole(EXP2_COARSE),
        "SL_EXP2_FINE": whole(EXP2_FINE),
        **memory.constants(spec, kind.numbers, kind.log2_temperature),
        **({} if step is None else {"SL_STEP_LOG2_ONE": 1 if step == "<i4" else "65536.0f"}),
        **_replay_defines(spec, config, arithmetic),
        **_spiking_defines(spec, config),
        **averages.constants(spec.average_window),
        **own.defines,
        "SL_LAYERS": table(table(layer) for layer in own.layers),
    }
    constants = "".join(f"#define {name} {value}\n" for name, value in defines.items())
    struct = layout.c_struct()
    return (
        f"/* Generated for a {spec} network, rule {name}, {arithmetic}. Do not edit. */\n"
        "#pragma once\n\n#include <stddef.h>\n#include <stdint.h>\n\n"
        '#include "sl_build.h"\n\n'
        f"{constants}\n"
        "/* Exactly what must survive a power cut; docs/state-format.md has every byte. */\n"
        f"{struct}"
    )
