"""What a command's exit code says; docs/running.md has them as a table."""

from __future__ import annotations

EXIT_OK, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
#: The stream broke off or had a bad row; what was learned until then is kept.
EXIT_STREAM = 3
#: A result could not be written; the message says what was kept.
EXIT_WRITE = 4
#: Another process works in the folder.
EXIT_BUSY = 5
#: Two things that were to be the same are not: a device and the desk, a state and a record.
EXIT_DIFFERENT = 6
#: A signal ended it, and everything was kept: this and the signal's number, as in a shell.
EXIT_SIGNAL = 128
