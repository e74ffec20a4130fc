"""MESU, BGD, BiMU and binarized metaplastic networks for PyTorch: optimizers and layers.

Needs the extra ``pip install "streamlearn[torch]"``; nothing else in streamlearn imports it.
How to use it, equations and differences from the authors' code: docs/torch.md.
"""

from importlib.util import find_spec

_found = find_spec("torch")
if _found is None or _found.origin is None:  # no origin: a mere folder of that name on the path
    raise ModuleNotFoundError(
        'streamlearn.torch needs PyTorch, which is not installed: pip install "streamlearn[torch]"',
        name="torch",
    )

from streamlearn.torch.bgd import BGD  # noqa: E402
from streamlearn.torch.bimu import BimuLinear, Gate, bimu_mlp, gate  # noqa: E402
from streamlearn.torch.bimu_rule import BiMU  # noqa: E402
from streamlearn.torch.binary import (  # noqa: E402
    BinaryConv2d,
    BinaryLayer,
    BinaryLinear,
    BinarySign,
    binarise,
    binary_mlp,
    sign,
)
from streamlearn.torch.consolidation import BinaryEWC  # noqa: E402
from streamlearn.torch.conv import BayesianConv2d  # noqa: E402
from streamlearn.torch.draws import (  # noqa: E402
    entropies,
    log_probabilities,
    mean_forward,
    monte_carlo,
    nll_loss,
    predict,
)
from streamlearn.torch.layers import BayesianLayer, BayesianLinear  # noqa: E402
from streamlearn.torch.mesu import MESU  # noqa: E402
from streamlearn.torch.metaplastic import MetaplasticAdam  # noqa: E402
from streamlearn.torch.normalisation import NormalisationStates, batch_statistics  # noqa: E402
from streamlearn.torch.pairs import bayesian_parameters  # noqa: E402

__all__ = [
    "BGD",
    "MESU",
    "BayesianConv2d",
    "BayesianLayer",
    "BayesianLinear",
    "BiMU",
    "BimuLinear",
    "BinaryConv2d",
    "BinaryEWC",
    "BinaryLayer",
    "BinaryLinear",
    "BinarySign",
    "Gate",
    "MetaplasticAdam",
    "NormalisationStates",
    "batch_statistics",
    "bayesian_parameters",
    "bimu_mlp",
    "binarise",
    "binary_mlp",
    "entropies",
    "gate",
    "log_probabilities",
    "mean_forward",
    "monte_carlo",
    "nll_loss",
    "predict",
    "sign",
]
