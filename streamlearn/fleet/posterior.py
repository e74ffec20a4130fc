"""One posterior of what many devices have learned."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from quant.errors import ConfigError
from quant.image import Image, decode_image, encode_image
from quant.layout import State
from quant.rule import arithmetic_of
from quant.state import init_state
from streamlearn.merging import Merging, Share, merging_of
from streamlearn.merging.pooled import FEATURES, LATELY, TARGET, merge_statistics, merged_count

Evidence = Literal["sum", "mean"]
#: Damping is a whole number of these parts of 1.
DAMPING_ONE = 1 << 16
_WORD = 1 << 32
TAUGHT = "taught"
#: What is merged here, or stays the base's; the rest is the rule's own.
SHARED = {
    *("n_samples", "seed", "front_end_count", TAUGHT, "reference", *LATELY, *FEATURES, *TARGET),
}


def merge(
    base_image: bytes,
    images: Sequence[bytes],
    evidence: Evidence = "sum",
    damping: float = 1.0,
) -> bytes:
    """Return the image of one learner that knows what all devices have learned.

    Natural parameters add: with ρ = 1/σ² and η = ρμ of a weight, ρ0 and η0 at the start that all
    devices had, ρ = ρ0 + w Σ (ρ_k - ρ0), and η likewise (:mod:`streamlearn.merging.gaussian`). The
    statistics of features and of a regressor's target are merged by the parallel formula. The
    order of the images changes no bit.

    Parameters
    ----------
    base_image : bytes
        The state image that every device started from: before the first sample, or the result of
        the last merge. Its seed is that of the result.
    images : sequence of bytes
        A state image of each device, one or more. Seeds of the noise and numbers of samples may
        differ, and so may boards.
    evidence : {"sum", "mean"}
        ``sum``: the devices saw parts of one world, and what they learned adds up: w = 1, and the
        result counts the samples of all. ``mean``: they all saw the same kind of world:
        w = 1/K, and the result counts the mean of the samples, so that memory window and
        plasticity stay those of one device.
    damping : float
        Above 0, to 1: what w is multiplied by besides.

    Returns
    -------
    bytes
        A state image. Every device may go on from it, and it is the next merge's base.

    Raises
    ------
    StateFormatError
        If an image is foreign, truncated, damaged, diverged or of another version; the message
        says which.
    ConfigError
        If there is no image, or a value is none of the above; networks, configurations, features
        or the order of classes differ; a device did not start from the base; the rule has no
        posterior; or the learners spike, or keep a memory or stored samples.

    Examples
    --------
    >>> from streamlearn import MesuClassifier
    >>> from streamlearn.fleet import learn, merge
    >>> start = MesuClassifier(layers=(2, 4, 2), classes=("cold", "hot")).to_bytes()
    >>> north, _ = learn(start, [[20.5, 1.0], [90.0, 1.0]], ["cold", "hot"])
    >>> south, _ = learn(start, [[21.0, 3.0]], ["cold"])
    >>> MesuClassifier.from_bytes(merge(start, [north, south])).n_samples
    3
    """
    share = _share(evidence, damping, len(images))
    base = decode_image(base_image, "base image")
    devices = [decode_image(data, f"image {i}") for i, data in enumerate(images)]
    merging = _merging(base)
    for i, device in enumerate(devices):
        _same(base, device, f"image {i}")
    labels, names = _labels(base, devices), _features(base, devices)
    fresh = [_started(base, device, f"image {i}", merging) for i, device in enumerate(devices)]
    learned = [device.state for device in devices]
    merged: State = base.state.copy()
    merging.merge(base.spec, base.config, base.state, learned, share, merged)
    _statistics(base, learned, fresh, merged)
    _taught(learned, merged)
    counted = sum(fresh) if evidence == "sum" else (2 * sum(fresh) + len(fresh)) // (2 * len(fresh))
    merged["n_samples"] = (int(base.state["n_samples"][0]) + counted) % _WORD
    found = encode_image(dataclasses.replace(base, state=merged, labels=labels, features=names))
    decode_image(found, "merged image")
    return found


def _share(evidence: str, damping: float, n_images: int) -> Share:
    if evidence not in ("sum", "mean"):
        raise ConfigError(f"evidence={evidence!r}: expected 'sum' or 'mean'")
    if not n_images:
        raise ConfigError("no images: expected one of each device, and at least one")
    if isinstance(damping, bool) or not isinstance(damping, int | float) or not 0 < damping <= 1:
        raise ConfigError(f"damping={damping!r}: expected a number above 0, up to 1")
    parts = max(1, round(damping * DAMPING_ONE))
    found = Fraction(parts, DAMPING_ONE * (1 if evidence == "sum" else n_images))
    return Share(found.numerator, found.denominator)


def _merging(base: Image) -> Merging:
    """Return how the rule merges; refuse what has no natural parameters to add."""
    rule = base.config.rule
    merging = merging_of(rule)
    if merging is None:
        raise ConfigError(
            f"the rule {rule!r} has no posterior that could be merged; merge learners of a rule "
            "that knows how sure its weights are, such as the default rule"
        )
    if base.spec.leaks:
        raise ConfigError(
            f"leaks={base.spec.leaks}: learners that spike are not merged so far; merge learners "
            "without a sense of time"
        )
    kept = {"memory": base.spec.memory, "replay_bytes": base.spec.replay_bytes or None}
    for name, value in kept.items():
        if value is not None:
            raise ConfigError(
                f"{name}={value!r}: what it keeps, statistics in random features or samples, has "
                "no sum that all devices agree on; merge learners without it"
            )
    own = arithmetic_of(base.spec, base.config, base.arithmetic).fields(base.spec, base.config)
    known = SHARED | {field.name for field in own}
    for name in base.state.dtype.names or ():
        if name not in known and not name.startswith(("padding", "reserved")):
            raise ConfigError(
                f"the state has {name!r}, of which it isn't known how to merge it; learn without it"
            )
    return merging


def _same(base: Image, device: Image, source: str) -> None:
    """Refuse a device of another network, configuration or arithmetic."""
    pairs: list[tuple[str, Any, Any]] = [
        ("rule", base.config.rule, device.config.rule),
        ("arithmetic", base.arithmetic, device.arithmetic),
    ]
    if base.config.rule == device.config.rule:
        for ours, theirs in ((base.spec, device.spec), (base.config, device.config)):
            pairs += [
                (field.name, getattr(ours, field.name), getattr(theirs, field.name))
                for field in dataclasses.fields(ours)
            ]
    for name, ours, theirs in pairs:
        if ours != theirs:
            raise ConfigError(
                f"{source}: {name}={theirs!r}, the base image has {ours!r}; merge learners that "
                "started from one image"
            )


def _labels(base: Image, devices: Sequence[Image]) -> tuple[Any, ...]:
    """Return the labels of all; refuse devices that gave one class index to two labels."""
    longest = max((tuple(image.labels) for image in (base, *devices)), key=len)
    for source, image in (("base image", base), *_named(devices)):
        own = tuple(image.labels)
        if own != longest[: len(own)]:
            raise ConfigError(
                f"{source}: its labels are {list(own)}, another image has {list(longest)} in this "
                "order; start all devices from an image with classes=, so that an index means one "
                "label everywhere"
            )
    return longest


def _features(base: Image, devices: Sequence[Image]) -> tuple[str, ...] | None:
    """Return the names of the features, as far as any image has them."""
    found = base.features
    for source, image in _named(devices):
        if image.features is not None and found is not None and image.features != found:
            raise ConfigError(
                f"{source}: its features are {list(image.features)}, another image has "
                f"{list(found)}; a weight belongs to one feature in all of them"
            )
        found = found or image.features
    return found


def _named(devices: Sequence[Image]) -> list[tuple[str, Image]]:
    return [(f"image {i}", image) for i, image in enumerate(devices)]


def _started(base: Image, device: Image, source: str, merging: Merging) -> int:
    """Return how many samples a device has learned since the base; refuse another start."""
    before, after = int(base.state["n_samples"][0]), int(device.state["n_samples"][0])
    fresh, names = (after - before) % _WORD, device.state.dtype.names or ()
    why = None
    if fresh >= _WORD // 2:
        why = f"it has learned {after} samples, and the base image {before}"
    elif fresh == 0 and _others(base.state) != _others(device.state):
        why = "it has learned no sample since, and its state is another"
    elif TAUGHT in names and (base.state[TAUGHT] & ~device.state[TAUGHT]).any():
        why = "the base image was taught a class that it was not"
    elif _nearer_its_own(base, device, merging):
        why = f"its weights are those that its own seed {int(device.state['seed'][0])} draws"
    if why is not None:
        raise ConfigError(
            f"{source} did not start from the base image: {why}; give the image that all devices "
            "started from"
        )
    return fresh


def _others(state: State) -> bytes:
    """Return a state's bytes but for the seed of its noise."""
    copy = state.copy()
    copy["seed"] = 0
    return bytes(copy.tobytes())


def _nearer_its_own(base: Image, device: Image, merging: Merging) -> bool:
    """Whether another seed's draws are closer to the weights than the base's weights are."""
    if base.state["seed"][0] == device.state["seed"][0]:
        return False
    spec, config = device.spec, device.config
    own = init_state(spec, config, device.arithmetic, int(device.state["seed"][0]))
    at, start, drawn = (
        merging.position(spec, config, state) for state in (device.state, base.state, own)
    )
    return bool(np.sum((at - drawn) ** 2) < np.sum((at - start) ** 2))


def _taught(learned: Sequence[State], merged: State) -> None:
    """Mark every class that any device was taught, in place."""
    if TAUGHT in (merged.dtype.names or ()):
        for state in learned:
            merged[TAUGHT] |= state[TAUGHT]


def _statistics(base: Image, learned: Sequence[State], fresh: Sequence[int], merged: State) -> None:
    """Merge the statistics of features and of the target, in place."""
    windows = (FEATURES, base.config.front_end_window), (
        TARGET, getattr(base.config, "target_window", 0),
    )  # fmt: skip
    for names, window in windows:
        merge_statistics(names, base.state, learned, fresh, window, merged)
    merged["front_end_count"] = merged_count(
        int(base.state["front_end_count"][0]),
        [int(state["front_end_count"][0]) for state in learned],
        base.config.front_end_window,
    )
