"""Image streams in IDX files, read from the data folder: MNIST, Fashion-MNIST, gray CIFAR-10."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

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


@dataclass(frozen=True)
class ImageSet:
    """Where the files of a set of images are, and where they come from.

    Attributes
    ----------
    folder : str
        Sub-folder of :func:`streamlearn.streams.data_dir`.
    source : str
        Title and publisher.
    classes : tuple of str
    licence, citation : str
    splits : tuple of str
    labelled : bool
        Images without labels are in one file.
    """

    folder: str
    source: str
    classes: tuple[str, ...]
    licence: str
    citation: str
    splits: tuple[str, ...] = ("train", "test")
    labelled: bool = True

    def files(self, split: str) -> tuple[str, ...]:
        """Return the names of the files of a split: images, then labels if there are any.

        Raises
        ------
        ConfigError
            Another split.
        """
        if split not in self.splits:
            expected = " or ".join(map(repr, self.splits))
            raise ConfigError(f"split must be {expected}, got {split!r}")
        if not self.labelled:
            return ("images-idx3-ubyte.gz",)
        prefix = _PREFIX[split]
        return f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz"


#: Every set of images that is not bundled, by name.
IMAGE_SETS = {
    "mnist": ImageSet(
        folder="mnist",
        source='"The MNIST database of handwritten digits", LeCun, Cortes and Burges',
        classes=DIGITS,
        licence="CC BY-SA 3.0",
        citation=(
            "Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, Gradient-based learning applied to "
            "document recognition, Proceedings of the IEEE 86 (1998) 2278-2324"
        ),
    ),
    "fashion-mnist": ImageSet(
        folder="fashion_mnist",
        source='"Fashion-MNIST", Zalando Research',
        classes=FASHION_CLASSES,
        licence="MIT",
        citation=(
            "H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST: a novel image dataset for "
            "benchmarking machine learning algorithms, arXiv 1708.07747 (2017)"
        ),
    ),
    "fashion-mnist-900": ImageSet(
        folder="fashion_mnist_900",
        splits=("test",),
        labelled=False,
        source='900 images of "Fashion-MNIST", Zalando Research, cut from its overview sheet',
        classes=FASHION_CLASSES,
        licence="MIT",
        citation=(
            "H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST: a novel image dataset for "
            "benchmarking machine learning algorithms, arXiv 1708.07747 (2017)"
        ),
    ),
    "cifar10-gray": ImageSet(
        folder="cifar10_gray28",
        splits=("test",),
        source='"CIFAR-10", Krizhevsky, University of Toronto, made gray, cropped to 28x28, IDX',
        classes=CIFAR_CLASSES,
        licence="no licence stated by the publisher; for research",
        citation=(
            "A. Krizhevsky, Learning multiple layers of features from tiny images, "
            "technical report, University of Toronto (2009)"
        ),
    ),
}


def load_mnist(split: Literal["train", "test"] = "train", root: Path | str | None = None) -> Stream:
    """Load the handwritten digits in their original order.

    Parameters
    ----------
    split
        ``"train"`` (60,000 images) or ``"test"`` (10,000 images).
    root
        Folder of the data sets; see :func:`streamlearn.streams.data_dir` for where it is if not
        given.

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
    return _load_images("mnist", split, root)


def load_fashion_mnist(
    split: Literal["train", "test"] = "train", root: Path | str | None = None
) -> Stream:
    """Load the articles of clothing of Fashion-MNIST in their original order.

    Parameters and errors are those of :func:`load_mnist`; the files have MNIST's names, in the
    folder ``fashion_mnist``.
    """
    return _load_images("fashion-mnist", split, root)


def load_cifar10_gray(root: Path | str | None = None) -> Stream:
    """Load the CIFAR-10 test images, gray, centre crop 28x28: what MNIST is not.

    Parameters
    ----------
    root
        As for :func:`load_mnist`.

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
    return _load_images("cifar10-gray", "test", root)


def load_fashion_mnist_900(root: Path | str | None = None) -> npt.NDArray[np.float32]:
    """Load the 900 articles of clothing on Fashion-MNIST's overview sheet: images, no labels.

    Parameters
    ----------
    root
        As for :func:`load_mnist`.

    Returns
    -------
    float32[900, 784]
        Pixels row by row, byte / 255 in [0, 1].

    Raises
    ------
    DataNotFoundError
        The file is not in the data folder.
    StreamFormatError
        It is damaged.
    """
    images_of = IMAGE_SETS["fashion-mnist-900"]
    (path,) = data_files(images_of.folder, images_of.files("test"), images_of.source, root)
    return _pixels(read_idx(path, 3))


def _pixels(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    pixels: npt.NDArray[np.float32] = images.reshape(len(images), -1).astype(np.float32)
    pixels /= np.float32(255)
    return pixels


def _load_images(kind: str, split: str, root: Path | str | None) -> Stream:
    images_of = IMAGE_SETS[kind]
    names = images_of.files(split)
    image_path, label_path = data_files(images_of.folder, names, images_of.source, root)
    images, labels = read_idx(image_path, 3), read_idx(label_path, 1)
    name = kind if len(images_of.splits) == 1 else f"{kind}-{split}"
    if images.shape != (len(labels), SIDE, SIDE):
        raise StreamFormatError(
            f"{name}: expected {len(labels)} images of {SIDE}x{SIDE} to match the labels, "
            f"got {list(images.shape)}"
        )
    return Stream(
        name=name,
        x=_pixels(images),
        y=labels.astype(np.int64),
        classes=images_of.classes,
        feature_names=tuple(f"r{row}c{col}" for row in range(SIDE) for col in range(SIDE)),
        batch=None,
        licence=images_of.licence,
        citation=images_of.citation,
    )
