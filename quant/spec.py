"""What is learned and how: the frozen descriptions that every engine shares."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from quant.errors import ConfigError
from quant.hyperparameters import is_whole, keep_plain_numbers
from quant.metaplastic_config import MetaplasticConfig

FrontEnd = Literal["standardise", "none"]
Likelihood = Literal["categorical", "gaussian"]
Variance = Literal["synapse", "factored"]
RULES = ("mesu", "metaplastic")

MAX_LAYERS = 16
#: Hyperparameters beyond these are mistakes, and would overflow what is computed from them.
SMALL, LARGE = 1e-9, 1e9
MAX_UNITS = 65535
MU_FRAC_BITS = 12
MAX_LAYER_SYNAPSES = 1 << 24


@dataclass(frozen=True)
class NetworkSpec:
    """A dense network: its layer sizes and what stands in front of it.

    Parameters
    ----------
    layers : tuple of int
        ``(n_features, hidden..., n_classes)``, or ``(n_features, hidden..., 1)`` for a Gaussian
        likelihood; hidden units are ReLU (mesu) or ±1 (metaplastic).
    bias : bool
        Give every layer a bias: one more input row that is always 1.
    front_end : {"standardise", "none"}
        ``standardise`` takes raw sensor values and standardises each feature online;
        ``none`` takes values that are already within about ±8.
    rule : {"mesu", "metaplastic"}
        The learning rule.
    mu_frac_bits : int or tuple of int
        Fixed point: fraction bits of μ, one number for all layers or one for each, 6 to 15. The
        default, Q3.12, holds ±8. Long runs need more room where μ keeps growing (the counter
        ``saturations.mu`` tells) and more bits where σ is small.
    likelihood : {"categorical", "gaussian"}
        What the output means: the logits of a softmax over classes, or the mean and the
        log-variance of one number, the target.
    variance : {"synapse", "factored"}
        MESU: σ² of every synapse, or, at half the memory, of a layer as the product of one factor
        an input and one a unit (:mod:`streamlearn.mesu_factored`). Factored, the format of μ
        follows the weights by itself, and ``mu_frac_bits`` is left out.
    n_blocks, n_active : int
        Metaplastic: the first hidden layer is so many blocks of units, of which so many take part
        in a sample, those that answer it most strongly (:mod:`quant.metaplastic_gates`); later
        layers have no blocks. 0: all units take part.

    Raises
    ------
    ConfigError
        If a size is out of range or a name is unknown.
    """

    layers: tuple[int, ...]
    bias: bool = True
    front_end: FrontEnd = "standardise"
    rule: str = "mesu"
    mu_frac_bits: int | tuple[int, ...] = MU_FRAC_BITS
    likelihood: Likelihood = "categorical"
    variance: Variance = "synapse"
    n_blocks: int = 0
    n_active: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.bias, bool | np.bool_):
            raise ConfigError(f"bias={self.bias!r}: expected True or False")
        object.__setattr__(self, "bias", bool(self.bias))
        if not all(is_whole(n) for n in self.layers):
            raise ConfigError(f"layers={self.layers}: expected whole numbers")
        object.__setattr__(self, "layers", tuple(int(n) for n in self.layers))
        if not 2 <= len(self.layers) <= MAX_LAYERS + 1:
            raise ConfigError(
                f"layers={self.layers}: expected (n_features, hidden..., n_classes), "
                f"2 to {MAX_LAYERS + 1} sizes; got {len(self.layers)}"
            )
        if any(not 1 <= n <= MAX_UNITS for n in self.layers):
            raise ConfigError(f"layers={self.layers}: every size must be 1 to {MAX_UNITS}")
        if any(rows * columns > MAX_LAYER_SYNAPSES for rows, columns in self.shapes):
            raise ConfigError(
                f"layers={self.layers}: a layer has more than {MAX_LAYER_SYNAPSES:,} synapses"
            )
        if self.likelihood not in ("categorical", "gaussian"):
            raise ConfigError(
                f"likelihood={self.likelihood!r}: expected 'categorical' or 'gaussian'"
            )
        if self.likelihood == "gaussian" and self.layers[-1] != 1:
            raise ConfigError(
                f"layers={self.layers}: a Gaussian likelihood has one target, so that the last "
                f"size must be 1, got {self.layers[-1]}; use one learner a target"
            )
        if self.likelihood == "categorical" and self.layers[-1] < 2:
            raise ConfigError(
                f"layers={self.layers}: the last size is the number of classes and must be at "
                f"least 2, got {self.layers[-1]}"
            )
        if self.front_end not in ("standardise", "none"):
            raise ConfigError(f"front_end={self.front_end!r}: expected 'standardise' or 'none'")
        bits = self.mu_frac_bits
        each = (
            tuple(bits)
            if isinstance(bits, tuple | list | np.ndarray)
            else (bits,) * (len(self.layers) - 1)
        )
        whole = all(is_whole(n) and 6 <= n <= 15 for n in each)
        if len(each) != len(self.layers) - 1 or not whole:
            raise ConfigError(
                f"mu_frac_bits={bits}: expected 6 to 15, one number or {len(self.layers) - 1}, "
                "one a layer"
            )
        each = tuple(int(n) for n in each)
        object.__setattr__(self, "mu_frac_bits", each)
        if self.rule not in RULES:
            raise ConfigError(f"rule={self.rule!r}: expected 'mesu' or 'metaplastic'")
        if self.rule == "metaplastic" and self.likelihood == "gaussian":
            raise ConfigError(
                "likelihood='gaussian': the metaplastic rule learns classes; use rule 'mesu'"
            )
        if self.variance not in ("synapse", "factored"):
            raise ConfigError(f"variance={self.variance!r}: expected 'synapse' or 'factored'")
        if self.variance == "factored" and self.rule == "metaplastic":
            raise ConfigError("variance='factored': the metaplastic rule has no variances")
        if self.variance == "factored" and set(each) != {MU_FRAC_BITS}:
            raise ConfigError(
                f"mu_frac_bits={bits}: with variance='factored' the format of μ follows the "
                "weights; leave it out"
            )
        if self.rule == "metaplastic" and set(each) != {MU_FRAC_BITS}:
            raise ConfigError(
                f"mu_frac_bits={bits}: the metaplastic rule has no μ, its weights are int8; leave "
                "it out"
            )
        self._check_blocks()

    def _check_blocks(self) -> None:
        given = f"n_blocks={self.n_blocks!r}, n_active={self.n_active!r}"
        for n in (self.n_blocks, self.n_active):
            if not is_whole(n) or n < 0:
                raise ConfigError(f"{given}: expected whole numbers, 0 or above")
        object.__setattr__(self, "n_blocks", int(self.n_blocks))
        object.__setattr__(self, "n_active", int(self.n_active))
        if self.n_blocks == self.n_active == 0:
            return
        if self.rule != "metaplastic":
            raise ConfigError(f"{given}: only the metaplastic rule has blocks; leave them out")
        if not 1 <= self.n_active <= self.n_blocks:
            raise ConfigError(
                f"{given}: expected 1 to n_blocks active blocks; leave both out for a network "
                "whose units all take part"
            )
        if len(self.layers) < 3:
            raise ConfigError(
                f"{given}: layers={self.layers} has no hidden units to divide into blocks"
            )
        if self.layers[1] % self.n_blocks:
            raise ConfigError(
                f"{given}: the first hidden layer's {self.layers[1]} units are no {self.n_blocks} "
                "blocks of equal size; n_blocks must divide their number"
            )

    @property
    def block_units(self) -> int:
        """Units of a block of the first hidden layer; all of them where there are no blocks."""
        return self.layers[1] // max(self.n_blocks, 1)

    @property
    def n_taking_part(self) -> int:
        """Hidden units that take part in a sample."""
        hidden = self.layers[1:-1]
        idle = (self.n_blocks - self.n_active) * self.block_units
        return sum(hidden) - idle

    @property
    def n_features(self) -> int:
        """Number of raw inputs."""
        return self.layers[0]

    @property
    def n_classes(self) -> int:
        """Number of classes; 0 where the output is no class but a number."""
        return self.layers[-1] if self.likelihood == "categorical" else 0

    @property
    def n_outputs(self) -> int:
        """Units of the last layer: one a class; of a target its mean and its log-variance."""
        return self.layers[-1] if self.likelihood == "categorical" else 2 * self.layers[-1]

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """``(rows, columns)`` of each weight matrix; the bias is the last row."""
        extra = int(self.bias)
        columns = (*self.layers[1:-1], self.n_outputs)
        return tuple(
            (n_in + extra, n_out) for n_in, n_out in zip(self.layers[:-1], columns, strict=True)
        )

    @property
    def n_synapses(self) -> int:
        """Number of weights, biases included."""
        return sum(rows * columns for rows, columns in self.shapes)

    @property
    def n_rows(self) -> int:
        """Rows of all layers: inputs and biases."""
        return sum(rows for rows, _ in self.shapes)

    @property
    def n_columns(self) -> int:
        """Columns of all layers: units."""
        return sum(columns for _, columns in self.shapes)

    @property
    def frac_bits(self) -> tuple[int, ...]:
        """``mu_frac_bits`` of each layer."""
        bits = self.mu_frac_bits
        return (bits,) * (len(self.layers) - 1) if isinstance(bits, int) else bits

    def __str__(self) -> str:
        return "-".join(str(n) for n in self.layers)


@dataclass(frozen=True)
class MesuConfig:
    """Hyperparameters of MESU (Bonnet et al., arXiv 2504.13569) and of the front end.

    Parameters
    ----------
    memory_window : float
        The paper's *N*: knowledge fades over about this many samples. ``inf`` never forgets.
    sigma_prior : float or None
        Standard deviation of the prior, the same for all weights. None: 1/√fan_in of each layer,
        which keeps the noise of a layer of unconstrained weights at the scale of its input
        whatever the fan-in.
    mu_prior : float
        Mean of the prior.
    mu_init, sigma_init : float
        Start: μ uniform in ±mu_init/√fan_in (biases 0), σ = sigma_init/√fan_in.
    lr_mu, lr_sigma : float
        Multiply the two updates; the paper's equations have 1.
    n_draws : int
        Monte-Carlo draws of the pre-activations for each sample, 1 to 64.
    sweep : int
        The prior pulls ``1/sweep`` of the rows at each sample, ``sweep`` times as hard. A power
        of two; 1 is the paper's equation to the letter.
    front_end_window : int
        Samples over which the front end's mean and variance follow the sensor, 2 to 32768.
    target_window : int
        Gaussian likelihood: the same for the target, which is standardised too. Long, because the
        network has to follow whenever the target's scale moves.

    Raises
    ------
    ConfigError
        If a value makes no sense.
    """

    memory_window: float = 100_000.0
    sigma_prior: float | None = None
    mu_prior: float = 0.0
    mu_init: float = 4.0
    sigma_init: float = 1.0
    lr_mu: float = 2.0
    lr_sigma: float = 2.0
    n_draws: int = 10
    sweep: int = 64
    front_end_window: int = 300
    target_window: int = 1000

    def __post_init__(self) -> None:
        def require(ok: bool, name: str, expected: str) -> None:
            if not ok:
                raise ConfigError(f"{name}={getattr(self, name)!r}: expected {expected}")

        keep_plain_numbers(self, ("sigma_prior",))
        for name in ("n_draws", "sweep", "front_end_window", "target_window"):
            require(isinstance(getattr(self, name), int), name, "a whole number")
        require(self.memory_window >= 1, "memory_window", "a number of samples, 1 or above, or inf")
        require(
            self.sigma_prior is None or SMALL < self.sigma_prior < LARGE,
            "sigma_prior",
            f"a finite number above 0, or None for 1/sqrt(fan_in) ({SMALL:g} to {LARGE:g})",
        )
        require(abs(self.mu_prior) < LARGE, "mu_prior", f"a finite number (within ±{LARGE:g})")
        for name in ("sigma_init", "lr_mu", "lr_sigma"):
            within = SMALL < getattr(self, name) < LARGE
            require(within, name, f"a finite number above 0 ({SMALL:g} to {LARGE:g})")
        require(0 <= self.mu_init < LARGE, "mu_init", f"a finite number, 0 or above (to {LARGE:g})")
        require(1 <= self.n_draws <= 64, "n_draws", "1 to 64 draws")
        require(
            1 <= self.sweep <= 4096 and self.sweep & (self.sweep - 1) == 0,
            "sweep",
            "a power of two, 1 to 4096",
        )
        for name in ("front_end_window", "target_window"):
            require(2 <= getattr(self, name) <= 32768, name, "2 to 32768 samples")

    def sigma_prior_of(self, fan_in: int) -> float:
        """σ of the prior in a layer with ``fan_in`` inputs (bias not counted)."""
        return 1 / math.sqrt(fan_in) if self.sigma_prior is None else self.sigma_prior

    def sigma_init_of(self, fan_in: int) -> float:
        """σ at the start in a layer with ``fan_in`` inputs."""
        return self.sigma_init / math.sqrt(fan_in)

    def mu_limit_of(self, fan_in: int) -> float:
        """Half width of the uniform distribution that μ starts from."""
        return self.mu_init / math.sqrt(fan_in)


Config = MesuConfig | MetaplasticConfig


def to_json(spec: NetworkSpec, config: Config) -> dict[str, Any]:
    """Return both as a dictionary of JSON values (``inf`` as the text "inf")."""
    values = dataclasses.asdict(config)
    if math.isinf(values.get("memory_window", 0)):
        values["memory_window"] = "inf"
    network = dataclasses.asdict(spec)
    network["layers"], network["mu_frac_bits"] = list(spec.layers), list(spec.frac_bits)
    if spec.likelihood == "categorical":  # a classifier's description is older than these
        del network["likelihood"]
        values.pop("target_window", None)
    if spec.variance == "synapse":  # and so is a description without factors
        del network["variance"]
    if not spec.n_blocks:  # or without blocks
        del network["n_blocks"], network["n_active"]
    if spec.rule == "metaplastic" or spec.variance == "factored":
        del network["mu_frac_bits"]  # its weights have one format, or choose it
    return {"network": network, "config": values}


def from_json(values: dict[str, Any]) -> tuple[NetworkSpec, Config]:
    """Invert :func:`to_json`.

    Raises
    ------
    ConfigError
        If a key is missing or unknown, or a value out of range.
    """
    try:
        network, config = dict(values["network"]), dict(values["config"])
        network["layers"] = tuple(network["layers"])
        if network["rule"] == "metaplastic":
            return NetworkSpec(**network), MetaplasticConfig(**config)
        if network.get("variance") != "factored":
            network["mu_frac_bits"] = tuple(network["mu_frac_bits"])
        config["memory_window"] = float(config["memory_window"])
        return NetworkSpec(**network), MesuConfig(**config)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"not a description of a learner: {error}") from error
