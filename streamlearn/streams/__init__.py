"""Streams of labelled samples: the bundled one, image sets, and any CSV."""

from streamlearn.streams.base import Stream
from streamlearn.streams.csv_options import ReadOptions
from streamlearn.streams.csv_skipped import Skipped
from streamlearn.streams.csv_stream import CsvStream
from streamlearn.streams.csv_targets import CsvTargets
from streamlearn.streams.gas_concentration import TargetStream, load_gas_concentration
from streamlearn.streams.gas_drift import load_gas_drift
from streamlearn.streams.locate import DataNotFoundError, data_dir
from streamlearn.streams.mnist import (
    load_cifar10_gray,
    load_fashion_mnist,
    load_fashion_mnist_900,
    load_mnist,
)

__all__ = [
    "CsvStream",
    "CsvTargets",
    "DataNotFoundError",
    "ReadOptions",
    "Skipped",
    "Stream",
    "TargetStream",
    "data_dir",
    "load_cifar10_gray",
    "load_fashion_mnist",
    "load_fashion_mnist_900",
    "load_gas_concentration",
    "load_gas_drift",
    "load_mnist",
]
