"""Archives that are no ZIP, whatever their name: read under the same limits, or named."""

import io
import tarfile
import zipfile
from pathlib import Path

import py7zr
import pytest

from core import data
from core.data import archive_members
from core.data.archive import import_zip
from core.errors import DataError
from core.experiment import DataSpec
from tests.conftest import write_folder
from tests.core.data.zips import zip_bytes, zip_folder


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return zip_folder(write_folder(tmp_path_factory.mktemp("pets"), {"cat": 4, "dog": 4}, side=16))


def tar_bytes(members: dict[str, bytes], mode: str = "w", *extra: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for entry in extra:
            archive.addfile(entry)
    return out.getvalue()


def refusal(content: bytes) -> str:
    with pytest.raises(DataError) as refused:
        import_zip(io.BytesIO(content), "pets")
    return str(refused.value)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_is_read(mode: str, pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    source = import_zip(io.BytesIO(tar_bytes({f"x/{k}": v for k, v in pets.items()}, mode)), "pets")
    found = data.catalogue(DataSpec(source=source))
    assert (found.class_names, len(found.names)) == (("cat", "dog"), 8)


def test_names_in_a_tar(pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", encoding="gbk", format=tarfile.GNU_FORMAT) as archive:
        for name, content in pets.items():
            entry = tarfile.TarInfo(name.replace("cat", "猫").replace("dog", "狗"))
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    assert data.catalogue(DataSpec(source=import_zip(io.BytesIO(out.getvalue()), "p"))).class_names == ("狗", "猫")


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        (tarfile.SYMTYPE, "cat/link.jpg", "holds a link"),
        (tarfile.LNKTYPE, "cat/link.jpg", "holds a link"),
        (tarfile.REGTYPE, "../evil.jpg", "a path that leaves it"),
        (tarfile.REGTYPE, "/etc/evil.jpg", "a path that leaves it"),
    ],
)
def test_a_tar_is_not_trusted(kind: bytes, name: str, said: str, pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, "/etc/passwd"
    assert said in refusal(tar_bytes(pets, "w:gz", entry))


def test_a_tar_of_devices_holds_nothing(fresh_data_dir: Path) -> None:
    entry = tarfile.TarInfo("cat/0.jpg")
    entry.type = tarfile.CHRTYPE
    assert refusal(tar_bytes({}, "w", entry)).startswith("The archive is empty.")


@pytest.mark.parametrize(("head", "kind"), [(b"Rar!\x1a\x07", "RAR"), (b"\x28\xb5\x2f\xfd", "Zstandard")])
def test_other_archives_are_named(head: bytes, kind: str, fresh_data_dir: Path) -> None:
    text = refusal(head + bytes(600))
    assert text.startswith(f"This is a {kind} archive")
    assert "make a ZIP" in text


def seven_bytes(members: dict[str, bytes], password: str | None = None) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", password=password, header_encryption=password is not None) as archive:
        for name, content in members.items():
            archive.writestr(content, name)
    return out.getvalue()


def test_a_7z_is_read(pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    home = import_zip(io.BytesIO(seven_bytes({**pets, "cat/nothing.jpg": b""})), "pets")
    made = data.catalogue(DataSpec(source=home))
    assert made.class_names == ("cat", "dog") and len(made.names) == len(pets)


def test_a_7z_that_cannot_be_read_is_refused(pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    whole = seven_bytes(pets)
    assert "encrypted" in refusal(seven_bytes(pets, "secret"))
    for spoiled in (
        whole[:40],
        whole[: len(whole) // 2],
        whole[:60] + bytes(40) + whole[100:],
        b"7z\xbc\xaf\x27\x1c" + bytes(600),
    ):
        assert "not an archive that can be read" in refusal(spoiled)


def test_a_7z_is_unpacked_no_further_than_the_limit(fresh_data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_members, "MAX_UNPACKED", 20_000)
    assert "unpacks to" in refusal(seven_bytes({"cat/zeros.bmp": bytes(200_000)}))
    monkeypatch.setattr(archive_members, "refuse_large", lambda *_: None)  # as where the header lies
    assert "unpacks to" in refusal(seven_bytes({"cat/zeros.bmp": bytes(200_000)}))


def test_a_single_packed_file(fresh_data_dir: Path) -> None:
    import gzip

    assert refusal(gzip.compress(b"words " * 1000)).startswith("This is a gzip file with no tar archive inside")


def test_what_is_packed_very_small_is_not_unpacked_to_its_end(
    pets: dict[str, bytes], fresh_data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_members, "MAX_UNPACKED", 20_000)
    assert "unpacks to" in refusal(tar_bytes({"cat/zeros.bmp": bytes(200_000)}, "w:gz"))
    assert "unpacks to" in refusal(tar_bytes({**pets, ".hidden/zeros": bytes(200_000)}, "w:gz"))


def test_a_million_entries_are_refused_by_the_table_of_contents(
    fresh_data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_members, "MAX_MEMBERS", 100)
    monkeypatch.setattr(zipfile.ZipFile, "_RealGetContents", lambda _: pytest.fail("the entries were read"))
    assert refusal(zip_bytes({f"{i}": b"" for i in range(101)})) == (
        "The archive holds 101 entries; the limit is 100. Take a part of them."
    )


def test_over_500_classes(pets: dict[str, bytes], fresh_data_dir: Path) -> None:
    text = refusal(zip_bytes({f"person {i}/0.jpg": pets["cat/000.jpg"] for i in range(501)}))
    assert text.startswith("There are 501 classes here")
    assert "the limit is 500" in text
