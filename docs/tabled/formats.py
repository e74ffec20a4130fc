"""Formats that outlive a program: their versions, and where each byte of a state lies."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from export import package
from firmware_sim import link
from quant import c_config, image
from quant.network import NetworkSpec
from quant.rule import RULES
from quant.state import layout_of
from streamlearn.cli import folders
from streamlearn.learners.loading import variants_of
from streamlearn.recorder.layout import FORMAT_VERSION as RECORD_VERSION
from tabled.known import block, value
from tabled.learners import learners, make, spiking


@value
def version(of: str) -> str:
    """Version of a format that outlives a program."""
    known = {
        "state": image.FORMAT_VERSION,
        "export": package.FORMAT_VERSION,
        "run": folders.FORMAT_VERSION,
        "record": RECORD_VERSION,
        "link": link.VERSION,
        "config": c_config.CONFIG_VERSION,
    }
    return str(known[of])


@block
def members() -> Iterator[str]:
    """What the description of a state image holds."""

    def names(cls: type[Any]) -> str:
        return ", ".join(f"`{field.name}`" for field in dataclasses.fields(cls))

    yield "| member | value |"
    yield "|---|---|"
    yield f"| rule | {', '.join(map(repr, RULES))} |".replace("'", '"')
    yield f"| network | {names(NetworkSpec)} |"
    for name, rule in RULES.items():
        yield f'| config of "{name}" | {names(rule.config)} |'
    for name, rule in RULES.items():
        known = ", ".join(f'"{arithmetic}"' for arithmetic in rule.arithmetics)
        yield f'| arithmetic of "{name}" | {known}: the layout of the payload |'
    yield (
        "| labels | the label of each class index: text, numbers or truth values; shorter than the "
        "classes if not all have been seen |"
    )
    yield "| features | the names of the features in order, or null |"


@block
def layouts() -> Iterator[str]:
    """Where each byte of a state lies: every learner in every arithmetic and variant it has."""
    seen_memory = False
    for name, (_, head, rule) in learners().items():
        for arithmetic in rule.arithmetics:
            seen = set()
            # A memory's fields are the same beside every rule: the first learner shows them.
            memory = {} if seen_memory else {"with a memory": {"memory": "lda"}}
            seen_memory = True
            variants = {"": {}, **variants_of(rule.name, head), **memory}
            for variant, settings in variants.items():
                learner = make(name, arithmetic=arithmetic, **settings)
                layout = layout_of(learner.spec, learner.config, arithmetic)
                if layout in seen:
                    continue  # the variant keeps nothing of its own
                seen.add(layout)
                yield from _layout(f"`{name}`, {arithmetic}{variant and f', {variant}'}", learner)
    for name, (cls, rule) in spiking().items():
        for arithmetic in rule.spiking:
            learner = cls((48, 128, 10), arithmetic=arithmetic)
            yield from _layout(f"`{name}`, {arithmetic}", learner)
        for arithmetic in rule.recurrent:
            learner = cls((48, 128, 32, 10), arithmetic=arithmetic, recurrent=True)
            yield from _layout(f"`{name}`, {arithmetic}, recurrent", learner)
        for arithmetic in rule.averages:
            learner = cls((48, 128, 10), arithmetic=arithmetic, average_window=4096)
            yield from _layout(f"`{name}`, {arithmetic}, averaged weights", learner)


def _layout(title: str, learner: Any) -> Iterator[str]:
    layout = layout_of(learner.spec, learner.config, learner.arithmetic)
    yield f"\n### {title}\n"
    yield f"{'-'.join(map(str, learner.spec.layers))}, {layout.n_bytes:,} bytes.\n"
    # |mu| in a cell
    yield re.sub(r"\|(\w+)\|", r"\\|\1\\|", layout.table()).rstrip()
