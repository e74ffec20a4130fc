"""The C files of every build: found by folder, clean, each header alone, few conditionals."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
import ziglang
from networks import Case, config_of, covering, defaults, in_c

import quant.c_config as c_config
from quant.c_config import (
    CONFIG_VERSION,
    HOST_SOURCE,
    all_kernel_files,
    config_header,
    kernel_folders,
    kernel_headers,
    kernel_sources,
)
from quant.errors import BuildError
from quant.native import NativeKernel
from quant.network import NetworkSpec
from quant.rule import RULES
from quant.state import layout_of, state_dtype

QUANT = Path(c_config.__file__).parent
WARNINGS = (
    "-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wsign-conversion",
    "-Wshadow", "-Wcast-qual", "-Wundef", "-Wstrict-prototypes", "-Wno-unused-function",
    "-fsyntax-only", "-ffreestanding",
    f"-isystem{Path(ziglang.__file__).parent / 'lib' / 'include'}",
)  # fmt: skip
CONDITIONAL = re.compile(r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef)\b.*", re.MULTILINE)
#: What asks for the processor, or its compiler, and not for a learner's variant.
FOR_SIZE = re.compile(r"SL_SMALL|SL_FOR_SIZE")
PROCESSOR = re.compile(r"SL_HOST|SL_ON_HOST|SL_FUSE|SL_DSP|SL_THUMB1|__")


def spiking() -> list[Case]:
    """Every rule that learns spiking layers, in each arithmetic, of values and of events."""
    plain = NetworkSpec((10, 8, 3), leaks=(3, 4))
    averaged = replace(plain, average_window=128)
    deep = replace(plain, layers=(10, 8, 6, 3), leaks=(3, 4, 4), recurrent=True)
    return [
        Case(spec, config_of(name, "categorical", {}), arithmetic)
        for name, rule in RULES.items()
        for arithmetic in in_c(name)
        for spec in (plain, replace(plain, delta=(8, 5)), replace(plain, recurrent=True), deep)
        if arithmetic in (rule.recurrent if spec.recurrent else rule.spiking)
    ] + [
        Case(averaged, config_of(name, "categorical", {}), arithmetic)
        for name, rule in RULES.items()
        for arithmetic in in_c(name)
        if arithmetic in rule.averages
    ]


def builds() -> dict[str, Case]:
    """Every rule, head, variant and arithmetic; and each without front end and biases."""
    found: dict[str, Case] = {}
    for case in (*defaults(), *spiking()):
        bare = replace(case.spec, bias=False, front_end="none")
        found[str(case)] = case
        found[f"{case}, bare"] = replace(case, spec=bare)
    return found


def first(rule: str, head: str = "categorical", bare: bool = False) -> str:
    """Return the name of a rule's build in integers."""
    return next(
        name
        for name, case in BUILDS.items()
        if case.config.rule == rule
        and case.spec.head == head
        and case.integer
        and name.endswith("bare") == bare
    )


BUILDS = builds()
EACH = pytest.mark.parametrize("name", BUILDS)
QUICK = covering(list(BUILDS.values()))
COMPILED = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if case in QUICK else pytest.mark.slow)
        for name, case in BUILDS.items()
    ],
)
BARE = first("mesu", bare=True)


#: Loops that only compile for the processor whose instructions they use; with zig's own C library.
NEON = "_neon.h"
LIBC = Path(ziglang.__file__).parent / "lib" / "libc" / "include"
FOR_NEON = (
    "-target", "aarch64-linux-musl", "-nostdlibinc",
    *(f"-isystem{LIBC / name}" for name in ("aarch64-linux-musl", "generic-musl")),
)  # fmt: skip


def check(folder: Path, name: str, names: list[str], header: str | None = None, *flags: str) -> str:
    """Compile, without output, one file for each header; return what the compiler says."""
    given = BUILDS[name].given
    (folder / "sl_config.h").write_text(header or config_header(*given))
    for item in names:
        (folder / f"alone_{Path(item).stem}.c").write_text(f'#include "{item}"\nextern int sl_a;\n')
    include = [f"-I{path}" for path in (folder, *kernel_folders(*given))]
    files = [f"alone_{Path(item).stem}.c" for item in names]
    command = [sys.executable, "-m", "ziglang", "clang", *WARNINGS, *flags, *include]
    done = subprocess.run(
        [*command, *files], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode != 0) == ("error:" in done.stderr), done.stderr
    return done.stderr


@COMPILED
@pytest.mark.parametrize("flags", [(), ("-DSL_HOST",)], ids=["chip", "host"])
def test_each_header_compiles_alone(name: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    these = taken(tmp_path, name, *flags)
    headers = [file.name for file in used_headers(name) if file.name in these]
    assert "error:" not in check(tmp_path, name, ["sl_config.h", *headers], None, *flags)


def used_headers(name: str) -> list[Path]:
    """The headers of a build that its sources come to: a room has some for other arithmetics."""
    headers = {file.name: file for file in kernel_headers(*BUILDS[name].given)}
    found: set[Path] = set()
    waiting = [*kernel_sources(*BUILDS[name].given), HOST_SOURCE]
    while waiting:
        for included in re.findall(r'#include "(\w+\.h)"', waiting.pop().read_text()):
            file = headers.get(included)
            if file is not None and file not in found:
                found.add(file)
                waiting.append(file)
    return sorted(found)


def taken(folder: Path, name: str, *flags: str) -> set[str]:
    """The names of the files that the compiler takes for a processor like this one's."""
    given = BUILDS[name].given
    (folder / "sl_config.h").write_text(config_header(*given))
    include = [f"-I{path}" for path in (folder, *kernel_folders(*given))]
    sources = [str(file) for file in (*kernel_sources(*given), HOST_SOURCE)]
    command = [sys.executable, "-m", "ziglang", "clang", *WARNINGS, *flags, *include, "-H"]
    done = subprocess.run([*command, *sources], capture_output=True, text=True, check=False)
    return set(re.findall(r"sl_\w+\.h", done.stderr))


def test_every_header_is_used_by_a_build() -> None:
    used = {file for name in BUILDS for file in used_headers(name)}
    assert used == {file for file in all_kernel_files() if file.suffix == ".h"}


def neon_headers(name: str) -> list[str]:
    return [f.name for f in kernel_headers(*BUILDS[name].given) if f.name.endswith(NEON)]


@pytest.mark.parametrize("name", [name for name in BUILDS if neon_headers(name)])
def test_loops_for_neon_are_clean(name: str, tmp_path: Path) -> None:
    sources = [str(file) for file in kernel_sources(*BUILDS[name].given)]
    said = check(tmp_path, name, [*neon_headers(name), *sources], None, "-DSL_HOST", *FOR_NEON)
    assert "error:" not in said


@COMPILED
@pytest.mark.parametrize(
    "flags", [(), ("-DSL_HOST",), ("-DSL_FOR_SIZE",)], ids=["chip", "host", "size"]
)
def test_each_source_is_clean(name: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    sources = [str(file) for file in (*kernel_sources(*BUILDS[name].given), HOST_SOURCE)]
    assert "error:" not in check(tmp_path, name, sources, None, *flags)


def test_canary_a_header_that_leans_on_another_is_seen(tmp_path: Path) -> None:
    (tmp_path / "sl_leaning.h").write_text("#pragma once\nstatic inline uint32_t f(void);\n")
    assert "unknown type name 'uint32_t'" in check(tmp_path, BARE, ["sl_leaning.h"])


def test_canary_a_mistyped_conditional_is_seen(tmp_path: Path) -> None:
    (tmp_path / "sl_typo.h").write_text("#pragma once\n#if SL_STANDARDIZE\n#endif\n")
    assert "'SL_STANDARDIZE' is not defined" in check(tmp_path, BARE, ["sl_typo.h"])


@EACH
def test_no_two_files_of_a_build_have_one_name(name: str) -> None:
    given = BUILDS[name].given
    names = [f.name for f in (*kernel_sources(*given), *kernel_headers(*given))]
    assert len(names) == len(set(names))
    assert "sl_host.c" not in names
    assert {"sl_learner.h", "sl_learner.c", "sl_rule.h", "sl_head.h"} <= set(names)


def test_every_file_belongs_to_a_build() -> None:
    used = {HOST_SOURCE}
    for case in BUILDS.values():
        used.update(kernel_sources(*case.given))
        used.update(kernel_headers(*case.given))
    assert sorted(used) == all_kernel_files()


def conditionals(text: str) -> tuple[int, int, int]:
    """How many ask for a learner's variant, for the processor, and for the build for size."""
    found = CONDITIONAL.findall(text)
    size = [line for line in found if FOR_SIZE.search(line)]
    processor = [line for line in found if PROCESSOR.search(line) and line not in size]
    return len(found) - len(processor) - len(size), len(processor), len(size)


def test_few_conditionals() -> None:
    counts = {file: conditionals(file.read_text()) for file in all_kernel_files()}
    for kind in range(3):
        assert 0 < sum(of_kind[kind] for of_kind in counts.values()) < 40, (kind, counts)


def test_canary_conditionals_are_counted() -> None:
    text = "#if A\n# ifdef B\n#endif\n  #ifndef C\n#elif D\n#else\n// #if\n#include <x>\n"
    assert conditionals(text) == (3, 0, 0)
    assert conditionals("#ifdef SL_HOST\n#if defined(__AVX2__)\n#if A\n") == (1, 2, 0)
    assert conditionals("#if SL_SMALL\n#if A\n") == (1, 0, 1)


#: Verbs by which one room calls another: every room of a kind has them.
SHARED = re.compile(
    r"sl_(rule|head|front_end|gaussian|memory|step|time|events|charges?|belief|later|own|average)_\w+"
    r"|sl_(input_code|input_of_code|forward_layer|learn_layer|add_units|value_of_q8)"
    r"|sl_(mean_output|mean_layer|sum_outputs|drawn_output|activate|gates|gated)"
    r"|sl_(charged?|bias_input|root|inverse|first_look|look_again)"
    r"|sl_(gather_learn|bimu_hand_on|bimu_measure|forward_later)"
    r"|sl_(hand_on_f32|measure_f32|row_input|sum_input|metaplastic_gate)"
    r"|sl_(columns_\w+|dot_pairs|sum_widths)"  # loops: one home for each processor
    r"|sl_(two_rows_add|four_lanes_add)"  # and these
    r"|sl_(first_sums|later_sums|first_update|later_update|backward_inputs|pull_row)"  # and these
)
DEFINITION = re.compile(
    r"^(?:SL_\w+ |static |inline |__attribute__\(\(\w+\)\) )*\w+ \*?(sl_\w+)\([^;{]*\)\s*\{",
    re.MULTILINE,
)


def homes(files: list[Path]) -> dict[str, set[Path]]:
    found: dict[str, set[Path]] = defaultdict(set)
    for file in files:
        for function in DEFINITION.findall(file.read_text()):
            found[function].add(file)
    return found


def test_a_function_has_one_home() -> None:
    found = homes(all_kernel_files())
    assert len(found) > 100
    double = {
        name: files
        for name, files in found.items()
        if len(files) > 1 and not SHARED.fullmatch(name)
    }
    assert not double


@EACH
def test_no_two_sources_of_a_build_share_a_macro(name: str) -> None:
    """The host compiles them as one file, in which a macro of one would reach into the next."""
    sources = [*kernel_sources(*BUILDS[name].given), HOST_SOURCE]
    texts = {file: file.read_text() for file in sources}
    for file, text in texts.items():
        others = "\n".join(text for other, text in texts.items() if other != file)
        for macro in re.findall(r"^[ \t]*#[ \t]*define (\w+)", text, re.MULTILINE):
            assert not re.search(rf"\b{macro}\b", others), f"{file.name}: {macro}"


def test_canary_two_homes_are_seen(tmp_path: Path) -> None:
    for name in ("a.h", "b.c"):
        (tmp_path / name).write_text("SL_INLINE void sl_twice(int a,\n    int b) {\n}\n")
    files = sorted(tmp_path.iterdir())
    assert homes(files) == {"sl_twice": set(files)}


def test_nothing_shared_names_a_rule_or_a_head() -> None:
    firmware = QUANT.parent / "firmware_sim" / "firmware"
    outside = [f for f in all_kernel_files() if not {"rules", "heads"} & set(f.parts)]
    named = re.compile(r"SL_FACTORED|SL_GAUSSIAN|SL_Q8|SL_Q16|SL_MESU|SL_METAPLASTIC")
    for file in (*outside, *firmware.glob("*.[ch]")):
        assert not named.search(file.read_text()), file


# -- the generated header --------------------------------------------------------------------------


def test_the_header_has_the_version_of_the_kernel(tmp_path: Path) -> None:
    header = config_header(*BUILDS[BARE].given)
    assert f"#define SL_CONFIG_VERSION {CONFIG_VERSION}\n" in header
    for wrong in ("", "#define SL_CONFIG_VERSION 99\n"):
        old = header.replace(f"#define SL_CONFIG_VERSION {CONFIG_VERSION}\n", wrong)
        said = check(tmp_path, BARE, ["sl_learner.h"], old, "-Wno-undef")
        assert "export the learner again" in said


def test_swapped_members_of_the_state_are_refused(tmp_path: Path) -> None:
    """Same size, other places: mean and variance would be taken for each other."""
    header = config_header(*BUILDS[first("mesu")].given)
    mean = re.search(r"    int32_t mean\[5\];.*\n", header)
    variance = re.search(r"    uint32_t variance\[5\];.*\n", header)
    assert mean is not None
    assert variance is not None
    swapped = header.replace(mean[0] + variance[0], variance[0] + mean[0])
    assert swapped != header
    said = check(tmp_path, first("mesu"), ["sl_learner.h"], swapped)
    at = state_dtype(*BUILDS[first("mesu")].given).fields["mean"][1]
    assert f"mean is at byte {at}" in said


@EACH
def test_the_struct_is_the_layout_that_numpy_has(name: str) -> None:
    given = BUILDS[name].given
    assert layout_of(*given).c_struct() in config_header(*given)


def test_a_missing_part_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, config, arithmetic = BUILDS[BARE].given
    with pytest.raises(BuildError, match=r"rule 'mesu' has no C for float64"):
        NativeKernel(spec, config, "float64")
    kernel = RULES["mesu"].arithmetics[arithmetic].kernel
    assert kernel is not None
    for broken, said in (
        (replace(kernel, folder=tmp_path), r"rule 'mesu' has no C for q16: expected files in"),
        (replace(kernel, rooms=(tmp_path / "x",)), r"which rule 'mesu' uses, has no C for q16"),
    ):
        monkeypatch.setattr(c_config, "_kernel_of", lambda *_, found=broken: ("mesu", found))
        with pytest.raises(BuildError, match=said):
            kernel_sources(spec, config, arithmetic)
