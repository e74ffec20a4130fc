"""Settings of the binarized network's experiments: the authors' constants, recipes, sizes.

References
----------
Laborieux et al., "Synaptic metaplasticity in binarized neural networks", arXiv 2003.03533.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.loop.experiment import MANY
from experiments.loop.runs import Setting
from streamlearn.streams import DataNotFoundError, data_dir

#: Counted up when a log of before says something else than a new one.
VERSION = 1
#: The authors' constants: of all three experiments, of EWC, and the rows of a batch.
LR, WEIGHT_DECAY, EWC_STRENGTH, EWC_SAMPLES, BATCH = 0.005, 1e-7, 5000.0, 5000, 100
#: Of the stream: how many subsets the data is cut into, and epochs on each.
SUBSETS, STREAM_EPOCHS = 60, 20
#: For the seeds of orders and choices: ``default_rng((seed, USE, ...))``.
ORDER, FISHER, CUT = 5, 6, 7


@dataclass(frozen=True)
class BnnSetting(Setting):
    """What a run is besides its seed.

    Parameters
    ----------
    algorithm : str
        A key of :data:`RECIPES`; "-all" after it learns everything at once (stream only).
    layers : tuple of int
    epochs : int
        On each task, subset, or all data.
    data : {"mnist", "fashion-mnist", "mnist-validation"}
    """

    epochs: int = 5
    data: str = "mnist"


@dataclass(frozen=True)
class Recipe:
    """What protects what was learned.

    Parameters
    ----------
    metaplasticity : float
        The paper's *m*.
    ewc_strength : float
        The paper's λ; 0 has no penalty.
    shuffled : bool
        Random consolidation: EWC with the importances in a random order.
    """

    metaplasticity: float = 0.0
    ewc_strength: float = 0.0
    shuffled: bool = False


RECIPES = {
    "m0": Recipe(),
    "m0.5": Recipe(0.5),
    "m1": Recipe(1.0),
    "m1.35": Recipe(1.35),
    "m2.5": Recipe(2.5),
    "m3": Recipe(3.0),
    "m4": Recipe(4.0),
    "m5.4": Recipe(5.4),
    "ewc": Recipe(ewc_strength=EWC_STRENGTH),
    "random": Recipe(ewc_strength=EWC_STRENGTH, shuffled=True),
}
ALL = "-all"


def recipe_of(algorithm: str) -> Recipe:
    """Return the recipe of an algorithm's name."""
    return RECIPES[algorithm.removesuffix(ALL)]


def _at_hand(data: str) -> bool:
    try:
        return (data_dir() / data.replace("-", "_")).is_dir()
    except DataNotFoundError:
        return False


PERMUTED_ALGORITHMS = ("m0", "m0.5", "m1", "m1.35", "m4", "ewc", "random")
#: With the paper's own epochs its own m is the fair one.
EPOCHS_ALGORITHMS = ("m1.35",)
#: Whether six tasks fit at twice the width.
WIDE_ALGORITHMS = ("m4",)
#: A hidden magnitude grows with rate and steps, so that fewer epochs ask for a larger m.
TUNED_ALGORITHMS = ("m3", "m4", "m5.4")
#: The training images alone: the last 10,000 stand for the test.
VALIDATION = "mnist-validation"
STREAM_ALGORITHMS = ("m0", "m2.5", "m0-all", "m2.5-all")
IMPORTANCE_ALGORITHMS = ("m1.35", "m0")
Settings = list[tuple[str, Setting, int]]


def permuted_settings(algorithm: str) -> Settings:
    """A width and a number of epochs that two cores finish in an hour."""
    return [("bnn-pmnist", BnnSetting(algorithm, (784, 512, 512, 10), epochs=5), MANY)]


def tuned_settings(algorithm: str) -> Settings:
    """The same on training images alone, where m is chosen."""
    setting = BnnSetting(algorithm, (784, 512, 512, 10), epochs=5, data=VALIDATION)
    return [("bnn-tune", setting, 1)]


def epochs_settings(algorithm: str) -> Settings:
    """The paper's epochs, an eighth of its width: half an hour a run on an idle core."""
    return [("bnn-epochs", BnnSetting(algorithm, (784, 512, 512, 10), epochs=40), MANY)]


def wide_settings(algorithm: str) -> Settings:
    """Twice the width, and the few epochs: a quarter of an hour a run on an idle core."""
    return [("bnn-wide", BnnSetting(algorithm, (784, 1024, 1024, 10), epochs=5), MANY)]


def permuted_full(algorithm: str) -> Settings:
    """The paper's protocol; a GPU takes minutes a run, a core days."""
    return [("bnn-pmnist", BnnSetting(algorithm, (784, 4096, 4096, 10), epochs=40), MANY)]


def _stream(algorithm: str, width: int) -> Settings:
    layers = (784, width, width, 10)
    names = ["mnist"] + ["fashion-mnist"] * _at_hand("fashion-mnist")
    return [
        ("bnn-stream", BnnSetting(algorithm, layers, epochs=STREAM_EPOCHS, data=name), MANY)
        for name in names
    ]


def stream_settings(algorithm: str) -> Settings:
    """Half the paper's width; Fashion-MNIST too where it is at hand."""
    return _stream(algorithm, 512)


def stream_full(algorithm: str) -> Settings:
    """The paper's width."""
    return _stream(algorithm, 1024)


def importance_settings(algorithm: str) -> Settings:
    """The paper's network, a quarter of its epochs."""
    return [("bnn-importance", BnnSetting(algorithm, (784, 1024, 1024, 10), epochs=10), MANY)]


def importance_full(algorithm: str) -> Settings:
    """The paper's protocol."""
    return [("bnn-importance", BnnSetting(algorithm, (784, 1024, 1024, 10), epochs=40), MANY)]
