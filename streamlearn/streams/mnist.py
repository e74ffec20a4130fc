"""Image streams in IDX files, read from the data folder: MNIST, Fashion-MNIST, gray CIFAR-10."""

from __future__ import annotations

from typing import Literal

import numpy as np

from streamlearn.errors import ConfigError, StreamFormatError
from streamlearn.streams.base import Stream
from streamlearn.streams.idx import read_idx
from streamlearn.streams.locate import data_files

SIDE = 28
DIGITS = tuple("0123456789")
CIFAR_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
FASHION_CLASSES = (
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
_PREFIX = {"train": "train", "test": "t10k"}


def load_mnist(split: Literal["train", "test"] = "train") -> Stream:
    """Load the handwritten digits in their original order.

    Parameters
    ----------
    split
        ``"train"`` (60,000 images) or ``"test"`` (10,000 images).

    Returns
    -------
    Stream
        ``x`` float32 ``[n, 784]``, pixels row by row, byte / 255 in [0, 1]; 10 classes.

    Raises
    ------
    ConfigError
        Another `split`.
    DataNotFoundError
        The files are not in the data folder.
    StreamFormatError
        A file is damaged.
    """
    return _load_images(
        name=f"mnist-{split}",
        folder="mnist",
        prefix=_prefix(split),
        source='"The MNIST database of handwritten digits", LeCun, Cortes and Burges',
        classes=DIGITS,
        licence="CC BY-SA 3.0",
        citation=(
            "Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to "
            "document recognition, Proceedings of the IEEE 86 (1998) 2278-2324"
        ),
    )


def load_fashion_mnist(split: Literal["train", "test"] = "train") -> Stream:
    """Load the articles of clothing of Fashion-MNIST in their original order.

    Parameters and errors are those of :func:`load_mnist`; the files have MNIST's names, in the
    folder ``fashion_mnist``.
    """
    return _load_images(
        name=f"fashion-mnist-{split}",
        folder="fashion_mnist",
        prefix=_prefix(split),
        source='"Fashion-MNIST", Zalando Research',
        classes=FASHION_CLASSES,
        licence="MIT",
        citation=(
            "H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST: a novel image dataset for "
            "benchmarking machine learning algorithms, arXiv 1708.07747 (2017)"
        ),
    )


def load_cifar10_gray() -> Stream:
    """Load the CIFAR-10 test images, gray, centre crop 28x28: what MNIST is not.

    Returns
    -------
    Stream
        ``x`` float32 ``[10000, 784]``, pixels row by row, byte / 255 in [0, 1]; 10 classes.

    Raises
    ------
    DataNotFoundError
        The files are not in the data folder.
    StreamFormatError
        A file is damaged.
    """
    return _load_images(
        name="cifar10-gray",
        folder="cifar10_gray28",
        prefix="t10k",
        source='"CIFAR-10", Krizhevsky, University of Toronto, made gray, cropped to 28x28, IDX',
        classes=CIFAR_CLASSES,
        licence="no licence stated by the publisher; for research",
        citation=(
            "A. Krizhevsky, Learning multiple layers of features from tiny images, "
            "technical report, University of Toronto (2009)"
        ),
    )


def _prefix(split: str) -> str:
    if split not in _PREFIX:
        raise ConfigError(f"split must be 'train' or 'test', got {split!r}")
    return _PREFIX[split]


def _load_images(
    *,
    name: str,
    folder: str,
    prefix: str,
    source: str,
    classes: tuple[str, ...],
    licence: str,
    citation: str,
) -> Stream:
    names = (f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz")
    image_path, label_path = data_files(folder, names, source)
    images, labels = read_idx(image_path, 3), read_idx(label_path, 1)
    if images.shape != (len(labels), SIDE, SIDE):
        raise StreamFormatError(
            f"{name}: expected {len(labels)} images of {SIDE}x{SIDE} to match the labels, "
            f"got {list(images.shape)}"
        )
    return Stream(
        name=name,
        x=images.reshape(len(images), -1).astype(np.float32) / np.float32(255),
        y=labels.astype(np.int64),
        classes=classes,
        feature_names=tuple(f"r{row}c{col}" for row in range(SIDE) for col in range(SIDE)),
        batch=None,
        licence=licence,
        citation=citation,
    )
