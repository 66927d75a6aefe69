"""Exported code runs without Thaw and draws the same curves; the report needs nothing but a browser."""

import ast
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core import data
from core.data import Dataset
from core.diagnosis import Observations, diagnose
from core.errors import DataError
from core.experiment import (
    AUGMENTATION_KINDS,
    AugmentationSpec,
    AugmentationStep,
    BackboneSpec,
    BatchNormLayer,
    DataSpec,
    DenseLayer,
    DrawnDials,
    DropoutLayer,
    EarlyStoppingSpec,
    Experiment,
    FreezeSpec,
    HeadSpec,
    Stage,
    TrainingSpec,
)
from core.export import Side, bundle, images_zip, notebook, report, script
from core.export.code import _step_code
from core.export.images import class_position, split_letters
from core.network.augmentation import layers_for
from core.runs import RunStore
from core.training import trainer

NARROW = BackboneSpec(size=96, alpha=0.35)
DIGITS = DataSpec(source="builtin:digits", classes=("0", "1", "2"), images_per_class=8)
MANY_SETTINGS = Experiment(
    data=DIGITS,
    backbone=NARROW,
    freeze=FreezeSpec.last(4),
    augmentation=AugmentationSpec.preset("light").replace(views=2),
    training=TrainingSpec(
        epochs=4,
        batch_size=8,
        schedule="cosine",
        warmup_epochs=1,
        label_smoothing=0.1,
        class_weights=True,
        early_stopping=EarlyStoppingSpec(patience=2),
        seed=3,
    ),
    earlier=(Stage(training=TrainingSpec(epochs=2, batch_size=8, seed=3)),),
)
OTHER_SETTINGS = Experiment(
    backbone=NARROW,
    head=HeadSpec(pooling="flatten", layers=(BatchNormLayer(), DenseLayer(units=8, activation="tanh", l2=0.01))),
    augmentation=AugmentationSpec(steps=(AugmentationStep(kind="noise", strength=0.5),), views=0),
    training=TrainingSpec(epochs=3, batch_size=6, optimizer="adamw", schedule="exponential", seed=1),
)


def run(folder: Path, code: str) -> pd.DataFrame:
    """Run a script as people do, in a process of its own in which Thaw cannot be imported."""
    (folder / "train.py").write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, "-I", "train.py"], cwd=folder, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "test accuracy" in done.stdout
    return pd.read_csv(folder / "curves.csv")


def assert_same(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    assert np.ptp(ours.loss) > 1e-2, "nothing was learnt, so nothing was compared"
    assert len(ours) == len(theirs)
    for column in ("loss", "val_loss", "accuracy", "val_accuracy"):
        np.testing.assert_allclose(theirs[column], ours[column], rtol=0, atol=1e-3, err_msg=column)


def test_a_bundle_of_built_in_images_draws_the_same_curves(tmp_path):
    dataset = data.load(MANY_SETTINGS.data, 96)
    bundle(MANY_SETTINGS, dataset, tmp_path / "run.zip", name="Digits")
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        archive.extractall(tmp_path)
    assert Experiment.from_json((tmp_path / "experiment.json").read_text()) == MANY_SETTINGS
    outcome = trainer.train(MANY_SETTINGS, dataset)
    assert_same(outcome.history, run(tmp_path, (tmp_path / "train.py").read_text(encoding="utf-8")))
    kept = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    again = kept.predict(dataset.test.images.astype(np.float32), verbose=0)
    np.testing.assert_allclose(again, outcome.evaluation.splits["test"].probabilities, atol=1e-3)


@pytest.fixture
def odd_folder(make_folder) -> Path:
    """Return class folders inside another one that is named like a class, beside broken files and junk."""
    home = make_folder({"cat/cat": 14, "cat/dog": 15}, name="images")
    (home / "cat" / "dog" / "broken.jpg").write_bytes(b"no picture")
    (home / "cat" / "dog" / "Thumbs.db").write_bytes(b"junk")
    (home / "cat" / ".hidden").mkdir()
    (home / "cat" / ".hidden" / "a.jpg").write_bytes(b"hidden")
    Image.fromarray(np.full((30, 40, 4), 120, np.uint8), "RGBA").save(home / "cat" / "cat" / "see-through.png")
    return home


def test_a_script_finds_the_split_of_a_folder_again(odd_folder, tmp_path):
    x = OTHER_SETTINGS.replace(data=DataSpec(source=f"path:{odd_folder}", images_per_class=8))
    dataset = data.load(x.data, 96)
    bundle(x, dataset, tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        assert not [n for n in archive.namelist() if n.startswith("images/")], "people have these images"
        archive.extractall(tmp_path)
    ours = trainer.train(x, dataset).history
    assert_same(ours, run(tmp_path, script(x, dataset)))

    (odd_folder / "cat" / "cat" / "new.jpg").write_bytes(b"one more")
    refused = subprocess.run([sys.executable, "-I", "train.py"], cwd=tmp_path, capture_output=True, text=True)
    assert refused.returncode == 1 and "not the same images" in refused.stderr


def test_letters_say_where_each_file_went(odd_folder):
    dataset = data.load(DataSpec(source=f"path:{odd_folder}", images_per_class=8), 96)
    letters = split_letters(dataset)
    assert len(letters) == 14 + 15 + 2
    assert letters.count("t") == len(dataset.train) == 16
    assert letters.count("v") == len(dataset.validation) and letters.count("x") == len(dataset.test)
    assert class_position(dataset) == 1


def test_the_class_is_found_below_a_given_split(make_folder):
    home = make_folder({"train/cat": 6, "train/dog": 6, "val/cat": 4, "val/dog": 4})
    assert class_position(data.load(DataSpec(source=f"path:{home}"), 96)) == 1


@pytest.mark.parametrize("kind", AUGMENTATION_KINDS)
def test_exported_augmentation_is_ours(kind):
    step = AugmentationStep(kind=kind, strength=0.7)
    theirs = [eval(line, {"keras": keras, "seed": 5}) for line in _step_code(step, 0)]
    without = lambda layer: {k: v for k, v in layer.get_config().items() if k != "name"}  # noqa: E731
    for mine, exported in zip(layers_for(step, 5), theirs, strict=True):
        assert type(mine) is type(exported)
        assert without(mine) == without(exported)


def drawn(n_classes: int = 3) -> Dataset:
    return data.load(DataSpec(source="drawn:shapes", drawn=DrawnDials(n_images=30, n_classes=n_classes)), 96)


VARIANTS = {
    "defaults": {},
    "everything thawed": {"freeze": FreezeSpec.last(154, lock_batchnorm=False)},
    "a hole": {"freeze": FreezeSpec(thawed=(100, 101, 140))},
    "random weights": {"backbone": BackboneSpec(weights="random")},
    "ImageNet": {"backbone": BackboneSpec(weights="imagenet")},
    "a file": {"backbone": BackboneSpec(weights="file:/somewhere/mine.h5")},
    "rmsprop, mixed precision": {"training": TrainingSpec(optimizer="rmsprop", mixed_precision=True)},
    "AdamW": {"training": TrainingSpec(optimizer="adamw", weight_decay=1e-3)},
    "max": {"head": HeadSpec(pooling="max", layers=(DropoutLayer(), BatchNormLayer()), output_l2=0.1)},
    "every augmentation": {"augmentation": AugmentationSpec(steps=tuple({"kind": k} for k in AUGMENTATION_KINDS))},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_setting_gives_code_that_can_be_read(variant):
    x, dataset = Experiment(**VARIANTS[variant]), drawn()
    code = script(x, dataset, name='odd "name"\n\\')
    ast.parse(code)
    assert "somewhere" not in code, "a path of this machine is nobody's business"
    cells = json.loads(notebook(x, dataset))["cells"]
    joined = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    assert ast.dump(ast.parse(joined)) == ast.dump(ast.Module(ast.parse(code).body[1:], []))


def test_images_zip_keeps_pixels_splits_and_order(tmp_path):
    dataset = drawn()
    images_zip(dataset, tmp_path / "images.zip")
    with zipfile.ZipFile(tmp_path / "images.zip") as archive:
        archive.extractall(tmp_path / "images")
    for name, split in dataset.splits.items():
        files = sorted((tmp_path / "images" / name).glob("*/*.png"), key=lambda p: p.name)
        assert [f.parent.name for f in files] == [dataset.class_names[c] for c in split.labels]
        found = np.array([np.asarray(Image.open(f).resize((96, 96), Image.Resampling.BILINEAR)) for f in files])
        assert np.array_equal(found, split.images)


def test_a_zip_that_could_not_be_written_leaves_nothing_behind(tmp_path, monkeypatch):
    def broken(*_: object) -> bytes:
        raise DataError("gone")

    monkeypatch.setattr("core.export.images._png", broken)
    with pytest.raises(DataError):
        images_zip(drawn(), tmp_path / "images.zip")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def store(fresh_data_dir) -> RunStore:
    return RunStore()


def test_report_of_a_finished_run_stands_alone(store):
    x = Experiment(data=DIGITS, backbone=NARROW, training=TrainingSpec(epochs=3))
    outcome = trainer.train(x, data.load(x.data, 96))
    run_id = store.create(x, name="<b>Bold & brave</b>")
    store.finish(run_id, "finished")
    seen = Observations(outcome.history, x, outcome.evaluation, outcome.probes)
    page = report(Side(store.get(run_id), outcome.history, outcome.evaluation, diagnose(seen)))
    assert "&lt;b&gt;Bold &amp; brave" in page and "<b>Bold" not in page
    assert f"{100 * outcome.evaluation.splits['test'].accuracy:.1f}%" in page
    assert diagnose(seen).title in page
    assert "base_model.trainable = False" in page
    assert 'src="http' not in page and "<link" not in page


def test_report_of_a_failed_run_says_why(store):
    run_id = store.create(Experiment())
    store.finish(run_id, "failed", error="The worker died.")
    page = report(Side(store.get(run_id), pd.DataFrame(), None, None))
    assert "The worker died." in page and "How good it is" not in page
