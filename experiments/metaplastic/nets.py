"""The binarized network of the experiments in PyTorch, behind arrays of NumPy."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt
import torch  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor
from torch.nn import functional  # type: ignore[import-not-found, unused-ignore]

from experiments.data import Floats, Integers
from experiments.metaplastic.importance import importance
from experiments.metaplastic.settings import (
    BATCH,
    EWC_SAMPLES,
    FISHER,
    LR,
    WEIGHT_DECAY,
    BnnSetting,
    Recipe,
    recipe_of,
)
from streamlearn.errors import DivergedError
from streamlearn.torch import (
    BinaryEWC,
    BinaryLayer,
    MetaplasticAdam,
    NormalisationStates,
    batch_statistics,
    binary_mlp,
)

Arrays = dict[str, npt.NDArray[Any]]
#: Rows of a batch in a test; part of the result where its statistics are those of the batch.
TEST_ROWS = 1000


def device() -> torch.device:
    """Return the first GPU, or the CPU where there is none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def machine() -> dict[str, str]:
    """Return what a log says about where it was made."""
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return {"torch": str(torch.__version__), "device": where}


def clock() -> float:
    """Return CPU seconds; seconds where a GPU does the work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def make_learner(setting: BnnSetting, seed: int, *, affine: bool) -> TorchLearner:
    """Return a learner at its start."""
    return TorchLearner(setting.layers, recipe_of(setting.algorithm), seed, affine)


class TorchLearner:
    """The paper's network and optimizer: see :class:`experiments.metaplastic.runs.BnnLearner`."""

    def __init__(self, layers: tuple[int, ...], recipe: Recipe, seed: int, affine: bool) -> None:
        self._recipe, self._device = recipe, device()
        generator = torch.Generator().manual_seed(seed)
        net = binary_mlp(layers, affine=affine, generator=generator)
        self._net = net.to(self._device)
        self._states = NormalisationStates(self._net)
        self._ewc: BinaryEWC | None = None
        if recipe.ewc_strength:
            self._shuffle = torch.Generator() if recipe.shuffled else None
            self._ewc = BinaryEWC(self._net, recipe.ewc_strength, shuffle=self._shuffle)
        self.restart()

    def restart(self) -> None:
        """See :class:`BnnLearner`."""
        self._optimizer = MetaplasticAdam(
            self._net.parameters(),
            LR,
            self._recipe.metaplasticity,
            weight_decay=WEIGHT_DECAY,
            check_gradients=False,
        )

    def learn(self, x: Floats, y: Integers, epochs: int, seed: tuple[int, ...]) -> None:
        """See :class:`BnnLearner`.

        Raises
        ------
        DivergedError
            If a hidden weight is no longer finite.
        """
        images, labels = self._tensors(x, y)
        self._net.train()
        for epoch in range(epochs):
            order = np.random.default_rng((*seed, epoch)).permutation(len(y))
            rows = torch.from_numpy(order).to(self._device)
            for start in range(0, len(y) - 1, BATCH):  # a last batch of one row has no statistics
                batch = rows[start : start + BATCH]
                loss: Any = functional.cross_entropy(self._net(images[batch]), labels[batch])
                self._optimizer.zero_grad()
                loss.backward()
                if self._ewc is not None:
                    self._ewc.add_gradients()
                self._optimizer.step()
        if not all(bool(p.isfinite().all()) for p in self._net.parameters()):
            raise DivergedError("the network's hidden weights are no longer finite")

    def finish(self, x: Floats, y: Integers, task: int, seed: int) -> None:
        """See :class:`BnnLearner`."""
        self._states.save(task)
        if self._ewc is None:
            return
        rng = np.random.default_rng((seed, FISHER, task))
        rows = rng.choice(len(y), min(EWC_SAMPLES, len(y)), replace=False)
        if self._shuffle is not None:
            self._shuffle.manual_seed(int(rng.integers(2**62)))
        self._ewc.consolidate(*self._tensors(x[rows], y[rows]))

    def accuracy(
        self, x: Floats, y: Integers, task: int | None = None, batch_statistics: bool = False
    ) -> float:
        """See :class:`BnnLearner`."""
        with self._testing(task, batch_statistics):
            found = self._logits(x).argmax(-1)
        return round(100 * float(np.mean(found.cpu().numpy() == y)), 2)

    def logits(self, x: Floats) -> Floats:
        """Return the outputs, ``float32[n, classes]``, with the running statistics."""
        with self._testing(None, False):
            found: Floats = self._logits(x).cpu().numpy()
        return found

    def _logits(self, x: Floats) -> Tensor:
        images = torch.from_numpy(np.ascontiguousarray(x)).to(self._device)
        rows = range(0, len(images), TEST_ROWS)
        return torch.cat([self._net(images[start : start + TEST_ROWS]) for start in rows])

    def _testing(self, task: int | None, by_batch: bool) -> ExitStack:
        self._net.eval()
        stack = ExitStack()
        stack.enter_context(torch.no_grad())
        if task is not None:
            stack.enter_context(self._states.of(task))
        if by_batch:
            stack.enter_context(batch_statistics(self._net))
        return stack

    def magnitudes(self) -> list[float]:
        """See :class:`BnnLearner`."""
        return [float(layer.weight.detach().abs().mean()) for layer in self._binary_layers()]

    def importance(self, x: Floats, y: Integers, seed: int) -> dict[str, Any]:
        """See :class:`BnnLearner`."""
        return importance(self._net, *self._tensors(x, y), seed)

    def _binary_layers(self) -> Iterator[BinaryLayer]:
        yield from (layer for layer in self._net if isinstance(layer, BinaryLayer))

    def _tensors(self, x: Floats, y: Integers) -> tuple[Tensor, Tensor]:
        images = torch.from_numpy(np.ascontiguousarray(x)).to(self._device)
        return images, torch.from_numpy(np.ascontiguousarray(y)).to(self._device)

    def arrays(self) -> Arrays:
        """See :class:`BnnLearner`."""
        found = {f"net.{name}": value for name, value in self._net.state_dict().items()}
        for place, parameter in enumerate(self._net.parameters()):
            for name, value in self._optimizer.state[parameter].items():
                found[f"adam.{place}.{name}"] = torch.as_tensor(value)
        for task, state in self._states.state_dict().items():
            found |= {f"states.{task}.{name}": value for name, value in state.items()}
        if self._ewc is not None:
            for what, some in self._ewc.state_dict().items():
                found |= {f"ewc.{what}.{name}": value for name, value in some.items()}
        return {name: value.cpu().numpy().copy() for name, value in found.items()}

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """See :class:`BnnLearner`."""
        found = {
            name: torch.from_numpy(arrays[name].copy()).to(self._device)
            for name in arrays
            if name != "record"
        }
        self._net.load_state_dict(_below(found, "net"))
        saved = self._optimizer.state_dict()
        for name, value in _below(found, "adam").items():
            place, _, what = name.partition(".")
            values = saved["state"].setdefault(int(place), {})
            values[what] = int(value) if what == "step" else value
        self._optimizer.load_state_dict(saved)
        states: dict[Any, dict[str, Tensor]] = {}
        for name, value in _below(found, "states").items():
            task, _, what = name.partition(".")
            states.setdefault(int(task), {})[what] = value
        self._states.load_state_dict(states)
        if self._ewc is not None:
            parts = _below(found, "ewc")
            self._ewc.load_state_dict({w: _below(parts, w) for w in ("total", "anchor")})


def _below(values: Mapping[str, Tensor], start: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(f"{start}."): value
        for name, value in values.items()
        if name.startswith(f"{start}.")
    }
