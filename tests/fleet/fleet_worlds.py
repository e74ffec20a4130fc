"""A world: emulated boards behind one broker, and a seed that says what is cut, and when.

One seed is one schedule of cuts. Threads and sockets are real, so that two runs of a seed differ in
the order of what happens within a minute. ``python tests/fleet/fleet_worlds.py --seed 0`` runs one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import socket
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "sources"))
sys.path.append(str(Path(__file__).parents[2]))

from brokers import MOSQUITTO, Amqtt, Mosquitto
from emulated_boards import LABELS, Cable, alone, build, message, place, registered, samples

import firmware_sim as fs
from streamlearn.fleet.devices import Keeper, Registry
from streamlearn.fleet.devices.bridge import Bridge
from streamlearn.fleet.devices.facts import facts
from streamlearn.recorder.proof import verify
from streamlearn.recorder.record import Record

PREFIX, PATIENCE_S = "plant", 240.0


class Killed(Exception):  # noqa: N818 - what it is
    """The process ends here, as far as this thread is concerned."""


class Mortal(Registry):
    """A registry whose process may end just before a fact is kept."""

    dies_at = ""

    def _dies(self, fact: str) -> None:
        if self.dies_at == fact:
            self.dies_at = ""
            raise Killed(fact)

    def learned(self, *values: Any) -> None:
        self._dies("learned")
        super().learned(*values)

    def take(self, *values: Any) -> bool:
        self._dies("take")
        return super().take(*values)


@dataclass(frozen=True)
class World:
    """What is drawn from a seed: boards, minutes of their time, cuts."""

    seed: int
    boards: int
    minutes: int

    def __str__(self) -> str:
        return (
            f"python tests/fleet/fleet_worlds.py --seed {self.seed} --boards {self.boards} "
            f"--minutes {self.minutes}"
        )

    def run(self, folder: Path, firmware: fs.Firmware) -> dict[str, int]:
        """Run it, and return what happened.

        Raises
        ------
        AssertionError
            If a promise does not hold; the message ends with the line that runs this world again.
        """
        try:
            with ExitStack() as stack:
                return _Running(self, folder, firmware, stack).run()
        except AssertionError as error:
            raise AssertionError(f"{error}\nagain: {self}") from error


class _Running:
    def __init__(self, world: World, folder: Path, firmware: fs.Firmware, stack: ExitStack) -> None:
        self.world, self.folder, self.now = world, folder, 0.0
        self.names = [f"pump-{i:03d}" for i in range(world.boards)]
        self.cables = {name: Cable(firmware) for name in self.names}
        self.back = dict.fromkeys(self.names, 0)  # minute in which a cable is plugged in again
        self.rows = {
            name: samples(1000 * world.seed + at, world.minutes)
            for at, name in enumerate(self.names)
        }
        self.draw = np.random.default_rng([world.seed, 1])
        self.counts: Counter[str] = Counter()
        (folder / "broker").mkdir()
        self.broker: Any = Amqtt() if MOSQUITTO is None else Mosquitto(folder / "broker")
        stack.callback(self.broker.stop)
        registered(folder / "fleet", self.names).close()
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.silence_s = 2 + world.boards / 5
        self.acked = dict.fromkeys(self.names, 0)
        self.sender = self._client("sender", stack)
        self.listener = self._client("listener", stack)
        self.parts = ExitStack()
        stack.callback(self._close)
        self._start()

    def _client(self, name: str, stack: ExitStack) -> Any:
        from paho.mqtt import client as mqtt

        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name, clean_session=False)
        client.reconnect_delay_set(1, 1)
        if name == "listener":
            topics = [(f"{PREFIX}/+/{kind}", 1) for kind in ("prediction", "ack")]
            client.on_connect = lambda *_: client.subscribe(topics)
            client.on_message = lambda _c, _d, m: self._hear(*m.topic.split("/")[1:], m.payload)
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        stack.callback(client.loop_stop)
        stack.callback(client.disconnect)
        return client

    def _hear(self, name: str, kind: str, payload: bytes) -> None:
        body = json.loads(payload)
        if kind == "ack":
            self.acked[name] = body["n"]
        else:
            self.said.append((name, body))

    def _start(self) -> None:
        self.registry = Mortal(self.folder / "fleet", clock=lambda: self.now)
        self.keeper = Keeper(
            self.registry, lambda row: place(self.cables[row["name"]]),
            backoff=lambda: itertools.repeat(0.1),
        )  # fmt: skip
        address = f"mqtt://127.0.0.1:{self.broker.port}/{PREFIX}"
        self.bridge = Bridge(self.keeper, address)
        self.bridge._client.reconnect_delay_set(1, 1)
        self.parts.callback(self.registry.close)
        self.parts.enter_context(self.keeper)
        self.parts.enter_context(self.bridge)
        self.bridge.connected.wait(5)

    def _close(self) -> None:
        with suppress(Killed):
            self.parts.close()

    def run(self) -> dict[str, int]:
        for minute in range(1, self.world.minutes + 1):
            self.now = 60.0 * minute
            self._fail(minute)
            for name in self.names:
                self._send(name, minute)
                if self.draw.random() < 0.05:
                    self._send(name, minute)
            self._wait(minute, 3.0, only_plugged=True)
        for cable in self.cables.values():
            cable.mend()
        self.registry.dies_at = ""
        self._wait(self.world.minutes, PATIENCE_S)
        self._wait_said(PATIENCE_S)
        self._close()
        self._check()
        return dict(self.counts)

    def _fail(self, minute: int) -> None:
        """Draw what goes wrong in this minute."""
        for name in self.names:
            cable, chance = self.cables[name], self.draw.random(4)
            if not cable.plugged and self.back[name] <= minute:
                cable.plugged = True
            if chance[0] < 0.08:
                cable.cut_after = int(self.draw.integers(1, 90))
                self.back[name] = minute + int(self.draw.integers(1, 6))
                self.counts["cables pulled"] += 1
            if chance[1] < 0.04:
                cable.lose = int(self.draw.integers(1, 6))
                self.counts["answers lost"] += cable.lose
            if chance[2] < 0.04:
                cable.power = fs.Cut(instruction=int(self.draw.integers(1, 60_000)))
                self.counts["boards without power"] += 1
        chance = self.draw.random(4)
        if chance[0] < 0.15:
            found = self.bridge._client.socket()
            if found is not None:
                with suppress(OSError):
                    found.shutdown(socket.SHUT_RDWR)
                self.counts["connections to the broker cut"] += 1
        if chance[1] < 0.06 and isinstance(self.broker, Mosquitto):
            self.broker.stop()
            self.broker.start()
            self.counts["broker restarted"] += 1
        if chance[2] < 0.1:
            self.registry.dies_at = ("learned", "take")[int(self.draw.integers(2))]
            self.counts["bridge killed"] += 1

    def _send(self, name: str, number: int) -> None:
        text = message(number, *self.rows[name][number - 1])
        self.sender.publish(f"{PREFIX}/{name}/sample", text, 1)

    def _send_again(self, names: list[str], number: int) -> None:
        """Send what was not acknowledged, as a sensor does that hears nothing for a while."""
        for name in names:
            for one in range(self.acked[name] + 1, number + 1):
                self._send(name, one)
                self.counts["samples sent again"] += 1

    def _revive(self) -> None:
        """Begin the bridge again, if it was killed."""
        if self.keeper.error is not None or self.bridge.error is not None:
            error = self.keeper.error or self.bridge.error
            if not isinstance(error, Killed):
                raise AssertionError(f"the bridge ended: {error!r}") from error
            self._close()
            self._start()

    def _wait(self, number: int, seconds: float, only_plugged: bool = False) -> None:
        until, again = time.monotonic() + seconds, time.monotonic() + self.silence_s
        while True:
            self._revive()
            late = [
                row["name"]
                for row in self.registry.rows("SELECT name, number FROM devices")
                if row["number"] < number and (self.cables[row["name"]].plugged or not only_plugged)
            ]
            if not late:
                return
            if time.monotonic() > again and not only_plugged:
                self._send_again(late, number)
                again = time.monotonic() + self.silence_s
            if time.monotonic() > until:
                assert only_plugged, f"{late} did not learn all"
                return
            time.sleep(0.05)

    def _wait_said(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        wanted = self.world.boards * self.world.minutes
        while len({(name, body["n"]) for name, body in list(self.said)}) < wanted:
            assert time.monotonic() < until, "predictions are missing"
            time.sleep(0.05)

    def _check(self) -> None:
        registry = Registry(self.folder / "fleet")
        try:
            known = {one["name"]: one for one in facts(registry)}
        finally:
            registry.close()
        predicted = {(name, body["n"]): body["predicted"] for name, body in self.said}
        self.counts["predictions said again"] = len(self.said) - len(predicted)
        for name in self.names:
            wanted, said = alone(self.rows[name])
            state, one = self.cables[name].device.read_state(), known[name]
            assert state == wanted.state.tobytes(), f"{name} has another state"
            assert one["state"] == wanted.state_sha256, f"{name}: the registry's hash"
            assert one["samples"] == one["number"] == self.world.minutes, f"{name}: the count"
            assert one["waiting"] == 0, f"{name}: the inbox"
            right = [a == y for a, (_, y) in zip(said, self.rows[name], strict=True)][-200:]
            assert abs(one["accuracy"] - sum(right) / len(right)) < 1e-6, f"{name}: accuracy"
            for number, label in enumerate(said, 1):
                assert predicted[name, number] == label, f"{name}: prediction {number}"
                assert label in LABELS
            record = Record(self.folder / "fleet" / one["record"])
            learner = record.state_at()
            learner.state = state
            verdict = verify(record, learner)
            assert verdict.sample == self.world.minutes, f"{name}: {verdict.why}"
            for count in ("lost", "restored", "repeated"):
                self.counts[f"links {count}" if count == "lost" else count] += one[count]
        self.counts["samples"] = self.world.boards * self.world.minutes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("seed", 0), ("boards", 5), ("minutes", 20)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world = World(given.seed, given.boards, given.minutes)
        began = time.monotonic()
        found = world.run(Path(folder), build(Path(folder)))
        print(json.dumps(found, indent=1), f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
