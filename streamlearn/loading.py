"""Any learner from its file, whatever its rule."""

from __future__ import annotations

from pathlib import Path

from quant.image import decode_image
from streamlearn.classifier import MesuClassifier
from streamlearn.engines import Backend
from streamlearn.metaplastic_classifier import MetaplasticClassifier
from streamlearn.stream_classifier import StreamClassifier

_CLASSES: dict[str, type[StreamClassifier]] = {
    "mesu": MesuClassifier,
    "metaplastic": MetaplasticClassifier,
}


def load(path: str | Path, backend: Backend | None = None) -> StreamClassifier:
    """Read a state image and return its learner, of the class of its rule.

    Raises
    ------
    StateFormatError
        If the image is foreign, truncated, damaged or of another version.
    """
    image = decode_image(Path(path).read_bytes(), str(path))
    return _CLASSES[image.spec.rule]._from_image(image, backend)
