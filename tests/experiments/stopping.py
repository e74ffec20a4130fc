"""A run that is stopped after two tasks, and one that is not."""

from __future__ import annotations

import pytest

from experiments.loop.runs import read_log


def whole_and_stopped(run, data, folder):
    """Return the record of a whole run, that of a run stopped halfway, and what that ends with."""
    whole = run.execute(4, data, folder / "a", folder / "aw")

    def stop(task, newest):
        assert 0 <= newest <= 100
        if task == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.execute(4, data, folder / "b", folder / "bw", stop)
    half = read_log(run.log(folder / "b"))
    return whole, half, run.execute(4, data, folder / "b", folder / "bw")


def without_time(record):
    return {k: v for k, v in record.items() if k not in ("train_s", "sessions")}
