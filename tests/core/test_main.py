"""The headless command: what it prints, what it refuses, and the Experiment that its options describe."""

import json
from argparse import Namespace
from pathlib import Path

import pytest

import core
from core import __main__ as command
from core.experiment import AugmentationSpec, DataSpec, Experiment, FreezeSpec, HeadSpec, TrainingSpec


def described(*options: str, images: Path = Path("pictures")) -> Experiment:
    """Return the Experiment of ``python -m core run`` with these options."""
    parsed = command._parser().parse_args(["run", "--images", str(images), "--out", "out", *options])
    assert isinstance(parsed, Namespace)
    return command.experiment_from(parsed)


def test_it_says_its_version(capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"Thaw {core.__version__}\n")


def test_layers_prints_the_table_and_the_totals(capsys):
    assert command.main(["layers", "--thaw-last", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.endswith(("  Y", "  N", "  -"))]) == 154
    assert lines[-3:] == [
        "Total params: 2,257,984 (8.61 MB)",
        "Trainable params: 412,800 (1.57 MB)",
        "Non-trainable params: 1,845,184 (7.04 MB)",
    ]
    command.main(["layers", "--thaw-last", "4", "--lock-batchnorm"])
    assert "Trainable params: 409,600 " in capsys.readouterr().out


def test_the_options_describe_the_experiment(tmp_path):
    x = described(
        *(
            "--thaw-last",
            "4",
            "--thaw-batchnorm",
            "--head",
            "flatten",
            "--augmentation",
            "light",
            "--weights",
            "builtin",
        ),
        *("--size", "96", "--alpha", "0.35", "--epochs", "3", "--images-per-class", "7", "--seed", "5"),
        images=tmp_path,
    )
    assert x.data == DataSpec(source=f"path:{tmp_path}", images_per_class=7, seed=5)
    assert x.freeze == FreezeSpec.last(4, lock_batchnorm=False)
    assert (x.head, x.augmentation) == (HeadSpec.flatten(), AugmentationSpec.preset("light"))
    assert (x.backbone.size, x.backbone.alpha, x.backbone.weights) == (96, 0.35, "builtin")
    assert (x.training.epochs, x.training.seed) == (3, 5)


def test_a_file_of_weights_is_named_from_where_one_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert described("--weights", "mine.h5").backbone.weights == f"file:{tmp_path}/mine.h5"


def test_an_experiment_file_is_taken_back_and_options_change_it(tmp_path):
    kept = Experiment(head=HeadSpec.flatten(), training=TrainingSpec(epochs=7, learning_rate=0.5))
    (tmp_path / "experiment.json").write_text(kept.to_json())
    x = described("--experiment", str(tmp_path / "experiment.json"), "--epochs", "2", images=tmp_path)
    assert x == kept.replace(
        data=kept.data.replace(source=f"path:{tmp_path}"), training=kept.training.replace(epochs=2)
    )


def test_without_being_told_batchnorm_stays_locked():
    assert described("--thaw-last", "38", "--weights", "random").freeze == FreezeSpec.last(38)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--experiment", "not there.json"], "There is no experiment file 'not there.json'"),
        (["--epochs", "0", "--weights", "random"], "greater than or equal to 1 (at epochs)"),
        (["--weights", "random"], "no folder"),
    ],
    ids=["no experiment", "no epochs", "no images"],
)
def test_what_cannot_be_done_ends_with_a_sentence_and_no_traceback(options, said, tmp_path, capsys):
    arguments = ["run", "--images", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out"), *options]
    assert command.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("thaw: ") and said in error and len(error.splitlines()) == 1


@pytest.mark.parametrize("option", [["--thaw-last", "155"], ["--alpha", "0.4"], ["--size", "100"], ["--head", "none"]])
def test_options_that_do_not_exist_are_refused(option):
    with pytest.raises(SystemExit):
        described(*option)


def test_diagnose_prints_the_verdict_on_a_history_made_elsewhere(tmp_path, capsys):
    turning = {
        "loss": [1.0, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03],
        "val_loss": [1.0, 0.8, 0.7, 0.75, 0.9, 1.1, 1.3, 1.5],
    }
    (tmp_path / "history.json").write_text(json.dumps(turning))
    assert command.main(["diagnose", str(tmp_path / "history.json")]) == 0
    assert "verdict: overfitting" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "nonsense"], ids=["no file", "no history"])
def test_a_history_that_cannot_be_read_is_said(content, tmp_path, capsys):
    file = tmp_path / "history.csv"
    if content:
        file.write_text(content)
    assert command.main(["diagnose", str(file)]) == 2
    assert capsys.readouterr().err.startswith("thaw: ")
