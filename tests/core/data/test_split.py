"""The split is seeded and stratified, and tears no group of near-duplicates apart."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from core import data
from core.data.collection import Collection
from core.data.split import duplicate_groups, split_indices, stratified
from core.errors import DataError
from core.experiment import DataSpec
from tests.conftest import picture, write_folder

NAMES = ("train", "validation", "test")


def collection(labels: np.ndarray, given: tuple | None = None) -> Collection:
    n = len(labels)
    classes = tuple(f"class {i}" for i in range(labels.max() + 1))
    return Collection(
        "k", "t", classes, tuple(map(str, range(n))), labels, given or (None,) * n, (np.zeros((1, 1, 3)),) * n
    )


def split(labels: np.ndarray, spec: DataSpec, groups: np.ndarray | None = None, given: tuple | None = None) -> dict:
    return split_indices(collection(labels, given), np.arange(len(labels)), spec, groups)


counts = st.lists(st.integers(3, 60), min_size=2, max_size=6)
specs = st.builds(
    DataSpec,
    validation_fraction=st.floats(0.05, 0.45),
    test_fraction=st.floats(0.01, 0.4) | st.just(0.0),
    seed=st.integers(0, 99),
)


@given(counts, specs)
def test_every_image_is_in_one_split_and_every_class_in_each(sizes: list[int], spec: DataSpec) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    parts = split(labels, spec)
    assert np.array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(len(labels)))
    for name in NAMES:
        expected = set() if name == "test" and spec.test_fraction == 0 else set(labels)
        assert set(labels[parts[name]]) == expected


@given(counts, specs)
def test_each_class_is_split_in_the_same_proportion(sizes: list[int], spec: DataSpec) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    parts = split(labels, spec)
    for name, share in (("validation", spec.validation_fraction), ("test", spec.test_fraction)):
        for label, size in enumerate(sizes):
            got = (labels[parts[name]] == label).sum()
            assert abs(got - share * size) <= 1.5 or got in {1, size - 2, size - 1}


@given(counts, specs)
def test_the_seed_decides(sizes: list[int], spec: DataSpec) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    again, other = split(labels, spec), split(labels, spec.replace(seed=spec.seed + 1))
    for name in NAMES:
        assert np.array_equal(split(labels, spec)[name], again[name])
        assert len(again[name]) == len(other[name])
    assume(sum(sizes) > 60)
    assert not np.array_equal(again["train"], other["train"])


@given(counts, specs, st.integers(1, 4), st.randoms(use_true_random=False))
def test_groups_are_not_torn(sizes: list[int], spec: DataSpec, width: int, random) -> None:
    labels = np.repeat(np.arange(len(sizes)), [s * width for s in sizes])
    groups = np.array([random.randrange(4 * len(labels)) for _ in labels]) * len(sizes) + labels
    assume(all(len(set(groups[labels == c])) > 3 for c in range(len(sizes))))  # a group for each split, at least
    parts = split(labels, spec, groups)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert not set(groups[parts[NAMES[a]]]) & set(groups[parts[NAMES[b]]])
    assert sum(len(p) for p in parts.values()) == len(labels)


def test_one_huge_group_does_not_swallow_the_validation_split() -> None:
    labels = np.repeat([0, 1], 100)
    groups = np.concatenate([np.zeros(60, int), np.arange(1, 141)])
    for seed in range(20):
        parts = split(labels, DataSpec(seed=seed), groups)
        assert len(parts["validation"]) == len(parts["test"]) == 40
        assert set(parts["train"][:60]) == set(range(60))


def test_a_class_that_is_one_picture_over_and_over_is_split_all_the_same() -> None:
    labels = np.repeat([0, 1], 10)
    groups = np.concatenate([np.zeros(10, int), np.arange(1, 11)])
    parts = split(labels, DataSpec(), groups)
    assert all((labels[parts[name]] == 0).sum() >= 1 for name in NAMES)
    one_scene = split(labels, DataSpec(), np.zeros(20, int))  # both things before the same wall
    assert all(set(labels[one_scene[name]]) == {0, 1} for name in NAMES)


def test_a_class_of_one_picture_cannot_be_split() -> None:
    with pytest.raises(DataError, match="The class 'class 0' has too few images to be split"):
        split(np.array([0, 1, 1, 1, 1]), DataSpec())


def test_a_class_of_three_beside_a_large_one_is_in_every_split() -> None:
    labels = np.repeat([0, 1], [100, 3])
    for share in (0.05, 0.1, 0.3):
        parts = split(labels, DataSpec(validation_fraction=share, test_fraction=share))
        assert [(labels[parts[n]] == 1).sum() for n in NAMES] == [1, 1, 1]


@pytest.mark.parametrize("names", [("train", "validation", "test"), ("train", "validation"), ("train", "test")])
def test_a_given_split_is_kept(names: tuple[str, ...]) -> None:
    given_names = np.tile(np.repeat(names, 10), 2)
    labels = np.repeat([0, 1], 10 * len(names))
    parts = split(labels, DataSpec(validation_fraction=0.3, test_fraction=0.3), given=tuple(given_names))
    for name in names[1:]:
        assert np.array_equal(parts[name], np.flatnonzero(given_names == name))
    if "validation" not in names:
        assert len(parts["validation"]) == 6
        assert set(given_names[parts["validation"]]) == {"train"}
    assert len(parts["test"]) == (20 if "test" in names else 0)


def test_classes_that_a_given_split_lacks_are_named() -> None:
    given_names = ("train", "train", "validation", "validation", "test", "test")
    with pytest.raises(DataError, match="The train split has no image of 'class 1'"):
        split(np.array([0, 0, 0, 1, 0, 1]), DataSpec(images_per_class=5), given=given_names)
    with pytest.raises(DataError, match="The train split has no image"):
        split(np.array([0, 1]), DataSpec(images_per_class=5), given=("test", "test"))


@given(st.integers(3, 30), st.integers(0, 5))
def test_images_per_class_limits_training_only(limit: int, seed: int) -> None:
    labels = np.repeat([0, 1, 2], [60, 40, 10])
    spec = DataSpec(seed=seed)
    small, whole = split(labels, spec.replace(images_per_class=limit)), split(labels, spec)
    for label in range(3):
        assert (labels[small["train"]] == label).sum() == min(limit, (labels[whole["train"]] == label).sum())
    assert set(small["train"]) <= set(whole["train"])
    assert np.array_equal(small["validation"], whole["validation"])
    assert np.array_equal(small["test"], whole["test"])


@given(
    st.lists(st.integers(0, 3), min_size=1).map(lambda x: np.array(sorted([*x, *x]))),
    st.floats(0, 1),
    st.integers(0, 9),
)
def test_stratified_takes_some_of_each_and_never_all(labels: np.ndarray, share: float, seed: int) -> None:
    chosen = stratified(labels, share, [seed])
    assert len(set(chosen)) == len(chosen)
    for label in set(labels):
        assert 1 <= (labels[chosen] == label).sum() < (labels == label).sum()


def variants(image: np.ndarray) -> list[np.ndarray]:
    """Return what people have on their disks of one picture: a copy, saved badly, scaled, a little brighter."""
    import io

    buffer = io.BytesIO()
    pil = Image.fromarray(image)
    pil.save(buffer, "jpeg", quality=60)
    scaled = pil.resize((60, 60), Image.Resampling.BICUBIC).resize(pil.size, Image.Resampling.BICUBIC)
    return [image, np.asarray(Image.open(buffer)), np.asarray(scaled), np.uint8(np.clip(image.astype(int) + 5, 0, 255))]


def test_near_duplicates_share_a_group_and_others_do_not() -> None:
    rng = np.random.default_rng(1)
    originals = [picture(rng, (120, 120, 120), 96) for _ in range(30)]
    pixels = np.stack([v for image in originals for v in variants(image)])
    groups = duplicate_groups(pixels).reshape(30, 4)
    assert (groups == groups[:, :1]).all()
    assert len(set(groups[:, 0])) == 30


def test_plain_pictures_of_different_things_are_no_copies() -> None:
    pixels = np.stack([np.full((96, 96, 3), v, np.uint8) for v in (10, 60, 120, 180, 240)])
    assert len(set(duplicate_groups(pixels))) == 5


def test_thousands_of_equal_pictures_are_one_group() -> None:
    assert len(set(duplicate_groups(np.zeros((3000, 16, 16, 3), np.uint8)))) == 1


@pytest.fixture
def copies(tmp_path: Path, fresh_data_dir: Path) -> Path:
    """Two classes of 12 pictures, each there three times."""
    folder = write_folder(tmp_path / "copies", {"cat": 12, "dog": 12}, side=96)
    for file in list(folder.rglob("*.jpg")):
        image = Image.open(file)
        for quality in (60, 75):
            image.save(file.with_name(f"{file.stem}_q{quality}.jpg"), quality=quality)
    return folder


def test_loading_keeps_copies_on_one_side(copies: Path) -> None:
    spec = DataSpec(source=f"path:{copies}")
    made = data.load(spec, 96)
    where = {}
    for name, part in made.splits.items():
        for file in part.names:
            where.setdefault(file.split("_q")[0].removesuffix(".jpg"), set()).add(name)
    assert len(where) == 24
    assert all(len(names) == 1 for names in where.values())
    torn = data.load(spec.replace(group_duplicates=False), 96)
    originals = [{f.split("_q")[0].removesuffix(".jpg") for f in p.names} for p in torn.splits.values()]
    assert originals[0] & originals[1]


def test_the_split_does_not_depend_on_the_size(copies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = DataSpec(source=f"path:{copies}")
    large = data.load(spec, 160)
    monkeypatch.setenv("THAW_DATA_DIR", str(copies.parent / "another machine"))
    small = data.load(spec, 96)
    for name in NAMES:
        assert large.splits[name].names == small.splits[name].names
        assert large.splits[name].fingerprint != small.splits[name].fingerprint


def test_labels_names_and_pictures_belong_together(make_folder, fresh_data_dir: Path) -> None:
    made = data.load(DataSpec(source=f"path:{make_folder({'red': 9, 'blue': 9, 'green': 9})}"), 96)
    channel = {"red": 0, "green": 1, "blue": 2}
    for part in made.splits.values():
        assert part.labels.dtype == np.int64
        for image, label, name in zip(part.images, part.labels, part.names, strict=True):
            assert name.startswith(made.class_names[label] + "/")
            assert image.shape == (96, 96, 3)
    assert made.class_names == tuple(sorted(channel))


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (("cat",), "Choose at least two classes"),
        ((), "Choose at least two classes"),
        (("cat", "cat"), "Choose at least two classes"),
        (("cat", "cow"), "There is no class 'cow' here; the classes are bird, cat, dog"),
    ],
)
def test_classes_that_cannot_be_chosen(classes: tuple, words: str, make_folder, fresh_data_dir: Path) -> None:
    folder = make_folder({"bird": 4, "cat": 4, "dog": 4})
    with pytest.raises(DataError, match=words):
        data.load(DataSpec(source=f"path:{folder}", classes=classes), 96)


def test_chosen_classes_are_numbered_in_order(make_folder, fresh_data_dir: Path) -> None:
    folder = make_folder({"bird": 4, "cat": 4, "dog": 4})
    made = data.load(DataSpec(source=f"path:{folder}", classes=("dog", "bird")), 96)
    assert made.class_names == ("bird", "dog")
    for part in made.splits.values():
        assert [made.class_names[i] for i in part.labels] == [n.split("/")[0] for n in part.names]


@pytest.mark.parametrize("source", ["", "builtin:cars", "download:x", "web:http://x", "builtin"])
def test_unknown_sources(source: str) -> None:
    with pytest.raises(DataError, match="There is no image source"):
        data.load(DataSpec(source=source), 96)
