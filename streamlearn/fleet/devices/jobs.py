"""What is to be done to devices: images pushed, images taken back, states read."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from math import ceil

from streamlearn.errors import ConfigError
from streamlearn.fleet.devices.registry import Registry, keep_image, status_of

PUSH, ROLLBACK, READ = "push", "rollback", "read"
WAITING, WRITING, DONE, FAILED, HELD, REPLACED = (
    "waiting", "writing", "done", "failed", "held back", "replaced",
)  # fmt: skip
OVER = (DONE, FAILED, HELD, REPLACED)


def share(names: Sequence[str], part: float) -> list[str]:
    """Return a part of the devices; a larger part holds every smaller one.

    Parameters
    ----------
    names
    part
        0 to 1; one device at least.
    """
    drawn = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    return drawn[: max(1, ceil(part * len(drawn)))] if drawn else []


def have(registry: Registry, image: bytes) -> set[str]:
    """Return the devices that began their present record with an image."""
    sha = hashlib.sha256(image).hexdigest()
    return {row["name"] for row in registry.rows("SELECT name FROM devices WHERE image = ?", sha)}


def push(registry: Registry, image: bytes, names: Sequence[str]) -> list[int]:
    """Ask for an image on devices: the first alone, and each wave only behind the one before.

    A wave is twice as large as all before it. A device begins only when an earlier one is done.

    Returns
    -------
    list of int
        The jobs.
    """
    with registry.fact() as db:
        sha = keep_image(db, image)
        return _staged(registry, db, PUSH, [(name, sha) for name in names])


def push_once(registry: Registry, image: bytes, name: str, number: int) -> bool:
    """Ask for an image on one device, unless this push or a later one came before; say if so."""
    with registry.fact() as db:
        new = db.execute(
            "UPDATE devices SET pushes = ?1 WHERE name = ?2 AND pushes < ?1", (number, name)
        ).rowcount
        if new:
            _staged(registry, db, PUSH, [(name, keep_image(db, image))])
    return bool(new)


def rollback(registry: Registry, names: Sequence[str]) -> list[int]:
    """Ask for the images that devices held before their latest push.

    Raises
    ------
    ConfigError
        If one of them never held another.
    """
    with registry.fact() as db:
        wanted = []
        for name in names:
            previous = registry.device(name)["previous"]
            if previous is None:
                raise ConfigError(
                    f"{name} never held another image: there is nothing to go back to"
                )
            wanted.append((name, previous))
        return _staged(registry, db, ROLLBACK, wanted)


def read_all(registry: Registry, names: Sequence[str]) -> list[int]:
    """Ask for the states of devices, as they are in their memory."""
    with registry.fact() as db:
        return [_add(registry, db, READ, name, None, None) for name in names]


def _staged(
    registry: Registry, db: sqlite3.Connection, kind: str, wanted: list[tuple[str, str]]
) -> list[int]:
    made: list[int] = []
    for at, (name, sha) in enumerate(wanted):
        db.execute(
            "UPDATE jobs SET state = ?, ended = ? WHERE device = ? AND state = ? AND kind <> ?",
            (REPLACED, registry.clock(), name, WAITING, READ),
        )
        made.append(_add(registry, db, kind, name, sha, made[(at - 1) // 2] if at else None))
    return made


def _add(
    registry: Registry, db: sqlite3.Connection, kind: str, name: str, sha: str | None,
    follows: int | None,
) -> int:  # fmt: skip
    found = db.execute(
        "INSERT INTO jobs(device, kind, image, follows, made) VALUES(?, ?, ?, ?, ?)",
        (name, kind, sha, follows, registry.clock()),
    ).lastrowid
    assert found is not None
    return found


def found(registry: Registry, ids: Sequence[int]) -> list[sqlite3.Row]:
    """Return jobs as they are now."""
    marks = ", ".join("?" * len(ids))
    return registry.rows(f"SELECT * FROM jobs WHERE id IN ({marks}) ORDER BY id", *ids)


def waiting(registry: Registry) -> set[str]:
    """Return the devices that have something to do."""
    query = "SELECT DISTINCT device FROM jobs WHERE state IN (?, ?)"
    return {row["device"] for row in registry.rows(query, WAITING, WRITING)}


def next_of(registry: Registry, name: str) -> sqlite3.Row | None:
    """Return what a device has to do next; what follows something that failed is held back."""
    for job in registry.rows(
        "SELECT a.*, b.state AS before FROM jobs a LEFT JOIN jobs b ON b.id = a.follows "
        "WHERE a.device = ? AND a.state IN (?, ?) ORDER BY a.id",
        name, WAITING, WRITING,
    ):  # fmt: skip
        if job["before"] in (FAILED, HELD, REPLACED):
            end(registry, job, HELD, f"an earlier device of this push {job['before']}")
        elif job["before"] in (None, DONE):
            return job
    return None


def begin(registry: Registry, job: sqlite3.Row) -> None:
    """Note that from here on the device may hold the new image."""
    with registry.fact() as db:
        db.execute("UPDATE jobs SET state = ? WHERE id = ?", (WRITING, job["id"]))


def end(
    registry: Registry, job: sqlite3.Row, state: str, why: str | None = None,
    result: bytes | None = None,
) -> None:  # fmt: skip
    """Note what came of a job that changed nothing; a state that was read belongs to a record."""
    with registry.fact() as db:
        if job["kind"] == READ:
            db.execute(
                "UPDATE jobs SET image = (SELECT record FROM devices WHERE name = ?) WHERE id = ?",
                (job["device"], job["id"]),
            )
        _end(registry, db, job, state, why, result)


def pushed(
    registry: Registry, job: sqlite3.Row, before: bytes, record: str, samples: int, state: str
) -> None:
    """Note that a device holds another image: from here on it counts."""
    name, now = job["device"], registry.clock()
    with registry.fact() as db:
        db.execute(
            "UPDATE devices SET image = ?, previous = ?, record = ?, samples = ?, state = ?,"
            " latest = x'', seen = ?, read_at = ?, why = NULL WHERE name = ?",
            (job["image"], keep_image(db, before), record, samples, state, now, now, name),
        )
        _end(registry, db, job, DONE, None, None)
        registry._say(db, name, "status", status_of(registry.device(name)))


def _end(
    registry: Registry, db: sqlite3.Connection, job: sqlite3.Row, state: str, why: str | None,
    result: bytes | None,
) -> None:  # fmt: skip
    db.execute(
        "UPDATE jobs SET state = ?, why = ?, result = ?, ended = ? WHERE id = ?",
        (state, why, result, registry.clock(), job["id"]),
    )
    if job["kind"] != READ:
        registry._say(
            db, job["device"], "pushed", {"image": job["image"], "state": state, "why": why}
        )
