"""Any learner from its file, whatever its rule."""

from __future__ import annotations

from pathlib import Path

from quant.image import decode_image
from streamlearn.classifier import MesuClassifier
from streamlearn.engines import Backend
from streamlearn.metaplastic_classifier import MetaplasticClassifier
from streamlearn.regressor import MesuRegressor
from streamlearn.stream_learner import StreamLearner

_CLASSES: dict[tuple[str, str], type[StreamLearner]] = {
    ("mesu", "categorical"): MesuClassifier,
    ("mesu", "gaussian"): MesuRegressor,
    ("metaplastic", "categorical"): MetaplasticClassifier,
}


def load(path: str | Path, backend: Backend | None = None) -> StreamLearner:
    """Read a state image and return its learner, of the class of its rule and likelihood.

    Raises
    ------
    StateFormatError
        If the image is foreign, truncated, damaged or of another version.
    """
    image = decode_image(Path(path).read_bytes(), str(path))
    return _CLASSES[image.spec.rule, image.spec.likelihood]._from_image(image, backend)
