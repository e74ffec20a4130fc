"""Images of every released version, which stay loadable: ``python tests/golden/released.py``.

The command writes ``images/VERSION`` for the version that stands in ``streamlearn/version.py``. A
folder of a released version is never written again: what it holds is what people have.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1])]

import numpy as np  # noqa: E402

from quant.rule import RULES  # noqa: E402
from streamlearn.learners.base import StreamLearner  # noqa: E402
from streamlearn.learners.loading import learner_class, load, variants_of  # noqa: E402
from streamlearn.version import __version__  # noqa: E402

IMAGES = HERE / "images"
INDEX = "index.json"
N_SAMPLES = 40


def rows(n: int) -> Any:
    """Raw samples, ``float64[n, 5]``."""
    return np.random.default_rng(7).normal(3, 2, (n, 5)).astype(np.float32).astype(np.float64)


def learners() -> Iterator[tuple[str, StreamLearner]]:
    """One of every rule, head, arithmetic and variant, and of what a classifier keeps besides."""
    for rule in ("bimu", "mesu", "mesu_factored", "metaplastic"):
        for head in RULES[rule].heads:
            kind, last = learner_class(rule, head), 3 if head == "categorical" else 1
            for arithmetic in RULES[rule].arithmetics:
                cases: dict[str, dict[str, Any]] = {"": {}, **variants_of(rule, head)}
                if head == "categorical":
                    cases |= {"memory": {"memory": "lda"}, "replay": {"replay_bytes": 200}}
                for name, more in cases.items():
                    text = "-".join(filter(None, (rule, head, arithmetic, name)))
                    made = kind(
                        (5, 8, last), arithmetic=arithmetic, features=tuple("abcde"), **more
                    )
                    yield text.replace(" ", "_"), made


def taught(learner: StreamLearner) -> StreamLearner:
    """Return it after some samples."""
    for i, x in enumerate(rows(N_SAMPLES)):
        y: Any = ("low", 2, True)[int(x[0] > 2) + int(x[0] > 4)]
        learner.learn_one(x, y if learner.labels or hasattr(learner, "_labels") else x[0] + i / 9)
    return learner


def asked(learner: StreamLearner) -> list[Any]:
    """What it says of three samples."""
    found = [learner.predict_one(x) for x in rows(N_SAMPLES + 3)[-3:]]
    return [float(f"{v:.6g}") if isinstance(v, float) else v for v in found]


def described(learner: StreamLearner) -> dict[str, Any]:
    """What an image is known again by."""
    return {
        "state_sha256": learner.state_sha256,
        "n_samples": learner.n_samples,
        "labels": list(learner.labels),
        "predictions": asked(learner),
    }


def main() -> None:
    """Write the images of this version."""
    folder = IMAGES / __version__
    folder.mkdir(parents=True, exist_ok=True)
    index = {}
    for name, learner in learners():
        taught(learner).save(folder / f"{name}.sls")
        index[name] = described(load(folder / f"{name}.sls"))
    (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n")
    print(f"{folder}: {len(index)} images")


if __name__ == "__main__":
    main()
