"""Flower: devices learn apart, and a server merges their posteriors, round after round.

A state image travels as one array of bytes in Flower's messages, under the name ``image``, in
Flower's simulation and between machines alike. :class:`MergeImages` is the strategy of the server,
:func:`client_app` the client of a device: a learner on the host, or a board that is asked over its
link.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from flwr.app import (  # type: ignore[import-not-found, unused-ignore]
    Array,
    ArrayRecord,
    Context,
    Message,
    MetricRecord,
    RecordDict,
)
from flwr.clientapp import ClientApp  # type: ignore[import-not-found, unused-ignore]
from flwr.serverapp.strategy import FedAvg  # type: ignore[import-not-found, unused-ignore]

from quant.image import decode_image
from streamlearn.errors import ConfigError, StateFormatError, StreamlearnError
from streamlearn.fleet.posterior import Evidence, merge

#: The names of records and of what is in them; "arrays", "config" and "num-examples" are Flower's.
ARRAYS, METRICS, CONFIG, IMAGE = "arrays", "metrics", "config", "image"
ROUND, N_SAMPLES, N_REFUSED = "server-round", "num-examples", "num-refused"

#: ``teach(image, round, context)`` returns the image afterwards, and figures that are averaged.
Teach = Callable[[bytes, int, Context], tuple[bytes, Mapping[str, float]]]

_log = logging.getLogger(__name__)


def to_arrays(image: bytes) -> ArrayRecord:
    """Return a state image as what Flower sends.

    Parameters
    ----------
    image : bytes
        As ``to_bytes`` of a learner writes it.
    """
    return ArrayRecord({IMAGE: Array(np.frombuffer(image, np.uint8))})


def from_arrays(arrays: ArrayRecord) -> bytes:
    """Return the state image that Flower brought.

    Raises
    ------
    StateFormatError
        If it brought something else than one array of bytes, named ``image``.
    """
    found = {name: array.numpy() for name, array in arrays.items()}
    if set(found) != {IMAGE} or found[IMAGE].dtype != np.uint8 or found[IMAGE].ndim != 1:
        raise StateFormatError(
            f"arrays {sorted(found)}: expected one array of bytes, {IMAGE!r}; make it with "
            "streamlearn.fleet.flower.to_arrays"
        )
    return bytes(found[IMAGE].tobytes())


def client_app(teach: Teach) -> ClientApp:
    """Return the client of a device.

    Parameters
    ----------
    teach : callable
        ``teach(image, round, context)``: let the device go on from the state image, in the round
        of this number from 1, and return its image afterwards and figures of it, such as its
        accuracy. Figures are averaged over the devices, weighted by their samples. ``context`` is
        Flower's: ``context.node_config`` says which device it is.
    """
    app = ClientApp()

    @app.train()  # type: ignore[untyped-decorator, misc, unused-ignore]
    def train(message: Message, context: Context) -> Message:
        given = from_arrays(message.content[ARRAYS])
        learned, figures = teach(given, int(message.content[CONFIG][ROUND]), context)
        fresh = (_n_samples(learned) - _n_samples(given)) % (1 << 32)
        metrics = MetricRecord({**{k: float(v) for k, v in figures.items()}, N_SAMPLES: fresh})
        content = RecordDict({ARRAYS: to_arrays(learned), METRICS: metrics})
        return Message(content=content, reply_to=message)

    return app


class MergeImages(FedAvg):  # type: ignore[misc, unused-ignore]
    """A strategy that merges posteriors instead of averaging weights.

    Each round, every device goes on from the merged image, and :func:`streamlearn.fleet.merge`
    makes one image of theirs. A device that fails, or whose image cannot be merged, is left out of
    the round and named in the log; its reason is logged with it. The others are merged, in any
    order to the same bits. ``num-refused`` among a round's figures counts those left out.

    Parameters
    ----------
    evidence : {"sum", "mean"}
    damping : float
        As of :func:`streamlearn.fleet.merge`.
    **sampling
        What :class:`flwr.serverapp.strategy.FedAvg` takes about which nodes are asked:
        ``fraction_train``, ``min_train_nodes``, ``min_available_nodes``. No node is asked to
        evaluate: a device predicts each sample before it learns it.

    Examples
    --------
    ::

        strategy = MergeImages("mean", min_train_nodes=3, min_available_nodes=3)
        result = strategy.start(grid, to_arrays(learner.to_bytes()), num_rounds=10)
        merged = from_arrays(result.arrays)
    """

    def __init__(self, evidence: Evidence = "mean", damping: float = 1.0, **sampling: Any) -> None:
        if evidence not in ("sum", "mean"):
            raise ConfigError(f"evidence={evidence!r}: expected 'sum' or 'mean'")
        super().__init__(**sampling)
        self._evidence, self._damping = evidence, damping
        self._base = b""

    def summary(self) -> None:
        """Log how images are merged, and which nodes are asked."""
        _log.info("images are merged: evidence=%s, damping=%s", self._evidence, self._damping)
        super().summary()

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: Any, grid: Any
    ) -> Iterable[Message]:
        """Send every node that is asked the image that all go on from."""
        self._base = from_arrays(arrays)
        found: Iterable[Message] = super().configure_train(server_round, arrays, config, grid)
        return found

    def configure_evaluate(self, *_: Any, **__: Any) -> Iterable[Message]:
        """Ask no node."""
        return []

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Merge the images of a round; None if there is none that can be merged."""
        del server_round
        came = list(replies)
        images, figures = [], []
        for reply in came:
            try:
                images.append(self._image(reply))
            except StreamlearnError as error:
                _log.warning("node %s is left out: %s", reply.metadata.src_node_id, error)
                continue
            figures.append(dict(next(iter(reply.content.metric_records.values()), {})))
        if not images:
            return None, None
        merged = merge(self._base, images, self._evidence, self._damping)
        return to_arrays(merged), _averaged(figures, len(came) - len(images))

    def _image(self, reply: Message) -> bytes:
        """Return the image of a reply, if it alone can be merged."""
        if reply.has_error():
            raise ConfigError(f"it failed: {reply.error.reason}")
        records = list(reply.content.array_records.values())
        if len(records) != 1:
            raise StateFormatError(f"{len(records)} records of arrays: expected one")
        image = from_arrays(records[0])
        merge(self._base, [image], self._evidence, self._damping)
        return image


def _averaged(figures: list[dict[str, Any]], refused: int) -> MetricRecord:
    """Return the mean of each figure, weighted by samples, and their number."""
    weights = [float(one.get(N_SAMPLES, 0)) for one in figures]
    found: dict[str, Any] = {N_SAMPLES: int(sum(weights)), N_REFUSED: refused}
    for name in sorted({name for one in figures for name in one} - {N_SAMPLES}):
        pairs = [
            (w, one[name]) for w, one in zip(weights, figures, strict=True) if name in one and w
        ]
        if pairs:
            found[name] = sum(w * v for w, v in pairs) / sum(w for w, _ in pairs)
    return MetricRecord(found)


def _n_samples(image: bytes) -> int:
    return int(decode_image(image, "a device's image").state["n_samples"][0])
