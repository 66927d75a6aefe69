"""Folders on the server: only below the configured root, and only where there is something to learn."""

import os
import shutil
from pathlib import Path, PurePosixPath

import pytest

from core import data
from core.data.folders import below_root, read_folder
from core.data.listing import decoded, is_junk
from core.errors import DataError
from core.experiment import DataSpec
from core.paths import ROOT_VARIABLE
from tests.conftest import write_folder


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_data_dir: Path) -> Path:
    """Configure a root that holds ``flowers/spring``, with a secret folder beside the root."""
    write_folder(tmp_path / "open" / "flowers" / "spring", {"rose": 4, "tulip": 4}, side=16)
    write_folder(tmp_path / "secret", {"a": 4, "b": 4}, side=16)
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "open"))
    return tmp_path / "open"


def test_a_folder_below_the_root(root: Path) -> None:
    assert below_root("flowers/spring") == root / "flowers" / "spring"
    assert below_root("flowers/../flowers/spring/") == root / "flowers" / "spring"
    made = data.load(DataSpec(source="folder:flowers/spring"), 96)
    assert made.class_names == ("rose", "tulip")


@pytest.mark.parametrize("path", ["..", "../secret", "flowers/../../secret", "/etc", "flowers/link"])
def test_no_folder_outside_the_root(path: str, root: Path) -> None:
    (root / "flowers" / "link").symlink_to(root.parent / "secret")
    with pytest.raises(DataError, match=r"lies outside the folder that is open to this page\. Choose one below it\."):
        data.load(DataSpec(source=f"folder:{path}"), 96)


def test_links_inside_a_folder_are_not_followed(root: Path) -> None:
    spring = root / "flowers" / "spring"
    (spring / "stolen").symlink_to(root.parent / "secret" / "a")
    (spring / "rose" / "stolen.jpg").symlink_to(root.parent / "secret" / "a" / "000.jpg")
    found = data.catalogue(DataSpec(source="folder:flowers/spring"))
    assert found.class_names == ("rose", "tulip")
    assert len(found.names) == 8
    assert not any("stolen" in name for name in found.names)


@pytest.mark.parametrize("path", ["winter", "flowers/spring/rose/000.jpg", "flowers/\x00"])
def test_a_folder_that_is_not_there(path: str, root: Path) -> None:
    with pytest.raises(DataError, match="Check the spelling"):
        below_root(path)


def test_without_a_root_no_folder_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    with pytest.raises(DataError, match=f"Set {ROOT_VARIABLE} to one, or upload a ZIP"):
        below_root("flowers")


def refusal(folder: Path) -> str:
    with pytest.raises(DataError) as refused:
        read_folder(folder, "images")
    return str(refused.value)


def test_one_class(make_folder, fresh_data_dir: Path) -> None:
    assert refusal(make_folder({"cat": 4})) == (
        "There is only one class, 'cat'. Put one folder a class, at least two, each with at least 3 images."
    )


def test_a_class_of_two(make_folder, fresh_data_dir: Path) -> None:
    folder = make_folder({"bird": 4, "cat": 2, "dog": 3})
    assert refusal(folder) == "A class needs at least 3 usable images: 'cat' has 2. Add images or remove the folder."
    (folder / "dog" / "000.jpg").write_bytes(b"broken")
    assert "'cat' has 2, 'dog' has 2" in refusal(folder)


def test_nothing_usable(tmp_path: Path, fresh_data_dir: Path) -> None:
    assert refusal(tmp_path / "nowhere").startswith("There is no folder 'nowhere'")
    (tmp_path / "empty").mkdir()
    assert refusal(tmp_path / "empty").startswith("There are no images here.")
    (tmp_path / "texts" / "a").mkdir(parents=True)
    (tmp_path / "texts" / "a" / "b.txt").write_text("words")
    text = refusal(tmp_path / "texts")
    assert text.startswith(
        "None of the files is a usable image in a class folder. For example, a/b.txt is not an image"
    )
    assert text.endswith("Put one folder a class, with images inside.")


def test_images_in_no_class_folder(make_folder, fresh_data_dir: Path) -> None:
    folder = make_folder({"all": 4})
    for file in (folder / "all").iterdir():
        shutil.move(file, folder)
    assert "For example, 000.jpg lies in no class folder." in refusal(folder)


def test_over_20_000_files(tmp_path: Path, fresh_data_dir: Path) -> None:
    (tmp_path / "many" / "a").mkdir(parents=True)
    (tmp_path / "many" / "a" / "0").touch()
    for i in range(1, 20_001):
        os.link(tmp_path / "many" / "a" / "0", tmp_path / "many" / "a" / str(i))
    assert refusal(tmp_path / "many") == "The folder holds 20,001 files; the limit is 20,000. Take a part of them."


def test_a_changed_folder_is_read_again(make_folder, fresh_data_dir: Path) -> None:
    folder = make_folder({"cat": 4, "dog": 4})
    first = read_folder(folder, "pets")
    said: list[str] = []
    assert read_folder(folder, "pets", lambda what, _: said.append(what)).key == first.key
    assert said == []
    shutil.copy(folder / "cat" / "000.jpg", folder / "cat" / "new.jpg")
    again = read_folder(folder, "pets", lambda what, _: said.append(what))
    assert again.key != first.key
    assert len(again.names) == 9
    assert said


def test_hidden_files_are_not_looked_at(make_folder, fresh_data_dir: Path) -> None:
    folder = make_folder({"cat": 4, "dog": 4, ".cache": 4})
    (folder / "cat" / ".hidden.jpg").write_bytes(b"x")
    (folder / "Thumbs.db").write_bytes(b"x")
    found = read_folder(folder, "pets")
    assert (found.class_names, found.rejected) == (("cat", "dog"), ())


def test_real_photographs(shared_data: Path, tmp_path: Path, fresh_data_dir: Path) -> None:
    for folder in (shared_data / "data" / "sign_digits5").glob("*/"):
        (tmp_path / folder.name).mkdir()
        for file in sorted(folder.iterdir())[:20]:
            shutil.copy(file, tmp_path / folder.name)
    made = data.load(DataSpec(source=f"path:{tmp_path}"), 96)
    assert len(made.class_names) == 5
    assert len(made.train) > 3 * len(made.validation) // 2
    assert made.train.images.std() > 10


@pytest.mark.parametrize(
    "name", ["__MACOSX/a.jpg", "a/.DS_Store", "a/Thumbs.db", "a/THUMBS.DB", "a/._x.jpg", "desktop.ini"]
)
def test_junk(name: str) -> None:
    assert is_junk(PurePosixPath(name))
    assert not is_junk(PurePosixPath("a/thumbs.jpg"))


def test_many_small_classes_are_not_all_listed(make_folder, fresh_data_dir: Path) -> None:
    said = refusal(make_folder({f"person {i:02}": 1 for i in range(40)}))
    assert "'person 04' has 1 and 35 others of the 40 classes have too few." in said
    assert "person 05" not in said


@pytest.mark.parametrize(("encoding", "words"), [("gbk", ("合格", "不合格")), ("cp1251", ("кошка", "собака")), ("cp1252", ("Äpfel", "Nüsse"))])  # fmt: skip
def test_tables_in_old_encodings(encoding: str, words: tuple[str, str]) -> None:
    text = "file,label\r\n" + "".join(f"{i}.jpg,{words[i % 2]}\r\n" for i in range(8))
    assert decoded(text.encode(encoding)).splitlines() == text.splitlines()


def test_what_network_drives_leave_behind_is_no_picture(make_folder, fresh_data_dir: Path) -> None:
    folder = make_folder({"cat": 3, "dog": 3, "cat/@eaDir/0.jpg": 2, "#recycle/dog": 2})
    found = read_folder(folder, "images")
    assert (found.class_names, len(found.names)) == (("cat", "dog"), 6)
