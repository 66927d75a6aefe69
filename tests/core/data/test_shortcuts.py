"""Files that give their class away are noticed, whatever it is that gives it away; files that differ by chance are not."""

import numpy as np
import pytest
from PIL import Image

from core import data
from core.data import file_properties, health
from core.experiment import DataSpec

N = 60  # pictures a class


def scene(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """A picture with detail that says nothing about a class."""
    small = rng.integers(40, 210, (9, 9, 3), np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def framed(picture: Image.Image, grey: int) -> Image.Image:
    canvas = Image.new("RGB", (picture.width + 30, picture.height + 30), (grey,) * 3)
    canvas.paste(picture, (15, 15))
    return canvas


def save_alike(rng, c: int, to):
    side = int(rng.integers(100, 160))
    scene(rng, side, int(side * rng.uniform(0.7, 1.4))).save(to.with_suffix(".jpg"), quality=int(rng.integers(70, 95)))


def save_by_shape(rng, c: int, to):
    side = int(rng.integers(100, 160))
    square = c == 0 if rng.random() < 0.98 else c == 1
    scene(rng, side, side if square else int(0.75 * side)).save(to.with_suffix(".jpg"), quality=85)


def save_by_type(rng, c: int, to):
    scene(rng, 120, 90).save(to.with_suffix((".jpg", ".png")[c]))


def save_by_size(rng, c: int, to):
    side = int(rng.integers(*((60, 90), (200, 300))[c]))
    scene(rng, side, side).save(to.with_suffix(".jpg"), quality=85)


def save_by_compression(rng, c: int, to):
    noise = rng.normal(0, 12, (120, 120, 3))
    picture = np.clip(np.asarray(scene(rng, 120, 120), float) + noise, 0, 255).astype(np.uint8)
    Image.fromarray(picture).save(to.with_suffix(".jpg"), quality=(20, 92)[c])


def save_by_frame(rng, c: int, to):
    framed(scene(rng, 100, 100), (0, 255)[c]).save(to.with_suffix(".png"))


def notes(folder, save, k: int = 2) -> list[health.HealthNote]:
    rng = np.random.default_rng(3)
    for c in range(k):
        (folder / f"class{c}").mkdir()
        for i in range(N):
            save(rng, c, folder / f"class{c}" / f"{i:03d}.x")
    return health.check(data.load(DataSpec(source=f"path:{folder}", validation_fraction=0.3, test_fraction=0.1), 96))


@pytest.fixture(autouse=True)
def open_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("THAW_IMAGE_ROOT", str(tmp_path))


@pytest.mark.parametrize(
    ("save", "told"),
    [
        (save_by_shape, "shape"),
        (save_by_type, "file type|compression"),
        (save_by_size, "size|compression"),
        (save_by_compression, "compression"),
        (save_by_frame, "frame|compression"),
    ],
)
def test_what_gives_the_class_away_is_named(tmp_path, save, told):
    found = [n for n in notes(tmp_path, save) if n.code == "files_tell"]
    assert found and found[0].severity == "warning"
    assert any(word in found[0].title for word in told.split("|")), found[0].title
    assert found[0].numbers["low"] >= found[0].numbers["chance"] + 0.2


@pytest.mark.parametrize("k", [2, 5])
def test_files_that_differ_by_chance_alone_are_left_alone(tmp_path, k):
    assert "files_tell" not in [n.code for n in notes(tmp_path, save_alike, k)]


def test_drawn_pictures_have_no_files_to_look_at():
    made = data.load(DataSpec(source="builtin:digits", classes=("0", "1")), 96)
    assert made.files is None
    assert "files_tell" not in [n.code for n in health.check(made)]


def test_a_file_says_its_size_shape_and_type(tmp_path):
    Image.new("RGB", (80, 40)).save(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    good, broken = file_properties.of([tmp_path / "a.png", tmp_path / "b.jpg"])
    assert np.exp(good[:3]) == pytest.approx([80, 40, 2])
    assert good[file_properties.NAMES.index("type PNG")] == 1 and good[4:].sum() == 1
    assert not broken.any()
