"""Contenders measured in turn, round after round."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from experiments.speed.contenders import Contender, Images, Labels

Row = dict[str, Any]
Say = Callable[[str], None]

#: Samples that a learner has seen before it is measured, at most and in seconds: at the start
#: more units are active than later.
WARM_SAMPLES, WARM_S = 20_000, 0.5


class Timed:
    """A contender with its place in the stream, its block size and its times."""

    def __init__(self, contender: Contender, x: Images, y: Labels, round_s: float) -> None:
        self.contender, self._x, self._y = contender, x, y
        self._at, self.cpu_s, self.wall_s = 0, [], []  # type: int, list[float], list[float]
        self.n = 1
        self._run()
        used = warm = 0.0
        samples = 0
        while samples < WARM_SAMPLES and warm < WARM_S:
            used = self._run()[0]
            samples += self.n
            warm += used
            if used < round_s / 2:
                self.n = min(2 * self.n, WARM_SAMPLES)
        self.n = max(1, min(int(self.n * round_s / max(used, 1e-6)), len(y) - 1))

    def _run(self) -> tuple[float, float]:
        if self._at + self.n > len(self._y):
            self._at = 0
        rows = slice(self._at, self._at + self.n)
        x, y = self._x[rows], self._y[rows]
        self._at += self.n
        wall, cpu = time.perf_counter(), time.process_time()
        self.contender.learn(x, y)
        return time.process_time() - cpu, time.perf_counter() - wall

    def round(self) -> None:
        """Learn one block and note the seconds a sample."""
        cpu, wall = self._run()
        self.cpu_s.append(cpu / self.n)
        self.wall_s.append(wall / self.n)

    def result(self) -> Row:
        """Return name, group, block size, and seconds a sample of each round."""
        return {
            "name": self.contender.name,
            "group": self.contender.group,
            "block": self.n,
            "cpu_s": [float(f"{value:.4g}") for value in self.cpu_s],
            "wall_s": [float(f"{value:.4g}") for value in self.wall_s],
        }


def in_rounds(
    contenders: Sequence[Contender], x: Images, y: Labels, rounds: int, round_s: float
) -> list[Row]:
    """Measure contenders in turn, round after round, so that a noisy minute hits all alike."""
    timed = [Timed(contender, x, y, round_s) for contender in contenders]
    for number in range(rounds):
        for place in range(len(timed)):
            timed[(place + number) % len(timed)].round()
    return [one.result() for one in timed]
