"""What is an epoch and what is not: missing figures, summaries, stages, late beginnings, curves of different density."""

import json
import math

import pytest

from core.histories import read_history


def values(table, column: str) -> list:
    return [None if math.isnan(v) else v for v in table[column]]


def test_an_empty_cell_is_not_measured_and_nan_is_nan() -> None:
    table = read_history("epoch,loss,val_loss\n1,0.9,\n2,0.8,0.7\n3,nan,\n4,inf,nan\n")
    assert table.attrs["not_finite"] == {"loss": [2, 3], "val_loss": [3]}
    assert values(table, "val_loss") == [None, 0.7, None, None]


@pytest.mark.parametrize("empty", ["", "No log", "None", "NA", "-", "n/a", "null"])
def test_words_for_nothing(empty: str) -> None:
    table = read_history(f"epoch,train_loss,val_loss\n1,{empty},0.9\n2,0.7,0.8\n")
    assert table.attrs["not_finite"] == {"loss": [], "val_loss": []}


def test_validation_each_fifth_epoch_in_lists() -> None:
    table = read_history(json.dumps({"loss": [1 - i / 20 for i in range(10)], "val_loss": [0.9, 0.8]}))
    assert values(table, "val_loss") == [None] * 4 + [0.9] + [None] * 4 + [0.8]
    assert any("each 5 epochs" in n for n in table.attrs["notes"])


def test_an_interrupted_run_keeps_its_order() -> None:
    table = read_history(json.dumps({"loss": [0.9, 0.8, 0.7, 0.6], "val_loss": [0.95, 0.9, 0.85]}))
    assert values(table, "val_loss") == [0.95, 0.9, 0.85, None]


def test_a_validation_before_training() -> None:
    table = read_history(json.dumps({"train_loss": [0.9, 0.8], "val_loss": [1.6, 0.95, 0.9]}))
    assert values(table, "loss") == [None, 0.9, 0.8]


def test_a_loss_each_step_is_averaged_between_validations() -> None:
    table = read_history(json.dumps({"train_loss": [1.0] * 60 + [0.5] * 60, "val_loss": [0.9, 0.8]}))
    assert table["loss"].tolist() == [1.0, 0.5]


def test_steps_and_validations_in_separate_rows() -> None:
    table = read_history("step,train_loss,val_loss\n10,1.0,\n20,0.8,\n25,,0.9\n30,0.6,\n40,0.4,\n45,,0.7\n50,0.3,\n")
    assert table["loss"].tolist() == pytest.approx([0.9, 0.5])
    assert any("after the last validation" in n for n in table.attrs["notes"])
    assert table.attrs["epoch_names"] == ["step 25", "step 45"]


def test_several_validations_in_an_epoch_are_rows_of_their_own() -> None:
    rows = [{"epoch": e, "loss": 1 - e / 4, "eval_loss": 0.9 - e / 5} for e in (0.5, 1.0, 1.5, 2.0)]
    table = read_history(json.dumps({"log_history": rows}))
    assert table.attrs["epoch_names"] == ["epoch 0.5", "epoch 1", "epoch 1.5", "epoch 2"]


@pytest.mark.parametrize(
    "closing",
    [
        {"train_loss": 0.7, "train_runtime": 61.2, "epoch": 2.0, "step": 40},
        {"eval_loss": 0.61, "eval_accuracy": 0.9, "epoch": 2.0, "step": 40},
        {"test_loss": 0.5, "epoch": 2.0, "step": 40},
    ],
)
def test_hugging_face_closing_rows_are_no_epochs(closing: dict) -> None:
    rows = [{"epoch": 0.5, "loss": 0.9, "step": 10}, {"epoch": 1.0, "eval_loss": 0.8, "step": 20}, {"epoch": 1.5, "loss": 0.7, "step": 30}, {"epoch": 2.0, "eval_loss": 0.7, "step": 40}]  # fmt: skip
    table = read_history(json.dumps({"log_history": [*rows, closing]}))
    assert table["val_loss"].tolist() == [0.8, 0.7]
    assert table["loss"].tolist() == [0.9, 0.7]


def test_lightning_test_rows_are_no_epochs() -> None:
    text = "epoch,step,test_loss,train_loss,val_loss\n0,10,,0.9,\n0,11,,,0.8\n1,20,,0.7,\n1,21,,,0.75\n2,22,,,0.6\n2,22,0.61,,\n"
    table = read_history(text)
    assert table["val_loss"].tolist() == [0.8, 0.75]
    assert any("after training" in n for n in table.attrs["notes"])


def test_epochs_are_called_what_the_file_calls_them() -> None:
    table = read_history("epoch,loss,val_loss\n0,0.9,0.8\n1,0.7,0.7\n2,0.6,0.65\n")
    assert table["epoch"].tolist() == [0, 1, 2]
    assert table.attrs["epoch_names"][2] == "epoch 2"
    assert not table.attrs["begins_late"]


STAGES = {
    "numbers that start again": "epoch,loss,val_loss\n0,1.0,1.0\n1,0.8,0.9\n0,0.7,0.8\n1,0.6,0.7\n",
    "a second header": "epoch,loss,val_loss\n1,1.0,1.0\n2,0.8,0.9\nepoch,loss,val_loss\n3,0.7,0.8\n4,0.6,0.7\n",
    "columns": json.dumps({"loss": [1, 0.8], "val_loss": [1, 0.9], "fine_tune_loss": [0.7, 0.6], "fine_tune_val_loss": [0.8, 0.7]}),
    "columns of a table": "loss,val_loss,ft_loss,ft_val_loss\n1,1,0.7,0.8\n0.8,0.9,0.6,0.7\n",
    "named parts": json.dumps({"frozen": {"loss": [1, 0.8], "val_loss": [1, 0.9]}, "fine_tuned": {"loss": [0.7, 0.6], "val_loss": [0.8, 0.7]}}),
    "a list of histories": json.dumps([{"loss": [1, 0.8], "val_loss": [1, 0.9]}, {"loss": [0.7, 0.6], "val_loss": [0.8, 0.7]}]),
    "two fits": "".join(f"Epoch {e}/2\n3/3 [===] - 1s 1s/step - loss: {a} - val_loss: {b}\n" for e, a, b in ((1, 1, 1), (2, 0.8, 0.9), (1, 0.7, 0.8), (2, 0.6, 0.7))),
    "a fit that goes on": "".join(f"Epoch {e}\n3/3 [===] - 1s 1s/step - loss: {a} - val_loss: {b}\n" for e, a, b in (("1/2", 1, 1), ("2/2", 0.8, 0.9), ("3/4", 0.7, 0.8), ("4/4", 0.6, 0.7))),
}  # fmt: skip


@pytest.mark.parametrize("kind", STAGES)
def test_stages_are_kept_in_order(kind: str) -> None:
    table = read_history(STAGES[kind])
    assert table["loss"].tolist() == [1, 0.8, 0.7, 0.6]
    assert table["val_loss"].tolist() == [1, 0.9, 0.8, 0.7]
    assert table.attrs["stages"] == [0, 2]
    assert table["epoch"].tolist() == [1, 2, 3, 4]
    assert table.attrs["epoch_names"][2].endswith("of stage 2")


def test_a_table_in_another_order_is_sorted_not_cut_into_stages() -> None:
    table = read_history("epoch,loss,val_loss\n3,0.6,0.7\n1,1.0,1.0\n2,0.8,0.9\n")
    assert table["loss"].tolist() == [1.0, 0.8, 0.6]
    assert table.attrs["stages"] == [0]


def test_a_file_that_begins_in_the_middle_says_so() -> None:
    table = read_history("epoch,loss,val_loss\n30,0.5,0.6\n31,0.45,0.58\n32,0.44,0.57\n")
    assert table.attrs["begins_late"]
    assert any("begins at epoch 30" in n for n in table.attrs["notes"])
    assert not read_history("epoch,loss,val_loss\n5,0.5,0.6\n10,0.45,0.58\n15,0.44,0.57\n").attrs["begins_late"]


@pytest.mark.parametrize("percent", ["50%,60%", "50.0,60.0"])
def test_percentages_are_shares(percent: str) -> None:
    table = read_history(f"loss,val_loss,acc,val_acc\n1,1,10,1.0\n0.9,0.9,{percent}\n")
    assert table["accuracy"].tolist() == [0.1, 0.5]
    assert table["val_accuracy"].tolist() == [0.01, 0.6]


def test_a_single_accuracy_beside_named_losses_is_of_validation() -> None:
    table = read_history("epoch,train_loss,valid_loss,accuracy\n1,1,1,0.5\n2,0.9,0.9,0.6\n")
    assert table["val_accuracy"].tolist() == [0.5, 0.6]
    assert any("read as validation accuracy" in n for n in table.attrs["notes"])
    assert "accuracy" in read_history("epoch,loss,val_loss,accuracy\n1,1,1,0.5\n2,0.9,0.9,0.6\n")


def test_corrections_by_hand() -> None:
    text = "epoch,cost_a,cost_b,quality\n1,1.0,1.1,0.5\n2,0.9,1.0,0.6\n"
    table = read_history(text, roles={"loss": "cost_a", "val_loss": "cost_b", "val_accuracy": "quality"})
    assert table[["loss", "val_loss", "val_accuracy"]].to_numpy().tolist() == [[1.0, 1.1, 0.5], [0.9, 1.0, 0.6]]
    assert "accuracy" not in read_history("loss,val_loss,accuracy\n1,1,0.5\n2,2,0.6\n", roles={"accuracy": ""})


def test_what_was_not_recognised_is_said() -> None:
    assert read_history("epoch,loss,val_loss,f1,lr\n1,1,1,0.5,0.1\n2,0.9,0.9,0.6,0.1\n").attrs["unrecognised"] == [
        "f1",
        "lr",
    ]


def test_detection_is_named_and_read_for_what_it_has() -> None:
    text = "epoch,train/box_loss,train/cls_loss,metrics/mAP50(B),val/box_loss,val/cls_loss\n1,1.1,{0},0.4,1.2,{0}\n2,1.0,{0},0.5,1.1,{0}\n"
    table = read_history(text.format(0))
    assert table["val_loss"].tolist() == [1.2, 1.1]
    assert any("object detection" in n for n in table.attrs["notes"])
    assert read_history(text.format(2)).attrs["sources"]["loss"] == "train/cls_loss"


def test_two_runs_of_a_wandb_export_are_not_mixed() -> None:
    table = read_history(
        '"Step","fox - val_loss","fox - val_loss__MIN","owl - val_loss"\n0,1.0,1.0,5.0\n1,0.9,0.9,4.0\n'
    )
    assert table["val_loss"].tolist() == [1.0, 0.9]
    assert any("2 histories" in n and "fox" in n for n in table.attrs["notes"])


@pytest.mark.parametrize(("rest", "rows", "left"), [(0, 5, 0), (1, 5, 1), (4, 5, 4), (7, 6, 3), (8, 7, 0)])
def test_what_was_logged_after_the_last_validation_is_counted_and_said(rest: int, rows: int, left: int) -> None:
    """Three figures while training and one validation make a row; what follows the last one fills rows of its own where it is long."""
    each = [f"{10 * (3 * v + k + 1)},{1 / (1 + v):.3f}," for v in range(5) for k in range(3)]
    lines = [line for v in range(5) for line in (*each[3 * v : 3 * v + 3], f"{30 * (v + 1)},,{1.1 / (1 + v):.3f}")]
    lines += [f"{150 + 10 * (k + 1)},0.19," for k in range(rest)]
    table = read_history("step,train_loss,val_loss\n" + "\n".join(lines))
    said = [note for note in table.attrs["notes"] if "did not fill a row" in note]
    assert len(table) == rows
    assert [int(note.split()[0]) for note in said] == ([left] if left else [])
