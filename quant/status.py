"""What the results of the C verbs mean."""

from __future__ import annotations

import re

from quant.c_config import KERNEL_DIR
from quant.errors import DivergedError, StreamlearnError

#: What the negative results of the C verbs mean, from the X-macro in ``sl_status.h``.
STATUS_TEXT = {
    int(value): text
    for value, text in re.findall(
        r'X\(SL_\w+, (-?\d+), "([^"]+)"\)', (KERNEL_DIR / "sl_status.h").read_text()
    )
}

#: The status of a state whose outputs are no longer finite.
DIVERGED = -3

#: The status of a row that holds a value that is no finite binary32.
REFUSED = -100


def check_complete(done: int, n: int, status: int, what: str) -> None:
    """Refuse a block of which a sample was refused.

    Parameters
    ----------
    done, n : int
        Samples that were done, and those of the block.
    status : int
        Of the last call.
    what : str
        What the samples before it have seen, such as "have been learned".

    Raises
    ------
    StreamlearnError
        If not all were done: it says which sample was refused, and why. A DivergedError if the
        outputs are no longer finite.
    """
    if done != n:
        raise (DivergedError if status == DIVERGED else StreamlearnError)(
            f"sample {done} of {n}: {STATUS_TEXT[status]}; the {done} samples before it {what}"
        )
