"""What is refused, and that no file takes the page's memory or time."""

import io
import json
import pickle
import random
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import HistoryError
from core.histories import read_histories, read_history
from tests.core.histories.test_histories import event_file

HISTORY = {"loss": [0.9, 0.8], "val_loss": [0.95, 0.9]}


def zipped(files: dict[str, bytes | str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("thing", [HISTORY, [HISTORY], {"loss": np.float64(0.5)}, np.zeros(3), (1, 2)])
def test_pickles_are_refused_with_the_line_that_saves_json(thing: object, protocol: int) -> None:
    with pytest.raises(HistoryError, match=r"pickle.*json\.dump"):
        read_history(pickle.dumps(thing, protocol), "trainHistoryDict")


def npy() -> bytes:
    target = io.BytesIO()
    np.save(target, np.zeros(3))
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (npy(), r"\.npy.*savetxt"),
        (zipped({"loss.npy": npy()}), r"\.npz.*json\.dump"),
        (zipped({"archive/data.pkl": b"\x80\x02}."}), "PyTorch checkpoint"),
        (zipped({"config.json": "{}", "model.weights.h5": b"\x89HDF"}), "saved Keras model"),
        (zipped({"[Content_Types].xml": ""}), "Excel.*CSV"),
        (b"\x89HDF\r\n\x1a\n", r"\.h5.*history"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"%PDF-1.7", "PDF"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"MATLAB 5.0 MAT-file", "writetable"),
        (zipped({}), "empty"),
        (zipped({"a.csv": "loss\n1\n2\n"})[:40], "could not be unpacked"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_other_files_are_named_with_the_way_out(content: bytes, words: str) -> None:
    with pytest.raises(HistoryError, match=words):
        read_history(content, "file")


def test_only_the_last_values_of_a_run_are_no_history() -> None:
    run = {"run": {"info": {"run_id": "1"}, "data": {"metrics": [{"key": "loss", "value": 0.5, "step": 9}]}}}
    with pytest.raises(HistoryError, match="get-history"):
        read_history(json.dumps({"run": {**run["run"], "data": {"metrics": {"loss": 0.5}}}}))


def test_five_megabytes_are_the_limit() -> None:
    with pytest.raises(HistoryError, match=r"6\.0 MB.*up to 5 MB"):
        read_history(b"1" * 6_000_000, "log.csv")


def record(body: bytes, length: int | None = None) -> bytes:
    return struct.pack("<QI", len(body) if length is None else length, 0) + body + struct.pack("<I", 0)


def wide_tensor() -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.compat.proto.types_pb2 import DT_FLOAT

    size = TensorShapeProto.Dim(size=200_000)
    tensor = TensorProto(dtype=DT_FLOAT, float_val=[1.0], tensor_shape=TensorShapeProto(dim=[size, size]))
    return Event(step=1, summary=Summary(value=[Summary.Value(tag="loss", tensor=tensor)])).SerializeToString()


HOSTILE = {
    "a record of two exabytes": (record(b"brain.Event:2", 2**61), "events.out.tfevents.1"),
    "a tensor of forty thousand million": (record(wide_tensor()), "events.out.tfevents.1"),
    "brackets": (b"[" * 1_000_000, "a.json"),
    "braces": (b'{"loss":' * 500_000, "a.json"),
    "a line of letters": (b"loss" * 300_000, "a.txt"),
    "a line of digits": (b"loss: " + b"1" * 1_000_000, "a.txt"),
    "a line of signs": (b"epoch: " * 150_000, "a.txt"),
    "a million columns": (b"loss" + b",loss" * 200_000 + b"\n1", "a.csv"),
    "a million rows": (b"loss\n" + b"1\n" * 500_000, "a.csv"),
    "spaces": (b"loss " + b" " * 1_000_000 + b"1", "a.txt"),
    "quotes": (b"loss,val_loss\n" + b'"' * 1_000_000, "a.csv"),
    "escapes": (b"\x1b[" * 500_000, "a.txt"),
    "a zip bomb": (zipped({"a.csv": b"0" * 30_000_000}), "a.zip"),
    "backslashes in quotes": (b"{'" + b"\\" * 1_000_000, "a.txt"),
    "epoch lines": (b"Epoch 1/2\n" * 400_000, "a.txt"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_file_takes_the_memory(kind: str) -> None:
    content, name = HOSTILE[kind]
    tracemalloc.start()
    try:
        read_history(content, name)
    except HistoryError as refused:
        assert str(refused)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 400e6


@given(st.binary(max_size=200), st.integers(0, 2**64 - 1))
def test_any_event_file_is_read_or_refused(body: bytes, length: int) -> None:
    for content in (record(body), record(body, length), body):
        try:
            read_history(content, "events.out.tfevents.1")
        except HistoryError as refused:
            assert str(refused)


def test_the_halves_of_a_tensorboard_pair(tmp_path) -> None:
    half = {
        s: event_file(tmp_path / s, {"epoch_loss": v, "epoch_accuracy": [0.5, 0.6]})
        for s, v in (("train", [0.9, 0.8]), ("validation", [1.0, 0.95]))
    }
    alone = read_history(half["train"], "events.out.tfevents.1.v2")
    assert any("validation/" in n and "both" in n for n in alone.attrs["notes"])
    folder = zipped({f"logs/{s}/events.out.tfevents.{i}.v2": c for i, (s, c) in enumerate(half.items())})
    for found in (
        read_history(folder, "logs.zip"),
        read_histories([(c, f"events.out.tfevents.{i}.v2") for i, c in enumerate(half.values())])[0][1],
    ):
        assert found["loss"].tolist() == pytest.approx([0.9, 0.8])
        assert found["val_loss"].tolist() == pytest.approx([1.0, 0.95])
        assert found["val_accuracy"].tolist() == pytest.approx([0.5, 0.6])


PARTS = {
    "MLflow": {"metrics/loss": "1764000000000 0.9 0\n1764000000001 0.8 1\n", "metrics/val_loss": "1764000000000 0.95 0\n1764000000001 0.9 1\n"},
    "TensorBoard's CSV": {f"run_{s}-tag-epoch_loss.csv": f"Wall time,Step,Value\n1.5,0,{v[0]}\n2.5,1,{v[1]}\n" for s, v in (("train", HISTORY["loss"]), ("validation", HISTORY["val_loss"]))},
    "TensorBoard's JSON": {f"run_{s}-tag-epoch_loss.json": json.dumps([[1.5, 0, v[0]], [2.5, 1, v[1]]]) for s, v in (("train", HISTORY["loss"]), ("validation", HISTORY["val_loss"]))},
    "a list a file": {"train_losses.txt": "0.9\n0.8\n", "val_losses.txt": "0.95\n0.9\n"},
    "a split a file": {"train.csv": "epoch,loss\n1,0.9\n2,0.8\n", "val.csv": "epoch,loss\n1,0.95\n2,0.9\n"},
    "W&B panels": {"a.csv": '"Step","fox - loss"\n0,0.9\n1,0.8\n', "b.csv": '"Step","fox - val_loss"\n0,0.95\n1,0.9\n'},
}  # fmt: skip


@pytest.mark.parametrize("kind", PARTS)
def test_files_that_hold_a_part_each_are_one_history(kind: str) -> None:
    files = [(text, name) for name, text in PARTS[kind].items()]
    assert len(read_histories(files)) == 1
    for table in (read_histories(files)[0][1], read_history(zipped(PARTS[kind]), "files.zip")):
        assert table["loss"].tolist() == HISTORY["loss"]
        assert table["val_loss"].tolist() == HISTORY["val_loss"]


def test_two_whole_histories_stay_two() -> None:
    text = "epoch,loss,val_loss\n1,0.9,0.95\n2,0.8,0.9\n"
    found = read_histories([(text, "a.csv"), (text, "b.csv"), (b"\x89HDF", "c.h5")])
    assert [name for name, _ in found] == ["a.csv", "b.csv"]
    assert any("c.h5" in n for n in found[0][1].attrs["notes"])


def test_bytes_that_are_no_text_are_refused_as_such() -> None:
    noise = bytes(random.Random(4).choices(range(1, 256), k=50_000))
    with pytest.raises(HistoryError, match="is no text"):
        read_history(noise, "weights.bin")
