"""What stands between and around the figures that a training loop prints: bars, repetitions, parts, sums."""

import pytest

from core.histories import read_history


def test_the_percentage_of_a_progress_bar_is_no_accuracy():
    text = "".join(
        f"EPOCH: {i}\nLoss={0.9 - 0.1 * i} Batch_id=77 Accuracy={50 + i}.25: 100%|██████| 78/78 [00:09<00:00, 8.1it/s]\n\n"
        f"Test set: Average loss: 0.{7 - i}1, Accuracy: {400 + i}/1000 ({40 + i / 10:.1f}%)\n\n"
        for i in range(1, 5)
    )
    history = read_history(text)
    assert history["accuracy"].tolist() == pytest.approx([0.5125, 0.5225, 0.5325, 0.5425])
    assert history["val_accuracy"].tolist() == pytest.approx([0.401, 0.402, 0.403, 0.404])


@pytest.mark.parametrize(
    "again", ["Epoch {i}/4, Train Loss: {a}, Val Loss: {b}", "✓ 保存最佳模型 (Epoch {i}, val_loss: {b})"]
)
def test_a_line_that_says_the_same_again_is_no_other_epoch(again):
    rows = [(1, 0.91, 0.95), (2, 0.72, 0.81), (3, 0.55, 0.74), (4, 0.41, 0.73)]
    text = "".join(f"Epoch {i}/4, Train Loss: {a}, Val Loss: {b}\n{again.format(i=i, a=a, b=b)}\n" for i, a, b in rows)
    history = read_history(text)
    assert history["loss"].tolist() == [a for _, a, _ in rows]
    assert history["val_loss"].tolist() == [b for _, _, b in rows]


def test_the_loss_of_a_part_is_not_the_loss():
    text = "".join(
        f"Epoch [{i}][50/50]\tlr: 1.0e-03, loss_seg_head: 0.{i}1, loss_bbox: 0.{i}2, loss: 1.{9 - i}\n"
        for i in range(1, 5)
    )
    history = read_history(text)
    assert history["loss"].tolist() == [1.8, 1.7, 1.6, 1.5]
    assert "loss bbox" in history.attrs["unrecognised"]


def test_counts_of_correct_images_are_accuracies_and_tell_how_many_there_are():
    text = "".join(
        f"Epoch {i}: train loss 0.{9 - i}, correct {300 + i}/600; val loss 0.8{i}, correct {50 + i}/120\n"
        for i in range(1, 4)
    )
    history = read_history(text)
    assert history["accuracy"].iloc[-1] == pytest.approx(303 / 600)
    assert history["val_accuracy"].iloc[-1] == pytest.approx(53 / 120)
    assert history.attrs["known"] == {"n_train": 600, "n_validation": 120}


def test_a_score_that_does_not_say_which_is_neither_loss_nor_accuracy():
    text = "".join(f"Iteration {i}, loss = 0.{9 - i}1\nValidation score: 0.6{i}\n" for i in range(1, 6))
    history = read_history(
        text + "Validation score did not improve more than tol=0.000100 for 3 consecutive epochs. Stopping.\n"
    )
    assert history["loss"].tolist() == [0.81, 0.71, 0.61, 0.51, 0.41]
    assert "val_loss" not in history and "val_accuracy" not in history
    assert history.attrs["unrecognised"] == ["validation score"]


def test_an_accuracy_printed_once_after_the_last_epoch_is_no_training_accuracy():
    text = "".join(f"Iteration {i}, loss = 0.{9 - i}1\n" for i in range(1, 6))
    history = read_history(
        text + "Training loss did not improve more than tol=0.001 for 3 consecutive epochs. Stopping.\nAccuracy: 0.93\n"
    )
    assert len(history) == 5
    assert "accuracy" not in history and history.attrs["unrecognised"] == ["accuracy"]


def test_progress_between_the_rows_of_a_printed_table_is_no_row():
    head = "epoch       main/loss   validation/main/loss  elapsed\n"
    progress = "     total [###.......]  30.00%\nthis epoch [#########.]  90.00%\n       90 iter, 2 epoch / 9 epochs\n       inf iters/sec. Estimated time to finish: 0:00:00.\n"
    rows = "".join(
        f"{progress}{i}           0.{9 - i}5        0.{9 - i}7                  {i}.5\n" for i in range(1, 5)
    )
    history = read_history(head + rows)
    assert history["loss"].tolist() == [0.85, 0.75, 0.65, 0.55]
    assert history.attrs["stages"] == [0]


@pytest.mark.parametrize("word", ["Vali", "Dev", "Development"])
def test_words_for_validation(word):
    history = read_history(
        "".join(f"Epoch: {i} | Train Loss: 0.{9 - i} {word} Loss: 0.{8 - i} Test Loss: 0.3{i}\n" for i in range(1, 4))
    )
    assert history["val_loss"].tolist() == [0.7, 0.6, 0.5]


def test_the_step_line_of_a_loop_does_not_count_for_the_epoch_before():
    text = "".join(
        f"Training Step: {20 * i}  | total loss: 0.{9 - i}0 | time: 3.1s\n| Adam | epoch: 00{i} | loss: 0.{9 - i}0 - acc: 0.{i}5 | val_loss: 0.{9 - i}2 - val_acc: 0.{i}4 -- iter: 600/600\n--\n"
        for i in range(1, 5)
    )
    assert read_history(text)["loss"].tolist() == [0.8, 0.7, 0.6, 0.5]


def test_the_gap_that_a_loop_prints_is_no_figure_of_validation():
    text = "".join(
        f"Epoch {i} Results:\n  Train: Loss=0.{9 - i}, Acc=0.{5 + i}\n  Val:   Loss=0.{9 - i}5, Acc=0.{4 + i}5\n  Overfitting Gap: Acc=0.05, Loss=-0.05\n"
        for i in range(1, 4)
    )
    history = read_history(text)
    assert history["val_loss"].tolist() == [0.85, 0.75, 0.65]
    assert history["val_accuracy"].tolist() == [0.55, 0.65, 0.75]


def test_all_training_lines_and_then_all_validation_lines_are_one_course():
    train = "".join(f"Epoch {i}, Train Loss: 0.{9 - i}, Train Acc: 0.{4 + i}\n" for i in range(1, 5))
    valid = "".join(f"Epoch {i}, Valid Loss: 0.{9 - i}5, Valid Acc: 0.{3 + i}5\n" for i in range(1, 5))
    history = read_history(f"{train}\n{valid}")
    assert history["loss"].tolist() == [0.8, 0.7, 0.6, 0.5]
    assert history["val_loss"].tolist() == [0.85, 0.75, 0.65, 0.55]
    assert history.attrs["stages"] == [0]


def test_percentages_called_train_and_val_are_accuracies():
    text = "".join(
        f"Epoch {i}/9 | Train: {60 + 3.5 * i}% | Val: {58 + 2.5 * i}% | {'BEST!' if i % 2 else ''}\n"
        for i in range(1, 6)
    )
    history = read_history(text)
    assert history["accuracy"].tolist() == pytest.approx([0.635, 0.67, 0.705, 0.74, 0.775])
    assert "loss" not in history and "they are percentages" in " ".join(history.attrs["notes"])


def test_a_spread_behind_a_figure_does_not_hide_it():
    history = read_history(
        "epoch,train loss,test loss,test accuracy\n"
        + "".join(f"{i},0.{9 - i} ± 0.02,0.{9 - i}5 +/- 0.1,{60 + i}.5 ± 1.2%\n" for i in range(1, 5))
    )
    assert history["loss"].tolist() == [0.8, 0.7, 0.6, 0.5]
    assert history["val_accuracy"].tolist() == pytest.approx([0.615, 0.625, 0.635, 0.645])


def test_of_a_long_log_with_bars_each_bar_counts_as_it_ended():
    text = "".join(
        f"Epoch {i}: {k % 100}%|█| {k}/900 [00:04<00:00, loss=0.{9 - i}{k % 10}]\r"
        for i in range(1, 8)
        for k in range(901)
    )
    history = read_history(text)
    assert history["loss"].tolist() == [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]


def test_two_figures_behind_one_name_are_training_and_validation() -> None:
    text = "\n".join(
        f"Epoch {i} | loss {0.9 / i:.3f} / {0.95 / i:.3f} | acc {1 - 0.3 / i:.3f} / {1 - 0.35 / i:.3f}"
        for i in range(1, 5)
    )
    frame = read_history(text.encode(), "log.txt")
    assert frame["val_loss"].tolist() == pytest.approx([0.95, 0.475, 0.317, 0.237], abs=1e-3)
    assert frame["accuracy"].tolist() == pytest.approx([0.7, 0.85, 0.9, 0.925], abs=1e-3)
    assert any("the second as validation" in note for note in frame.attrs["notes"])


@pytest.mark.parametrize("line", ["acc 81.0/100.0", "acc 81/100", "lr 0.9 / 0.95"])
def test_a_total_is_no_second_figure(line: str) -> None:
    frame = read_history("\n".join(f"Epoch {i} loss {1 / i:.3f} {line}" for i in range(1, 5)).encode(), "log.txt")
    assert "val_accuracy" not in frame and "val_loss" not in frame
