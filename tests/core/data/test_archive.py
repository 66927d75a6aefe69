"""An uploaded ZIP is never trusted, and every refusal says what to do."""

import io
import shutil
import stat
import subprocess
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import data
from core.data.archive import MAX_ARCHIVE, import_zip
from core.errors import DataError
from core.experiment import DataSpec
from tests.conftest import write_folder
from tests.core.data.zips import ENCRYPTED, bomb, marked, zip_bytes, zip_folder


@pytest.fixture(scope="session")
def pets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Members of a good archive: two classes of five images."""
    return zip_folder(write_folder(tmp_path_factory.mktemp("pets"), {"cat": 5, "dog": 5}, side=16))


def take(content: bytes, name: str = "pets") -> str:
    return import_zip(io.BytesIO(content), name)


def refusal(content: bytes) -> str:
    with pytest.raises(DataError) as refused:
        take(content)
    return str(refused.value)


def left_behind(home: Path) -> list[Path]:
    return list((home / "datasets" / "uploads").glob("*")) if home.exists() else []


def test_a_good_archive_becomes_a_data_set(pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    said: list[tuple[str, float]] = []
    source = import_zip(io.BytesIO(zip_bytes(pets)), "pets", lambda what, share: said.append((what, share)))
    assert source.startswith("upload:")
    found = data.catalogue(DataSpec(source=source))
    assert found.class_names == ("cat", "dog")
    assert len(found.names) == 10
    assert found.title == "pets"
    assert all(0 <= share <= 1 for _, share in said)
    assert {what.split(":")[0] for what, _ in said} == {"Unpacking", "Checking images"}
    assert [s.title for s in data.sources() if s.key == source] == ["pets"]


def test_the_same_archive_is_unpacked_once(pets: dict[str, bytes], fresh_data_dir: Path, tmp_path: Path) -> None:
    content = zip_bytes(pets)
    source = take(content)
    said: list[str] = []
    assert import_zip(io.BytesIO(content), "again", lambda what, _: said.append(what)) == source
    path = tmp_path / "pets.zip"
    path.write_bytes(content)
    assert import_zip(path, "from a path") == source
    assert said == []


def test_the_file_of_the_caller_stays_open(pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    file = io.BytesIO(zip_bytes(pets))
    import_zip(file, "pets")
    assert import_zip(file, "pets") == take(file.getvalue())


@pytest.mark.parametrize("wrapper", ["", "holiday/", "a/b/"])
def test_folders_around_the_classes_are_looked_through(
    wrapper: str, pets: dict[str, bytes], fresh_data_dir: Path
) -> None:
    extra = {f"{wrapper}LICENCE.txt": b"CC0"} if wrapper else {}
    found = data.catalogue(DataSpec(source=take(zip_bytes({wrapper + k: v for k, v in pets.items()} | extra))))
    assert found.class_names == ("cat", "dog")
    assert [r.name for r in found.rejected] == list(extra)


@pytest.mark.parametrize(
    ("names", "wrapper"),
    [(("train", "val", "test"), ""), (("Training", "Validation", "testing"), "set/"), (("train", "valid"), "")],
)
def test_train_val_test_on_top_are_the_split(
    names: tuple[str, ...], wrapper: str, tmp_path: Path, fresh_data_dir: Path
) -> None:
    counts = dict(zip(names, (6, 3, 2), strict=False))
    home = write_folder(tmp_path / "s", {f"{s}/{c}": n for s, n in counts.items() for c in ("cat", "dog")}, side=16)
    made = data.load(DataSpec(source=take(zip_bytes(zip_folder(home, wrapper) | {"labels.csv": b"x"}))), 96)
    assert made.class_names == ("cat", "dog")
    assert [len(made.train), len(made.validation), len(made.test)] == [2 * n for n in (*counts.values(), 0)][:3]
    assert all(n.startswith(wrapper + names[1]) for n in made.validation.names)


def test_only_a_train_folder_is_a_wrapper(pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    found = data.catalogue(DataSpec(source=take(zip_bytes({f"train/{k}": v for k, v in pets.items()}))))
    assert found.class_names == ("cat", "dog")
    assert set(found.given) == {None}


def test_what_systems_leave_behind_is_ignored(pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    junk = {
        "__MACOSX/cat/._000.jpg": b"junk",
        "cat/.DS_Store": b"junk",
        "dog/Thumbs.db": b"junk",
        "dog/desktop.ini": b"junk",
        "cat/._001.jpg": b"junk",
        "__MACOSX/../../escape": b"never written",
    }
    found = data.catalogue(DataSpec(source=take(zip_bytes(pets | junk))))
    assert len(found.names) == 10
    assert found.rejected == ()


def test_names_of_cameras_are_kept(pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    """Cameras put an underscore before names of pictures in Adobe RGB."""
    found = data.catalogue(DataSpec(source=take(zip_bytes(pets | {"cat/_DSC0001.JPG": pets["cat/000.jpg"]}))))
    assert "cat/_DSC0001.JPG" in found.names


def test_backslashes_of_windows_are_folders(pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    members = {"cat\\": b"", "dog\\": b""} | {k.replace("/", "\\"): v for k, v in pets.items()}
    assert data.catalogue(DataSpec(source=take(zip_bytes(members)))).class_names == ("cat", "dog")


def test_bad_files_are_listed_and_do_not_stop_the_rest(pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    bad = {
        "cat/empty.jpg": b"",
        "cat/cut.jpg": pets["cat/000.jpg"][:-200],
        "dog/words.png": b"words",
        "loose.jpg": pets["dog/000.jpg"],
    }
    found = data.catalogue(DataSpec(source=take(zip_bytes(pets | bad))))
    assert len(found.names) == 10
    reasons = {r.name: r.reason for r in found.rejected}
    assert reasons.keys() == bad.keys()
    assert reasons["cat/empty.jpg"] == "is empty"
    assert reasons["cat/cut.jpg"].startswith("is damaged or cut off")
    assert reasons["dog/words.png"].startswith("is not an image")
    assert reasons["loose.jpg"] == "lies in no class folder"


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "cat/../../evil.jpg", "/etc/evil.jpg", "..\\evil.jpg", "C:\\evil.jpg", "\\\\host\\evil.jpg"]
)
def test_paths_that_leave_the_archive(name: str, pets: dict[str, bytes], fresh_data_dir: Path, tmp_path: Path) -> None:
    text = refusal(zip_bytes(pets | {name: b"evil"}))
    assert text.startswith("The archive holds a path that leaves it: ")
    assert "Make the ZIP again from the image folder itself." in text
    assert not list(tmp_path.rglob("evil*"))
    assert left_behind(fresh_data_dir) == []


def test_links(pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    out = io.BytesIO(zip_bytes(pets))
    with zipfile.ZipFile(out, "a") as archive:
        link = zipfile.ZipInfo("cat/link.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert (
        refusal(out.getvalue())
        == "The archive holds a link, 'cat/link.jpg'. Make the ZIP again with the images themselves."
    )


def test_encrypted(pets: dict[str, bytes], fresh_data_dir: Path, tmp_path: Path) -> None:
    text = "The archive is encrypted. Make the ZIP again without a password."
    assert refusal(marked(zip_bytes(pets), ENCRYPTED)) == text
    if shutil.which("zip"):
        (tmp_path / "a.jpg").write_bytes(pets["cat/000.jpg"])
        subprocess.run(["zip", "-q", "-P", "secret", "locked.zip", "a.jpg"], cwd=tmp_path, check=True)
        assert refusal((tmp_path / "locked.zip").read_bytes()) == text


@pytest.mark.parametrize("members", [{}, {"cat/": b""}, {"__MACOSX/x": b"1", ".DS_Store": b"1"}])
def test_empty(members: dict[str, bytes], fresh_data_dir: Path) -> None:
    assert refusal(zip_bytes(members)) == "The archive is empty. Put one folder a class into it, with images inside."


def test_too_many_files(fresh_data_dir: Path) -> None:
    content = zip_bytes({f"c/{i}": b"" for i in range(20_001)}, zipfile.ZIP_STORED)
    assert refusal(content) == "The archive holds 20,001 files; the limit is 20,000. Take a part of them."


def test_a_bomb_of_over_2_gb_is_refused_before_a_byte_is_written(fresh_data_dir: Path) -> None:
    content = bomb(33, 64)
    assert len(content) < 10 * 2**20
    assert zipfile.ZipFile(io.BytesIO(content)).infolist()[32].file_size == 64 * 2**20
    assert refusal(content) == "The archive unpacks to 2.1 GB; the limit is 2 GB. Take fewer or smaller images."
    assert left_behind(fresh_data_dir) == []


def test_a_bomb_that_lies_about_its_size_unpacks_to_no_more_than_it_says(fresh_data_dir: Path) -> None:
    honest = bomb(1, 64)
    lying = honest.replace((64 * 2**20).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lying != honest
    assert refusal(lying).startswith("This is not an archive that can be read")
    assert left_behind(fresh_data_dir) == []


def test_over_500_mb(fresh_data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        file.truncate(MAX_ARCHIVE + 2**20)  # a sparse file: takes no space
    with pytest.raises(DataError, match="The archive has 501 MB; the limit is 500 MB"):
        import_zip(path, "large")


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all", b"\x89PNG\r\n\x1a\n" + bytes(200)])
def test_no_zip(content: bytes, fresh_data_dir: Path) -> None:
    text = refusal(content)
    assert text.startswith("This is not an archive that can be read (")
    assert text.endswith("Make a ZIP of the folder and upload that.")


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED])
def test_damaged_inside(compression: int, fresh_data_dir: Path) -> None:
    content = bytearray(zip_bytes({"cat/0.jpg": bytes(range(256)) * 40}, compression))
    content[100:140] = bytes(b ^ 0x55 for b in content[100:140])
    text = refusal(bytes(content))
    assert text.endswith("Make a ZIP of the folder and upload that.")
    assert "disk" not in text


def test_names_that_no_disk_takes_are_read(pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    picture = pets["cat/000.jpg"]
    odd = {"cat/000.jpg/x.jpg": picture, f"cat/{'x' * 300}.jpg": picture, "dog/a:b?.jpg": picture}
    found = data.catalogue(DataSpec(source=take(zip_bytes(pets | odd))))
    assert odd.keys() <= set(found.names)
    assert found.class_names == ("cat", "dog")


def test_one_class_or_too_few_images(pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    cats = {k: v for k, v in pets.items() if k.startswith("cat")}
    assert refusal(zip_bytes(cats)).startswith("There is only one class, 'cat'.")
    dogs = {"dog/0.jpg": pets["dog/000.jpg"], "dog/1.jpg": pets["dog/001.jpg"]}
    assert (
        refusal(zip_bytes(cats | dogs))
        == "A class needs at least 3 usable images: 'dog' has 2. Add images or remove the folder."
    )
    assert left_behind(fresh_data_dir) == []


def test_a_class_of_broken_images_is_not_lost_in_silence(pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    found = data.catalogue(DataSpec(source=take(zip_bytes(pets | {f"bird/{i}.jpg": b"broken" for i in range(5)}))))
    assert [(n.severity, n.title) for n in found.notes] == [("problem", "The class 'bird' lost all 5 pictures")]
    found = data.catalogue(DataSpec(source=take(zip_bytes(pets | {"notes/a.txt": b"words"}))))
    assert found.class_names == ("cat", "dog")


def test_an_upload_that_is_gone_says_so(fresh_data_dir: Path) -> None:
    for name in ("0" * 64, "../../etc", ""):
        with pytest.raises(DataError, match=r"not on this server any more\. Upload the ZIP again"):
            data.catalogue(DataSpec(source=f"upload:{name}"))


names = st.text(st.sampled_from("ab./\\ :é\x00_-"), min_size=1, max_size=12)


@settings(max_examples=40)
@given(st.dictionaries(names, st.binary(max_size=30), max_size=6))
def test_any_names_are_imported_or_refused_in_words(members: dict[str, bytes]) -> None:
    outside = Path(tempfile.gettempdir()) / "a"
    existed = outside.exists()
    try:
        take(zip_bytes(members))
    except DataError as refused:
        assert str(refused).endswith(".")
    assert outside.exists() == existed


@settings(max_examples=60)
@given(st.data())
def test_any_damage_is_imported_or_refused_in_words(pets: dict[str, bytes], draw: st.DataObject) -> None:
    content = bytearray(zip_bytes(pets))
    for _ in range(draw.draw(st.integers(1, 4))):
        content[draw.draw(st.integers(0, len(content) - 1))] = draw.draw(st.integers(0, 255))
    if draw.draw(st.booleans()):
        del content[draw.draw(st.integers(0, len(content) - 1)) :]
    try:
        assert take(bytes(content)).startswith("upload:")
    except DataError as refused:
        assert str(refused).endswith(".")


def test_random_bytes_after_the_signature(fresh_data_dir: Path) -> None:
    @settings(max_examples=60)
    @given(st.binary(max_size=200))
    def check(tail: bytes) -> None:
        assert refusal(b"PK\x03\x04" + tail)
        assert refusal(tail + b"PK\x05\x06" + bytes(18))

    check()


def test_an_upload_is_deleted_once_and_can_come_again(pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    source = take(zip_bytes(pets))
    data.delete_upload(source)
    assert source not in {s.key for s in data.sources()}
    assert not list((fresh_data_dir / "datasets").rglob("*.jpg"))
    for gone in (source, "upload:..", "upload:", "builtin:digits"):
        with pytest.raises(DataError, match="not on this server"):
            data.delete_upload(gone)
    assert take(zip_bytes(pets)) == source
