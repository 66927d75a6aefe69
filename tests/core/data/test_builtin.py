"""The built-in photographs need no network, are what they say, and leak nothing between splits."""

import numpy as np
import pytest

from core import data
from core.data import creatures
from core.data.builtin import BUILTIN, MATERIALS, PATCH, materials
from core.experiment import DataSpec


@pytest.mark.parametrize(
    ("name", "classes", "n"),
    [
        ("creatures", tuple(creatures.CREATURES), 1400),
        ("digits", tuple("0123456789"), 1797),
        ("materials", MATERIALS, None),
        ("faces", ("face", "no face"), 200),
    ],
)
def test_what_is_there(name: str, classes: tuple[str, ...], n: int | None) -> None:
    made = BUILTIN[name]()
    assert made.class_names == classes
    assert len(made.names) == len(made.labels) == len(made.given) == len(made.pictures)
    assert len(set(made.names)) == len(made.names)
    assert n is None or len(made.names) == n
    assert all(p.dtype == np.uint8 and p.shape[2] == 3 for p in made.pictures)
    assert set(made.labels.tolist()) == set(range(len(classes)))
    assert np.mean([p.std() for p in made.pictures]) > 20


def test_the_colour_of_a_creature_does_not_tell_which_it_is() -> None:
    """Nor does that of the ground: the mean colour of a picture is about the same in every class."""
    n = 60
    colours = {
        c: [creatures.picture(c, np.random.default_rng([9, i])).mean((0, 1)) for i in range(n)]
        for c in creatures.CREATURES
    }
    means, spread = (np.array([f(v, axis=0) for v in colours.values()]) for f in (np.mean, np.std))
    assert np.ptp(means, axis=0).max() < spread.mean()
    assert spread.mean() > 10


@pytest.mark.parametrize("name", BUILTIN)
def test_they_are_the_same_every_time(name: str) -> None:
    a, b = BUILTIN[name](), BUILTIN[name]()
    assert a.key == b.key
    assert all(np.array_equal(x, y) for x, y in zip(a.pictures, b.pictures, strict=True))


def test_regions_of_the_materials_do_not_overlap() -> None:
    made = materials()
    rows: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for name, label, split in zip(made.names, made.labels, made.given, strict=True):
        top = int(name.rsplit(",", 1)[1])
        rows.setdefault((int(label), str(split)), []).append((top, top + PATCH))
    for label in range(3):
        spans = {s: (min(a for a, _ in v), max(b for _, b in v)) for (c, s), v in rows.items() if c == label}
        assert spans["train"][1] <= spans["validation"][0]
        assert spans["validation"][1] <= spans["test"][0]


def test_no_pixel_of_training_is_seen_in_validation() -> None:
    """Checked on the pictures themselves, not on their names: no row of pixels occurs in two splits."""
    made = materials()
    seen = {split: set() for split in ("train", "validation", "test")}
    for picture, split in zip(made.pictures, made.given, strict=True):
        for row in picture[::8, :, 0]:
            seen[str(split)].add(row.tobytes())
    assert not seen["train"] & seen["validation"]
    assert not seen["train"] & seen["test"]
    assert not seen["validation"] & seen["test"]


def test_faces_are_named_by_their_class() -> None:
    made = BUILTIN["faces"]()
    assert all((name.startswith("face")) == (label == 0) for name, label in zip(made.names, made.labels, strict=True))


def test_digits_by_default_are_four_classes_and_any_can_be_chosen() -> None:
    spec = DataSpec(source="builtin:digits")
    assert data.load(spec, 96).class_names == ("0", "1", "2", "3")
    chosen = data.load(spec.replace(classes=("9", "4"), images_per_class=5), 96)
    assert chosen.class_names == ("4", "9")
    assert np.bincount(chosen.train.labels).tolist() == [5, 5]
    assert all(
        n.startswith(f"digit {chosen.class_names[c]} ")
        for n, c in zip(chosen.train.names, chosen.train.labels, strict=True)
    )


def test_every_offered_source_that_is_ready_loads() -> None:
    for source in data.sources():
        if source.ready and not source.key.startswith("upload:"):
            made = data.load(DataSpec(source=source.key), 96)
            assert min(len(made.train), len(made.validation), len(made.test)) > 0
            assert made.title == source.title
