"""The histories benchmark reads what it promises to, and Thaw reads drawn histories well."""

import json

import pytest

from benchmarks import histories
from core.errors import HistoryError
from tests.core.diagnosis.drawn_histories import write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("histories") / "all", 60, seed=7)


def test_drawn_histories_are_read_better_than_by_the_plain_threshold(folder, capsys):
    figures = histories.run(folder)["figures"]
    assert figures["macro_f1"] >= 0.93
    assert figures["macro_f1"] > figures["rebound_macro_f1"]
    assert f"macro_f1 {figures['macro_f1']:.3f} share" in capsys.readouterr().out


def test_own_column_names_accuracies_and_csv_are_read(tmp_path):
    place = tmp_path / "overfit"
    place.mkdir()
    own = {"train_metric": "acc", "monitor_metric": "val_acc", "acc": [50, 80, 99], "val_acc": [50, 70, 60]}
    (place / "a.json").write_text(json.dumps(own))
    (place / "b.csv").write_text("epoch,loss,val_loss\n1,1,1\n2,0.5,0.8\n3,0.1,0.9\n")
    read = {path.name: history for path, history, label in histories.find(tmp_path) if label}
    assert read["a.json"]["val_loss"].tolist() == pytest.approx([0.5, 0.3, 0.4])
    assert read["b.csv"]["val_loss"].tolist() == [1, 0.8, 0.9]


def test_a_nearer_folder_decides(tmp_path):
    assert histories.label_of(tmp_path / "overfit" / "non_overfit" / "x.json") is False
    assert histories.label_of(tmp_path / "elsewhere" / "x.json") is None


def test_bad_files_are_named_and_left_out(tmp_path, capsys):
    place = tmp_path / "overfit"
    place.mkdir()
    (place / "bad.json").write_text("{")
    (place / "empty.json").write_text('{"train_loss": []}')
    with pytest.raises(HistoryError, match="No histories"):
        histories.run(tmp_path)
    assert "bad.json" in capsys.readouterr().err
    assert histories.main(["--histories", str(tmp_path)]) == 2
