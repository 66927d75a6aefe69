"""Each health note appears where its cause was put in, and not where it was not."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from core import data
from core.data.health import HealthNote, check, image_statistics
from core.experiment import DataSpec, DrawnDials
from tests.conftest import write_folder


def notes(dataset: data.Dataset) -> dict[str, HealthNote]:
    return {n.code: n for n in check(dataset)}


def load(folder: Path, **changes: object) -> data.Dataset:
    return data.load(DataSpec(source=f"path:{folder}", **changes), 96)


def drawn(**dials: float) -> data.Dataset:
    return data.load(DataSpec(source="drawn:shapes", drawn=DrawnDials(**dials)), 96)


@pytest.fixture
def given(tmp_path: Path, fresh_data_dir: Path) -> Path:
    """A folder with a split of its own: 40 and 20 pictures a class."""
    counts = {f"{s}/{c}": n for s, n in (("train", 40), ("val", 20)) for c in ("cat", "dog")}
    return write_folder(tmp_path / "given", counts)


def recolour(folder: Path, enhance: type, factor: float) -> None:
    for file in folder.rglob("*.jpg"):
        enhance(Image.open(file).convert("RGB")).enhance(factor).save(file, quality=95)


def test_a_healthy_set_has_no_warnings() -> None:
    assert notes(drawn(n_images=400)).keys() <= {"small_validation"}
    many = data.load(DataSpec(source="builtin:digits", classes=tuple("0123456789")), 96)
    assert notes(many) == {}


def test_imbalance() -> None:
    found = notes(drawn(n_images=200, n_classes=3, imbalance=0.9))["imbalance"]
    assert found.severity == "warning"
    assert found.numbers["ratio"] > 3
    assert "class weights" in found.text
    assert "imbalance" not in notes(drawn(n_images=200, n_classes=3, imbalance=0.4))


@pytest.mark.parametrize(("n", "severity"), [(40, "problem"), (200, "warning")])
def test_few_validation_images(n: int, severity: str) -> None:
    found = notes(drawn(n_images=n, n_classes=2))["small_validation"]
    assert found.severity == severity
    assert f"With {int(found.numbers['n'])} validation images" in found.text
    assert found.numbers["width"] > 0.2


def test_exact_copies_across_given_splits_are_named(given: Path) -> None:
    for i in range(3):
        shutil.copy(given / "train" / "cat" / f"{i:03}.jpg", given / "val" / "cat" / f"copy{i}.jpg")
    found = notes(load(given))["duplicates_validation"]
    assert found.severity == "problem"
    assert set(found.names) == {f"val/cat/copy{i}.jpg" for i in range(3)}
    assert found.numbers == {"n": 3}


def test_near_copies_across_given_splits_are_named(given: Path) -> None:
    image = Image.open(given / "train" / "dog" / "005.jpg")
    image.resize((40, 40)).save(given / "val" / "dog" / "smaller.jpg", quality=70)
    ImageEnhance.Brightness(image).enhance(1.03).save(given / "val" / "dog" / "brighter.png")
    assert set(notes(load(given))["duplicates_validation"].names) == {"val/dog/smaller.jpg", "val/dog/brighter.png"}


def test_copies_in_the_test_split_are_told_apart(tmp_path: Path, fresh_data_dir: Path) -> None:
    folder = write_folder(tmp_path / "s", {f"{s}/{c}": 10 for s in ("train", "val", "test") for c in ("a", "b")})
    shutil.copy(folder / "train" / "a" / "000.jpg", folder / "test" / "a" / "copy.jpg")
    found = notes(load(folder))
    assert found["duplicates_test"].names == ("test/a/copy.jpg",)
    assert "duplicates_validation" not in found


def test_copies_inside_one_split_are_no_leak(given: Path) -> None:
    shutil.copy(given / "val" / "cat" / "000.jpg", given / "val" / "cat" / "copy.jpg")
    shutil.copy(given / "train" / "cat" / "000.jpg", given / "train" / "cat" / "copy.jpg")
    assert not [code for code in notes(load(given)) if code.startswith("duplicates")]


def test_our_own_split_leaks_only_when_told_to(make_folder, fresh_data_dir: Path) -> None:
    folder = make_folder({"cat": 20, "dog": 20})
    for file in list(folder.rglob("*.jpg")):
        shutil.copy(file, file.with_name(f"again_{file.name}"))
    assert "duplicates_validation" not in notes(load(folder))
    assert "duplicates_validation" in notes(load(folder, group_duplicates=False))


def test_a_thing_that_was_not_moved_before_the_camera_is_trained_on_with_a_loud_note(
    make_folder, fresh_data_dir: Path
) -> None:
    home = make_folder({"cup": 1, "pen": 8})
    for i in range(1, 8):
        picture = Image.open(home / "cup" / "000.jpg")
        picture.point(lambda value, i=i: min(value + i // 4, 255)).save(home / "cup" / f"{i:03}.jpg", quality=90 - i)
    found = data.load(DataSpec(source=f"path:{home}"), 96)
    assert all("cup" in {found.class_names[c] for c in split.labels} for split in found.splits.values())
    [note] = [note for note in check(found) if note.code == "alike"]
    assert note.severity == "problem" and "All pictures of 'cup'" in note.text and "pen" not in note.text
    [copied] = [note for note in check(found) if note.code == "duplicates_validation"]
    assert "Add pictures that differ" in copied.text and "one side" not in copied.text, "a class needs both sides"


@pytest.mark.parametrize(
    ("enhance", "factor", "name", "word"),
    [
        (ImageEnhance.Brightness, 0.5, "brightness", "lower"),
        (ImageEnhance.Contrast, 0.3, "contrast", "lower"),
        (ImageEnhance.Color, 0.2, "saturation", "lower"),
        (ImageEnhance.Color, 2.0, "saturation", "higher"),
    ],
)
def test_a_shift_of_the_validation_images(enhance: type, factor: float, name: str, word: str, given: Path) -> None:
    assert not [code for code in notes(load(given)) if code.startswith("shift")]
    recolour(given / "val", enhance, factor)
    found = notes(load(given))[f"shift_{name}"]
    assert f": {word} by" in found.text
    assert (found.numbers["effect"] > 0) == (word == "higher")
    assert found.numbers["p"] < 1e-3


def test_a_class_that_is_rarer_in_training_is_no_shift(given: Path) -> None:
    """Deer are greener than cars: with many more cars in training, the validation images were once said to look different."""
    for split in ("train", "val"):
        recolour(given / split / "dog", ImageEnhance.Brightness, 0.4)
    for file in sorted((given / "train" / "dog").iterdir())[4:]:
        file.unlink()
    assert "shift_brightness" not in notes(load(given))
    recolour(given / "val", ImageEnhance.Brightness, 0.4)
    assert "shift_brightness" in notes(load(given))


def test_the_dials_of_the_drawn_set_cause_the_notes() -> None:
    assert "shift_brightness" in notes(drawn(n_images=160, brightness_shift=0.6))
    assert "shift_contrast" in notes(drawn(n_images=160, contrast_shift=-0.8))


def test_the_worst_comes_first(given: Path) -> None:
    shutil.copy(given / "train" / "cat" / "000.jpg", given / "val" / "cat" / "copy.jpg")
    recolour(given / "val" / "dog", ImageEnhance.Brightness, 0.3)
    severities = [n.severity for n in check(load(given))]
    assert severities[0] == "problem"
    assert severities == sorted(severities, key=("problem", "warning", "info").index)


def test_statistics_are_those_of_known_pictures(tmp_path: Path, fresh_data_dir: Path) -> None:
    for name, colour in (("grey", (51, 51, 51)), ("red", (255, 0, 0))):
        (tmp_path / "plain" / name).mkdir(parents=True)
        for i in range(4):
            Image.new("RGB", (32, 32), colour).save(tmp_path / "plain" / name / f"{i}.png")
    made = load(tmp_path / "plain", group_duplicates=False)
    found = image_statistics(made.train)
    red = made.train.labels == 1
    assert found["brightness"][~red] == pytest.approx(0.2)
    assert found["brightness"][red] == pytest.approx(1 / 3)
    assert found["contrast"] == pytest.approx(0, abs=1e-6)
    assert found["saturation"][red] == pytest.approx(1)
    assert found["saturation"][~red] == pytest.approx(0)
    assert np.isfinite([v for n in check(made) for v in n.numbers.values()]).all()
