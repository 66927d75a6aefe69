"""Folds and runs in one file are kept apart."""

import json

import pytest

from core.histories import read_histories, read_history

FOLD = "{0}\n" + "".join(f"Epoch {i}/2\n6/6 - 7s - loss: 0.{7 - i} - val_loss: 0.{8 - i} - 7s/epoch\n" for i in (1, 2))
FILES = {
    "Keras": FOLD.format("Training for fold 1 ...") + FOLD.format("Training for fold 2 ..."),
    "a column": "fold,epoch,loss,val_loss\n" + "".join(f"{k},{i},0.{7 - i},0.{8 - i}\n" for k in (1, 2) for i in (1, 2)),
    "a loop": "".join(f"--- Fold {k} ---\n" + "".join(f"Epoch {i}: loss 0.{7 - i} val_loss 0.{8 - i}\n" for i in (1, 2)) for k in (1, 2)),
    "JSON by fold": json.dumps({f"fold_{k}": {"loss": [0.6, 0.5], "val_loss": [0.7, 0.6]} for k in (1, 2)}),
    "runs of an export": "Step,fox - loss,fox - val_loss,owl - loss,owl - val_loss\n0,0.6,0.7,0.6,0.7\n1,0.5,0.6,0.5,0.6\n",
}  # fmt: skip


@pytest.mark.parametrize("text", FILES.values(), ids=FILES.keys())
def test_each_run_is_a_history_of_its_own(text) -> None:
    found = read_histories([(text, "cv")])
    assert len(found) == 2
    assert len({name for name, _ in found}) == 2
    for _, table in found:
        assert table["loss"].tolist() == [0.6, 0.5]
        assert table["val_loss"].tolist() == [0.7, 0.6]
    assert any("2 histories" in note for note in read_history(text).attrs["notes"])


def test_another_fit_of_the_same_model_stays_a_stage() -> None:
    again = FILES["a column"].replace("fold", "lr")
    assert len(read_histories([(again, "log.csv")])) == 1
