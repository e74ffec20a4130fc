"""Images of small fleets, for the tests of this folder."""

from __future__ import annotations

from typing import Any

import numpy as np

from quant.image import decode_image, encode_image
from streamlearn.fleet import learn
from streamlearn.learners.loading import learner_class


def start(rule: str = "mesu", head: str = "categorical", **given: Any) -> bytes:
    layers = (5, 8, 3 if head == "categorical" else 1)
    named = {"classes": ("a", "b", "c")} if head == "categorical" else {}
    return learner_class(rule, head)(**{"layers": layers, **named, **given}).to_bytes()


def samples(n: int, seed: int, head: str = "categorical") -> tuple[Any, Any]:
    drawn = np.random.default_rng(seed)
    y = drawn.integers(0, 3, n)
    x = (drawn.normal(size=(n, 5)) + y[:, None]).astype(np.float32)
    return x, ["abc"[i] for i in y] if head == "categorical" else 3 * x[:, 0] - 1


def fleet(base: bytes, k: int, n: int = 30, head: str = "categorical") -> list[bytes]:
    return [learn(base, *samples(n + 3 * i, i + 1, head))[0] for i in range(k)]


def changed(image: bytes, **words: Any) -> bytes:
    """Return an image with other contents of some fields of its state."""
    found = decode_image(image)
    for name, value in words.items():
        found.state[name] = value
    return encode_image(found)
