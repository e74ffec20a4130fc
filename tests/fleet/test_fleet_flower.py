"""Flower: devices and boards learn apart, images are merged; in one process, and over sockets."""

from __future__ import annotations

import importlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fleet_images import changed, samples, start

from quant.image import decode_image
from streamlearn import MesuClassifier
from streamlearn.errors import ConfigError, StateFormatError
from streamlearn.fleet import learn, merge
from streamlearn.streams import load_gas_drift

pytest.importorskip("flwr", reason="the extra federated, in an environment of its own")

from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict

from streamlearn.fleet.flower import (
    MergeImages,
    client_app,
    from_arrays,
    to_arrays,
)

PAGE = Path(__file__).parents[2] / "docs" / "fleet.md"
GRID = SimpleNamespace(get_node_ids=lambda: [1, 2, 3])


@pytest.fixture(autouse=True)
def a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a task of Flower's, as the apps of newer versions are."""
    name = "flwr.supercore.task_identity"
    with suppress(ModuleNotFoundError):
        identity = importlib.import_module(name).TaskIdentity
        for field in ("_task_id", "_run_id", "_node_id"):
            monkeypatch.setattr(identity, field, 1)


def context(node: int) -> Context:
    return Context(1, node, {"partition-id": node}, RecordDict(), {})


def teach(image: bytes, round: int, context: Context) -> tuple[bytes, dict[str, float]]:
    node = int(context.node_config["partition-id"])
    learned, said = learn(image, *samples(10 * node, 100 * round + node))
    return learned, {"first": float(said[0] == "a")}


def replies(strategy: MergeImages, number: int, image: bytes) -> list[Message]:
    app = client_app(teach)
    asked = strategy.configure_train(number, to_arrays(image), ConfigRecord(), GRID)
    return [app(message, context(message.metadata.dst_node_id)) for message in asked]


def test_an_image_arrives_as_it_was_sent() -> None:
    image = start()
    assert from_arrays(to_arrays(image)) == image
    for name, values in (("weights", np.zeros(3, np.uint8)), ("image", np.zeros(3, np.float32))):
        with pytest.raises(StateFormatError, match="one array of bytes"):
            from_arrays(ArrayRecord({name: Array(values)}))


@pytest.mark.parametrize("evidence", ["sum", "mean"])
def test_rounds_are_merges(evidence: Any) -> None:
    strategy, image = MergeImages(evidence, min_train_nodes=3, min_available_nodes=3), start()
    for number in (1, 2):
        came = replies(strategy, number, image)
        arrays, figures = strategy.aggregate_train(number, came[::-1])
        each = [teach(image, number, context(node)) for node in (1, 2, 3)]
        image = merge(image, [learned for learned, _ in each], evidence)
        assert arrays is not None
        assert figures is not None
        assert from_arrays(arrays) == image
        assert figures["num-examples"] == 60
        assert figures["num-refused"] == 0
        mean = sum(node * one["first"] for node, (_, one) in zip((1, 2, 3), each, strict=True)) / 6
        assert figures["first"] == pytest.approx(mean)


def test_who_cannot_be_merged_is_left_out_and_named(caplog: pytest.LogCaptureFixture) -> None:
    strategy, base = MergeImages(), start()
    strategy.configure_train(1, to_arrays(base), ConfigRecord(), GRID)
    good, cut, failed = replies(strategy, 1, base)
    whole = from_arrays(cut.content["arrays"])
    cut.content["arrays"] = to_arrays(whole[:-3])
    asked = Message(RecordDict(), dst_node_id=3, message_type="train")
    failed = Message(good_error(), reply_to=asked)
    arrays, figures = strategy.aggregate_train(1, [good, cut, failed])
    assert arrays is not None
    assert figures is not None
    assert figures["num-refused"] == 2
    assert from_arrays(arrays) == merge(base, [from_arrays(good.content["arrays"])], "mean")
    assert "is left out: " in caplog.text
    assert "burnt out" in caplog.text
    assert strategy.aggregate_train(1, [failed]) == (None, None)


def good_error() -> Any:
    from flwr.app import Error

    return Error(code=0, reason="burnt out")


def test_devices_without_a_sample_have_no_figures() -> None:
    app, base, strategy = client_app(lambda image, *_: (image, {"x": 1.0})), start(), MergeImages()
    asked = strategy.configure_train(1, to_arrays(base), ConfigRecord(), GRID)
    arrays, figures = strategy.aggregate_train(1, [app(m, context(1)) for m in asked])
    assert arrays is not None
    assert dict(figures or {}) == {"num-examples": 0, "num-refused": 0}
    assert decode_image(from_arrays(arrays)).state["n_samples"] == 0


def test_what_no_strategy_is_is_refused() -> None:
    with pytest.raises(ConfigError, match="'sum' or 'mean'"):
        MergeImages("median")  # type: ignore[arg-type]
    strategy = MergeImages()
    strategy.configure_train(1, to_arrays(start()), ConfigRecord(), GRID)
    other = Message(
        RecordDict({"arrays": to_arrays(changed(start(), mu=1))}),
        dst_node_id=1,
        message_type="train",
    )
    assert strategy.aggregate_train(1, [other]) == (None, None)


# -- over sockets, with the firmware of boards -------------------------------------------------


def program(folder: Path) -> dict[str, Any]:
    """Write the program that the page shows; return its names."""
    text = PAGE.read_text("utf-8").split("## Flower", 1)[1]
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (toml,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    folder.mkdir()
    (folder / "gas.py").write_text(code, "utf-8")
    (folder / "pyproject.toml").write_text(toml, "utf-8")
    names: dict[str, Any] = {"__name__": "gas"}
    exec(compile(code, "gas.py", "exec"), names)
    return names


def expected(names: dict[str, Any], rounds: int, rows: int, nodes: int) -> bytes:
    """Return what host learners alone, and merges, make of the same rows."""
    stream = load_gas_drift()
    layers = (stream.n_features, 8, stream.n_classes)
    image = MesuClassifier(layers, classes=range(stream.n_classes)).to_bytes()
    for number in range(1, rounds + 1):
        each = []
        for node in range(nodes):
            at = Context(
                1, node, {"partition-id": node}, RecordDict(), {"rows": rows, "nodes": nodes}
            )
            each.append(names["teach"](image, number, at)[0])
        image = merge(image, each, "mean")
    return image


def test_a_board_ends_with_the_bits_of_a_learner_on_the_host(tmp_path: Path) -> None:
    names = program(tmp_path / "fleet")
    stream = load_gas_drift(limit=12)
    layers = (stream.n_features, 8, stream.n_classes)
    image = MesuClassifier(layers, classes=range(stream.n_classes)).to_bytes()
    learned, said = learn(image, stream.x, stream.y.tolist())
    found, predicted = names["on_board"]("nrf52840", image, stream.x, stream.y)
    assert found == learned
    assert predicted.tolist() == said


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(folder: Path, environment: dict[str, str], *words: str) -> Iterator[None]:
    """Run a program of Flower's beside the test; none outlives it."""
    tool, *more = words
    with (folder / f"{tool}-{free_port()}.log").open("wb") as log:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / tool), *more],
            stdout=log, stderr=log, env=environment, cwd=folder, start_new_session=True,
        )  # fmt: skip
    try:
        yield
    finally:
        os.killpg(process.pid, 15)
        process.wait(60)


def wait_for(port: int) -> None:
    end = time.monotonic() + 300
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < end, "SuperLink does not listen"
            time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no process groups")
def test_boards_and_hosts_learn_over_the_network(tmp_path: Path) -> None:
    """A server, a learner on the host and two boards, all in processes of their own."""
    names, home, merged = program(tmp_path / "fleet"), tmp_path / "home", tmp_path / "merged.sls"
    link, fleet, app = free_port(), free_port(), free_port()
    home.mkdir()
    (home / "config.toml").write_text(
        f'[superlink]\ndefault = "here"\n\n[superlink.here]\naddress = "127.0.0.1:{link}"\n'
        "insecure = true\n"
    )
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "0",
    }
    help_text = subprocess.run(
        [str(Path(sys.executable).parent / "flower-superlink"), "--help"],
        capture_output=True, text=True, check=True, env=environment,
    ).stdout  # fmt: skip
    if "--control-api-address CONTROL_API_ADDRESS\n                        Deprecated" in help_text:
        server = ["--host", "127.0.0.1", "--port", str(link)]
        fleet, own = link, "--port={}"
    else:  # before 1.38: gRPC
        server = [
            f"--control-api-address=127.0.0.1:{link}",
            f"--fleet-api-address=127.0.0.1:{fleet}",
        ]
        server.append(f"--serverappio-api-address=127.0.0.1:{app}")
        own = "--clientappio-api-address=127.0.0.1:{}"
    nodes = ("", ' board="nrf52840"', ' board="rp2040"')
    with ExitStack() as stack:
        begin = lambda *words: stack.enter_context(running(tmp_path, environment, *words))  # noqa: E731
        begin("flower-superlink", "--insecure", *server)
        wait_for(fleet)
        for number, board in enumerate(nodes):
            begin(
                "flower-supernode", "--insecure", "--superlink", f"127.0.0.1:{fleet}",
                own.format(free_port()), "--node-config", f"partition-id={number}{board}",
            )  # fmt: skip
        subprocess.run(
            [str(Path(sys.executable).parent / "flwr"), "run", str(tmp_path / "fleet"), "here",
             "--run-config", f"rounds=2 rows=5 out='{merged}'"],
            env=environment, check=True, timeout=300,
        )  # fmt: skip
        end = time.monotonic() + 900
        while not (merged.exists() and merged.stat().st_size):
            logs = "\n".join(path.read_text("utf-8") for path in tmp_path.glob("*.log"))
            assert time.monotonic() < end, logs
            time.sleep(0.5)
    assert merged.read_bytes() == expected(names, 2, 5, 3)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no process groups")
def test_the_same_program_runs_in_the_simulation_engine(tmp_path: Path) -> None:
    """Flower's simulation, on Ray: the page's program, with learners on the host only."""
    pytest.importorskip("ray", reason="the simulation engine needs flwr[simulation]")
    names, home, merged = program(tmp_path / "fleet"), tmp_path / "home", tmp_path / "merged.sls"
    link = free_port()
    home.mkdir()
    (home / "config.toml").write_text(
        f'[superlink]\ndefault = "desk"\n\n[superlink.desk]\naddress = "127.0.0.1:{link}"\n'
        "insecure = true\noptions.num-supernodes = 3\n"
    )
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "0",
    }
    server = ["--insecure", "--simulation", "--host", "127.0.0.1", "--port", str(link)]
    with running(tmp_path, environment, "flower-superlink", *server):
        wait_for(link)
        subprocess.run(
            [str(Path(sys.executable).parent / "flwr"), "run", str(tmp_path / "fleet"), "desk",
             "--run-config", f"rounds=2 rows=5 out='{merged}'"],
            env=environment, check=True, timeout=300,
        )  # fmt: skip
        end = time.monotonic() + 900
        while not (merged.exists() and merged.stat().st_size):
            logs = "\n".join(path.read_text("utf-8") for path in tmp_path.glob("*.log"))
            assert time.monotonic() < end, logs
            time.sleep(0.5)
    assert merged.read_bytes() == expected(names, 2, 5, 3)
