"""Histories of every framework are read for what they mean, and whatever is read can be judged."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.diagnosis import diagnose_history
from core.errors import HistoryError
from core.histories import read_history, read_history_file

VERDICTS = {"good_fit", "underfitting", "overfitting", "still_improving", "unstable", "inconclusive"}
LOSS, VAL = [1.2, 0.8, 0.6], [1.1, 0.9, 0.85]
ACC, VAL_ACC = [0.5, 0.7, 0.8], [0.55, 0.65, 0.7]
BOTH = {"loss": LOSS, "val_loss": VAL}
ALL = {**BOTH, "accuracy": ACC, "val_accuracy": VAL_ACC}


def columns(content: bytes | str, name: str = "history") -> dict[str, list[float]]:
    table = read_history(content, name)
    assert table["epoch"].is_monotonic_increasing
    return {c: table[c].tolist() for c in table.columns if c != "epoch"}


@pytest.mark.parametrize(
    "wrap", [lambda h: h, lambda h: {"history": h}, lambda h: {"history": h, "params": {"epochs": 3}}]
)
def test_keras_history_as_json(wrap) -> None:
    assert columns(json.dumps(wrap({**ALL, "lr": [0.1] * 3}))) == ALL


def test_pandas_json_of_a_history() -> None:
    assert columns(pd.DataFrame(ALL).to_json()) == ALL
    assert columns(pd.DataFrame(ALL).to_json(orient="records")) == ALL


def test_keras_csv_logger(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"epoch": range(3), "acc": ACC, "learning_rate": 0.1, "loss": LOSS, "val_acc": VAL_ACC, "val_loss": VAL}
    )
    frame.to_csv(tmp_path / "log.csv", index=False)
    table = read_history_file(tmp_path / "log.csv")
    assert table[list(ALL)].to_dict("list") == ALL


def test_csv_with_an_index_column_and_byte_order_mark() -> None:
    assert columns("\ufeff".encode() + pd.DataFrame(ALL).to_csv().encode()) == ALL


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators(separator: str) -> None:
    assert columns(pd.DataFrame(ALL).to_csv(index=False, sep=separator)) == ALL


def test_decimal_commas() -> None:
    assert columns(pd.DataFrame(ALL).to_csv(index=False, sep=";", decimal=",")) == ALL


def test_one_column() -> None:
    assert columns("loss\n1.2\n0.8\n0.6\n") == {"loss": LOSS}


def test_lightning_joins_the_rows_of_an_epoch() -> None:
    text = (
        "epoch,step,train_loss_epoch,train_loss_step,val_loss,val_acc\n"
        "0,49,,1.5,,\n0,99,,,1.1,0.55\n0,99,1.2,,,\n1,149,,0.9,,\n1,199,,,0.9,0.65\n1,199,0.8,,,\n2,299,,,0.85,0.7\n2,299,0.6,,,\n"
    )
    assert columns(text, "metrics.csv") == {**BOTH, "val_accuracy": VAL_ACC}


def test_fastai_accuracy_is_of_the_validation_images() -> None:
    text = "epoch,train_loss,valid_loss,accuracy,error_rate,time\n0,1.2,1.1,0.55,0.45,00:04\n1,0.8,0.9,0.65,0.35,00:04\n2,0.6,0.85,0.7,0.3,00:05\n"
    assert columns(text, "history.csv") == {**BOTH, "val_accuracy": VAL_ACC}


def test_fastai_error_rate_becomes_accuracy() -> None:
    text = "epoch,train_loss,valid_loss,error_rate,time\n0,1.2,1.1,0.45,00:04\n1,0.8,0.9,0.35,00:04\n2,0.6,0.85,0.3,00:05\n"
    assert columns(text)["val_accuracy"] == pytest.approx(VAL_ACC)


def test_yolo_classification() -> None:
    text = (
        "                  epoch,             train/loss,  metrics/accuracy_top1,  metrics/accuracy_top5,               val/loss\n"
        "                      1,                    1.2,                   0.55,                      1,                    1.1\n"
        "                      2,                    0.8,                   0.65,                      1,                    0.9\n"
        "                      3,                    0.6,                    0.7,                      1,                   0.85\n"
    )
    assert columns(text, "results.csv") == {**BOTH, "val_accuracy": VAL_ACC}


def test_yolo_detection() -> None:
    frame = pd.DataFrame(
        {"epoch": [1, 2, 3], "train/box_loss": 9.0, "train/cls_loss": LOSS, "val/box_loss": 9.0, "val/cls_loss": VAL}
    )
    assert columns(frame.to_csv(index=False), "results.csv") == BOTH


def mlflow(step: bool = True) -> list[dict]:
    rows = [
        {"key": k, "value": v, "timestamp": 1} | ({"step": i} if step else {})
        for k, c in ALL.items()
        for i, v in enumerate(c)
    ]
    return rows[::-1] if step else rows


@pytest.mark.parametrize("step", [True, False])
@pytest.mark.parametrize("wrap", [lambda r: r, lambda r: {"metrics": r}])
def test_mlflow_metrics(wrap, step: bool) -> None:
    assert columns(json.dumps(wrap(mlflow(step)))) == ALL
    assert columns(pd.DataFrame(mlflow(step)).to_csv(index=False)) == ALL


def test_a_log_that_writes_training_more_often_than_validation() -> None:
    log = [
        {"loss": 1.3},
        {"loss": 1.1},
        {"eval_loss": 1.1},
        {"loss": 0.8},
        {"eval_loss": 0.9},
        {"loss": 0.6},
        {"eval_loss": 0.85},
    ]
    found = columns(json.dumps({"log_history": log, "global_step": 3}))
    assert found["loss"] == pytest.approx(LOSS)
    assert found["val_loss"] == VAL


def event_file(folder: Path, tags: dict[str, list[float]], *, old: bool = False) -> bytes:
    """Write scalars as TensorFlow 2 (tensors) or as PyTorch (simple values), with TensorBoard's own writer."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_FLOAT
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(folder))
    for tag, numbers in tags.items():
        for step, number in enumerate(numbers):
            if old:
                value = Summary.Value(tag=tag, simple_value=number)
            else:
                tensor = TensorProto(dtype=DT_FLOAT, tensor_content=np.float32(number).tobytes())
                value = Summary.Value(tag=tag, tensor=tensor)
            writer.add_event(Event(step=step, summary=Summary(value=[value])))
    writer.close()
    return next(folder.glob("*tfevents*")).read_bytes()


@pytest.mark.parametrize("old", [False, True])
def test_tensorboard_event_file(old: bool, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    content = event_file(tmp_path, {"Loss/train": LOSS, "Loss/val": VAL, "Accuracy/train": ACC}, old=old)
    for name in ("events.out.tfevents.1.host", "renamed.bin"):
        found = columns(content, name)
        assert found["loss"] == pytest.approx(LOSS)
        assert found["val_loss"] == pytest.approx(VAL)
        assert found["accuracy"] == pytest.approx(ACC)
    assert len(read_history(content[:-20], "events.out.tfevents.1")) == 3  # still being written


def test_tensorboard_event_file_of_tensorflow_itself(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    tf = pytest.importorskip("tensorflow")
    writer = tf.summary.create_file_writer(str(tmp_path))
    with writer.as_default():
        for step, loss in enumerate(LOSS):
            tf.summary.scalar("epoch_loss", loss, step=step)
            tf.summary.image("picture", np.zeros((1, 4, 4, 3)), step=step)
    writer.close()
    found = columns(next(tmp_path.glob("*tfevents*")).read_bytes(), "events.out.tfevents.1")
    assert found["loss"] == pytest.approx(LOSS)


def test_reading_imports_no_tensorflow(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    (tmp_path / "events.out.tfevents.1").write_bytes(event_file(tmp_path / "e", {"epoch_loss": LOSS}))
    code = (
        "import sys; from pathlib import Path; from core.histories import read_history_file;"
        "print(len(read_history_file(Path(sys.argv[1]))), 'tensorflow' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", code, str(tmp_path / "events.out.tfevents.1")]
    said = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    assert said.split() == ["3", "False"]


def test_divergence_is_not_dropped() -> None:
    found = columns('{"loss": [1.0, NaN, null, "Infinity"], "val_loss": [1.0, NaN, NaN, Infinity]}')
    assert len(found["loss"]) == 4
    assert math.isinf(found["loss"][3])
    assert len(columns("epoch,loss\n1,0.5\n2,nan\n3,nan\n,\n")["loss"]) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "The file is empty."),
        (b"  \n ", "The file is empty."),
        ("hello\nworld", "No loss was found in history; it begins with “hello”"),
        ('{"loss": [1, 2', "could not be read as a training history"),
        ("[" * 100_000, "could not be read as a training history"),
        ("[]", "holds no lists or rows of figures with a loss"),
        ("[1, 2]", "holds no lists or rows of figures with a loss"),
        ("{}", "holds no lists or rows of figures with a loss"),
        ('{"loss": 3}', "holds one value a metric"),
        ('{"loss": []}', "holds no lists or rows of figures with a loss"),
        ("a,b\n1,2\n", "No loss was found in history; it begins with “a,b”. Name the columns loss and val_loss"),
        ("epoch,loss\n1,high\n2,low\n", "The loss columns hold no numbers"),
        ("loss,val_loss\n", "No loss was found"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "history is a picture (PNG)"),
        (b"\x00\x00brain.Event:2 cut off", "No loss was found"),
    ],
)
def test_bad_files_are_refused_in_words(content: bytes | str, words: str) -> None:
    with pytest.raises(HistoryError) as refused:
        read_history(content)
    assert words in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"There is no file 'x\.csv'"):
        read_history_file(tmp_path / "x.csv")


def test_broken_event_file_by_name() -> None:
    pytest.importorskip("tensorboard")
    with pytest.raises(HistoryError):
        read_history(b"not an event file", "events.out.tfevents.1")


def assert_read_or_refused(content: bytes | str) -> None:
    try:
        table = read_history(content)
    except HistoryError as refused:
        assert str(refused)
        return
    assert len(table)
    assert {"loss", "val_loss"} & set(table.columns)
    assert all(pd.api.types.is_float_dtype(t) for t in table.dtypes.drop("epoch"))
    assert diagnose_history(table).verdict in VERDICTS


keys = st.sampled_from(["loss", "val_loss", "epoch", "step", "key", "value", "history", "metrics", "accuracy", "0"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["0.5", "loss", ""])
jsons = st.recursive(
    scalars, lambda x: st.lists(x, max_size=4) | st.dictionaries(keys, x, max_size=4), max_leaves=15
).filter(lambda x: isinstance(x, dict | list))


@given(jsons)
def test_any_json_is_read_or_refused(content: object) -> None:
    assert_read_or_refused(json.dumps(content))


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert_read_or_refused(text)
    assert_read_or_refused(f"epoch,loss,val_loss\n{text}")


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    assert_read_or_refused(content)


numbers = st.floats() | st.floats(0, 5) | st.floats(0, 1)


@given(st.data())
def test_any_curves_get_one_of_the_six_verdicts(draw: st.DataObject) -> None:
    n = draw.draw(st.integers(1, 40))
    names = draw.draw(st.sets(st.sampled_from([*ALL, "clean_loss", "clean_accuracy"]), min_size=1))
    names |= {draw.draw(st.sampled_from(["loss", "val_loss"]))}
    frame = pd.DataFrame({name: draw.draw(st.lists(numbers, min_size=n, max_size=n)) for name in sorted(names)})
    known = {k: draw.draw(st.none() | st.integers(0, 10_000)) for k in ("n_train", "n_val", "n_classes")}
    found = diagnose_history(frame, **known)
    assert found.verdict in VERDICTS
    assert 0 <= found.confidence <= 1
    assert found.summary
    json.dumps(found.to_dict())


@pytest.mark.parametrize("n", [1, 2, 3, 500])
@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, math.nan, math.inf, -math.inf, 1e308, 5e-324])
def test_constant_curves_of_any_length(n: int, value: float) -> None:
    assert diagnose_history(pd.DataFrame({"loss": [value] * n, "val_loss": [value] * n})).verdict in VERDICTS


@pytest.mark.parametrize(
    "frame", [pd.DataFrame(), pd.DataFrame({"loss": []}), pd.DataFrame({"acc": [1.0]}), {"loss": [1]}]
)
def test_no_history_is_refused(frame: object) -> None:
    with pytest.raises(HistoryError):
        diagnose_history(frame)
