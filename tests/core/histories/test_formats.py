"""Every format is read for what it means: its examples, and what else people have of its kind."""

import json

import pytest

from core.errors import HistoryError
from core.histories import READERS, read_history

EXAMPLES = [(reader, example) for reader in READERS for example in reader.examples]


@pytest.mark.parametrize(("reader", "example"), EXAMPLES, ids=[e.title[:40] for _, e in EXAMPLES])
def test_examples_are_read_by_their_reader(reader, example) -> None:
    table = read_history(example.text, example.name)
    assert table.attrs["format"] == reader.title
    assert len(table) == example.epochs
    assert set(table.columns) == {"epoch", *example.columns}
    assert len(example.text.strip().splitlines()) <= 8


def test_every_reader_says_what_it_recognises() -> None:
    for reader in READERS:
        assert reader.title
        assert reader.about[0].isupper() and reader.about.endswith(".") and ":func:" not in reader.about
        assert reader.recognises.__doc__
        assert reader.read.__doc__


BAR = "\x1b[1m{0}/12\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m3s\x1b[0m 20ms/step - accuracy: {1} - loss: {2}"
KERAS_3 = (
    "Epoch 1/2\n" + BAR.format(" 1", 0.3, 1.3) + "\x08" * 60 + "\r" + BAR.format("12", 0.55, 1.02) + "\nEpoch 1: val_loss improved from None to 0.81270, saving model to best.keras\n\n"
    + BAR.format("12", 0.5512, 1.0213) + " - val_accuracy: 0.6804 - val_loss: 0.8127 - learning_rate: 0.0010\n"
    "Epoch 2/2\n" + BAR.format("12", 0.7421, 0.7032) + " - val_accuracy: 0.7391 - val_loss: 0.6642 - learning_rate: 0.0010\n"
    "Epoch 2: early stopping\n12/12 ━━━━━━━━━━━━━━━━━━━━ 1s 50ms/step - accuracy: 0.74 - loss: 0.66\n"
)  # fmt: skip
TORCH_EPOCHS = "{0} 1{1}\n-----\ntrain Loss: 0.72 Acc: 0.64\nval Loss: 0.51 Acc: 0.75\n\n{0} 2{1}\n-----\ntrain Loss: 0.43 Acc: 0.81\nval Loss: 0.40 Acc: 0.82\n\nTraining complete in 1m 7s\nBest val Acc: 0.82\n"
FOUR = {"loss": [0.72, 0.43], "val_loss": [0.51, 0.40], "accuracy": [0.64, 0.81], "val_accuracy": [0.75, 0.82]}
PRINTED = {
    "Keras 3 with colours, backspaces and callbacks": (KERAS_3, {"loss": [1.0213, 0.7032], "accuracy": [0.5512, 0.7421], "val_loss": [0.8127, 0.6642], "val_accuracy": [0.6804, 0.7391]}),
    "Keras 2 without a bar": ("Epoch 1/2\n6/6 - 7s - loss: 0.72 - accuracy: 0.64 - val_loss: 0.51 - val_accuracy: 0.75 - 7s/epoch - 1s/step\nEpoch 2/2\n6/6 - 7s - loss: 0.43 - accuracy: 0.81 - val_loss: 0.40 - val_accuracy: 0.82 - lr: 1.0000e-04 - 7s/epoch - 1s/step\n", FOUR),
    "Keras 1": ("Train on 90 samples, validate on 10 samples\nEpoch 1/2\n90/90 [====] - 9s - loss: 0.72 - acc: 0.64 - val_loss: 0.51 - val_acc: 0.75\nEpoch 2/2\n - 5s - loss: 0.43 - acc: 0.81 - val_loss: 0.40 - val_acc: 0.82\n", FOUR),
    "the PyTorch tutorial": (TORCH_EPOCHS.format("Epoch", "/2"), FOUR),
    "the same with brackets": (TORCH_EPOCHS.format("Epoch", "").replace("Epoch 1", "[Epoch 1/2]").replace("Epoch 2", "[Epoch 2/2]"), FOUR),
    "the PyTorch quick start": ("Epoch 1\n-------\nloss: 0.80  [   64/600]\nloss: 0.64  [  320/600]\nTest Error: \n Accuracy: 75.0%, Avg loss: 0.51 \n\nEpoch 2\n-------\nloss: 0.46  [   64/600]\nloss: 0.40  [  320/600]\nTest Error: \n Accuracy: 82.0%, Avg loss: 0.40 \n\nDone!\n", {"loss": [0.72, 0.43], "val_loss": [0.51, 0.40], "val_accuracy": [0.75, 0.82]}),
    "PyTorch's MNIST": ("Train Epoch: 1 [0/60 (0%)]\tLoss: 0.80\nTrain Epoch: 1 [32/60 (50%)]\tLoss: 0.64\n\nTest set: Average loss: 0.51, Accuracy: 30/40 (75%)\n\nTrain Epoch: 2 [0/60 (0%)]\tLoss: 0.43\n\nTest set: Average loss: 0.40, Accuracy: 32/40 (80%)\n\n", {"loss": [0.72, 0.43], "val_loss": [0.51, 0.40], "val_accuracy": [0.75, 0.80]}),
    "lines with bars": ("Epoch: 01 | Epoch Time: 0m 5s\n\tTrain Loss: 0.72 | Train Acc: 64.00%\n\t Val. Loss: 0.51 |  Val. Acc: 75.00%\nEpoch: 02 | Epoch Time: 0m 5s\n\tTrain Loss: 0.43 | Train Acc: 81.00%\n\t Val. Loss: 0.40 |  Val. Acc: 82.00%\n", FOUR),
    "one line, the split said once": ("epoch 1 | train: loss=0.72, acc=0.64 | valid: loss=0.51, acc=0.75\nepoch 2 | train: loss=0.43, acc=0.81 | valid: loss=0.40, acc=0.82\n", FOUR),
    "no signs at all": ("epoch 1 train_loss 0.72 train_acc 0.64 val_loss 0.51 val_acc 0.75\nepoch 2 train_loss 0.43 train_acc 0.81 val_loss 0.40 val_acc 0.82\n", FOUR),
    "a logger's stamps": ("2026-05-01 10:12:33,123 - INFO - Epoch 1: loss=0.72 acc=0.64 val_loss=0.51 val_acc=0.75\n2026-05-01 10:13:33,123 - INFO - Epoch 2: loss=0.43 acc=0.81 val_loss=0.40 val_acc=0.82\n", FOUR),
    "no epochs": ("Train loss: 0.72, acc 64.0%\nVal loss: 0.51, acc 75.0%\nTrain loss: 0.43, acc 81.0%\nVal loss: 0.40, acc 82.0%\n", FOUR),
    "d2l": ("epoch 1, loss 0.72, train acc 0.64, test acc 0.75\nepoch 2, loss 0.43, train acc 0.81, test acc 0.82\n", {k: v for k, v in FOUR.items() if k != "val_loss"}),
    "saved when better": ("Epoch: 1 \tTraining Loss: 0.72 \tValidation Loss: 0.51\nValidation loss decreased (inf --> 0.51).  Saving model ...\nEpoch: 2 \tTraining Loss: 0.43 \tValidation Loss: 0.40\nValidation loss decreased (0.51 --> 0.40).  Saving model ...\n", {k: FOUR[k] for k in ("loss", "val_loss")}),
    "averages in brackets": ("Epoch: [0][ 1/9]\tTime 0.1 (0.2)\tLoss 0.90 (0.80)\tAcc@1 60.00 (62.00)\tAcc@5 90.0 (90.5)\nEpoch: [0][ 9/9]\tTime 0.1 (0.2)\tLoss 0.60 (0.64)\tAcc@1 70.00 (66.00)\tAcc@5 90.0 (90.5)\nTest: [0/4]\tLoss 0.6 (0.51)\tAcc@1 70.00 (70.00)\tAcc@5 95.0 (95.0)\n *   Acc@1 75.000 Acc@5 95.100\nEpoch: [1][ 9/9]\tTime 0.1 (0.2)\tLoss 0.50 (0.43)\tAcc@1 80.00 (81.00)\tAcc@5 90.0 (90.5)\nTest: [0/4]\tLoss 0.6 (0.40)\tAcc@1 81.00 (81.00)\tAcc@5 95.0 (95.0)\n *   Acc@1 82.000 Acc@5 96.100\n", FOUR),
    "MXNet": ("".join(f"INFO:root:Epoch[{i}] Train-accuracy={a}\nINFO:root:Epoch[{i}] Train-cross-entropy={b}\nINFO:root:Epoch[{i}] Time cost=11.2\nINFO:root:Epoch[{i}] Validation-accuracy={c}\nINFO:root:Epoch[{i}] Validation-cross-entropy={d}\n" for i, (b, d, a, c) in enumerate(zip(*FOUR.values(), strict=True))), FOUR),
    "ignite": ("".join(f"Training Results - Epoch: {i + 1}  Avg accuracy: {a} Avg loss: {b}\nValidation Results - Epoch: {i + 1}  Avg accuracy: {c} Avg loss: {d}\n" for i, (b, d, a, c) in enumerate(zip(*FOUR.values(), strict=True))), FOUR),
    "Lightning's bar": ("Epoch 0: 100%|████| 55/55 [00:10<00:00,  5.25it/s, v_num=3, train_loss=0.72, train_acc=0.64, val_loss=0.51, val_acc=0.75]\nEpoch 1: 100%|████| 55/55 [00:10<00:00,  5.25it/s, v_num=3, train_loss=0.43, train_acc=0.81, val_loss=0.40, val_acc=0.82]\n", FOUR),
    "Hugging Face behind a bar": ("  0%|   | 0/40 [00:00<?, ?it/s]{'loss': 0.72, 'learning_rate': 2e-05, 'epoch': 0.5}\n{'eval_loss': 0.51, 'eval_accuracy': 0.75, 'epoch': 1.0}\n{'loss': 0.43, 'learning_rate': 1e-05, 'epoch': 1.5}\n{'eval_loss': 0.40, 'eval_accuracy': 0.82, 'epoch': 2.0}\n{'train_runtime': 61.2, 'train_loss': 0.6, 'epoch': 2.0}\n", {k: v for k, v in FOUR.items() if k != "accuracy"}),
    "LightGBM": ("[1]\ttraining's multi_logloss: 0.72\tvalid_1's multi_logloss: 0.51\n[2]\ttraining's multi_logloss: 0.43\tvalid_1's multi_logloss: 0.40\n", {k: FOUR[k] for k in ("loss", "val_loss")}),
    "two bars an epoch that count images": ("".join(f"\nEpoch: {i}\n [====>]  Step: 26ms | Loss: {b} | Acc: {a:.3%} ({a * 500:.0f}/500) 4/4 \n [====>]  Step: 8ms | Loss: {d} | Acc: {c:.3%} ({c * 100:.0f}/100) 1/1 \nSaving..\n" for i, (b, d, a, c) in enumerate(zip(*FOUR.values(), strict=True))), FOUR),
    "the last state of each bar": ("".join(f"Epoch {i + 1}/2:  50%|██  | 2/4 [00:01<00:01, 8.0it/s, acc=0.1, loss=9]\rEpoch {i + 1}/2: 100%|████| 4/4 [00:01<00:00, 8.0it/s, acc={a}, loss={b}]\nValidation: 100%|████| 1/1 [00:00<00:00, 20.1it/s, acc={c}, loss={d}]\n" for i, (b, d, a, c) in enumerate(zip(*FOUR.values(), strict=True))), FOUR),
    "a bar over epochs": ("".join(f"\r{50 * i}%|██  | {i}/2 [00:01<00:01, 1.0s/epoch, loss={b}, accuracy={a}, val_loss={d}, val_accuracy={c}]" for i, (b, d, a, c) in enumerate(zip(*FOUR.values(), strict=True), 1)), FOUR),
    "train and validation in one name": ("".join(f"Epoch {i}: loss (train/val) = {b}/{d}, acc (train/val): {a}/{c}\n" for i, (b, d, a, c) in enumerate(zip(*FOUR.values(), strict=True), 1)), FOUR),
    "the quantity said once": ("".join(f"EPOCH {i}:\nLOSS train {b} valid {d}\nACC train {a} valid {c}\n" for i, (b, d, a, c) in enumerate(zip(*FOUR.values(), strict=True), 1)), FOUR),
    "single letters": ("".join(f"ep {i} tloss {b} vloss {d} tacc {a} vacc {c}\n" for i, (b, d, a, c) in enumerate(zip(*FOUR.values(), strict=True), 1)), FOUR),
    "Chinese": ("".join(f"第{i}轮 训练损失: {b} 训练准确率: {a:.1%} 验证损失: {d} 验证准确率: {c:.1%}\n" for i, (b, d, a, c) in enumerate(zip(*FOUR.values(), strict=True), 1)), FOUR),
    "Korean": ("".join(f"에포크 {i}/2 - 훈련 손실: {b}, 훈련 정확도: {a}, 검증 손실: {d}, 검증 정확도: {c}\n" for i, (b, d, a, c) in enumerate(zip(*FOUR.values(), strict=True), 1)), FOUR),
    "catalyst": ("".join(f"{i}/2 * Epoch {i} (train): accuracy01={a} | loss={b}\n{i}/2 * Epoch {i} (valid): accuracy01={c} | loss={d}\n" for i, (b, d, a, c) in enumerate(zip(*FOUR.values(), strict=True), 1)), FOUR),
    "Paddle": ("".join(f"Epoch {i}/2\nstep 25/25 [=====] - loss: {b} - acc: {a} - 20ms/step\nEval begin...\nstep 7/7 [=====] - loss: {d} - acc: {c} - 10ms/step\nEval samples: 200\n" for i, (b, d, a, c) in enumerate(zip(*FOUR.values(), strict=True), 1)), FOUR),
    "TensorFlow's estimators": ("".join(f"INFO:tensorflow:loss = {b}, step = {100 * i + 1} (9.9 sec)\nINFO:tensorflow:Saving dict for global step {100 * i + 100}: accuracy = {c}, global_step = {100 * i + 100}, loss = {d}\n" for i, (b, d, _, c) in enumerate(zip(*FOUR.values(), strict=True))), {k: v for k, v in FOUR.items() if k != "accuracy"}),
    "LightGBM's best round again": ("[1]\ttraining's multi_logloss: 0.72\tvalid_1's multi_logloss: 0.51\n[2]\ttraining's multi_logloss: 0.43\tvalid_1's multi_logloss: 0.40\nEarly stopping, best iteration is:\n[1]\ttraining's multi_logloss: 0.72\tvalid_1's multi_logloss: 0.51\n", {k: FOUR[k] for k in ("loss", "val_loss")}),
    "a test accuracy at the end": ("".join(f"Epoch {i} loss {b} val_loss {d}\n" for i, (b, d) in enumerate([(0.72, 0.51), (0.43, 0.40), (0.3, 0.35)], 1)) + "Accuracy of the network on the 10000 test images: 74.00 %\n", {"loss": [0.72, 0.43, 0.3], "val_loss": [0.51, 0.40, 0.35]}),
    "the sum of each epoch, validation announced": ("".join(f"\n======== Epoch {i} / 2 ========\nTraining...\n  Average training loss: {b}\n\nRunning Validation...\n  Accuracy: {c}\n  Validation Loss: {d}\n" for i, (b, d, a, c) in enumerate(zip(*FOUR.values(), strict=True), 1)), {k: v for k, v in FOUR.items() if k != "accuracy"}),
    "losses before accuracies": ("".join(f"Epoch {i}, loss={b:.3e}, val_loss={d:.3e}, acc={a:.3e}, val_acc={c:.3e}\n" for i, (b, d, a, c) in enumerate(zip(*FOUR.values(), strict=True), 1)), FOUR),
    "arrows": ("".join(f"epoch {i} => loss: {b} => acc: {a} -> val loss: {d} => val acc: {c}\n" for i, (b, d, a, c) in enumerate(zip(*FOUR.values(), strict=True), 1)), FOUR),
    "train and val, of what is not said": ("".join(f"Epoch {i}: train={b} val={d}\n" for i, (b, d, *_) in enumerate(zip(*FOUR.values(), strict=True), 1)), {k: FOUR[k] for k in ("loss", "val_loss")}),
    "CatBoost": ("0:\tlearn: 0.72\ttest: 0.51\tbest: 0.51 (0)\ttotal: 5ms\n1:\tlearn: 0.43\ttest: 0.40\tbest: 0.40 (1)\ttotal: 6ms\n", {k: FOUR[k] for k in ("loss", "val_loss")}),
}  # fmt: skip


@pytest.mark.parametrize("kind", PRINTED)
def test_printed(kind: str) -> None:
    text, expected = PRINTED[kind]
    table = read_history(text, "pasted")
    assert {c: table[c].tolist() for c in expected} == {c: pytest.approx(v) for c, v in expected.items()}
    assert set(table.columns) == {"epoch", *expected}


HEADS = {
    "split first": "train_loss,val_loss,train_acc,val_acc",
    "split last": "loss_train,loss_valid,acc_train,acc_valid",
    "words": "Training Loss,Validation Loss,Training Accuracy,Validation Accuracy",
    "plural": "train_losses,valid_losses,train_accuracies,valid_accuracies",
    "camelCase": "trainLoss,valLoss,trainAcc,valAcc",
    "run together": "trainloss,valloss,trainacc,valacc",
    "slashes": "Loss/train,Loss/val,Accuracy/train,Accuracy/val",
    "of an epoch": "epoch_train_loss,epoch_val_loss,epoch_train_acc,epoch_val_acc",
    "Lightning": "train_loss_epoch,val_loss/dataloader_idx_0,train_acc_epoch,val_acc/dataloader_idx_0",
    "short": "tr_loss,va_loss,tr_acc,va_acc",
    "Keras, compiled twice": "loss,val_loss,accuracy_1,val_accuracy_1",
    "Keras, long": "loss,val_loss,sparse_categorical_accuracy,val_sparse_categorical_accuracy",
    "top 1": "train_loss,test_loss,train_acc1,test_acc1",
    "top@1": "train loss,dev loss,train acc@1,dev acc@1",
    "average": "avg_train_loss,avg_val_loss,avg_train_accuracy,avg_val_accuracy",
    "cross entropy": "train_cross_entropy,val_cross_entropy,train_top1,val_top1",
    "German": "train_verlust,val_verlust,train_genauigkeit,val_genauigkeit",
    "Chinese": "训练损失,验证损失,训练准确率,验证准确率",
}


@pytest.mark.parametrize("kind", HEADS)
def test_names(kind: str) -> None:
    table = read_history(f"{HEADS[kind]}\n0.72,0.51,0.64,0.75\n0.43,0.40,0.81,0.82\n")
    assert {c: table[c].tolist() for c in FOUR} == FOUR
    assert list(table.attrs["sources"].values()) == [HEADS[kind].split(",")[i] for i in range(4)]


SHAPES = {
    "by split": {"train": {"loss": FOUR["loss"], "acc": FOUR["accuracy"]}, "valid": {"loss": FOUR["val_loss"], "acc": FOUR["val_accuracy"]}},
    "by quantity": {"loss": {"train": FOUR["loss"], "val": FOUR["val_loss"]}, "accuracy": {"train": FOUR["accuracy"], "val": FOUR["val_accuracy"]}},
    "in a wrapper": {"model": "x", "config": {"lr": 0.1}, "results": {"history": FOUR}},
    "by epoch": {"1": {k: v[0] for k, v in FOUR.items()}, "2": {k: v[1] for k, v in FOUR.items()}},
    "by epoch_1": {f"epoch_{i + 1}": {"train": {"loss": FOUR["loss"][i], "acc": FOUR["accuracy"][i]}, "val": {"loss": FOUR["val_loss"][i], "acc": FOUR["val_accuracy"][i]}} for i in (0, 1)},
    "rows in a wrapper": {"epochs": [{k: v[i] for k, v in FOUR.items()} for i in (0, 1)]},
    "pandas split": {"columns": list(FOUR), "index": [0, 1], "data": [list(x) for x in zip(*FOUR.values(), strict=True)]},
    "pairs of step and value": {k: [[i, x] for i, x in enumerate(v)] for k, v in FOUR.items()},
    "steps and values": {k: {"steps": [0, 1], "values": v} for k, v in FOUR.items()},
    "numbers as text": {k: [str(x) for x in v] for k, v in FOUR.items()},
    "long": [{"metric": k, "value": x, "epoch": i + 1} for k, v in FOUR.items() for i, x in enumerate(v)],
    "rows by split": [{"epoch": i + 1, "phase": p, "loss": FOUR[a][i], "acc": FOUR[b][i]} for i in (0, 1) for p, a, b in (("train", "loss", "accuracy"), ("val", "val_loss", "val_accuracy"))],
}  # fmt: skip


@pytest.mark.parametrize("kind", SHAPES)
def test_json_however_nested(kind: str) -> None:
    table = read_history(json.dumps(SHAPES[kind]))
    assert {c: table[c].tolist() for c in FOUR} == FOUR


@pytest.mark.parametrize(
    "text",
    [
        "{'loss': [np.float64(0.72), np.float64(0.43)], 'val_loss': [0.51, 0.4], 'accuracy': (0.64, 0.81), 'val_accuracy': [0.75, 0.82]}",
        "history = {'loss': array([0.72, 0.43], dtype=float32), 'val_loss': [0.51, .40], 'accuracy': [6.4e-1, 0.81], 'val_accuracy': [0.75, 0.82],}",
        "defaultdict(<class 'list'>, {'train_loss': [0.72, 0.43], 'val_loss': [tensor(0.51, device='cuda:0'), tensor(0.40)], 'train_acc': [0.64, 0.81], 'val_acc': [0.75, 0.82]})",
        "{'training': OrderedDict([('loss', [0.72, 0.43]), ('acc', [0.64, 0.81])]), 'valid_1': OrderedDict([('loss', [0.51, 0.40]), ('acc', [0.75, 0.82])])}",
        "train_loss=[0.72, 0.43]\nval_loss=[0.51,\n0.40]\ntrain_acc = np.array([0.64, 0.81])\nval_acc: [0.75 0.82]\n",
    ],
)
def test_printed_python(text: str) -> None:
    table = read_history(text)
    assert {c: table[c].tolist() for c in FOUR} == FOUR


ROWS = [("1", "0.72", "0.51", "0.64", "0.75"), ("2", "0.43", "0.40", "0.81", "0.82")]
HEADER = ("epoch", "loss", "val_loss", "accuracy", "val_accuracy")


def lines(separator: str, *, decimal: str = ".") -> str:
    return "\n".join(separator.join(x.replace(".", decimal) for x in row) for row in (HEADER, *ROWS)) + "\n"


TABLES = {
    "tabs and decimal commas": lines("\t", decimal=","),
    "spaces": lines("   "),
    "Excel's line": "sep=;\n" + lines(";", decimal=","),
    "comments": "# Tuesday's run\n# rate 0.1\n" + lines(",").replace("2,0.43", "# paused\n2,0.43"),
    "header in a comment": "# " + lines(" "),
    "Markdown": "| " + lines(" | ").replace("\n", " |\n| ", 1).replace("1 |", "1 |", 1),
    "Markdown with a rule": "|" + "|".join(HEADER) + "|\n|:-|" + "-:|" * 4 + "\n" + "".join("|" + "|".join(r) + "|\n" for r in ROWS),
    "a box": "┏━━┳━━┓\n┃" + "┃".join(HEADER) + "┃\n┡━━╇━━┩\n" + "".join("│" + "│".join(r) + "│\n" for r in ROWS) + "└──┴──┘\n",
    "pluses": "+---+---+\n|" + "|".join(HEADER) + "|\n+---+---+\n" + "".join("|" + "|".join(r) + "|\n" for r in ROWS) + "+---+---+\n",
    "two lines of header": "train,val,train,val\nloss,loss,acc,acc\n" + "".join(",".join(r[1:]) + "\n" for r in ROWS),
    "a printed frame": "   loss  val_loss  accuracy  val_accuracy\n0  0.72  0.51  0.64  0.75\n1  0.43  0.40  0.81  0.82\n",
    "on its side": "\n".join(",".join(c) for c in zip(HEADER, *ROWS, strict=True)) + "\n",
    "a closing row": lines(",") + "mean,0.58,0.46,0.73,0.79\n",
    "HTML": "<table><tr>" + "".join(f"<th>{h}</th>" for h in HEADER) + "</tr>" + "".join("<tr>" + "".join(f"<td>{c}</td>" for c in r) + "</tr>" for r in ROWS) + "</table>",
}  # fmt: skip


@pytest.mark.parametrize("kind", TABLES)
def test_tables(kind: str) -> None:
    table = read_history(TABLES[kind])
    assert {c: table[c].tolist() for c in FOUR} == FOUR


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1252"])
def test_encodings(encoding: str) -> None:
    content = ("" if encoding != "cp1252" else "# Überanpassung\n").encode(encoding) + lines(",").encode(encoding)
    assert read_history(content, "log.csv")["loss"].tolist() == FOUR["loss"]


def test_notebook_outputs() -> None:
    stream = {"output_type": "stream", "text": PRINTED["Keras 1"][0].splitlines(keepends=True)}
    notebook = {
        "nbformat": 4,
        "cells": [{"cell_type": "code", "outputs": [stream]}, {"cell_type": "markdown", "source": "loss"}],
    }
    assert read_history(json.dumps(notebook), "train.ipynb")["val_loss"].tolist() == FOUR["val_loss"]


def test_the_document_is_current() -> None:
    from tools import history_formats

    assert history_formats.PAGE.read_text(encoding="utf-8") == history_formats.page(), (
        "run python -m tools.history_formats"
    )


FOREIGN = (
    "에포크,훈련 손실,검증 손실,훈련 정확도,검증 정확도", "轮次,训练损失,验证损失,训练准确率,验证准确率", "訓練輪數,訓練損失,驗證損失,訓練準確率,驗證準確率", "エポック,学習損失,検証損失,学習正解率,検証正解率",
    "Época,Pérdida entrenamiento,Pérdida validación,Precisión entrenamiento,Precisión validación", "Époque,Perte d'entraînement,Perte de validation,Précision d'entraînement,Précision de validation",
    "Эпоха,Потери обучение,Потери валидация,Точность обучение,Точность валидация", "Epoche,Trainingsverlust,Validierungsverlust,Trainingsgenauigkeit,Validierungsgenauigkeit",
    "Epoca,Perdita di addestramento,Perdita di validazione,Accuratezza di addestramento,Accuratezza di validazione", "Época,Perda de treino,Perda de validação,Acurácia de treino,Acurácia de validação",
    "Dönem,Eğitim Kaybı,Doğrulama Kaybı,Eğitim Doğruluğu,Doğrulama Doğruluğu", "Epoka,Strata treningowa,Strata walidacyjna,Dokładność treningowa,Dokładność walidacyjna",
)  # fmt: skip


@pytest.mark.parametrize("head", FOREIGN, ids=[h.split(",")[1] for h in FOREIGN])
def test_headings_of_other_languages_are_understood(head) -> None:
    table = read_history(head + "\n1,0.72,0.51,0.64,0.75\n2,0.43,0.40,0.81,0.82\n")
    assert {c: table[c].tolist() for c in FOUR} == FOUR


LATEX = "\\begin{tabular}{rrr}\n\\toprule\nEpoch & Train loss & Val loss \\\\\n\\midrule\n1 & 0.72 & 0.51 \\\\\n2 & 0.43 & 0.40 \\\\ \\hline\n\\end{tabular}\n"
OTHER_TABLES = {
    "LaTeX": LATEX,
    "rows in brackets": "epoch      trn_loss   val_loss\n[0.      0.72  0.51]\n[1.      0.43  0.40]\n",
    "tensors in cells": 'epoch,train_loss,val_loss\n0,"tensor(0.72, grad_fn=<NllLossBackward0>)",0.51\n1,"tensor(0.43, grad_fn=<NllLossBackward0>)",[0.40]\n',
    "a dictionary by row number": "{'loss': {0: 0.72, 1: 0.43}, 'val_loss': {0: 0.51, 1: 0.4}}",
    "R's data frame, printed": "  epoch value metric       data\n1     1  0.72   loss   training\n2     2  0.43   loss   training\n3     1  0.51   loss validation\n4     2  0.40   loss validation\n",
    "R's data frame, saved": '"","epoch","value","metric","data"\n"1",1,0.72,"loss","training"\n"2",2,0.43,"loss","training"\n"3",1,0.51,"loss","validation"\n"4",2,0.40,"loss","validation"\n',
    "Comet's JSON": json.dumps([{"metricName": m, "metricValue": str(v), "step": i, "epoch": i} for m in ("loss", "val_loss") for i, v in enumerate(FOUR[m])]),
    "x and y": json.dumps({"loss": {k: {"name": k, "x": [0, 1], "y": FOUR[c]} for k, c in (("train", "loss"), ("val", "val_loss"))}}),
    "two columns called train and val": "train,val\n0.72,0.51\n0.43,0.40\n",
    "YAML, a list of epochs": "- epoch: 1\n  train_loss: 0.72\n  val_loss: 0.51\n- epoch: 2\n  train_loss: 0.43\n  val_loss: 0.40\n",
}  # fmt: skip


@pytest.mark.parametrize("text", OTHER_TABLES.values(), ids=OTHER_TABLES.keys())
def test_tables_of_other_kinds_are_read(text) -> None:
    table = read_history(text)
    assert {c: table[c].tolist() for c in ("loss", "val_loss")} == {c: FOUR[c] for c in ("loss", "val_loss")}


def test_a_neptune_file_is_named_after_its_curve() -> None:
    table = read_history(b"step,timestamp,value\n0.0,2026-01-01,0.9\n1.0,2026-01-01,0.8\n", "val_loss.csv")
    assert table["val_loss"].tolist() == [0.9, 0.8]


def test_accuracies_without_any_loss_are_a_history_and_a_single_one_is_none() -> None:
    table = read_history("epoch,train_acc,val_acc\n1,0.5,0.4\n2,0.7,0.5\n3,0.9,0.6\n")
    assert table["val_accuracy"].tolist() == [0.4, 0.5, 0.6]
    assert any("no loss" in n for n in table.attrs["notes"])
    with pytest.raises(HistoryError):
        read_history("My model has 95 % accuracy.\n")


def test_yaml_that_refers_to_itself_is_not_opened() -> None:
    with pytest.raises(HistoryError):
        read_history("a: &a\n- 1\n- 2\nloss:\n- *a\n- *a\n", "h.yaml")


def test_shares_that_rise_are_accuracies_though_nothing_says_so() -> None:
    table = read_history("epoch,train,val\n1,0.5,0.4\n2,0.7,0.6\n3,0.9,0.7\n", "curve.csv")
    assert table["val_accuracy"].tolist() == [0.4, 0.6, 0.7]
    assert any("do not say what they measure" in n for n in table.attrs["notes"])


def test_a_header_before_every_row_is_a_table_of_stages() -> None:
    header = "epoch     train_loss  valid_loss  accuracy  time\n"
    rows = ["0  0.9  0.8  0.6  00:12\n", "0  0.7  0.6  0.7  00:12\n", "0  0.5  0.5  0.8  00:12\n"]
    assert read_history("".join(header + row for row in rows))["val_loss"].tolist() == [0.8, 0.6, 0.5]


@pytest.mark.parametrize(
    "text",
    [
        "Trial 1 Complete [00h 01m 02s]\nval_accuracy: 0.61\n\nTrial 2 Complete [00h 01m 02s]\nval_accuracy: 0.72\n",
        "Epoch 1\nTraining Loss\n0.7\nEpoch 2\nTraining Loss\n0.6\nEpoch 3\nTraining Loss\n0.5\n",
    ],
)
def test_what_only_looks_like_a_history_is_refused(text) -> None:
    with pytest.raises(HistoryError):
        read_history(text)
