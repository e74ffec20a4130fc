"""All devices of a folder, each with a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from streamlearn.errors import StreamlearnError, WriteError
from streamlearn.fleet.devices import jobs
from streamlearn.fleet.devices.links import Place
from streamlearn.fleet.devices.registry import Registry
from streamlearn.fleet.devices.tending import Tending
from streamlearn.sources.backoff import pauses
from streamlearn.watching.threads import start_beside

if TYPE_CHECKING:
    from typing_extensions import Self

#: Seconds between two looks for what another process asked for.
LOOK_S = 0.25


class Keeper:
    """Lets the devices of a folder do what waits for them; one process at a time.

    Parameters
    ----------
    registry
    opener
        Returns where the link of a device is, from its row in the registry.
    names
        The devices; None: all, also those that are added while it runs.
    backoff
        Returns the seconds between tries to open a link.

    Attributes
    ----------
    error : Exception or None
        Why nothing goes on: a full disk, a damaged record.
    """

    def __init__(
        self,
        registry: Registry,
        opener: Callable[..., Place],
        names: Iterable[str] | None = None,
        backoff: Callable[[], Iterable[float]] = pauses,
    ) -> None:
        self.registry, self._backoff = registry, backoff
        self._opener = opener
        self._all = names is None
        self._names = list(registry.names() if names is None else names)
        self._awake = {name: threading.Event() for name in self._names}
        self._stop, self._changed = threading.Event(), threading.Condition()
        self._idle: set[str] = set()
        self._threads: list[threading.Thread] = []
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin, in threads."""
        self.registry.away(self._names)  # whatever a killed process left there
        for name in self._names:
            self._begin(name)
        self._threads.append(start_beside(self._look, "registry"))

    def _begin(self, name: str) -> None:
        self._threads.append(start_beside(partial(self._tend, name), f"device {name}"))

    def stop(self) -> None:
        """End when each device is done with what it does now; errors of theirs are raised.

        Raises
        ------
        Exception
            :attr:`error`.
        """
        self._stop.set()
        for event in list(self._awake.values()):
            event.set()
        for thread in self._threads:
            thread.join()
        self.registry.away(self._names)
        if self.error is not None:
            raise self.error

    def wake(self, name: str) -> None:
        """Say that something waits for a device."""
        event = self._awake.get(name)
        if event is not None:
            with self._changed:
                self._idle.discard(name)
                event.set()

    def wait(self, seconds: float, names: Iterable[str] | None = None) -> bool:
        """Wait until devices have nothing more to do, so many seconds at most; say if so."""
        wanted = set(self._names if names is None else names)
        with self._changed:
            self._changed.wait_for(lambda: wanted <= self._idle or self.error, seconds)
            return wanted <= self._idle

    def _tend(self, name: str) -> None:
        try:
            self._tend_on(name)
        except Exception as error:  # noqa: BLE001 - raised by stop()
            self.error = self.error or error
            self._stop.set()
            with self._changed:
                self._changed.notify_all()

    def _tend_on(self, name: str) -> None:
        awake, place = self._awake[name], self._opener(self.registry.device(name))
        one, waits = Tending(self.registry, name, place), iter(self._backoff())
        gone: tuple[type[Exception], ...] = (*place.gone, StreamlearnError)
        try:
            while not self._stop.is_set():
                awake.clear()
                try:
                    busy = one.work()
                    waits = iter(self._backoff())
                except WriteError:
                    raise
                except gone as error:  # of this device alone
                    one.drop()
                    self.registry.lost(name, str(error))
                    self._stop.wait(next(waits))
                    continue
                if not busy:
                    self._rest(name)
                    awake.wait()
        finally:
            one.close()

    def _rest(self, name: str) -> None:
        """Say that a device has nothing to do, unless something came meanwhile."""
        with self._changed:
            if not self._awake[name].is_set():
                self._idle.add(name)
                self._changed.notify_all()

    def _look(self) -> None:
        """Wake devices for which another process left something."""
        version = None
        while not self._stop.wait(LOOK_S):
            found = self.registry.version()
            if found != version and self._all:
                self._meet()
            waiting = jobs.waiting(self.registry)
            for name in waiting if found == version else self._names:
                self.wake(name)
            version = found

    def _meet(self) -> None:
        """Begin with devices that were added since."""
        for name in self.registry.names():
            if name not in self._awake:
                self._awake[name] = threading.Event()
                self._names.append(name)
                self._begin(name)
