"""Edits of a data set: each changes what it says and nothing else, and can be taken back."""

from pathlib import Path

import numpy as np
import pytest

from core import data
from core.data import edits
from core.errors import DataError
from core.experiment import DataEdits, DataSpec, Experiment
from core.export.images import from_files


@pytest.fixture
def spec(make_folder, fresh_data_dir: Path) -> DataSpec:
    return DataSpec(source=f"path:{make_folder({'cat': 8, 'dog': 8})}", group_duplicates=False)


def labels(spec: DataSpec) -> dict[str, str]:
    made = data.load(spec, 96)
    return {n: made.class_names[c] for s in made.splits.values() for n, c in zip(s.names, s.labels, strict=True)}


def test_a_picture_moves_to_another_class(spec: DataSpec) -> None:
    before = labels(spec)
    changed = spec.replace(edits=edits.relabel(spec.edits, ["cat/003.jpg"], " dog "))
    assert labels(changed) == {**before, "cat/003.jpg": "dog"}
    assert changed != spec
    assert Experiment(data=changed).id != Experiment(data=spec).id
    assert changed.replace(edits=edits.restore(changed.edits, ["cat/003.jpg"])) == spec
    assert not from_files(data.load(changed, 96))  # folders no longer name the classes: exports bring the pictures


def test_a_picture_is_left_out_and_comes_back(spec: DataSpec) -> None:
    before = labels(spec)
    gone = spec.replace(edits=edits.remove(edits.relabel(spec.edits, ["cat/003.jpg"], "dog"), ["cat/003.jpg"]))
    assert gone.edits.labels == ()
    assert labels(gone) == {n: c for n, c in before.items() if n != "cat/003.jpg"}
    assert data.catalogue(gone).key == data.catalogue(spec).key  # nothing is decoded again
    assert labels(gone.replace(edits=edits.relabel(gone.edits, ["cat/003.jpg"], "cat"))) == before


def test_a_new_class(spec: DataSpec) -> None:
    made = spec.replace(edits=edits.relabel(spec.edits, [f"cat/00{i}.jpg" for i in range(4)], "bird"))
    assert data.load(made, 96).class_names == ("bird", "cat", "dog")


def test_a_class_whose_pictures_all_moved_is_gone(spec: DataSpec) -> None:
    made = edits.relabel(spec.edits, [f"cat/00{i}.jpg" for i in range(4)], "bird")
    made = edits.relabel(made, [f"cat/00{i}.jpg" for i in range(4, 8)], "bird")
    assert data.catalogue(spec.replace(edits=made)).class_names == ("bird", "dog")


@pytest.mark.parametrize("split", ["train", "validation", "test", None])
def test_a_picture_is_kept_in_a_class(spec: DataSpec, split) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8)
    made = spec.replace(edits=edits.keep(edits.keep(spec.edits, picture, "cat"), picture, "dog", split))
    assert len(made.edits) == 1
    name = edits.added_name(made.edits.added[0])
    assert labels(made) == {**labels(spec), name: "dog"}
    collection = data.catalogue(made)
    assert collection.given[-1] == split
    np.testing.assert_array_equal(data.decode.read_picture(collection.pictures[-1]), picture)
    assert edits.restore(made.edits, [name]) == DataEdits()


def test_a_picture_that_joins_moves_no_other_and_is_trained_on_though_classes_are_limited(spec: DataSpec) -> None:
    limited = spec.replace(images_per_class=3)
    before = data.load(limited, 96)
    made = limited.replace(edits=edits.keep(limited.edits, np.full((40, 40, 3), 200, np.uint8), "cat", "train"))
    after, name = data.load(made, 96), edits.added_name(made.edits.added[0])
    for part in ("validation", "test"):
        assert after.splits[part].names == before.splits[part].names
    assert set(after.train.names) == {*before.train.names, name}


def test_a_copy_of_a_held_out_picture_does_not_join_training(make_folder, fresh_data_dir: Path) -> None:
    spec = DataSpec(source=f"path:{make_folder({'cat': 8, 'dog': 8})}")
    test = data.load(spec, 96).test
    copy = np.asarray(test.source[test.indices[0]])
    made = spec.replace(edits=edits.keep(spec.edits, copy, data.load(spec, 96).class_names[test.labels[0]], "train"))
    assert edits.added_name(made.edits.added[0]) in data.load(made, 96).test.names


def test_a_picture_that_is_gone_is_named(spec: DataSpec, fresh_data_dir: Path) -> None:
    made = spec.replace(edits=edits.keep(spec.edits, np.zeros((8, 8, 3), np.uint8), "cat"))
    next((fresh_data_dir / "datasets" / "added").glob("*.png")).unlink()
    with pytest.raises(DataError, match=r"added to 'cat', is not on this server\. Take its edit back"):
        data.catalogue(made)


def test_roles_of_folders_are_set_and_taken_back() -> None:
    made = edits.set_role(edits.set_role(DataEdits(), "b", "class"), "a/c", "out")
    assert made.folders == (("a/c", "out"), ("b", "class"))
    assert edits.set_role(edits.set_role(made, "b", None), "a/c", None) == DataEdits()


def test_every_edit_has_a_line_for_people() -> None:
    made = edits.set_role(edits.remove(edits.relabel(DataEdits(), ["a"], "dog"), ["b"]), "x", "validation")
    assert edits.describe(made) == ["a: moved to 'dog'", "b: left out", "x/: the validation split"]
    assert len(made) == 3


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(DataError, match="class"):
        edits.relabel(DataEdits(), ["a"], name)


def test_built_in_pictures_can_be_edited(fresh_data_dir: Path) -> None:
    spec = DataSpec(source="builtin:faces")
    picture = np.zeros((30, 30, 3), np.uint8)
    made = spec.replace(edits=edits.keep(edits.relabel(spec.edits, ["face no. 3"], "no face"), picture, "face"))
    assert sum(len(s) for s in data.load(made, 96).splits.values()) == 201
    assert labels(made)["face no. 3"] == "no face"


def test_the_split_that_came_along_can_be_set_aside(make_folder, fresh_data_dir: Path) -> None:
    home = make_folder({f"{s}/{c}": n for s, n in (("train", 12), ("val", 4)) for c in ("cat", "dog")})
    spec = DataSpec(source=f"path:{home}", group_duplicates=False)
    assert len(data.load(spec, 96).validation) == 8
    anew = data.load(spec.replace(given_split=False), 96)
    assert [len(s) for s in anew.splits.values()] == [20, 6, 6]
    assert {n.split("/")[0] for n in anew.validation.names} == {"train", "val"}


def test_an_old_experiment_opens() -> None:
    assert Experiment.from_json('{"data": {"source": "builtin:digits", "seed": 3}}').data.edits == DataEdits()
