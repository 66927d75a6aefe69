"""Listings as they stand in people's archives, each with what it means."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.layout import Layout, understand, words

NONE: dict[str, str] = {}


def files(*folders: str, n: int = 6, name: str = "{}.jpg") -> list[str]:
    """Return ``n`` pictures in each folder."""
    return [f"{folder}/{name.format(i)}".lstrip("/") for folder in folders for i in range(n)]


def read(layout: Layout) -> dict[str, set[str | None]]:
    """Return the splits of each class."""
    found: dict[str, set[str | None]] = {}
    for place in layout.places:
        if place.label:
            found.setdefault(place.label, set()).add(place.split)
    return found


def each(classes: str, *splits: str | None) -> dict[str, set[str | None]]:
    return {c: set(splits) for c in classes.split()}


@pytest.mark.parametrize(
    ("names", "meaning"),
    [
        (files("cat", "dog", "dog/deep"), each("cat dog", None)),
        ([*files("x/cat", "x/dog"), "x/README", "note.txt"], each("cat dog", None)),
        (files("train/cat", "train/dog", "val/cat", "val/dog"), each("cat dog", "train", "validation")),
        ([*files("TRAIN/cat", "TRAIN/dog", "Test/cat", "Test/dog"), "extra/3.jpg"], each("cat dog", "train", "test")),
        (files("train/cat", "train/dog", "test"), each("cat dog", None)),
        (files("a/b/c/cat", "a/b/c/dog"), each("cat dog", None)),
        (files("s/seg_train/seg_train/sea", "s/seg_train/seg_train/ice", "s/seg_test/seg_test/sea", "s/seg_test/seg_test/ice", "s/seg_pred/seg_pred"), each("sea ice", "train", "test")),
        (files("train/images/a", "train/images/b", "val/images/a", "val/images/b"), each("a b", "train", "validation")),
        (files("images/train/a", "images/train/b", "images/test/a", "images/test/b"), each("a b", "train", "test")),
        (files("cat/train", "dog/train", "cat/test", "dog/test"), each("cat dog", "train", "test")),
        (files("d/cats/training_set", "d/dogs/training_set", "d/cats/test_set", "d/dogs/test_set"), each("cats dogs", "train", "test")),
        (files("training_set/training_set/cats", "training_set/training_set/dogs", "test_set/test_set/cats", "test_set/test_set/dogs"), each("cats dogs", "train", "test")),
        (files("train/cat", "train/dog", "holdout/cat", "holdout/dog"), each("cat dog", "train", "validation")),
        (files("train/cat", "train/dog", "val/cat", "val/dog", "holdout/cat", "holdout/dog"), each("cat dog", "train", "validation", "test")),
        (files("fold0/cat", "fold0/dog", "fold1/cat", "fold1/dog"), each("cat dog", None)),
        (files("fold_1/train/a", "fold_1/train/b", "fold_1/val/a", "fold_1/val/b", "fold_2/train/a", "fold_2/train/b", "fold_2/val/a", "fold_2/val/b"), each("a b", "train", "validation")),
        (files("part_1/cat", "part_1/dog", "part_2/cat", "part_2/dog"), each("cat dog", None)),
        (files("train_cat", "train_dog", "test_cat", "test_dog"), each("cat dog", "train", "test")),
        (files("trainA", "trainB", "testA", "testB"), each("A B", "train", "test")),
        (files("cats_train", "dogs_train", "cats_val", "dogs_val"), each("cats dogs", "train", "validation")),
        (files("Trainingsdaten/a", "Trainingsdaten/b", "Validierungsdaten/a", "Validierungsdaten/b", "Testbilder/a", "Testbilder/b"), each("a b", "train", "validation", "test")),
        (files("训练图片/猫", "训练图片/狗", "测试数据/猫", "测试数据/狗"), each("猫 狗", "train", "test")),
        (files("학습/개", "학습/말", "검증/개", "검증/말"), each("개 말", "train", "validation")),
        (files("a", "b") + files("a", "b", name="{}_mask.jpg"), each("a b", None)),
        (files("00/palm", "00/fist", "01/palm", "01/fist"), each("palm fist", None)),
        (files("2021/oak", "2021/elm", "2022/oak", "2022/elm"), each("oak elm", None)),
        (files("10253/0", "10253/1", "10254/0", "10254/1"), each("0 1", None)),
        (files("0/a", "0/b", "1/c", "1/d"), each("0 1", None)),
        (files("with_mask/simple", "with_mask/complex", "without_mask/simple", "without_mask/complex"), each("with_mask without_mask", None)),
        ([*files("abc_train/abc_train/A", "abc_train/abc_train/B", "abc_train/abc_train/C"), *(f"abc_test/abc_test/{c}_test.jpg" for c in "ABC")], each("A B C", "train", "test")),
        (files("bus", "car", "train"), each("bus car train", None)),
        (files("train", "plane"), each("train plane", None)),
        (files("cat", "dog", "test"), each("cat dog", None)),
        (files("repo-main/data/cat", "repo-main/data/dog", n=60) + files("repo-main/docs", n=4), each("cat dog", None)),
        (files("train/Cat", "train/Dog", "val/cat", "val/dog", n=3) + files("train/Cat"), {"Cat": {"train", "validation"}}),
        (files("A", "a", "b"), each("A a b", None)),
        (files("train", "train/x", name="cat.{}.jpg") , NONE),
        (files("train", name="cat.{}.jpg") + files("train", name="dog.{}.jpg") + files("test1"), each("cat dog", None)),
        (files("training", name="rock.0000{}a.jpg") + files("training", name="paper.0000{}b.jpg") + files("testing", name="rock.0000{}c.jpg", n=2), {"rock": {"train", "test"}, "paper": {"train"}}),
        (files("", name="Great_Dane_{}.jpg") + files("", name="Pug_{}.jpg"), each("Great_Dane Pug", None)),
        (files("pics", name="cat ({}).jpg") + files("pics", name="dog ({}).jpg"), each("cat dog", None)),
        (files("p/color/rust", "p/color/scab", "p/grayscale/rust", "p/grayscale/scab"), each("rust scab", None)),
        (files("asl_alphabet_train/A", "asl_alphabet_train/B", "asl_alphabet_test/A", "asl_alphabet_test/B"), each("A B", "train", "test")),
        (files("f/daisy", "f/rose", "f/flowers/daisy", "f/flowers/rose"), each("daisy rose", None)),
        (files("Training/apple", "Training/pear", "Test/apple", "Test/pear", "test-multiple_fruits"), each("apple pear", "train", "test")),
        (files("cats/indoor", "cats/outdoor", "dogs/indoor", "dogs/outdoor"), each("cats dogs", None)),
        (files("train", "test"), NONE),
        (files("", name="IMG_{}.jpg") + files("", name="DSC_{}.jpg"), NONE),
        (files("train", "val", "test", name="frame_{}.png"), NONE),
    ],
)  # fmt: skip
def test_what_people_have(names: list[str], meaning: dict[str, set[str | None]]) -> None:
    found = read(understand(names))
    assert {k: v for k, v in found.items() if k in meaning} == meaning
    assert not {words.split_of(label) for label in found} - {None} or set(found) == set(meaning)


@pytest.mark.parametrize(
    ("word", "split"),
    [(w, "train") for w in ("train", "Training", "training_set", "seg_train", "TrainingSet", "train1", "x_train", "train-images", "imagesTr", "trainset", "Train Data", "entraînement", "训练集")]
    + [(w, "validation") for w in ("val", "valid", "Validation", "dev", "eval", "hold-out", "holdout", "validation_set", "val2017", "seg_val", "Evaluation")]
    + [(w, "test") for w in ("test", "testing", "TEST_SET", "seg_test", "test1", "tests", "test_images", "测试")]
    + [(w, "unlabelled") for w in ("seg_pred", "unlabeled", "test_unlabelled", "predictions")]
    + [(w, "train") for w in ("学習用データ", "Обучающий набор", "تدريب", "بيانات التدريب", "प्रशिक्षण", "ฝึกสอน", "zbiór treningowy", "Eğitim verileri", "Opplæring")]
    + [(w, "validation") for w in ("評価用データ", "データ_検証", "Walidacja", "Перевірка", "التحقق")]
    + [(w, "test") for w in ("テストデータ", "اختبار", "परीक्षण", "Тестирование", "Δοκιμή")]
    + [(w, None) for w in ("cat", "trainer", "training shoes", "steam train", "testudo", "Devon", "valley", "contest", "evaluated cat", "1", "images", "")],
)  # fmt: skip
def test_split_names(word: str, split: str | None) -> None:
    assert words.split_of(word) == split


def test_parts_without_labels_are_left_out_with_a_reason() -> None:
    made = understand(files("train/cat", "train/dog", "test"))
    assert {p.why for p in made.places if not p.label} == {"lies in no class folder"}
    assert [(n.title, "6 in test" in n.text) for n in made.notes] == [("6 pictures without a label left out", True)]
    made = understand(files("seg_train/a", "seg_train/b", "seg_pred"))
    assert "holds pictures without labels" in made.places[-1].why
    nested = understand(files("seg_train/a", "seg_train/b", "seg_pred/seg_pred"))
    assert [f.role for f in nested.folders if "pred" in f.path] == ["out", "out"]


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        ({"train.csv": "id,breed\n0,cat\n1,dog\n2,cat\n3,dog\n"}, "cdcd"),
        ({"labels.csv": "filename;label\n0.jpg;cat\n1.jpg;dog\n2.jpg;cat\n3.jpg;dog\n"}, "cdcd"),
        ({"x/labels.txt": "images/0.jpg cat\nimages/1.jpg dog\nimages/2.jpg cat\nimages/3.jpg dog\n"}, "cdcd"),
        ({"_classes.csv": "filename, cat, dog\n0.jpg, 1, 0\n1.jpg, 0, 1\n2.jpg, 1, 0\n3.jpg, 0, 1\n"}, "cdcd"),
        ({"meta.csv": "lesion,image_id,dx,age\n9,0,cat,70\n9,1,dog,71\n8,2,cat,72\n8,3,dog,73\n"}, "cdcd"),
        ({"labels.json": '{"0.jpg": "cat", "1.jpg": "dog", "2.jpg": "cat", "3.jpg": "dog"}'}, "cdcd"),
        ({"C.csv": "path;class\n" + "".join(f"C:\\Users\\me\\images\\{i}.jpg;{'cat' if i % 2 == 0 else 'dog'}\n" for i in range(4))}, "cdcd"),
        ({"labels.json": '{"a": {"file": "0.jpg", "label": "cat"}, "b": {"file": "1.jpg", "label": "dog"}, "c": {"file": "2.jpg", "label": "cat"}, "d": {"file": "3.jpg", "label": "dog"}}'}, "cdcd"),
        ({"l.json": '{"version": 1, "files": [{"path": "0.jpg", "label": {"label": "cat"}}, {"path": "1.jpg", "label": {"label": "dog"}}, {"path": "2.jpg", "label": {"label": "cat"}}, {"path": "3.jpg", "label": {"label": "dog"}}]}'}, "cdcd"),
        ({"coco.json": '{"images": [{"id": 7, "file_name": "0.jpg"}, {"id": 8, "file_name": "1.jpg"}, {"id": 9, "file_name": "2.jpg"}, {"id": 6, "file_name": "3.jpg"}], "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}], "annotations": [{"image_id": 7, "category_id": 1}, {"image_id": 8, "category_id": 2}, {"image_id": 9, "category_id": 1}, {"image_id": 6, "category_id": 2}]}'}, "cdcd"),
        ({"list.txt": "#name class species\n0 cat 1 1\n1 dog 1 2\n2 cat 1 3\n3 dog 1 4\n"}, ""),
        ({"a_train.txt": "0 1\n1 -1\n2 1\n3 -1\n", "b_train.txt": "0 -1\n1 1\n2 -1\n3 1\n"}, ""),
        ({"list.tsv": "0.jpg\tcat\n1.jpg\tdog\n2.jpg\tcat\n3.jpg\tdog\n"}, "cdcd"),
        ({"sample_submission.csv": "id,label\n0,0\n1,0\n2,0\n3,0\n"}, ""),
        ({"sizes.csv": "id,width,height\n0,640,480\n1,640,481\n2,641,480\n3,640,480\n"}, ""),
        ({"words.txt": "some words that are\nno table of anything\n"}, ""),
    ],
)  # fmt: skip
def test_labels_in_a_table(texts: dict[str, str], labels: str) -> None:
    made = understand([*files("images", n=4), *texts], texts=texts)
    assert "".join(p.label[0] for p in made.places if p.label) == labels
    assert any("table" in n.title for n in made.notes) == bool(labels)


def test_a_table_a_split() -> None:
    texts = {"train.csv": "id,label\n0,cat\n1,dog\n2,cat\n3,dog\n", "test.csv": "id,label\n0,dog\n1,cat\n"}
    made = understand([*files("train", n=4), *files("test", n=2), *texts], texts=texts)
    assert [(p.split, p.label) for p in made.places[3:6]] == [("train", "dog"), ("test", "dog"), ("test", "cat")]
    texts = {"all.csv": "file,label,split\n0.jpg,cat,train\n1.jpg,dog,train\n2.jpg,cat,test\n3.jpg,dog,test\n"}
    made = understand([*files("", n=4), *texts], texts=texts)
    assert [p.split for p in made.places[:4]] == ["train", "train", "test", "test"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (files("images/train", "images/val") + files("labels/train", "labels/val", name="{}.txt") + ["data.yaml"], "object detection"),
        (files("train/images") + files("train/labels", name="{}.txt"), "object detection"),
        ([*files("train"), "train/_annotations.coco.json"], "object detection"),
        (files("JPEGImages") + files("Annotations", name="{}.xml"), "object detection"),
        (files("images", "masks"), "segmentation"),
        (["train.zip", "test1.zip", "sampleSubmission.csv"], "other archives inside this one (train.zip"),
        (["x_train.npy", "y_train.npy"], "NumPy arrays"),
        (["talk.pdf"], "PDF files"),
        (["raw/train-images-idx3-ubyte.gz", "raw/train-labels-idx1-ubyte.gz"], "IDX arrays"),
        (["c/data_batch_1", "c/batches.meta", "c/readme.html"], "CIFAR's pickled arrays"),
        (["README", "LICENSE", "x.npz"], "NumPy arrays"),
        ([*files("jpg"), "setid.mat", "imagelabels.mat"], "imagelabels.mat may: save it as a CSV table"),
    ],
)  # fmt: skip
def test_sets_made_for_something_else(names: list[str], said: str) -> None:
    assert said in (understand(names).refusal or "")
    assert "folder a class" in (understand(names).refusal or "") or "archives" in said


def test_boxes_are_spoken_of_only_where_there_are_some() -> None:
    names = [*files("images"), "annotations.json"]
    for text, said in (
        ('{"annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4]}]}', True),
        ('{"annotations": [{"image_id": 1}]}', False),
    ):
        assert ("boxes" in (understand(names, texts={"annotations.json": text}).refusal or "")) == said


def test_a_table_of_pixels_is_named() -> None:
    texts = {"p.csv": "label," + ",".join(f"pixel{i}" for i in range(64)) + "\n1" + ",0" * 64}
    assert "p.csv holds the pixels" in (understand(["p.csv", "README"], texts=texts).refusal or "")


def test_folders_without_pictures_are_named() -> None:
    made = understand([*files("a", "b"), "d/readme.txt"], empty=["c"])
    assert [(n.severity, n.title) for n in made.notes] == [
        ("info", "The class 'd' has no pictures"),
        ("warning", "The class 'c' has no pictures"),
    ]


def test_both_unicode_forms_are_one_class() -> None:
    made = understand(files("train/Apfel", "train/A\u0308pfel", "val/\u00c4pfel", "val/Apfel"))
    assert read(made) == {"Apfel": {"train", "validation"}, "\u00c4pfel": {"train", "validation"}}


def test_the_tree_says_of_a_part_without_labels_that_it_is_left_out() -> None:
    names = files("train/cat", "train/dog", "val/cat", "val/dog", "test/images")
    made = understand(names)
    assert {f.path: (f.role, f.why) for f in made.folders if f.path.startswith("test")} == dict.fromkeys(("test", "test/images"), ("out", "holds pictures without labels"))  # fmt: skip
    by_hand = {f.path: (f.role, f.why) for f in understand(names, roles={"test": "test"}).folders}
    assert by_hand["test"] == ("test", "holds pictures without labels")
    texts = {"test.csv": "id,label\n" + "".join(f"{i},{'cat' if i % 2 else 'dog'}\n" for i in range(6))}
    labelled = understand([*files("train/cat", "train/dog", "test"), *texts], texts=texts)
    assert {f.path: f.role for f in labelled.folders}["test"] == "test"


def test_what_a_person_says_goes_first() -> None:
    names = files("mine/red", "mine/blue", "other/red")
    roles = {"mine": "train", "other": "test"}
    assert read(understand(names, roles=roles)) == {"red": {"train", "test"}, "blue": {"train"}}
    assert set(read(understand(files("cat", "dog", "test"), roles={"test": "class"}))) == {"cat", "dog", "test"}
    made = understand(files("a/x", "a/y", "b"), roles={"a": "through", "b": "out"})
    assert set(read(made)) == {"x", "y"}
    assert made.places[-1].why == "is left out: the folder 'b' was left out by hand"
    assert {f.path: f.role for f in made.folders} == {"a": "through", "a/x": "class", "a/y": "class", "b": "out"}


def test_every_folder_is_listed_with_its_pictures() -> None:
    made = understand(files("t/train/cat", "t/train/dog/deep", "t/test/cat"))
    assert [(f.path, f.role, f.n) for f in made.folders] == [
        ("t", "through", 18), ("t/train", "train", 12), ("t/train/cat", "class", 6), ("t/train/dog", "class", 6),
        ("t/train/dog/deep", "inside", 6), ("t/test", "test", 6), ("t/test/cat", "class", 6),
    ]  # fmt: skip


@pytest.mark.parametrize("above, aside", [("", "test"), ("train/", "train/val"), ("set/", "set/holdout")])
def test_what_lies_beside_a_part_that_is_kept_aside_is_for_training(above: str, aside: str) -> None:
    made = understand(files(f"{above}cat", f"{above}dog", f"{aside}/cat", f"{aside}/dog"))
    split = "test" if aside == "test" else "validation"
    assert {(p.split, p.label) for p in made.places} == {(s, c) for s in ("train", split) for c in ("cat", "dog")}


def test_what_lies_beside_both_parts_is_left_out() -> None:
    made = understand(files("train/cat", "train/dog", "test/cat", "test/dog", "cat"))
    assert all(
        bool(p.label) == (not name.startswith("cat/"))
        for p, name in zip(made.places, files("train/cat", "train/dog", "test/cat", "test/dog", "cat"), strict=True)
    )


@pytest.mark.parametrize("group", ["cam{}", "Camera_{}", "room-{}", "video {}", "subject{}"])
def test_numbered_groups_are_looked_through(group: str) -> None:
    made = understand(files(*(f"{group.format(n)}/{c}" for n in (1, 2, 3) for c in ("cat", "dog"))))
    assert {p.label for p in made.places} == {"cat", "dog"} and "groups" in {n.code for n in made.notes}


def test_numbered_classes_with_the_same_folders_inside_stay_classes() -> None:
    made = understand(files(*(f"grade_{n}/{c}" for n in (1, 2, 3) for c in ("left", "right"))))
    assert {p.label for p in made.places} == {"grade_1", "grade_2", "grade_3"}


parts = st.sampled_from(["cat", "dog", "train", "val", "test", "x", "images", "fold1", "fold2", "labels", "train_a", "val_a", "1.jpg", "cat.1.jpg", "a.csv"])  # fmt: skip
listings = st.lists(st.lists(parts, min_size=1, max_size=5).map("/".join), max_size=12)
roles = st.dictionaries(st.lists(parts, min_size=1, max_size=3).map("/".join), st.sampled_from(["through", "class", "train", "validation", "test", "out"]), max_size=3)  # fmt: skip


@given(listings, roles)
def test_any_listing_places_every_file(names: list[str], given_roles: dict) -> None:
    made = understand(names, roles=given_roles)
    assert len(made.places) == len(names)
    for place in made.places:
        assert place.label or place.why
    assert understand(
        [f"around/{n}" for n in names], roles={f"around/{k}": v for k, v in given_roles.items()} | {"around": "through"}
    ).places == made.places or any(f.why for f in made.folders)


@given(listings)
def test_no_split_is_a_class_where_there_are_two(names: list[str]) -> None:
    counts = Counter(words.split_of(n.split("/")[0]) for n in names if "/" in n and n.endswith(".jpg"))
    made = understand(names)
    if len(set(counts) & {"train", "validation", "test"}) > 1 and set(counts) <= {"train", "validation", "test", None}:
        top = {n.split("/")[0] for n, p in zip(names, made.places, strict=True) if p.label == n.split("/")[0]}
        assert not {words.split_of(t) for t in top} - {None}


NUMBERED = files("d/0", "d/1", "d/2")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("d/classes.txt", "ant\nbee\nfly\n"),
        ("labels.txt", "0 ant\n1 bee\n2 fly\n"),
        ("names.csv", "id,name\n0,ant\n1,bee\n2,fly\n"),
        ("cat_to_name.json", '{"0": "ant", "1": "bee", "2": "fly"}'),
        ("class_indices.json", '{"ant": 0, "bee": 1, "fly": 2}'),
        ("index.json", '["ant", "bee", "fly"]'),
    ],
)
def test_numbered_classes_are_called_as_a_list_says(path: str, text: str) -> None:
    layout = understand([*NUMBERED, path], texts={path: text})
    assert read(layout) == each("ant bee fly", None)
    assert any(note.code == "class_names" for note in layout.notes)


@pytest.mark.parametrize("text", ["ant\nbee\n", "1\n2\n3\n", "ant\nant\nbee\n", "{", "0 ant\n1 bee\n"])
def test_a_list_that_does_not_name_all_classes_is_passed_over(text: str) -> None:
    assert read(understand([*NUMBERED, "classes.txt"], texts={"classes.txt": text})) == each("0 1 2", None)


def test_outlines_beside_their_pictures_are_left_out_and_said() -> None:
    names = files("a", "b") + files("a", "b", name="{}_mask.jpg")
    layout = understand(names)
    assert sum(bool(p.label) for p in layout.places) == 12
    assert [n.code for n in layout.notes] == ["outlines"]


def test_lists_of_pictures_deal_them() -> None:
    names = files("images/a", "images/b")
    texts = {"train.txt": "".join(f"{n} 0\n" for n in names if "5" not in n), "test.txt": "images/a/5.jpg\nimages/b/5.jpg\n"}  # fmt: skip
    assert read(understand([*names, *texts], texts=texts)) == each("a b", "train", "test")


def test_a_single_folder_with_a_table_beside_it_is_looked_into() -> None:
    names = files("Zeug")
    texts = {"liste.csv": "Datei;Klasse\n" + "".join(f"{i}.jpg;{'ab'[i % 2]}\n" for i in range(6))}
    assert read(understand([*names, *texts], texts=texts)) == each("a b", None)


def test_folders_inside_a_class_are_said() -> None:
    layout = understand(files("mammals/cat", "mammals/dog", "birds/owl", "birds/jay"))
    assert read(layout) == each("mammals birds", None)
    assert [n.code for n in layout.notes] == ["folders_in_classes"]


def test_a_column_made_of_known_classes_is_one_of_labels_whatever_stands_beside_it() -> None:
    names = [*files("train/n1/images", "train/n2/images"), *files("val/images", name="v{}.jpg")]
    table = {"val/val_annotations.txt": "".join(f"v{i}.jpg\tn{1 + i % 2}\t0\t32\t44\t62\n" for i in range(6))}
    assert read(understand([*names, *table], texts=table)) == each("n1 n2", "train", "validation")


@pytest.mark.parametrize(
    ("beside", "out"),
    [
        (files("a/masks", "b/masks"), {"a/masks", "b/masks"}),
        (files("a/lung masks", "b/infection masks"), {"a/lung masks", "b/infection masks"}),
        (files("a/images/thumbs"), {"a/images/thumbs"}),
        (files("a/mask/deep"), {"a/mask", "a/mask/deep"}),
    ],
)
def test_outlines_below_a_class_are_left_out(beside: list[str], out: set[str]) -> None:
    made = understand([*files("a/images", "b/images"), *beside])
    assert read(made) == each("a b", None)
    assert {f.path for f in made.folders if f.role == "out"} == out


def test_small_copies_are_left_out_by_their_names() -> None:
    made = understand(files("a", "b", "a/thumbs") + files("b/thumbs", name="other{}.jpg"))
    assert {f.path for f in made.folders if f.role == "out"} == {"a/thumbs"}
    assert {f.path for f in understand(files("hand/up", "hand/thumbs", "foot")).folders if f.role == "out"} == set()


def several(*rows: str) -> Layout:
    texts = {"t.csv": "file,tags\n" + "".join(f"{i}.jpg,{tags}\n" for i, tags in enumerate(rows))}
    return understand([*files("images", n=len(rows)), *texts], texts=texts)


def test_pictures_with_several_labels_are_left_out_and_said() -> None:
    made = several("a", "b", "a|b", "a", "b", "a")
    assert [p.label for p in made.places[:6]] == ["a", "b", None, "a", "b", "a"]
    assert "several labels" in made.places[2].why
    assert [(n.severity, n.title) for n in made.notes] == [("info", "Labels from a table"), ("warning", "1 picture with several labels left out")]  # fmt: skip
    assert "gives several labels to 4 of the 6 pictures" in (
        several("a", "b", "a|b", "a|b", "a|b", "a|b").refusal or ""
    )
    ticks = {"t.csv": "f,sky,sea\n0,1,1\n1,1,1\n2,1,1\n3,1,0\n4,0,1\n"}
    assert "several labels" in (understand([*files("", n=5), "t.csv"], texts=ticks).refusal or "")
    assert {p.label for p in several("red|x", "blue", "red|x", "blue").places if p.label} == {"red|x", "blue"}


def test_tables_that_contradict_each_other_are_said() -> None:
    texts = {f"{c}.csv": "file,label\n" + "".join(f"{i}.jpg,{c}{i // 2}\n" for i in range(4)) for c in "ab"}
    made = understand([*files("images", n=4), *texts], texts=texts)
    assert {p.label for p in made.places if p.label} == {"a0", "a1"}
    assert "b.csv gives other labels to 4" in next(n.text for n in made.notes if n.code == "tables_differ")


def test_a_table_means_no_picture_of_another_split() -> None:
    texts = {"all.csv": "path,label\n" + "".join(f"data/test/{i}.jpg,{'ab'[i % 2]}\n" for i in range(4))}
    assert not any(p.label for p in understand([*files("train", n=4), *texts], texts=texts).places)


def test_the_same_pictures_dealt_several_times_are_used_once() -> None:
    names = [
        f"split_{k}/{'val' if i == k else 'train'}/{c}/{c}{i}.jpg" for k in range(3) for c in "ab" for i in range(6)
    ]
    made = understand(names)
    assert Counter(p.split for p in made.places if p.label) == {"train": 10, "validation": 2}
    assert [n.code for n in made.notes] == ["folds"]


def test_folders_above_splits_are_looked_through_and_said() -> None:
    made = understand(
        files(*(f"{k}/{s}/{c}" for k in ("spiral", "wave") for s in ("training", "testing") for c in "ab"))
    )
    assert read(made) == each("a b", "train", "test")
    assert [(n.code, n.severity) for n in made.notes] == [("groups", "warning")]


def test_the_same_folders_in_each_class_are_said_louder() -> None:
    def severity(*folders: str) -> list[str]:
        return [n.severity for n in understand(files(*folders)).notes if n.code == "folders_in_classes"]

    assert severity("x/cat", "x/dog", "y/cat", "y/dog") == ["warning"]
    assert severity("x/cat", "x/dog", "y/owl", "y/jay") == ["info"]


def test_spellings_in_one_part_are_said() -> None:
    made = understand(files("Cat", "cat", "dog"))
    assert read(made) == each("Cat cat dog", None)
    assert [(n.code, n.severity) for n in made.notes] == [("spellings", "warning")]
    assert understand(files("A", "a", "b")).notes == ()


def test_folders_of_a_camera_are_no_classes() -> None:
    assert read(understand(files("DCIM/100APPLE", "DCIM/101APPLE", name="IMG_{}.jpg"))) == {}
    assert read(understand(files("100APPLE", "pear"))) == each("100APPLE pear", None)


def test_names_that_end_with_the_class() -> None:
    def labels(*stems: str) -> set[str | None]:
        return {p.label for p in understand([f"{s}.jpg" for s in stems]).places}

    assert labels(*(f"img_{i:03}_{'ab'[i % 2]}" for i in range(8))) == {"a", "b"}
    assert labels(*(f"{'cd'[i % 2]}_{i:03}_{'ab'[i // 2 % 2]}" for i in range(8))) == {None}


def test_a_list_that_begins_at_one_names_classes_that_begin_at_nought() -> None:
    texts = {"classes.txt": "1 ant\n2 bee\n3 fly\n"}
    assert read(understand([*NUMBERED, *texts], texts=texts)) == each("ant bee fly", None)


def test_the_split_is_no_label() -> None:
    rows = "".join(f"{('TRAIN', 'TRAIN', 'TEST')[i % 3]},gs://store/x/{i}.jpg,{'ab'[i // 3 % 2]}\n" for i in range(12))
    made = understand([*files("x", n=12), "import.csv"], texts={"import.csv": rows})
    assert read(made) == each("a b", "train", "test")


def test_days_above_the_classes_are_looked_through() -> None:
    assert read(understand(files("2024-03-01/up", "2024-03-01/down", "2024-03-02/up", "2024-03-02/down"))) == each("up down", None)  # fmt: skip


@pytest.mark.parametrize("names", ["[ant, bee, fly]", "\n  0: ant\n  1: bee\n  2: fly"])
def test_names_of_classes_in_yaml(names: str) -> None:
    layout = understand([*NUMBERED, "data.yaml"], texts={"data.yaml": f"path: d\nnames: {names}\n"})
    assert read(layout) == each("ant bee fly", None)


def test_a_text_that_names_the_pictures_and_says_no_class_is_named() -> None:
    text = "image,height\n" + "".join(f"tree{i},{1.5 * i}\n" for i in range(6))
    made = understand([*files("x", name="tree{}.jpg"), "h.csv"], texts={"h.csv": text})
    assert "h.csv names the pictures, but nothing in it was understood" in (made.refusal or "")


def test_outlines_beside_pictures_of_one_kind_are_a_set_for_segmentation() -> None:
    made = understand(files("cracks") + files("cracks", name="{}_mask.png"))
    assert "segmentation (6 of 12 pictures" in (made.refusal or "")


def test_classes_of_a_table_that_no_folder_holds_are_said() -> None:
    texts = {"test.csv": "id,label\n" + "".join(f"{i},{('cat', 'dog', 'owl')[i % 3]}\n" for i in range(6))}
    made = understand([*files("train/cat", "train/dog", "test"), *texts], texts=texts)
    assert read(made) == each("cat dog", "train", "test")
    assert "is 'owl' by a table" in made.places[14].why
    assert [n.title for n in made.notes] == ["Labels from a table", "2 pictures of other classes left out"]


def test_lists_that_number_the_pictures_deal_them() -> None:
    names = files("images/a", "images/b")
    texts = {
        "images.txt": "".join(f"{i} {n.removeprefix('images/')}\n" for i, n in enumerate(names, 1)),
        "train_test_split.txt": "".join(f"{i} {int(i % 3 > 0)}\n" for i in range(1, 13)),
        "image_class_labels.txt": "".join(f"{i} {1 + i // 7}\n" for i in range(1, 13)),
    }
    made = understand([*names, *texts], texts=texts)
    assert Counter(p.split for p in made.places if p.label) == {"train": 8, "test": 4}
    assert "train_test_split.txt" in next(n.text for n in made.notes if n.code == "splits_from_lists")


def test_parts_that_share_no_folder_are_said() -> None:
    made = understand(files("train/case_A", "train/case_B", "val/case_C", "val/case_D"))
    assert "Training holds the folders 'case_A', 'case_B', and the other parts hold others ('case_C', 'case_D')" in made.notes[0].text  # fmt: skip
    assert understand(files("train/a", "train/b", "val/b", "val/c")).notes == ()
