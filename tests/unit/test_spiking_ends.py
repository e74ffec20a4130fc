"""States of spiking learners in integers: at the ends of their formats, and beyond."""

from __future__ import annotations

import numpy as np
import pytest

from quant import spiking
from quant.errors import ShapeError
from quant.spiking import golden
from streamlearn import SpikingClassifier

#: quant/spiking/NUMBERS.md.
ENDS = {
    "delta_reference": (-spiking.INPUT_TRACE_MAX, spiking.INPUT_TRACE_MAX),
    "input_trace": (-spiking.INPUT_TRACE_MAX, spiking.INPUT_TRACE_MAX),
    "charge_mean": (-spiking.CHARGE_MAX, spiking.CHARGE_MAX),
    "charge_variance": (0, golden.VARIANCE_MAX),
    "membrane_reset": (0, golden.TRACE_MAX),
    "output_trace": (0, golden.TRACE_MAX),
    "own_trace": (0, golden.TRACE_MAX),
    "own_spikes": (0, golden.recurrence.WHOLE),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_state_beyond_the_ends_of_its_formats_is_refused(name: str) -> None:
    """At them C and the golden model agree; beyond, integers overflow, and they would not."""
    c, numpy = (
        SpikingClassifier((3, 8, 6, 2), classes=range(2), recurrent=True, backend=backend)
        for backend in ("c", "numpy")
    )
    for end, beyond in zip(ENDS[name], (-1, 1), strict=True):
        state = c.state
        for learner in (c, numpy):
            state[name] = end
            learner.state = state
            learner.step([1.0, -2.0, 3.0])
        assert c.state.tobytes() == numpy.state.tobytes()
        whole = np.iinfo(state.dtype[name].base)
        if whole.min <= end + beyond <= whole.max:
            state[name][0, -1] = end + beyond
            with pytest.raises(ShapeError, match=f"{name} from .* expected"):
                c.state = state
