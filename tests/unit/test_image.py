"""State images: of released versions, with numbers out of range, damaged; the counter."""

from __future__ import annotations

import dataclasses
import json
import struct
import zlib
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant import image as images
from quant.errors import DivergedError, StateFormatError
from quant.image import decode_image, encode_image
from quant.state import layout_of
from streamlearn import MesuClassifier, load
from streamlearn.learners.loading import read
from streamlearn.learners.odometer import EPOCH, Odometer

GOLDEN = Path(__file__).parents[1] / "golden" / "images"
VERSIONS = sorted(folder.name for folder in GOLDEN.iterdir())
FILES = sorted(GOLDEN.glob("*/*.sls"))
WHOLE = [file.read_bytes() for file in FILES]
HEADER = 24


def sealed(text: bytes, payload: bytes, version: int = images.FORMAT_VERSION) -> bytes:
    """An image with a correct header around any contents."""
    crc = zlib.crc32(text + payload)
    header = struct.pack("<4sHHIIII", b"SLST", version, 24, len(text), len(payload), crc, 0)
    return header + text + payload


# -- released versions -----------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_images_of_a_released_version_are_the_same_learners(version: str) -> None:
    from tests.golden.released import described

    index = json.loads((GOLDEN / version / "index.json").read_text())
    files = {file.stem: file for file in (GOLDEN / version).glob("*.sls")}
    assert set(files) == set(index)
    for name, file in files.items():
        if "float32" in name:  # its engine is compiled; the state is read all the same
            found = decode_image(file.read_bytes(), name)
            assert found.labels == tuple(index[name]["labels"])
            continue
        assert described(load(file, "numpy" if "float" not in name else None)) == index[name], name


def test_an_older_image_goes_through_its_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    text, payload = images.unpack(WHOLE[0])
    old = sealed(text.replace(b'"rule"', b'"ruse"'), payload, images.FORMAT_VERSION - 1)
    with pytest.raises(StateFormatError, match="use the streamlearn that wrote it"):
        decode_image(old)
    step = {images.FORMAT_VERSION - 1: lambda t, p: (t.replace(b'"ruse"', b'"rule"'), p)}
    monkeypatch.setattr(images, "MIGRATIONS", step)
    assert encode_image(decode_image(old)) == WHOLE[0]


# -- numbers out of range --------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_number_is_beyond_its_range(file: Path) -> None:
    whole = decode_image(file.read_bytes())
    n_refused = 0
    for field in layout_of(whole.spec, whole.config, whole.arithmetic):
        values = whole.state[field.name]
        beyond: list[Any] = [field.least - 1] if field.least is not None else []
        beyond += [field.most + 1] if field.most is not None else []
        beyond += [np.nan, np.inf, -np.inf] if values.dtype.kind == "f" else []
        for value in beyond:
            if values.dtype.kind != "f":
                info = np.iinfo(values.dtype)
                if not info.min <= value <= info.max:
                    continue
            state = whole.state.copy()
            state[field.name].reshape(-1)[-1] = value
            with pytest.raises(StateFormatError, match=f"{field.name}|blocks of hidden units"):
                decode_image(encode_image(dataclasses.replace(whole, state=state)))
            n_refused += 1
    assert n_refused >= 2, "canary: fields with a range were looked at"


def test_what_depends_on_the_sizes_is_looked_at_too() -> None:
    whole = decode_image((GOLDEN / "0.1.0" / "mesu-categorical-q16-replay.sls").read_bytes())
    for name, value, message in (
        ("taught", 8, "taught class 3: this network has classes 0 to 2"),
        ("reference", 0x7FC00000, "reference of feature 4 is no finite number"),
        ("replay_seen", 0, "reservoir counts"),
    ):
        state = whole.state.copy()
        state[name].reshape(-1)[-1] = value
        with pytest.raises(StateFormatError, match=message):
            decode_image(encode_image(dataclasses.replace(whole, state=state)))


# -- the counter of samples ------------------------------------------------------------------


def test_samples_are_counted_beyond_32_bits(tmp_path: Path) -> None:
    learner = MesuClassifier((2, 3, 2), classes=(0, 1), backend="numpy")
    state = learner.state
    state["n_samples"] = EPOCH - 2
    learner.state = state
    for _ in range(5):
        learner.learn_one([1.0, 2.0], 1)
    assert (learner.n_samples, int(learner.state["n_samples"][0])) == (EPOCH + 3, 3)
    assert f"{EPOCH + 3} samples" in repr(learner)
    learner.save(tmp_path / "long.sls")
    again = MesuClassifier.load(tmp_path / "long.sls", "numpy")
    assert again.n_samples == EPOCH + 3
    assert decode_image(again.to_bytes()).epochs == 1
    again.state = state  # a little earlier
    assert again.n_samples == EPOCH - 2


@pytest.mark.parametrize(
    ("start", "to", "total"),
    [
        (0, 3_000_000_000, 3_000_000_000),
        (EPOCH - 5, 3, EPOCH + 3),
        (10, 3, 3),
        (EPOCH + 3, EPOCH - 5, EPOCH - 5),
        (5 * EPOCH + 7, 9, 5 * EPOCH + 9),
    ],
)
def test_a_state_from_elsewhere_moves_the_counter_the_shorter_way(
    start: int, to: int, total: int
) -> None:
    old, new = (np.array([(n % EPOCH,)], [("n_samples", "<u4")]) for n in (start, to))
    odometer = Odometer(start // EPOCH, old)
    odometer.move(old, new)
    assert odometer.read(new) == total


# -- damage ----------------------------------------------------------------------------------

VALUES = (
    *(None, True, False, -1, 0, 1, 2, 3, 255, 256, 65535, 2**31, 2**32, 2**63, 10**40, -(10**400)),
    *(0.5, -1e-308, 1e-9, 1e9, 1e308, float("nan"), float("inf"), -float("inf"), "inf", "", "q8"),
    *("q16", "float32", "float64", "mesu", "bimu", "adaptive", "none", "lda", "\ud800", "\0"),
    *(
        [],
        [[[]]],
        {},
        {"a": 1},
        [1],
        [5, 8, 3],
        [5, 2**31, 3],
        [5.0, 8, 3],
        ["a", "a", 1],
        [1, True],
    ),
)
LOADED = [(*images.unpack(data), data) for data in WHOLE]


def damaged(random: Random) -> bytes:
    """An image with bytes changed, cut, moved or added, or with another description."""
    text, payload, data = random.choice(LOADED)
    kind = random.choice(("bytes", "payload", "value", "value", "cut", "spliced"))
    if kind == "value":
        found = json.loads(text)
        for _ in range(random.randint(1, 2)):
            part = found.get(random.choice(("", "network", "config")), found)
            name = random.choice((*sorted(part), "new")) if isinstance(part, dict) else None
            if name is not None and random.randint(0, 7):
                part[name] = random.choice(VALUES)
            elif name is not None:
                part.pop(name, None)
        return sealed(json.dumps(found).encode(), payload)
    if kind == "spliced":
        return sealed(text, random.choice(LOADED)[1])
    if kind == "cut":
        end = random.randint(0, len(payload))
        return sealed(text, payload[:end] + bytes(random.randint(0, 8)))
    low = HEADER if kind == "bytes" else HEADER + len(text)
    changed = bytearray(data)
    for _ in range(random.randint(1, 6)):
        changed[random.randrange(low, len(data))] ^= random.randint(1, 255)
    if random.randint(0, 1):
        whole = bytes(changed[HEADER:])
        return sealed(whole[: len(text)], whole[len(text) :])
    return bytes(changed)


def look(data: bytes) -> bool:
    """Read an image; whatever is accepted is a learner of numbers, and its own image."""
    try:
        found = decode_image(data)
    except StateFormatError:
        return False
    assert encode_image(decode_image(encode_image(found))) == encode_image(found)
    for name in found.state.dtype.names or ():
        assert found.state.dtype[name].base.kind != "f" or np.isfinite(found.state[name]).all()
    return True


@settings(max_examples=2000, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_damaged_image_is_refused_or_a_learner(random: Random) -> None:
    look(damaged(random))


@pytest.mark.slow
def test_200_000_damaged_images_are_refused_or_learners() -> None:
    accepted = sum(look(damaged(Random(seed))) for seed in range(200_000))
    assert 1000 < accepted < 100_000, "canary: some damage is harmless, most of it is not"


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_what_is_accepted_predicts_and_learns(random: Random) -> None:
    data = damaged(random)
    if not look(data) or b'"float32"' in data:
        return
    learner = read(data, "damaged", "numpy" if b'"float64"' not in data else None)
    x, y = np.linspace(-1, 1, learner.spec.n_features), next(iter(learner.labels), 0.5)
    try:
        for _ in range(3):
            learner.learn_one(x, y)
            found = np.array(list(learner.predict_proba_one(x).values()) if learner.labels else 0)
            assert np.isfinite(found).all(), "an accepted image predicts NaN"
    except DivergedError:
        assert learner.arithmetic == "float64", "integers never diverge"
