"""Drawn pictures are the same for the same seed, and each dial does what it says."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.data.collection import Collection
from core.data.drawn import COLOURS, SHAPES, _labels, _splits, drawn
from core.experiment import DataSpec, DrawnDials


def draw(seed: int = 0, **dials: float) -> Collection:
    return drawn(DataSpec(source="drawn:shapes", seed=seed, drawn=DrawnDials(**{"n_images": 60, **dials})))


def part(made: Collection, split: str) -> np.ndarray:
    return np.stack([p for p, g in zip(made.pictures, made.given, strict=True) if g == split]).astype(float)


def true_labels(made: Collection) -> np.ndarray:
    """Return what is drawn, which the name says, whatever the label says."""
    return np.array([SHAPES.index(name.split()[0]) for name in made.names])


def test_the_same_seed_draws_the_same_pictures() -> None:
    a, b, other = draw(3), draw(3), draw(4)
    assert a.key == b.key != other.key
    assert np.array_equal(a.pictures, b.pictures)
    assert np.array_equal(a.labels, b.labels)
    assert not np.array_equal(a.pictures, other.pictures)


def test_other_dials_have_another_key() -> None:
    assert len({draw().key, draw(difficulty=0.9).key, draw(label_noise=0.2).key, draw(n_images=61).key}) == 4


@given(
    st.integers(20, 500),
    st.integers(2, 10),
    st.floats(0, 0.95),
    st.floats(0.01, 0.89),
    st.floats(0.01, 0.89) | st.just(0.0),
)
def test_any_dials_give_every_class_in_every_split(
    n: int, classes: int, imbalance: float, validation: float, test: float
) -> None:
    assume(validation + test <= 0.9)
    labels = _labels(DrawnDials(n_images=n, n_classes=classes, imbalance=imbalance))
    spec = DataSpec(source="drawn:shapes", validation_fraction=validation, test_fraction=test)
    given_splits = np.array(_splits(labels, spec))
    assert len(labels) == max(n, 3 * classes)
    for split in ("train", "validation", *(["test"] if test else [])):
        assert set(labels[given_splits == split]) == set(range(classes))


@pytest.mark.parametrize(("n", "classes"), [(50, 3), (100, 7), (20, 2)])
def test_the_number_of_images_and_classes(n: int, classes: int) -> None:
    made = draw(n_images=n, n_classes=classes)
    assert len(made.names) == n
    counts = np.bincount(made.labels)
    assert len(counts) == classes
    assert np.ptp(counts) <= 1


def test_imbalance_is_the_share_that_the_last_class_lacks() -> None:
    counts = np.bincount(draw(n_images=400, n_classes=4, imbalance=0.9, resolution=4).labels)
    assert counts.tolist() == sorted(counts, reverse=True)
    assert counts[-1] / counts[0] == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.5])
def test_label_noise_is_the_share_of_wrong_training_labels(noise: float) -> None:
    made = draw(n_images=200, label_noise=noise)
    wrong, split = made.labels != true_labels(made), np.array(made.given)
    assert wrong[split == "train"].sum() == round(noise * (split == "train").sum())
    assert not wrong[split != "train"].any()


@pytest.mark.parametrize("shift", [-0.6, 0.6])
def test_brightness_shift_is_of_the_validation_images_only(shift: float) -> None:
    plain, shifted = draw(), draw(brightness_shift=shift)
    assert np.array_equal(part(plain, "train"), part(shifted, "train"))
    assert np.array_equal(part(plain, "test"), part(shifted, "test"))
    change = part(shifted, "validation").mean() - part(plain, "validation").mean()
    assert np.sign(change) == np.sign(shift)
    assert abs(change) > 25


@pytest.mark.parametrize("shift", [-0.8, 0.8])
def test_contrast_shift_is_of_the_validation_images_only(shift: float) -> None:
    plain, shifted = draw(), draw(contrast_shift=shift)
    assert np.array_equal(part(plain, "train"), part(shifted, "train"))
    ratio = part(shifted, "validation").std() / part(plain, "validation").std()
    assert (ratio > 1.15) if shift > 0 else (ratio < 0.7)


def test_the_shortcut_colours_training_backgrounds_by_class() -> None:
    def told_by_corner(made: Collection, split: str) -> float:
        """Return the share of images whose corner's hue is nearest to their class's colour."""
        corners = part(made, split)[:, :10, :10].mean((1, 2))
        colours = np.array(COLOURS[: len(made.class_names)], float)
        likeness = (corners / np.linalg.norm(corners, axis=1)[:, None]) @ (
            colours / np.linalg.norm(colours, axis=1)[:, None]
        ).T
        labels = made.labels[np.array(made.given) == split]
        return float((likeness.argmax(1) == labels).mean())

    dials = {"n_images": 120, "n_classes": 4, "difficulty": 0.0}
    assert told_by_corner(draw(shortcut=1.0, **dials), "train") > 0.95
    assert told_by_corner(draw(shortcut=1.0, **dials), "validation") < 0.5
    assert told_by_corner(draw(shortcut=0.0, **dials), "train") < 0.5


def test_low_resolution_loses_the_information() -> None:
    coarse = draw(n_images=20, resolution=4)
    for picture in coarse.pictures:
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) <= 16
    assert len(np.unique(draw(n_images=20).pictures[0].reshape(-1, 3), axis=0)) > 1000


def test_difficulty_makes_classes_harder_to_tell_apart() -> None:
    """A classifier that knows nothing of images, the nearest neighbour of their edges, falls from well above chance."""
    from sklearn.neighbors import KNeighborsClassifier

    def accuracy(difficulty: float) -> float:
        made = draw(n_images=160, n_classes=2, difficulty=difficulty)
        split = np.array(made.given)
        grey = np.stack(made.pictures).mean(-1).reshape(-1, 24, 4, 24, 4).mean((2, 4))
        edges = (np.abs(np.diff(grey, axis=1))[:, :, :-1] + np.abs(np.diff(grey, axis=2))[:, :-1]).reshape(
            len(grey), -1
        )
        model = KNeighborsClassifier(5, metric="cosine").fit(edges[split == "train"], made.labels[split == "train"])
        return float(model.score(edges[split != "train"], made.labels[split != "train"]))

    assert accuracy(0.0) > 0.8
    assert accuracy(1.0) < accuracy(0.0) - 0.15
