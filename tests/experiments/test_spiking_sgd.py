"""SGD of a spiking network: what predictions read if weights are averaged, and learning."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.spiking.sgd import SgdNetwork

LEAKS = 3, 4


def recording(seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.random.default_rng(seed).integers(0, 2, (40, 6)).astype(np.float64)


def taught(window: int) -> SgdNetwork:
    network = SgdNetwork((6, 8, 3), LEAKS, 0.01, 0, window)
    for n in range(10):
        network.run(recording(n), n % 3)
    return network


def test_learning_is_the_same_with_an_average() -> None:
    np.testing.assert_array_equal(taught(4096).first, taught(0).first)
    np.testing.assert_array_equal(taught(4096).last, taught(0).last)


def test_an_average_of_a_long_window_is_the_mean_of_all_weights_so_far() -> None:
    network, passed = SgdNetwork((6, 8, 3), LEAKS, 0.01, 0, 1 << 20), []
    for n in range(10):
        network.run(recording(n), n % 3)
        passed.append(network.last.copy())
    np.testing.assert_allclose(network.average[1], np.mean(passed, axis=0))


@pytest.mark.parametrize("wanted", range(3))
def test_a_prediction_reads_the_average(wanted: int) -> None:
    with_average, without = taught(4096), taught(0)
    usual = without.run(recording(99), None)
    for network in (with_average, without):
        network.average[0][:] = 1
        network.average[1][:] = np.arange(3) == wanted
    assert with_average.run(recording(99), None) == wanted
    assert without.run(recording(99), None) == usual
