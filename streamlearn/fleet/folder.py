"""The folder of a fleet: how its stream is read, what a key starts from, and what came out."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from quant.durable import write_durably
from streamlearn.errors import ConfigError, StateFormatError

FORMAT, FORMAT_VERSION = "streamlearn-fleet", 1
PLAN_FILE, START_FILE, RECOVERY_DIR = "fleet.json", "start.sls", "recovery"
PREDICTIONS_FILE, IMAGES_FILE, ARRIVALS_DIR = "predictions.csv", "images.sqlite", "arrivals"
#: Files of the recovery store: at most so many workers write states at once.
RECOVERY_PARTS = 4

_TABLE = """CREATE TABLE IF NOT EXISTS images
            (key TEXT PRIMARY KEY, n_samples INTEGER NOT NULL, image BLOB NOT NULL)"""


@dataclass(frozen=True)
class FleetPlan:
    """How the stream of a fleet is read; it stays the same as long as the fleet lives.

    Attributes
    ----------
    stream : str
        The path of a file, absolute; or the address of topics.
    label, key : str
        Columns: of the label, and of the name of a learner.
    classes : tuple of str or None
        The labels, in the order of their indices; None: the label is a number.
    on_bad : {"stop", "skip"}
        What a bad row does.
    reading : dict
        :meth:`streamlearn.streams.csv_options.ReadOptions.to_dict`, as far as it is known.
    asked : dict
        What was asked for when the fleet began, by the names of the options.
    predictions : str or None
        A topic of Kafka, where predictions go too.
    """

    stream: str
    label: str
    key: str
    classes: tuple[str, ...] | None
    on_bad: Literal["stop", "skip"]
    reading: dict[str, Any]
    asked: dict[str, Any]
    predictions: str | None = None


def make_folder(folder: Path, plan: FleetPlan, start: bytes) -> None:
    """Write what a fleet begins with; its plan last, so that a folder with a plan is whole.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_durably(folder / START_FILE, start)
    write_plan(folder, plan)


def write_plan(folder: Path, plan: FleetPlan) -> None:
    """Write how the stream of a fleet is read."""
    said = {"format": FORMAT, "version": FORMAT_VERSION, **asdict(plan)}
    write_durably(folder / PLAN_FILE, json.dumps(said, indent=2) + "\n")


def read_plan(folder: Path) -> FleetPlan:
    """Return how the stream of a fleet is read.

    Raises
    ------
    StateFormatError
        If there is no fleet, or one of another version.
    """
    path = folder / PLAN_FILE
    try:
        said = json.loads(path.read_text("utf-8"))
        if (said.pop("format"), said.pop("version")) != (FORMAT, FORMAT_VERSION):
            raise KeyError("format")
        classes = said.pop("classes")
        return FleetPlan(**said, classes=None if classes is None else tuple(classes))
    except FileNotFoundError:
        raise StateFormatError(
            f"{folder} holds no fleet: no {PLAN_FILE} in it; give the folder that "
            "`streamlearn fleet run --out` wrote"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateFormatError(
            f"{path} is no plan of a fleet in version {FORMAT_VERSION} ({error}); use the "
            "streamlearn that wrote it, or another folder"
        ) from error


class Images:
    """The image of every key, as it was when the stream last ended: one file of SQLite.

    Parameters
    ----------
    folder : Path
        Of a fleet.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / IMAGES_FILE

    def put(self, images: Iterable[tuple[str, int, bytes]]) -> None:
        """Keep images by their keys, with the number of samples; all of them or none."""
        with closing(sqlite3.connect(self._path)) as store, store:
            store.execute(_TABLE)
            store.executemany("INSERT OR REPLACE INTO images VALUES (?, ?, ?)", images)

    @property
    def exist(self) -> bool:
        """Whether there are any: not before the stream has come to an end once."""
        return self._path.is_file()

    def get(self, key: str) -> bytes:
        """Return the image of a key.

        Raises
        ------
        ConfigError
            If there is none; the message names some keys that there are.
        """
        with self._opened() as store:
            found = store.execute("SELECT image FROM images WHERE key = ?", (key,)).fetchone()
            if found is None:
                some = store.execute("SELECT key FROM images ORDER BY key LIMIT 5").fetchall()
                raise ConfigError(
                    f"the fleet has no key {key!r}; it has {len(self):,} keys, such as "
                    f"{', '.join(repr(name) for (name,) in some)}"
                )
        return bytes(found[0])

    def __iter__(self) -> Iterator[tuple[str, int, bytes]]:
        """Yield key, number of samples and image, in the order of the keys."""
        with self._opened() as store:
            yield from store.execute("SELECT key, n_samples, image FROM images ORDER BY key")

    def __len__(self) -> int:
        """How many keys there are."""
        with self._opened() as store:
            return int(store.execute("SELECT count(*) FROM images").fetchone()[0])

    @property
    def n_samples(self) -> int:
        """How many samples all have learned."""
        with self._opened() as store:
            return int(store.execute("SELECT total(n_samples) FROM images").fetchone()[0])

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        if not self.exist:
            raise ConfigError(
                f"{self._path.parent} has no images yet: its stream has not come to an end; go on "
                f"with `streamlearn fleet run --out {self._path.parent}`"
            )
        with closing(sqlite3.connect(self._path)) as store:
            try:
                yield store
            except sqlite3.OperationalError:  # busy, or no disk: the file may be good
                raise
            except sqlite3.DatabaseError as error:
                raise StateFormatError(
                    f"{self._path} is damaged ({error}); remove it, and go on with `streamlearn "
                    f"fleet run --out {self._path.parent}`, which writes it again"
                ) from error
