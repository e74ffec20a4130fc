"""Any learner from its file, whatever its rule."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from quant.image import decode_image
from quant.rooms import part
from quant.rule import RULES
from streamlearn.engines import Backend
from streamlearn.learners.base import StreamLearner


def learner_class(rule: str, head: str, spikes: bool = False) -> type[StreamLearner]:
    """Return the class of a rule's learners with a head; of those that spike, or of the others."""
    room = part(rule, "streamlearn")
    found: type[StreamLearner] = room.SPIKING if spikes else room.LEARNERS[head]
    return found


def variants_of(rule: str, head: str) -> dict[str, dict[str, Any]]:
    """Return the settings of a rule's variants, for its learners with a head.

    Where a learner's own default is already that of a variant, the configuration's default is the
    variant: a regressor's step is fixed, and may be adaptive.
    """
    own, config = inspect.signature(learner_class(rule, head)).parameters, RULES[rule].config()
    found: dict[str, dict[str, Any]] = {}
    for name, settings in RULES[rule].variants.items():
        if any(own[key].default != value for key, value in settings.items()):
            found[name] = dict(settings)
        else:
            other = {key: getattr(config, key) for key in settings}
            found[", ".join(f"{value} {key}" for key, value in other.items())] = other
    return found


def read(data: bytes, source: str, backend: Backend | None = None) -> StreamLearner:
    """Return the learner of a state image, of the class of its rule and head.

    Parameters
    ----------
    data : bytes
    source : str
        What to call it in messages.
    backend : {"c", "numpy"}, optional

    Raises
    ------
    StateFormatError
        If the image is foreign, truncated, damaged or of another version.
    """
    image = decode_image(data, source)
    spec = image.spec
    kind = learner_class(image.config.rule, spec.head, len(spec.leaks) > 0)
    return kind._from_image(image, backend)


def load(path: str | Path, backend: Backend | None = None) -> StreamLearner:
    """Read a state image and return its learner, of the class of its rule and head.

    Raises
    ------
    StateFormatError
        If the image is foreign, truncated, damaged or of another version.
    """
    return read(Path(path).read_bytes(), str(path), backend)
