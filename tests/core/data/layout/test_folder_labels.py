"""Folders of persons or cases, and a table that says what each shows."""

import pytest

from core.data.layout import understand

PATIENTS = [f"patient_{p:03d}" for p in range(8)]
KINDS = [("benign", "malignant")[p % 2] for p in range(8)]
NAMES = [f"{folder}/{i}.png" for folder in PATIENTS for i in range(3)]


def _table(header: str, folders: list[str], kinds: list[str]) -> str:
    return "\n".join([header, *(f"{f},{k}" for f, k in zip(folders, kinds, strict=True))])


@pytest.mark.parametrize("header", ["patient,diagnosis", "folder,label", "id,class"])
def test_the_table_gives_each_picture_its_folders_class(header: str) -> None:
    found = understand(NAMES, texts={"labels.csv": _table(header, PATIENTS, KINDS)})
    assert [p.label for p in found.places] == [k for k in KINDS for _ in range(3)]
    assert [n.code for n in found.notes] == ["labels_of_folders"] and "labels.csv" in found.notes[0].text


def test_parts_that_hold_different_persons_share_the_classes_then() -> None:
    names = [f"{'train' if p < 6 else 'test'}/{PATIENTS[p]}/{i}.png" for p in range(8) for i in range(3)]
    found = understand(names, texts={"labels.csv": _table("patient,diagnosis", PATIENTS, KINDS)})
    assert {(p.split, p.label) for p in found.places} == {(s, k) for s in ("train", "test") for k in set(KINDS)}
    assert "no_shared_classes" not in {n.code for n in found.notes}


def test_a_folder_that_the_table_does_not_name_is_left_out() -> None:
    names = [*NAMES, "patient_099/0.png"]
    found = understand(names, texts={"labels.csv": _table("patient,diagnosis", PATIENTS, KINDS)})
    assert found.places[-1].label is None and "does not name" in found.places[-1].why


def test_larger_groups_of_classes_leave_the_classes_as_they_are() -> None:
    birds = ["robin", "wren", "eagle", "hawk"]
    names = [f"{bird}/{i}.png" for bird in birds for i in range(3)]
    found = understand(names, texts={"groups.csv": _table("class,family", birds, ["a", "a", "b", "b"])})
    assert {p.label for p in found.places} == set(birds)


def test_a_table_of_few_of_the_folders_says_nothing() -> None:
    found = understand(NAMES, texts={"labels.csv": _table("patient,diagnosis", PATIENTS[:4], KINDS[:4])})
    assert {p.label for p in found.places} == set(PATIENTS)
