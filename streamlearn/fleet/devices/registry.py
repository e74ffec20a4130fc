"""The registry: what is known of every device, in SQLite, one transaction for each fact."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from streamlearn.errors import ConfigError
from streamlearn.fleet.devices.schema import TABLES, VERSION

REGISTRY_FILE, RECORDS_DIR = "registry.sqlite", "records"
#: Samples that accuracy and novelty look back on.
WINDOW = 200
_BUSY_MS = 30_000


class Registry:
    """What is known of the devices of one folder; several threads and processes may use it.

    A fact is on the disk when its method returns, whole or not at all.

    Parameters
    ----------
    folder
        Of the fleet.
    create
        Whether a folder without a registry gets one.
    clock
        Returns seconds since 1970 UTC.

    Raises
    ------
    ConfigError
        If there is no registry, or one of another version.
    """

    def __init__(
        self, folder: str | Path, *, create: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        self.folder, self.clock = Path(folder), clock
        path = self.folder / REGISTRY_FILE
        if not path.exists() and not create:
            raise ConfigError(
                f"{folder} holds no fleet of devices; `streamlearn fleet add` begins one"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        try:
            self._begin(path)
        except sqlite3.OperationalError:
            self._db.close()
            raise
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise ConfigError(
                f"{path} is damaged or no registry ({error}); take it from a backup"
            ) from error

    def _begin(self, path: Path) -> None:
        self._db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        with self.fact() as db:
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if not found:
                for statement in TABLES:
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {VERSION}")
            elif found != VERSION:
                raise ConfigError(f"{path} is of version {found}: this program reads {VERSION}")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def fact(self) -> Iterator[sqlite3.Connection]:
        """Make the block one transaction."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Return what a query finds."""
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def version(self) -> int:
        """Return a number that another one follows when another process has written."""
        return int(self.rows("PRAGMA data_version")[0][0])

    # -- devices ----------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """Return the devices' names, in order."""
        return [row["name"] for row in self.rows("SELECT name FROM devices ORDER BY name")]

    def device(self, name: str) -> sqlite3.Row:
        """Return what is known of one device.

        Raises
        ------
        ConfigError
            If there is none of this name.
        """
        found = self.rows("SELECT * FROM devices WHERE name = ?", name)
        if not found:
            known = ", ".join(self.names()[:5]) or "none"
            raise ConfigError(f"{name!r} is no device of {self.folder}; it has {known}")
        return found[0]

    def add(
        self, name: str, link: str, key_file: str | None, board: str, firmware: str, scored: str,
        image: bytes, record: str, samples: int, state: str,
    ) -> None:  # fmt: skip
        """Note a new device."""
        with self.fact() as db:
            sha = keep_image(db, image)
            db.execute(
                "INSERT INTO devices(name, link, key_file, board, firmware, scored, image, record,"
                " samples, state) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (name, link, key_file, board, firmware, scored, sha, record, samples, state),
            )

    def image(self, sha: str) -> bytes:
        """Return an image that some device began with, or held before a push."""
        return bytes(self.rows("SELECT image FROM images WHERE sha = ?", sha)[0]["image"])

    # -- samples ----------------------------------------------------------------------------------

    def take(self, name: str, number: int, sample: str) -> bool:
        """Keep a sample until the device has learned it; False if it came before."""
        with self.fact() as db:
            new = db.execute(
                "INSERT OR IGNORE INTO inbox(device, number, sample) SELECT ?1, ?2, ?3 "
                "WHERE (SELECT number FROM devices WHERE name = ?1) < ?2",
                (name, number, sample),
            ).rowcount
            if not new:
                db.execute("UPDATE devices SET repeated = repeated + 1 WHERE name = ?", (name,))
            if not new or self.next_sample(name) is None:  # so that the sender knows where to go on
                self._say(db, name, "ack", {"n": self.device(name)["number"]})
        return bool(new)

    def next_sample(self, name: str) -> tuple[int, str] | None:
        """Return the sample that follows the latest one, if it has come."""
        found = self.rows(
            "SELECT number, sample FROM inbox WHERE device = ?1 AND number = "
            "1 + (SELECT number FROM devices WHERE name = ?1)",
            name,
        )
        return (found[0]["number"], found[0]["sample"]) if found else None

    def learned(
        self, name: str, number: int, samples: int, state: str, said: dict[str, Any],
        score: float, novelty: float,
    ) -> None:  # fmt: skip
        """Note that a device has learned a sample, and what it predicted before."""
        with self.fact() as db:
            (old,) = db.execute("SELECT latest FROM devices WHERE name = ?", (name,)).fetchone()
            row = np.array([score, novelty], "<f4").tobytes()
            db.execute(
                "UPDATE devices SET samples = ?, state = ?, latest = ?, seen = ?, connected = 1,"
                " why = NULL WHERE name = ?",
                (samples, state, (old + row)[-WINDOW * len(row) :], self.clock(), name),
            )
            self._dealt_with(db, name, number, said)

    def predicted(self, name: str, number: int, said: dict[str, Any]) -> None:
        """Note that a device has predicted a sample that has no label."""
        with self.fact() as db:
            db.execute(
                "UPDATE devices SET seen = ?, connected = 1, why = NULL WHERE name = ?",
                (self.clock(), name),
            )
            self._dealt_with(db, name, number, said)

    def refused(self, name: str, number: int, why: str) -> None:
        """Note a sample that no learner of this kind can learn."""
        with self.fact() as db:
            db.execute("UPDATE devices SET refused = refused + 1 WHERE name = ?", (name,))
            self._dealt_with(db, name, number, {"refused": why})

    def _dealt_with(
        self, db: sqlite3.Connection, name: str, number: int, said: dict[str, Any]
    ) -> None:
        db.execute("UPDATE devices SET number = ? WHERE name = ?", (number, name))
        db.execute("DELETE FROM inbox WHERE device = ? AND number <= ?", (name, number))
        self._say(db, name, "prediction", {"n": number, **said})
        self._say(db, name, "ack", {"n": number})

    # -- links ------------------------------------------------------------------------------------

    def seen(
        self, name: str, health: Any = None, *, whole: bool = False, restored: str | None = None
    ) -> None:
        """Note that a device answered, and how its learner is.

        Parameters
        ----------
        name
        health
            With ``blind``, ``step`` and ``saturations``; None: it was not asked.
        whole
            Whether its whole state was read, and is what the record gives.
        restored
            Why its state was written to it again; None: it was not.
        """
        now = self.clock()
        with self.fact() as db:
            db.execute("UPDATE devices SET seen = ?, connected = 1 WHERE name = ?", (now, name))
            if whole:
                db.execute("UPDATE devices SET read_at = ? WHERE name = ?", (now, name))
            if restored is not None:
                db.execute(
                    "UPDATE devices SET restored = restored + 1, why = ? WHERE name = ?",
                    (restored, name),
                )
            if health is not None:
                total = sum(health.saturations.values())
                db.execute(
                    "UPDATE devices SET blind = ?, step = ?, saturations = ? WHERE name = ?",
                    (health.blind, health.step, total, name),
                )
                self._say(db, name, "status", status_of(self.device(name)))

    def lost(self, name: str, why: str) -> None:
        """Note that a device's link is gone."""
        with self.fact() as db:
            was = db.execute(
                "UPDATE devices SET lost = lost + connected, connected = 0, why = ? WHERE name = ? "
                "AND (connected OR why IS NOT ?)",
                (why, name, why),
            ).rowcount
            if was:
                self._say(db, name, "status", status_of(self.device(name)))

    def away(self, names: Iterable[str]) -> None:
        """Note that nobody keeps these links open any more."""
        with self.fact() as db:
            db.executemany(
                "UPDATE devices SET connected = 0 WHERE name = ?", [(name,) for name in names]
            )

    # -- what is to be said -----------------------------------------------------------------------

    @staticmethod
    def _say(db: sqlite3.Connection, name: str, kind: str, body: dict[str, Any]) -> None:
        if kind != "prediction":  # of these only the latest counts
            db.execute("DELETE FROM outbox WHERE device = ? AND kind = ?", (name, kind))
        db.execute(
            "INSERT INTO outbox(device, kind, body) VALUES(?, ?, ?)",
            (name, kind, json.dumps(body, ensure_ascii=False)),
        )

    def unsaid(self, after: int, at_most: int) -> list[sqlite3.Row]:
        """Return what nobody has taken yet, the oldest first."""
        return self.rows("SELECT * FROM outbox WHERE id > ? ORDER BY id LIMIT ?", after, at_most)

    def said(self, ids: list[int]) -> None:
        """Note that the broker has taken it."""
        with self.fact() as db:
            db.executemany("DELETE FROM outbox WHERE id = ?", [(one,) for one in ids])


def keep_image(db: sqlite3.Connection, image: bytes) -> str:
    """Keep an image, and return its SHA-256."""
    sha = hashlib.sha256(image).hexdigest()
    db.execute("INSERT OR IGNORE INTO images(sha, image) VALUES(?, ?)", (sha, image))
    return sha


def status_of(row: sqlite3.Row) -> dict[str, Any]:
    """Return what is known of a device, for JSON: names as in the table, accuracy and novelty."""
    latest = np.frombuffer(row["latest"], "<f4").reshape(-1, 2).astype(np.float64)
    hidden = ("latest", "key_file", "scored")
    found = {key: row[key] for key in row.keys() if key not in hidden}  # noqa: SIM118
    score, novelty = latest.mean(0).tolist() if len(latest) else (None, None)
    found |= {row["scored"]: score, "novelty": novelty, "connected": bool(row["connected"])}
    return {name: None if value != value else value for name, value in found.items()}
