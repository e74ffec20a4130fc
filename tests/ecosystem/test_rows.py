"""A sample, a block, a label or a target is taken for what it is, whoever's object it is."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from ecosystem_helpers import N_FEATURES, made, samples

from quant.errors import InputValueError, LabelError, ShapeError
from quant.network import NetworkSpec
from streamlearn import MesuClassifier, MesuRegressor
from streamlearn.learners.labels import read_label, read_labels, read_target, read_targets
from streamlearn.learners.rows import names_of, read_block, read_row

SPEC = NetworkSpec((3, 4, 2))
ROW = [1.5, -2.0, 3.0]
BLOCK = [ROW, [4.0, 5.0, 6.0]]
ABC = ("a", "b", "c")


def pandas() -> Any:
    return pytest.importorskip("pandas", reason="pandas is not installed (pip install pandas)")


def polars() -> Any:
    return pytest.importorskip("polars", reason="polars is not installed (pip install polars)")


def torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed (pip install torch)")


def row(x: Any, known: Any = None) -> list[float]:
    return list(read_row(x, SPEC, known).tolist())


def block(X: Any, known: Any = None) -> list[list[float]]:
    return [list(r) for r in read_block(X, SPEC, known).tolist()]


class Arrayish:
    """What only has ``__array__``."""

    def __init__(self, values: Any) -> None:
        self.values = np.array(values)

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.values if dtype is None else self.values.astype(dtype)


# -- NumPy and Python --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "x",
    [
        ROW,
        tuple(ROW),
        np.array(ROW),
        np.array(ROW, np.float16),
        np.array(ROW, object),
        np.ma.masked_array(ROW),
        [np.float64(1.5), np.array(-2), np.array(3.0)],
        [np.array(1.5), np.int8(-2), True + 2],
        Arrayish(ROW),
        dict(zip(ABC, ROW, strict=True)),
        dict(zip(ABC, map(np.array, ROW), strict=True)),
    ],
)
def test_one_sample_of_numpy_or_python(x: Any) -> None:
    assert row(x) == ROW


@pytest.mark.parametrize(
    "X",
    [
        BLOCK,
        tuple(map(tuple, BLOCK)),
        np.array(BLOCK),
        np.array(BLOCK, object),
        np.asfortranarray(BLOCK),
        [np.array(r) for r in BLOCK],
        [[np.array(v) for v in r] for r in BLOCK],
        [ROW, np.array(BLOCK[1])],
        Arrayish(BLOCK),
        [dict(zip(ABC, r, strict=True)) for r in BLOCK],
        [dict(zip(ABC, BLOCK[0], strict=True)), {"c": 6.0, "a": 4.0, "b": 5.0}],
    ],
)
def test_a_block_of_numpy_or_python(X: Any) -> None:
    assert block(X) == BLOCK


def test_truth_values_and_whole_numbers_are_numbers() -> None:
    assert row([True, np.bool_(False), 7]) == [1, 0, 7]
    assert row(np.array([1, 0, 1], bool)) == [1, 0, 1]
    assert row([2**64, 0, 0]) == [2**64, 0, 0]


def test_values_are_rounded_to_float32() -> None:
    assert row([0.1, 0, 0])[0] == float(np.float32(0.1)) != 0.1
    assert block([[0.1, 0, 0]])[0][0] == float(np.float32(0.1))


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ([1, "wet", 3], InputValueError, "got 'wet' for feature 1"),
        ({"a": 1, "b": None, "c": 3}, InputValueError, "got None for b"),
        ({"a": 1, "b": 2, "c": [3]}, InputValueError, r"got \[3\] for c"),
        ([1, 2, 3j], InputValueError, "got 3j for feature 2"),
        (
            [1, np.datetime64("2024-01-01"), 3],
            InputValueError,
            r"datetime.date.* feature 1",
        ),
        (
            [1, np.timedelta64(1, "D"), 3],
            InputValueError,
            r"timedelta.* feature 1",
        ),
        ([1, np.timedelta64(1, "ns"), 3], InputValueError, "got 1 for feature 1|timedelta"),
        ([1, np.array(5, "datetime64[ns]"), 3], InputValueError, "feature 1"),
        (np.array([1, 2, 3], "timedelta64[ns]"), InputValueError, "feature 0"),
        ([1, np.array("wet"), 3], InputValueError, "'wet'.* for feature 1"),
        (np.ma.masked_array(ROW, [0, 0, 1]), InputValueError, "masked values for feature 2"),
        (np.array(["1", "2", "3"]), InputValueError, "got .*'1'.* for feature 0"),
        ({"a": 1, "b": float("nan"), "c": 3}, InputValueError, "^b is nan: .*1 of 3 values"),
        ("abc", InputValueError, "got 'abc'"),
        ({1, 2, 3}, InputValueError, r"got \{1, 2, 3\}"),
        (iter(ROW), InputValueError, "iterator"),
        (None, InputValueError, "got None"),
        ([*ROW, 1], ShapeError, r"x has shape \(4,\): a 3-4-2 network takes \(3,\)$"),
        (BLOCK, ShapeError, r"x has shape \(2, 3\).*learn_many and predict_many take blocks"),
        (np.array(BLOCK), ShapeError, "learn_many and predict_many take blocks"),
        (1.0, ShapeError, r"x has shape \(\)"),
        ({"a": 1, "b": 2, 1: 3, "1": 4}, ShapeError, "two features are called '1'"),
    ],
)
def test_what_is_no_sample_says_why(x: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        row(x)


def test_names_are_matched_whatever_the_order_and_a_near_miss_is_suggested() -> None:
    assert row({"c": 3.0, "a": 1.5, "b": -2.0}, ABC) == ROW
    message = (
        r"features differ from the first sample's: missing \['humidity'\], unknown \['humidty'\]; "
        "is 'humidty' meant to be 'humidity'"
    )
    with pytest.raises(ShapeError, match=message):
        row({"a": 1, "b": 2, "humidty": 3}, ("a", "b", "humidity"))
    with pytest.raises(ShapeError, match=r"unknown \['zzz'\]$"):
        row({"a": 1, "b": 2, "zzz": 3}, ABC)
    with pytest.raises(InputValueError, match="b is nan"):
        row([1, np.nan, 3], ABC)


# -- pandas ------------------------------------------------------------------------------------


def test_a_pandas_row_goes_by_name() -> None:
    pd = pandas()
    frame = pd.DataFrame(BLOCK, columns=list(ABC))
    assert row(frame.iloc[0]) == ROW
    assert row(frame[["c", "a", "b"]].iloc[0], ABC) == ROW
    assert row(pd.Series(ROW), ABC) == ROW, "an index of 0, 1, 2 has no names"
    assert row(pd.Series(ROW, index=[2, 0, 1]), ("0", "1", "2")) == [-2.0, 3.0, 1.5]
    mixed = pd.Series({"a": 1.5, "b": np.int8(-2), "c": pd.Series([3.0]).iloc[0]}, dtype=object)
    assert row(mixed, ABC) == ROW
    with pytest.raises(ShapeError, match=r"missing \['c'\], unknown \['d'\]"):
        row(pd.Series(ROW, index=["a", "b", "d"]), ABC)
    with pytest.raises(InputValueError, match="got <NA> for b"):
        row(pd.Series({"a": 1, "b": pd.NA, "c": 3}, dtype=object))
    with pytest.raises(InputValueError, match="b is nan"):
        row(pd.Series([1, None, 3], index=list(ABC), dtype="Int64"))
    with pytest.raises(ShapeError, match=r"x is a data frame of shape .*learn_many"):
        row(frame)


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "int64", "uint8", "boolean", "Int64", "Float32", object, bool]
)
def test_a_pandas_column_of_every_kind_of_number(dtype: Any) -> None:
    pd = pandas()
    frame = pd.DataFrame({"b": [0.0, 1.0], "a": [1.5, 4.0]})
    frame["c"] = pd.Series([1, 0]).astype(dtype)
    assert block(frame, ABC) == [[1.5, 0.0, 1.0], [4.0, 1.0, 0.0]]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["x", "y"], "got 'x' for c in row 0"),
        ([1.0, None], "c in row 1 is nan"),
        (["1", "2"], "got '1' for c in row 0"),
    ],
)
def test_a_pandas_column_that_is_no_number(column: Any, message: str) -> None:
    pd = pandas()
    frame = pd.DataFrame({"a": [1, 2], "b": [1, 2], "c": column})
    with pytest.raises(InputValueError, match=message):
        block(frame)
    for kind in ("category", "string"):
        if kind in ("category", "string") and isinstance(column[0], str):
            with pytest.raises(InputValueError, match="for c in row 0"):
                block(frame.astype({"c": kind}))
    dates = frame.assign(c=pd.to_datetime(["2024-01-01", "2024-01-02"]))
    with pytest.raises(InputValueError, match=r"Timestamp.* for c in row 0"):
        block(dates)
    missing = frame.assign(c=pd.array([1, None], dtype="Int64"))
    with pytest.raises(InputValueError, match="c in row 1 is nan"):
        block(missing)


def test_a_pandas_frame_without_names_goes_by_position() -> None:
    pd = pandas()
    assert block(pd.DataFrame(BLOCK), ABC) == BLOCK
    assert names_of(pd.DataFrame(BLOCK)) is None
    two = pd.DataFrame(BLOCK, columns=["a", "b", "b"])
    with pytest.raises(ShapeError, match="two features are called 'b'"):
        block(two, ABC)
    with pytest.raises(ShapeError, match=r"X has shape \(2, 2\)"):
        block(pd.DataFrame(BLOCK)[[0, 1]])
    with pytest.raises(ShapeError, match=r"X has shape \(3,\)"):
        block(pd.Series(ROW))


def test_pandas_in_pandas_out() -> None:
    pd = pandas()
    x, y = samples(30)
    frame = pd.DataFrame(x, columns=list("abcde"), index=range(100, 130))
    listed, framed = made(MesuClassifier), made(MesuClassifier)
    listed.learn_many(x, y)
    framed.learn_many(frame, pd.Series(y, index=frame.index))
    assert framed.state_sha256 == listed.state_sha256
    shuffled = frame[list("cabed")]
    found = framed.predict_many(shuffled)
    assert found.index.equals(frame.index)
    assert found.tolist() == listed.predict_many(x)
    table = framed.predict_proba_many(shuffled)
    assert table.index.equals(frame.index)
    assert tuple(table.columns) == framed.labels
    assert np.array_equal(table.to_numpy(), listed.predict_proba_many(x))
    said = made(MesuClassifier).test_then_learn_many(frame, y)
    assert said.tolist() == made(MesuClassifier).test_then_learn_many(x, y)
    numbers = made(MesuRegressor).learn_many(frame, pd.Series(y)).predict_many(shuffled)
    assert numbers.tolist() == made(MesuRegressor).learn_many(x, y).predict_many(x).tolist()
    with pytest.raises(ShapeError, match=r"missing \['a'\], unknown \['A'\]; is 'A' meant|'A'"):
        framed.predict_many(frame.rename(columns={"a": "A"}))


def test_labels_of_pandas() -> None:
    pd = pandas()
    kinds = ["a", "b", "a"]
    for series in (
        pd.Series(kinds),
        pd.Series(kinds, dtype="category"),
        pd.Series(kinds, dtype="string"),
        pd.Index(kinds),
        pd.Categorical(kinds),
    ):
        assert read_labels(series, 3) == kinds
    assert read_labels(pd.Series([1, 2, 1], dtype="Int64"), 3) == [1, 2, 1]
    assert [type(v) for v in read_labels(pd.Series([True, False, True]), 3)] == [bool] * 3
    for missing in (
        pd.Series(["a", None, "b"]),
        pd.Series(["a", None, "b"], dtype="category"),
        pd.Series([1, None, 2], dtype="Int64"),
        pd.Series(["a", pd.NA, "b"], dtype=object),
        pd.Series([pd.Timestamp(0), pd.NaT, pd.Timestamp(1)]),
    ):
        with pytest.raises(LabelError, match=r"row 1: label (<NA>|nan|None|NaT) is no label"):
            read_labels(missing, 3)
    with pytest.raises(LabelError, match="label <NA> is no label"):
        read_label(pd.NA)
    with pytest.raises(ShapeError, match=r"y has shape \(3, 1\)"):
        read_labels(pd.DataFrame({"y": kinds}), 3)


# -- polars ------------------------------------------------------------------------------------


def test_polars_goes_by_name() -> None:
    pl = polars()
    frame = pl.DataFrame(BLOCK, schema=list(ABC), orient="row")
    assert block(frame) == BLOCK
    assert block(frame.select("c", "a", "b"), ABC) == BLOCK
    assert row(frame.select("c", "a", "b").row(0, named=True), ABC) == ROW
    assert row(frame.row(0)) == ROW
    assert row(pl.Series(ROW)) == ROW
    whole = frame.with_columns(pl.col("c").cast(pl.Int16), b=pl.Series([True, False]))
    assert block(whole) == [[1.5, 1.0, 3.0], [4.0, 0.0, 6.0]]
    assert names_of(frame) == ABC
    learner = made(MesuClassifier)
    x, y = samples(20)
    named = pl.DataFrame(x, schema=list("abcde"))
    learner.learn_many(named, pl.Series(y))
    assert learner.predict_many(named.select(list("edcba"))) == learner.predict_many(x)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["x", "y"], "got 'x' for c in row 0"),
        ([1.0, None], "c in row 1 is nan"),
        ([1, None], "c in row 1 is nan"),
        ([True, None], "got None for c in row 1"),
        ([[1.0], [2.0]], "got .* for c in row 0"),
    ],
)
def test_a_polars_column_that_is_no_number(column: Any, message: str) -> None:
    pl = polars()
    frame = pl.DataFrame({"a": [1, 2], "b": [1, 2], "c": column})
    with pytest.raises(InputValueError, match=message):
        block(frame)


def test_polars_says_what_it_cannot_be() -> None:
    pl = polars()
    frame = pl.DataFrame(BLOCK, schema=list(ABC), orient="row")
    with pytest.raises(ShapeError, match="x is a data frame"):
        row(frame)
    with pytest.raises(ShapeError, match=r"missing \['c'\]"):
        block(frame.rename({"c": "d"}), ABC)
    with pytest.raises(ShapeError, match="X is a LazyFrame"):
        block(frame.lazy())
    with pytest.raises(LabelError, match="row 1: label None"):
        read_labels(pl.Series(["a", None]), 2)
    assert read_labels(pl.Series(["a", "b"], dtype=pl.Categorical), 2) == ["a", "b"]


# -- torch -------------------------------------------------------------------------------------


def test_tensors_are_arrays() -> None:
    t = torch()
    for dtype in (t.float32, t.float64, t.float16, t.bfloat16):
        for grad in (False, True):
            assert row(t.tensor(ROW, dtype=dtype, requires_grad=grad)) == ROW
            assert block(t.tensor(BLOCK, dtype=dtype, requires_grad=grad)) == BLOCK
    assert row(t.tensor([1, 0, 1])) == row(t.tensor([True, False, True])) == [1, 0, 1]
    assert row(t.nn.Parameter(t.tensor(ROW))) == ROW
    elements = [t.tensor(v, requires_grad=True) for v in ROW]
    assert row(elements) == ROW
    assert row(dict(zip("cab", elements, strict=True)), ("c", "a", "b")) == ROW
    assert block([t.tensor(r) for r in BLOCK]) == BLOCK
    assert block(t.tensor(BLOCK).T.T) == BLOCK
    with pytest.raises(InputValueError, match="feature 1 in row 0 is nan"):
        block(t.tensor([[1.0, float("nan"), 2.0]]))
    with pytest.raises(InputValueError, match=r"got a tensor of torch.complex64"):
        row(t.tensor([1j, 2, 3]))
    with pytest.raises(InputValueError, match="must be a dense tensor"):
        row(t.tensor(ROW).to_sparse())
    with pytest.raises(ShapeError, match=r"x has shape \(2, 3\)"):
        row(t.tensor(BLOCK))


def test_labels_and_targets_of_torch() -> None:
    t = torch()
    assert type(read_label(t.tensor(3))) is int
    assert read_labels(t.tensor([2, 0, 1]), 3) == [2, 0, 1]
    assert read_labels([t.tensor(2), t.tensor(0)], 2) == [2, 0]
    assert read_target(t.tensor(1.5, requires_grad=True)) == 1.5
    assert read_targets(t.tensor([1.5, 2.0], requires_grad=True), 2).tolist() == [1.5, 2.0]
    with pytest.raises(LabelError, match=r"row 0: .*is no label"):
        read_labels(t.tensor([[1, 2]]).unbind(0), 1)
    learner = made(MesuClassifier)
    x, y = samples(5)
    learner.learn_many(t.tensor(x), t.tensor(y))
    learner.learn_one(t.tensor(x[0]), t.tensor(y[0]))
    assert all(type(label) is int for label in learner.labels)


# -- labels and targets ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "label", "kind"),
    [
        (np.int64(3), 3, int),
        (np.array(3), 3, int),
        (np.array("a"), "a", str),
        (np.str_("a"), "a", str),
        (np.bool_(True), True, bool),
        (np.float32(0.5), 0.5, float),
        (np.array(3, object), 3, int),
        ((1, "a"), (1, "a"), tuple),
        (b"a", b"a", bytes),
    ],
)
def test_a_label_is_the_scalar_inside(y: Any, label: Any, kind: type) -> None:
    assert read_label(y) == label
    assert type(read_label(y)) is kind


@pytest.mark.parametrize(
    "y",
    [None, float("nan"), np.array(np.nan), np.ma.masked, [1], np.array([1]), {}, np.array(None)],
)
def test_what_names_no_class(y: Any) -> None:
    with pytest.raises(LabelError, match="is no label"):
        read_label(y)
    with pytest.raises(LabelError, match=r"row 1: label .* is no label.*Nothing was learned"):
        read_labels(["a", y], 2)


def test_labels_in_a_row() -> None:
    assert read_labels(np.array([1, 2]), 2) == [1, 2]
    assert [type(v) for v in read_labels(np.array([1, 2], np.uint8), 2)] == [int, int]
    assert read_labels([(1, 2), (3, 4)], 2) == [(1, 2), (3, 4)]
    assert read_labels(range(3), 3) == [0, 1, 2]
    with pytest.raises(LabelError, match="row 1: label None"):
        read_labels(np.ma.masked_array([1, 2], [False, True]), 2)


@pytest.mark.parametrize("y", [2, 2.0, np.int8(2), np.array(2.0), np.float16(2), True + 1])
def test_a_target_is_one_number(y: Any) -> None:
    assert read_target(y) == 2.0
    assert read_targets([y, y], 2).tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ("2", InputValueError, "targets must be numbers: got '2' for the target in row 1"),
        (None, InputValueError, "got None for the target in row 1"),
        (np.nan, InputValueError, "the target in row 1 is nan: expected a finite number"),
        (1e39, InputValueError, "the target in row 1 is 1e\\+39"),
    ],
)
def test_a_bad_target_is_named_by_its_row(y: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        read_targets([1.0, y], 2)
    with pytest.raises(error, match="target"):
        read_target(y)


# -- without them ------------------------------------------------------------------------------


def test_streamlearn_imports_none_of_them() -> None:
    """Neither does learning; each is only looked at in an object's type."""
    program = (
        "import sys; import streamlearn; s = streamlearn.MesuClassifier((2, 3, 2)); "
        "s.learn_one([1, 2], 'a').learn_many([{'a': 1, 'b': 2}], ['b']); s.predict_many([[1, 2]]); "
        "print(sorted({'pandas', 'polars', 'torch', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_river_is_not_imported_before_a_learner_is_made() -> None:
    program = "import sys; import streamlearn; print('river' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_a_learner_notes_the_names_of_a_block_and_not_of_a_refused_one() -> None:
    learner = made(MesuClassifier)
    x, y = samples(3)
    bad = [dict(zip("vwxyz", r, strict=True)) for r in x.tolist()]
    bad[2]["v"] = np.nan
    with pytest.raises(InputValueError, match="v in row 2 is nan"):
        learner.learn_many(bad, y)
    learner.learn_many([dict(zip("abcde", r, strict=True)) for r in x.tolist()], y)
    with pytest.raises(ShapeError, match=r"missing \['a'"):
        learner.predict_one(bad[0])
    assert learner.n_samples == 3
    assert len(x[0]) == N_FEATURES
