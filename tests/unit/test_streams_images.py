"""IDX images and where they are looked for."""

import gzip

import numpy as np
import pytest

from streamlearn.errors import ConfigError, StreamFormatError, StreamlearnError
from streamlearn.streams import (
    DataNotFoundError,
    data_dir,
    load_cifar10_gray,
    load_fashion_mnist,
    load_mnist,
)
from streamlearn.streams.idx import read_idx


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + array.astype(np.uint8).tobytes()


def write_set(folder, prefix, images, labels):
    folder.mkdir(parents=True, exist_ok=True)
    for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
        (folder / f"{prefix}-{kind}-ubyte.gz").write_bytes(gzip.compress(idx(array), mtime=0))


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("STREAMLEARN_DATA", str(tmp_path))
    return tmp_path


IMAGES = np.arange(2 * 784).reshape(2, 28, 28) % 256
LABELS = np.array([7, 0])


@pytest.mark.parametrize(
    ("folder", "prefix", "load"),
    [
        ("mnist", "train", lambda: load_mnist("train")),
        ("mnist", "t10k", lambda: load_mnist("test")),
        ("fashion_mnist", "train", load_fashion_mnist),
        ("fashion_mnist", "t10k", lambda: load_fashion_mnist("test")),
        ("cifar10_gray28", "t10k", load_cifar10_gray),
    ],
)
def test_pixels_and_labels(data, folder, prefix, load):
    write_set(data / folder, prefix, IMAGES, LABELS)
    stream = load()
    assert np.array_equal(stream.x, IMAGES.reshape(2, 784).astype(np.float32) / np.float32(255))
    assert stream.y.tolist() == [7, 0]
    assert (stream.n_features, stream.n_classes, stream.batch) == (784, 10, None)
    assert (stream.x.min(), stream.x.max()) == (0, 1)


def test_real_mnist():
    try:
        stream = load_mnist("test")
    except DataNotFoundError as error:
        pytest.skip(str(error))
    assert stream.y[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(stream.y).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009
    ]  # fmt: skip
    assert len(stream) == 10_000


def test_unknown_split():
    with pytest.raises(ConfigError, match="'train' or 'test', got 'valid'"):
        load_mnist("valid")


def test_missing_files_are_named_with_their_source(data):
    (data / "mnist").mkdir()
    with pytest.raises(DataNotFoundError) as caught:
        load_mnist("train")
    message = str(caught.value)
    assert str(data / "mnist") in message
    assert "not there: train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz" in message
    assert "LeCun" in message
    assert "STREAMLEARN_DATA" in message
    assert isinstance(caught.value, FileNotFoundError)
    assert isinstance(caught.value, StreamlearnError)


def test_environment_names_a_folder_that_does_not_exist(monkeypatch, tmp_path):
    monkeypatch.setenv("STREAMLEARN_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataNotFoundError, match=r"STREAMLEARN_DATA is '.*nowhere'"):
        data_dir()
    with pytest.raises(DataNotFoundError, match=r"nowhere.*t10k-images.*Krizhevsky"):
        load_cifar10_gray()


def test_without_a_variable_data_is_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("STREAMLEARN_DATA", raising=False)
    monkeypatch.setenv("STREAMLEARN_CACHE", str(tmp_path))
    with pytest.raises(DataNotFoundError) as caught:
        load_mnist("test")
    message = str(caught.value)
    assert f"{str(tmp_path / 'data')!r} does not exist. Put the data sets there" in message
    assert "STREAMLEARN_DATA is not set" in message
    assert "'mnist': t10k-images-idx3-ubyte.gz" in message
    write_set(tmp_path / "data" / "mnist", "t10k", IMAGES, LABELS)
    assert data_dir() == tmp_path / "data"
    assert load_mnist("test").y.tolist() == [7, 0]


def test_a_folder_that_the_caller_names_counts_before_the_variable(data, tmp_path):
    mine = tmp_path / "mine"
    write_set(data / "mnist", "t10k", IMAGES, LABELS)
    write_set(mine / "mnist", "t10k", IMAGES, LABELS[::-1])
    assert load_mnist("test", mine).y.tolist() == [0, 7]
    with pytest.raises(DataNotFoundError, match="nowhere' is not a folder"):
        load_mnist("test", tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"plain", "not a readable gzip file"),
        (gzip.compress(idx(IMAGES), mtime=0)[:-20], "not a readable gzip file"),
        (gzip.compress(b"", mtime=0), "got nothing"),
        (gzip.compress(idx(LABELS), mtime=0), "expected it to begin with 00000803, got 00000801"),
        (gzip.compress(idx(IMAGES)[:10], mtime=0), "is not IDX"),
        (gzip.compress(idx(IMAGES)[:-1], mtime=0), "= 1568 bytes but holds 1567"),
    ],
)
def test_damaged_idx(tmp_path, raw, said):
    path = tmp_path / "x.gz"
    path.write_bytes(raw)
    with pytest.raises(StreamFormatError, match=said):
        read_idx(path, 3)


def test_images_and_labels_of_different_length(data):
    write_set(data / "mnist", "t10k", IMAGES, np.array([1, 2, 3]))
    with pytest.raises(StreamFormatError, match="expected 3 images of 28x28"):
        load_mnist("test")
