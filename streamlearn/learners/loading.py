"""Any learner from its file, whatever its rule."""

from __future__ import annotations

from pathlib import Path

from quant.image import decode_image
from quant.rule import part
from streamlearn.engines import Backend
from streamlearn.learners.base import StreamLearner


def learner_class(rule: str, head: str) -> type[StreamLearner]:
    """Return the class of a rule's learners with a head."""
    found: type[StreamLearner] = part(rule, "streamlearn").LEARNERS[head]
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
    return learner_class(image.config.rule, image.spec.head)._from_image(image, backend)


def load(path: str | Path, backend: Backend | None = None) -> StreamLearner:
    """Read a state image and return its learner, of the class of its rule and head.

    Raises
    ------
    StateFormatError
        If the image is foreign, truncated, damaged or of another version.
    """
    return read(Path(path).read_bytes(), str(path), backend)
