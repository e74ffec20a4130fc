"""Normalisation states of tasks: kept apart where the task's identity is known, or not at all.

References
----------
Laborieux et al., arXiv 2003.03533, whose code tests each task with the state that its batch
normalisation had when the task was learned.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn  # type: ignore[import-not-found, unused-ignore]
from torch.nn.modules.batchnorm import (  # type: ignore[import-not-found, unused-ignore]
    _BatchNorm,
    _NormBase,
)

from streamlearn.errors import ConfigError

State = dict[str, Tensor]


class NormalisationStates:
    """Copies of a module's normalisation state, one per task: scales, shifts, running statistics.

    To test a task with its own state is to tell the network which task a sample is from. Nothing
    does so unless it is asked to.

    Parameters
    ----------
    module : torch.nn.Module
        With batch, instance, layer or group normalisation in it.

    Raises
    ------
    ConfigError
        If nothing in it normalises, or what does so holds no state.

    Examples
    --------
    >>> import torch
    >>> net = torch.nn.BatchNorm1d(2)
    >>> states = NormalisationStates(net)
    >>> states.save("first")
    >>> _ = net(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    >>> with states.of("first"):
    ...     print(net.running_mean)
    tensor([0., 0.])
    >>> net.running_mean
    tensor([0.2000, 0.3000])
    """

    def __init__(self, module: nn.Module) -> None:
        kinds = (_NormBase, nn.LayerNorm, nn.GroupNorm)
        self._layers = {
            name: layer for name, layer in module.named_modules() if isinstance(layer, kinds)
        }
        if not self._current():
            raise ConfigError(
                f"{type(module).__name__} has no normalisation layer with a state to keep: no "
                "scale and shift (affine), no running statistics"
            )
        self._saved: dict[Hashable, State] = {}

    def _current(self) -> State:
        return {
            f"{name}.{key}" if name else key: value
            for name, layer in self._layers.items()
            for key, value in layer.state_dict().items()
        }

    def __contains__(self, task: Hashable) -> bool:
        return task in self._saved

    def save(self, task: Hashable) -> None:
        """Keep a copy of the present state as a task's; one that was there is replaced."""
        self._saved[task] = {name: value.clone() for name, value in self._current().items()}

    def load(self, task: Hashable) -> None:
        """Put a task's state into the module.

        Raises
        ------
        ConfigError
            If none was saved for the task.
        """
        if task not in self._saved:
            known = ", ".join(map(repr, self._saved)) or "none"
            raise ConfigError(f"no normalisation state of task {task!r}: saved are {known}")
        self._put(self._saved[task])

    @contextmanager
    def of(self, task: Hashable) -> Iterator[None]:
        """Use a task's state inside the block, and the present one again after it.

        Raises
        ------
        ConfigError
            If none was saved for the task.
        """
        before = {name: value.clone() for name, value in self._current().items()}
        self.load(task)
        try:
            yield
        finally:
            self._put(before)

    def state_dict(self) -> dict[Hashable, State]:
        """Return copies of all states by task, for a checkpoint."""
        return {task: {n: v.clone() for n, v in state.items()} for task, state in self._items()}

    def load_state_dict(self, states: Mapping[Hashable, Mapping[str, Any]]) -> None:
        """Replace all states by those that :meth:`state_dict` returned.

        Raises
        ------
        ConfigError
            If they are another network's.
        """
        shapes = {name: tuple(value.shape) for name, value in self._current().items()}
        for task, state in states.items():
            given = {name: tuple(value.shape) for name, value in state.items()}
            if given != shapes:
                raise ConfigError(
                    f"the state of task {task!r} is of another network: it has {given}, expected "
                    f"{shapes}"
                )
        self._saved = {task: dict(state) for task, state in states.items()}

    def _items(self) -> Iterator[tuple[Hashable, State]]:
        yield from self._saved.items()

    def _put(self, state: State) -> None:
        for name, layer in self._layers.items():
            start = f"{name}." if name else ""
            layer.load_state_dict({key: state[start + key] for key in layer.state_dict()})


@contextmanager
def batch_statistics(module: nn.Module) -> Iterator[None]:
    """Let batch normalisation use each batch's own statistics, in ``eval()`` too, changing nothing.

    It is what the authors' code does since it keeps no running statistics: the result for a row
    then depends on the rows beside it.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, _BatchNorm)]
    before = [(layer.training, layer.track_running_stats) for layer in layers]
    try:
        for layer in layers:
            layer.training, layer.track_running_stats = True, False
        yield
    finally:
        for layer, (training, tracked) in zip(layers, before, strict=True):
            layer.training, layer.track_running_stats = training, tracked
