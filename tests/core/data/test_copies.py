"""Altered copies are found, and pictures that only look alike are not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from core import data
from core.data import copies, health
from core.experiment import DataSpec

N = 24


def scene(i: int) -> Image.Image:
    """Draw a picture with large and small things in it, unlike any other."""
    rng = np.random.default_rng([5, i])
    large = Image.fromarray(rng.integers(0, 255, (6, 6, 3), np.uint8)).resize((160, 160), Image.Resampling.BICUBIC)
    fine = Image.fromarray(rng.integers(0, 255, (40, 40, 3), np.uint8)).resize((160, 160), Image.Resampling.BICUBIC)
    return Image.blend(large, fine, 0.4)


ALTERED = {
    "mirrored": lambda im: im.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "upside down": lambda im: im.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    "turned": lambda im: im.transpose(Image.Transpose.ROTATE_90),
    "turned round": lambda im: im.transpose(Image.Transpose.ROTATE_180),
    "brightened": lambda im: ImageEnhance.Contrast(ImageEnhance.Brightness(im).enhance(1.3)).enhance(0.8),
    "cropped": lambda im: im.crop((12, 20, 142, 150)),
    "cropped a corner": lambda im: im.crop((0, 0, 112, 112)),
    "cropped and mirrored": lambda im: im.crop((16, 8, 144, 136)).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "cropped a little in the middle": lambda im: im.crop((8, 8, 152, 152)),
    "framed": lambda im: ImageOps.expand(im, 10, "white"),
    "framed and mirrored": lambda im: ImageOps.expand(ImageOps.mirror(im), 12, (20, 60, 20)),
    "between bars": lambda im: ImageOps.expand(im, (0, 30), "black"),
    "saved again": lambda im: im.resize((100, 100)).resize((160, 160)),
}


def array(image: Image.Image) -> np.ndarray:
    return np.asarray(image.resize((96, 96), Image.Resampling.BILINEAR))


@pytest.fixture(scope="module")
def scenes() -> list[Image.Image]:
    return [scene(i) for i in range(N)]


@pytest.mark.parametrize("how", ALTERED)
def test_altered_copies_are_found(how: str, scenes: list[Image.Image]) -> None:
    pixels = np.stack([array(s) for s in scenes] + [array(ALTERED[how](s)) for s in scenes])
    found = copies.of(pixels, [""] * 2 * N, [0] * 2 * N)
    assert np.mean(found.groups[:N] == found.groups[N:]) >= 0.95
    assert len(set(found.groups[:N])) == N


def test_words_for_how_they_were_altered(scenes: list[Image.Image]) -> None:
    pixels = np.stack(
        [array(scenes[0]), *(array(ALTERED[how](scenes[0])) for how in ("mirrored", "turned", "cropped"))]
    )
    found = copies.of(pixels, [""] * 4, [0] * 4)
    assert [found.how(0, i) for i in (1, 2, 3)] == ["mirrored", "turned", "cropped"]
    assert found.how(1, 1) == "the same picture, or nearly"


def test_different_pictures_are_no_copies(scenes: list[Image.Image]) -> None:
    assert copies.find(np.stack([array(s) for s in scenes]), np.arange(N)) == []
    plain = np.stack([np.full((96, 96, 3), level, np.uint8) for level in (0, 128, 255)])
    assert copies.find(plain, np.arange(3)) == []
    assert copies.find(plain[:0], np.arange(0)) == []
    framed = np.stack([array(ImageOps.expand(s, 16, "white")) for s in scenes])
    assert copies.find(framed, np.arange(N)) == []


@pytest.mark.parametrize("folder", ["cats_dogs", "clothing5", "sign_digits5"])
def test_few_false_pairs_among_photographs(folder: str, shared_data: Path, fresh_data_dir: Path) -> None:
    """Those of the shared folders were not chosen for being different, so that what looks like a copy may be one."""
    files = sorted((shared_data / "data" / folder).rglob("*.jpg"))[::17][:50]
    pixels = np.stack([array(Image.open(f).convert("RGB")) for f in files])
    paired = {row for pair in copies.find(pixels, np.arange(len(pixels))) for row in (pair.a, pair.b)}
    assert len(paired) <= 0.02 * len(files)


def test_names_that_say_what_was_copied() -> None:
    names = ["train/cat/a_jpg.rf.1f.jpg", "valid/cat/a_jpg.rf.2e.jpg", "train/dog/a_jpg.rf.3d.jpg", "train/cat/b.jpg"]
    assert [(c.a, c.b) for c in copies.originals(names, [0, 0, 1, 0])] == [(0, 1)]


def saved(home: Path, pictures: dict[str, Image.Image]) -> DataSpec:
    for name, image in pictures.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        image.save(home / name)
    return DataSpec(source=f"path:{home}")


def test_copies_across_a_split_that_came_along(scenes: list[Image.Image], tmp_path: Path, fresh_data_dir: Path) -> None:
    turn = ALTERED["mirrored"]
    train = {f"train/{'ab'[i % 2]}/{i}.png": s for i, s in enumerate(scenes)}
    spec = saved(tmp_path / "x", train | {f"val/{'ab'[i % 2]}/x{i}.png": turn(scenes[i]) for i in range(8)})
    made = data.load(spec, 96)
    note = next(n for n in health.check(made) if n.code == "duplicates_validation")
    assert note.text.startswith("All 8 validation images are copies of a training image (8 mirrored)")
    pairs = health.copies_across(made)
    assert [(p.name, p.other_name) for p in pairs[:1]] == [("val/a/x0.png", "train/a/0.png")]
    anew = data.load(spec.replace(given_split=False), 96)
    assert not health.copies_across(anew)
    assert sum(len(s) for s in anew.splits.values()) == N + 8


def test_one_picture_under_two_classes(scenes: list[Image.Image], tmp_path: Path, fresh_data_dir: Path) -> None:
    pictures = {f"{'ab'[i % 2]}/{i}.png": s for i, s in enumerate(scenes)} | {"b/again.png": scenes[0]}
    note = next(n for n in health.check(data.load(saved(tmp_path / "x", pictures), 96)) if n.code == "two_classes")
    assert note.title == "1 picture is filed under two classes"
    assert set(note.names) == {"a/0.png", "b/again.png"}
