"""What pages take from people is opened in a process of its own, and gives what opening it here would give."""

import io

import pytest

from core import paths
from core.data import archive, upload
from core.errors import DataError
from tests.conftest import write_folder
from tests.core.data.zips import zip_bytes, zip_folder


@pytest.fixture
def pets(tmp_path):
    return zip_folder(write_folder(tmp_path / "pets", {"cat": 4, "dog": 4}))


def test_an_archive_and_single_files_give_what_they_give_in_this_process(pets, fresh_data_dir):
    seen = []
    packed = zip_bytes(pets)
    source = upload.import_archive(io.BytesIO(packed), "pets", lambda *now: seen.append(now))
    assert source == archive.import_zip(io.BytesIO(packed), "pets")
    assert seen
    files = [(name, io.BytesIO(content)) for name, content in pets.items()]
    assert upload.import_files(files, "pets") == archive.import_files(files, "pets")
    assert upload.glance(io.BytesIO(packed)) == archive.glance(io.BytesIO(packed))
    assert not list((paths.data_dir() / "cache").glob("upload-*"))


def test_a_refusal_is_the_same_sentence(fresh_data_dir):
    with pytest.raises(DataError) as here:
        archive.import_zip(io.BytesIO(b"no archive"), "x")
    with pytest.raises(DataError) as aside:
        upload.import_archive(io.BytesIO(b"no archive"), "x")
    assert str(aside.value) == str(here.value)
