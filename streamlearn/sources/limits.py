"""What is read from outside, and how much of it at most: one place for every limit.

A source may be hostile or broken. Whatever comes, the memory that it costs has these bounds.
"""

from __future__ import annotations

#: Bytes in one line of a file or a pipe.
MAX_LINE_BYTES = 1 << 24
#: Bytes in one line of a serial port, and in one MQTT message; longer ones are dropped and counted.
MAX_LIVE_LINE_BYTES = 1 << 20
#: Columns of a stream, the label included.
MAX_COLUMNS = 1 << 14
#: Keys of a JSON object: they are the columns.
MAX_JSON_KEYS = MAX_COLUMNS
#: Objects within one another: one flat object per line.
MAX_JSON_DEPTH = 1
#: Lines, and bytes in them, that wait for the learner in memory.
QUEUE_LINES = 1 << 16
QUEUE_BYTES = 1 << 26
#: Seconds that a broker has to answer.
CONNECT_SECONDS = 10.0
#: Seconds before the first new try to reach a source, and the most before any other.
BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.5, 30.0
