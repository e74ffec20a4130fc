"""A topic of Kafka as the stream of a fleet, on Bytewax' own connector.

Bytewax keeps the offset of each partition in its recovery store, with the states of all keys and of
one moment. Nothing is committed to the broker. So a fleet that goes on reads again what its states
have not seen.
"""

from __future__ import annotations

import errno
import json
import threading
import time
import warnings
from typing import Any

from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from streamlearn.errors import SourceError, StreamlearnError
from streamlearn.fleet.folder import FleetPlan
from streamlearn.fleet.kafka_address import KafkaAddress, parse, properties
from streamlearn.fleet.keyed_rows import Rows
from streamlearn.fleet.message_rows import Message, MessageRows

#: How long the brokers may take to say which partitions a topic has, in seconds.
ANSWER_S = 10.0
#: What is behind the kept place is gone: an error, and no silent jump over it.
_READING = {"auto.offset.reset": "error", "log_level": "2"}
#: Each prediction arrives, in its order, however long that takes.
_WRITING = {"message.timeout.ms": "0", "enable.idempotence": "true", "log_level": "2"}


class _Quiet:
    """When a message came last, on any partition that this process reads."""

    def __init__(self, seconds: float | None, end: threading.Event) -> None:
        self._seconds, self.end = seconds, end
        self._latest = time.monotonic()

    def came(self) -> None:
        self._latest = time.monotonic()

    @property
    def over(self) -> bool:
        return self._seconds is not None and time.monotonic() - self._latest >= self._seconds


class _Partition(StatefulSourcePartition[tuple[str, Rows], int]):
    """The rows of one partition; its state is the offset behind the last that was given out."""

    def __init__(
        self, inner: Any, rows: MessageRows, quiet: _Quiet, at: KafkaAddress, part: int
    ) -> None:
        self._inner, self._rows, self._quiet, self._at = inner, rows, quiet, at
        self._part = TopicPartition(at.topic, part)
        self._error: StreamlearnError | None = None
        self._offset: int = inner.snapshot()

    def next_batch(self) -> list[tuple[str, Rows]]:
        if self._error is not None:
            raise self._error
        if self._quiet.end.is_set():
            raise StopIteration
        try:
            came = self._inner.next_batch()
        except (RuntimeError, KafkaException) as error:
            raise SourceError(
                errno.EIO,
                f"{self._at}: {error}; if an offset is out of range, the topic no longer holds "
                "what the fleet has not learned, or is another one",
            ) from error
        if not came:
            if not self._read_all():
                self._quiet.came()  # what is there comes yet
            elif self._quiet.over:
                raise StopIteration
            return []
        self._quiet.came()
        messages = [Message(f"{one.partition}:{one.offset}", one.key, one.value) for one in came]
        found = self._rows.read(messages)
        self._error = found.error
        if found.error is None:
            self._offset = self._inner.snapshot()
        else:
            self._offset = came[found.n_read].offset
            if not found.rows:
                raise found.error
        return found.rows

    def _read_all(self) -> bool:
        """Whether all that the brokers have of the partition was given out."""
        low, high = self._inner._consumer.get_watermark_offsets(self._part, cached=True)
        return bool(0 <= high <= max(low, self._offset))

    def snapshot(self) -> int:
        return self._offset

    def close(self) -> None:
        self._inner.close()
        skipped = self._rows.skipped
        if skipped.count:
            warnings.warn(
                f"{skipped.count} messages skipped in this run, first: {skipped.messages[0]}",
                stacklevel=2,
            )


class Topic(FixedPartitionedSource[tuple[str, Rows], int]):
    """The partitions of a topic, each read by one worker.

    Parameters
    ----------
    plan : FleetPlan
        Whose stream is ``kafka://…``.
    block_rows : int
        At most so many messages of a partition at a time.
    quiet_s : float or None
        End when all that is there was read, and nothing came for so many seconds; None: only when
        `end` is set.
    end : threading.Event
    """

    def __init__(
        self, plan: FleetPlan, block_rows: int, quiet_s: float | None, end: threading.Event
    ) -> None:
        self._plan, self._at = plan, parse(plan.stream)
        self._quiet_s, self._end = quiet_s, end
        self._quiet: _Quiet | None = None
        self._source = KafkaSource(
            self._at.brokers,
            [self._at.topic],
            add_config={**_READING, **properties()},
            batch_size=block_rows,
        )

    def list_parts(self) -> list[str]:
        """Return the partitions, as Bytewax' connector names them.

        Raises
        ------
        SourceError
            If no broker answers, or there is no such topic.
        """
        topic = self._at.topic
        client = AdminClient({"bootstrap.servers": ",".join(self._at.brokers), **properties()})
        try:
            found = client.list_topics(topic, timeout=ANSWER_S).topics[topic]
        except KafkaException as error:
            raise SourceError(errno.EIO, f"{self._at}: no broker answers ({error})") from error
        if found.error is not None:
            raise SourceError(errno.EIO, f"{self._at}: {found.error.str()}")
        return [f"{number}-{topic}" for number in sorted(found.partitions)]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _Partition:
        """Open a partition behind what the fleet has learned of it."""
        if self._quiet is None:
            self._quiet = _Quiet(self._quiet_s, self._end)
        inner = self._source.build_part(step_id, for_part, resume_state)
        rows, part = MessageRows(self._plan, str(self._at)), int(for_part.partition("-")[0])
        return _Partition(inner, rows, self._quiet, self._at, part)


def said(item: tuple[str, Any]) -> list[KafkaSinkMessage[Any, Any]]:
    """Return the predictions of a key, a ``Predicted``, as messages: one for each row."""
    key, found = item
    _, places, predicted, labels = found
    return [
        KafkaSinkMessage(
            key.encode(),
            json.dumps({"message": place, "predicted": guess, "label": label or None}).encode(),
        )
        for place, guess, label in zip(places.tolist(), predicted, labels, strict=True)
    ]


def predictions(plan: FleetPlan) -> KafkaSink:
    """Return where predictions go beside their file: each at least once."""

    def delivered(error: Any, message: Any) -> None:
        if error is not None:
            raise SourceError(errno.EIO, f"a prediction for {message.topic()!r}: {error}")

    config: Any = {**_WRITING, **properties(), "on_delivery": delivered}
    return KafkaSink(parse(plan.stream).brokers, plan.predictions, add_config=config)
