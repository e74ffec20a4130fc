"""Learns a block of samples in C, as a learner would one by one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from quant.native import NativeKernel
from streamlearn.learners.classifier import StreamClassifier


def learn_block(
    learner: StreamClassifier, x: npt.ArrayLike, y: npt.ArrayLike
) -> npt.NDArray[np.int64]:
    """Test, then learn every sample in order; return what was predicted.

    Parameters
    ----------
    learner : StreamClassifier
        Is afterwards where it would be after ``learn_one`` on each.
    x : [n, features]
    y : int[n]
        Places of the classes.
    """
    kernel, state = NativeKernel(learner.spec, learner.config, learner.arithmetic), learner.state
    predicted = kernel.learn(state, np.asarray(x), np.asarray(y, np.uint32))
    learner.state = state
    return predicted.astype(np.int64)
