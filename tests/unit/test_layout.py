"""The layout of a state: its order, its gaps, and that C and NumPy put every byte at one place."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.errors import BuildError
from firmware_sim.zig import run_cc
from quant.c_config import KERNEL_DIR
from quant.layout import C_TYPES, Field, Layout
from quant.network import NetworkSpec
from quant.rule import RULES
from quant.state import HEADER, init_state, layout_of

LAST = {"categorical": 3, "gaussian": 1}
#: What the sizes of the networks below have to bring about: odd and even numbers of everything.
HIDDEN = ((5, 8), (4, 12), (3, 8, 5))


def word(name: str, *shape: int) -> Field:
    return Field(name, "<u4", "a word", shape)


def every_layout() -> dict[str, Layout]:
    """The layout of each rule × head × arithmetic × variant, with both front ends."""
    found = {}
    for name, rule in RULES.items():
        for head in rule.heads:
            for front_end in ("standardise", "none"):
                for hidden in HIDDEN:
                    spec = NetworkSpec((*hidden, LAST[head]), front_end=front_end, head=head)
                    for variant, settings in {"": {}, **rule.variants}.items():
                        if "n_blocks" in settings and hidden[1] % settings["n_blocks"]:
                            continue
                        for arithmetic in rule.arithmetics:
                            key = (name, head, front_end, str(spec), variant or "plain", arithmetic)
                            config = rule.config(**settings)
                            found[" ".join(key)] = layout_of(spec, config, arithmetic)
    return found


LAYOUTS = every_layout()


# -- order and gaps ------------------------------------------------------------------------------


def test_single_words_come_first_then_arrays_doubles_halves_and_bytes_in_the_order_given() -> None:
    given_fields = [
        Field("byte", "i1", "", (4,)),
        Field("half_b", "<u2", "", (2,)),
        Field("half_a", "<i2", ""),
        Field("half_c", "<i2", ""),
        Field("real", "<f8", ""),
        word("first"),
        word("many", 3),
        word("second"),
    ]
    names = [field.name for field in Layout.of(HEADER, given_fields)]
    header = ["n_samples", "seed", "front_end_count"]
    assert names == [
        *header, "first", "second", "many", "real", "half_b", "half_a", "half_c", "byte", "padding"
    ]  # fmt: skip


@pytest.mark.parametrize("fields", [[], [word("many", 3)], [Field("half", "<i2", "", (2,))]])
def test_the_fourth_word_is_reserved_where_no_scalar_takes_its_place(fields: list[Field]) -> None:
    layout = Layout.of(HEADER, fields)
    assert [field.name for field in layout][:4][-1] == "reserved"
    assert layout.offsets["reserved"] == 12
    assert Layout.of(HEADER, [word("one"), *fields]).offsets["one"] == 12


def test_gaps_are_named_fields() -> None:
    halves = Layout.of(HEADER, [word("one"), Field("half", "<i2", "", (3,))])
    assert (halves[-1].name, halves[-1].dtype, halves[-1].shape) == ("padding", "<u2", ())
    assert halves.n_bytes == 24
    octets = Layout.of(HEADER, [word("one"), Field("byte", "u1", "", (3,))])
    assert (octets[-1].name, octets[-1].dtype, octets[-1].shape) == ("padding", "u1", (1,))
    assert octets.n_bytes == 20
    both = Layout.of(HEADER, [word("one"), Field("half", "<i2", ""), Field("byte", "u1", "")])
    assert [field.name for field in both][-4:] == ["half", "padding", "byte", "padding_2"]
    assert both.offsets["byte"] == 20, "bytes begin at a word"
    even = Layout.of(HEADER, [word("many", 2), Field("real", "<f8", "")])
    assert [field.name for field in even][-3:] == ["reserved", "many", "real"]
    odd = Layout.of(HEADER, [word("one"), word("two"), Field("real", "<f8", "")])
    assert [field.name for field in odd][-2:] == ["padding", "real"]
    assert odd.offsets["real"] == 24


def test_two_fields_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two fields of a state are called 'mu': give each its ow"):
        Layout.of(HEADER, [word("mu"), Field("mu", "<i2", "", (2,))])
    with pytest.raises(ValueError, match="are called 'seed'"):
        Layout.of(HEADER, [word("seed")])


FIELDS = st.lists(
    st.tuples(st.sampled_from(list(C_TYPES)), st.sampled_from([(), (1,), (2,), (3,), (5,)])),
    max_size=8,
).map(lambda drawn: [Field(f"f{i}", dtype, "", shape) for i, (dtype, shape) in enumerate(drawn)])


@given(fields=FIELDS)
def test_whatever_the_fields_c_has_no_gap_of_its_own(fields: list[Field]) -> None:
    """NumPy's ``align=True`` is C's rule for members: it finds nothing to insert."""
    layout = Layout.of(HEADER, fields)
    assert {field.name for field in fields} <= {field.name for field in layout}
    aligned = np.dtype([(f.name, f.dtype, f.shape) for f in layout], align=True)
    assert aligned.itemsize == layout.n_bytes == layout.dtype.itemsize
    assert aligned.fields is not None
    assert {name: aligned.fields[name][1] for name in aligned.names or ()} == layout.offsets
    assert layout.n_bytes % 4 == 0


@pytest.mark.parametrize("key", LAYOUTS)
def test_numpy_c_and_table_say_the_same_places(key: str) -> None:
    layout = LAYOUTS[key]
    fields = layout.dtype.fields
    assert fields is not None
    assert {name: where[1] for name, where in fields.items()} == layout.offsets
    assert list(layout.dtype.names or ()) == [field.name for field in layout]
    assert all(
        at % field.item_bytes == 0
        for field, at in zip(layout, layout.offsets.values(), strict=True)
    )
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", layout.table(), re.MULTILINE)
    assert {name: int(at) for at, name in rows} == layout.offsets
    asserted = re.findall(r"offsetof\(sl_state_t, (\w+)\) == (\d+)", layout.c_struct())
    assert {name: int(at) for name, at in asserted} == layout.offsets
    assert f"sizeof(sl_state_t) == {layout.n_bytes}" in layout.c_struct()


def test_a_state_starts_with_what_its_fields_say() -> None:
    for name, rule in RULES.items():
        spec, config = NetworkSpec((5, 8, 3)), rule.config()
        for arithmetic in rule.arithmetics:
            state = init_state(spec, config, arithmetic, 7)
            for field in layout_of(spec, config, arithmetic):
                if field.start:
                    assert (state[field.name] == field.start).all(), (name, arithmetic, field.name)
            assert state["seed"] == 7
    started = {field.name for layout in LAYOUTS.values() for field in layout if field.start}
    assert started >= {"exponent", "target_exponent"}


# -- the C struct --------------------------------------------------------------------------------

INCLUDES = f'#include <stddef.h>\n#include <stdint.h>\n#include "{KERNEL_DIR / "sl_build.h"}"\n\n'
TARGETS = {"host": (), "Cortex-M0+": ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0plus")}


def compile_c(text: str, folder: Path, target: str = "host") -> None:
    """Check a C text as the compiler does; BuildError with what it says."""
    (folder / "layout.c").write_text(INCLUDES + text)
    flags = ("-std=c11", "-c", "-Wall", "-Wextra", "-Wpadded", "-Werror", "-ferror-limit=0")
    run_cc((*TARGETS[target], *flags, "layout.c", "-o", "layout.o"), folder)


def swapped(struct: str, one: str, other: str) -> str:
    """A struct with two members' declarations in each other's place, as a slip would leave it."""
    lines = struct.split("\n")
    first, second = (
        next(i for i, line in enumerate(lines) if re.search(rf"^    \w+ {name}\b", line))
        for name in (one, other)
    )
    lines[first], lines[second] = lines[second], lines[first]
    return "\n".join(lines)


@pytest.mark.parametrize("target", TARGETS)
def test_every_c_struct_holds_its_assertions(target: str, tmp_path: Path) -> None:
    structs = (layout.c_struct(f"state_{i}_t") for i, layout in enumerate(LAYOUTS.values()))
    compile_c("\n".join(structs), tmp_path, target)


GAS = layout_of(NetworkSpec((128, 32, 6)), RULES["mesu"].config(step="fixed"), "float32")


def place(field: str) -> str:
    return f"{field} is at byte {GAS.offsets[field]}"


def test_canary_mean_and_variance_swapped_in_c_do_not_compile(tmp_path: Path) -> None:
    """Of one type and one length: the size stays the same, and only the places tell."""
    struct = swapped(GAS.c_struct(), "mean", "variance")
    assert struct != GAS.c_struct()
    with pytest.raises(BuildError, match=place("mean")) as raised:
        compile_c(struct, tmp_path)
    assert place("variance") in str(raised.value)
    assert f"{GAS.n_bytes} bytes" not in str(raised.value), "sizeof alone would not have seen it"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("uint16_t feature_count[128]", "uint32_t feature_count[128]", place("streak")),
        ("float sigma[", "float sigma[1 + ", f"{GAS.n_bytes} bytes"),
        ("uint32_t reserved; /* 0 */", "", place("mean")),
    ],
)
def test_canary_any_other_slip_in_the_struct_does_not_compile(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    struct = GAS.c_struct()
    assert old in struct
    with pytest.raises(BuildError, match=message):
        compile_c(struct.replace(old, new), tmp_path)


@pytest.mark.parametrize("key", [key for key in LAYOUTS if "5-8-3 plain" in key])
def test_canary_neighbours_swapped_in_c_do_not_compile(key: str, tmp_path: Path) -> None:
    """Each pair of members beside each other, of every rule: all swaps in one compilation."""
    layout = LAYOUTS[key]
    names = [field.name for field in layout]
    pairs = list(itertools.pairwise(names))
    structs = [
        swapped(layout.c_struct(f"swap_{i}_t"), one, other) for i, (one, other) in enumerate(pairs)
    ]
    with pytest.raises(BuildError) as raised:
        compile_c("\n".join(structs), tmp_path)
    found = {int(i) for i in re.findall(r"offsetof\(swap_(\d+)_t", str(raised.value))}
    assert not set(range(len(pairs))) - found, "swaps that nothing refuses"
