"""One device: its link is kept open, and it learns what the record says, each sample once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress

from streamlearn.errors import ConfigError, StreamlearnError, WriteError
from streamlearn.fleet.devices import jobs, pushing
from streamlearn.fleet.devices.links import Link, Place
from streamlearn.fleet.devices.registry import Registry
from streamlearn.fleet.devices.twin import Twin

#: Samples between two looks at the device's whole state.
CHECK_EVERY = 100


class Tending:
    """Does what waits for one device, one thing at a time; one thread uses it.

    The order makes each sample count once. It goes to the record, then to the device, then to the
    registry. Whatever is cut in between, the record says what the device has to be: it may be one
    sample behind, which it learns then; in any other state it is given the record's.

    Parameters
    ----------
    registry
    name
        Of the device.
    place
        Where its link is.
    """

    def __init__(self, registry: Registry, name: str, place: Place) -> None:
        self.registry, self.name, self.place = registry, name, place
        self._link: Link | None = None
        self._close: Callable[[], object] = lambda: None
        self._twin: Twin | None = None
        self._unchecked = 0
        self._asked_health = False

    def work(self) -> bool:
        """Do one thing that waits; False if nothing does.

        Raises
        ------
        Exception
            One of the place's ``gone``, if the link is gone; call :meth:`drop`, and try again
            later.
        WriteError
            If a fact cannot be kept; nothing goes on then.
        """
        link, twin = self._ready()
        job = jobs.next_of(self.registry, self.name)
        if job is not None:
            self._do(job, link, twin)
            return True
        if self._unchecked >= CHECK_EVERY:
            self._settle(link, twin)
        sample = self.registry.next_sample(self.name)
        if sample is not None:
            self._deal_with(*sample, link, twin)
            return True
        if not self._asked_health:
            health = link.health()
            if not twin.counts_alike(link):
                self._settle(link, twin)
            self.registry.seen(self.name, health)
            self._asked_health = True
        return False

    def drop(self) -> None:
        """Close the link; the next work opens it again."""
        self._link = None
        with suppress(*self.place.gone):
            self._close()
        self._close = lambda: None

    def close(self) -> None:
        """Close the link and the record."""
        self.drop()
        if self._twin is not None:
            self._twin.close()
            self._twin = None

    def _ready(self) -> tuple[Link, Twin]:
        if self._twin is None:
            row = self.registry.device(self.name)
            path = self.registry.folder / row["record"]
            self._twin = Twin(path, row["number"], self.registry.clock)
        if self._link is None:
            link, self._close = self.place.open()
            fits(self.name, self._twin, link)
            self._settle(link, self._twin)
            self._link, self._asked_health = link, False
        return self._link, self._twin

    def _settle(self, link: Link, twin: Twin) -> None:
        """Bring the device into the state that the record gives, and finish what was begun."""
        found, restored = link.read_state(), None
        wanted = twin.learner.state.tobytes()
        if found != wanted and twin.pending is not None and found == twin.pending.before:
            with suppress(*self.place.refused):
                twin.taught(link)
            found = link.read_state()
        if found != wanted:
            link.write_state(wanted)
            restored = "it was in another state than its record, and was given the record's"
            if link.read_state() != wanted:
                raise OSError(f"{self.name} does not hold what was written to it")
        self._unchecked = 0
        self._note(twin)
        self.registry.seen(self.name, whole=True, restored=restored)

    def _deal_with(self, number: int, sample: str, link: Link, twin: Twin) -> None:
        try:
            x, y = twin.read(sample)
            if y is None:
                self.registry.predicted(self.name, number, {"predicted": twin.asked(link, x)})
                return
            twin.learn(number, x, y)
        except WriteError:
            raise
        except (StreamlearnError, TypeError, ValueError, OverflowError) as error:
            self.registry.refused(self.name, number, str(error))
            return
        if twin.taught(link) and twin.counts_alike(link):
            self._unchecked += 1
            self._note(twin)
        else:
            self._settle(link, twin)
        self._asked_health = False

    def _note(self, twin: Twin) -> None:
        """Tell the registry what the device has learned."""
        one, twin.pending = twin.pending, None
        if one is not None:
            learner = twin.learner
            said = {"predicted": one.predicted}
            self.registry.learned(
                self.name, one.number, learner.n_samples, learner.state_sha256, said,
                float(one.score), one.novelty,
            )  # fmt: skip

    def _do(self, job: sqlite3.Row, link: Link, twin: Twin) -> None:
        if job["kind"] == jobs.READ:
            jobs.end(self.registry, job, jobs.DONE, result=link.read_state())
            return
        self._asked_health = False
        self._twin = pushing.push(self.registry, job, link, twin, self.place.refused)


def fits(name: str, twin: Twin, link: Link) -> None:
    """Refuse a device with another firmware.

    Raises
    ------
    ConfigError
        If its sizes are others.
    """
    facts, learner = link.facts, twin.learner
    for what, found, wanted in (
        ("features", facts.n_features, learner.spec.n_features),
        ("classes", facts.n_classes, learner.spec.n_classes),
        ("bytes of state", facts.state_bytes, learner.state.nbytes),
    ):
        if found != wanted:
            raise ConfigError(
                f"{name} runs the firmware of another learner: it has {found} {what}, its record "
                f"{wanted}"
            )
