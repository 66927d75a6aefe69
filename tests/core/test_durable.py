"""A file is whole, or it is not there: cut, emptied, zeroed or changed content is never believed."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import durable

CONTENT = bytes(range(256)) * 4096  # a megabyte


def emptied(data: bytes) -> bytes:
    return b""


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def zeroed(data: bytes) -> bytes:
    return bytes(len(data))


def flipped(data: bytes) -> bytes:
    return data[:777_777] + bytes([data[777_777] ^ 1]) + data[777_778:]


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "new folder" / "kept.bin"
    durable.write(path, lambda partial: partial.write_bytes(CONTENT))
    return path


def test_what_was_written_is_whole_and_nothing_else_lies_beside_it(kept):
    assert kept.read_bytes() == CONTENT
    assert durable.is_whole(kept)
    assert sorted(p.name for p in kept.parent.iterdir()) == ["kept.bin", "kept.bin.seal"]


@pytest.mark.parametrize("damage", [emptied, cut, zeroed, flipped])
def test_damage_is_noticed(kept, damage):
    assert durable.is_whole(kept)
    kept.write_bytes(damage(CONTENT))
    assert not durable.is_whole(kept)


@pytest.mark.parametrize("damage", [emptied, cut, zeroed])
def test_damage_that_kept_its_time_is_noticed_too(kept, damage):
    before = kept.stat()
    kept.write_bytes(damage(CONTENT))
    os.utime(kept, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not durable.is_whole(kept)


def test_a_file_that_was_only_touched_is_still_whole(kept):
    os.utime(kept, (1, 1))
    assert durable.is_whole(kept)


@pytest.mark.parametrize("damage", [emptied, cut, zeroed])
def test_a_damaged_seal_is_believed_no_more_than_a_damaged_file(kept, damage):
    seal = kept.with_name("kept.bin.seal")
    seal.write_bytes(damage(seal.read_bytes()))
    assert not durable.is_whole(kept)


def test_a_file_of_a_version_without_seals_is_believed_unless_it_is_empty(kept):
    kept.with_name("kept.bin.seal").unlink()
    assert durable.is_whole(kept)
    kept.write_bytes(b"")
    assert not durable.is_whole(kept)


def test_a_failed_write_leaves_the_old_file_and_no_other(kept):
    def fails(partial):
        partial.write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        durable.write(kept, fails)
    assert durable.is_whole(kept)
    assert kept.read_bytes() == CONTENT
    assert len(list(kept.parent.iterdir())) == 2


@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.integers(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_json_comes_back_as_it_went(tmp_path, content):
    durable.write_json(tmp_path / "a.json", content)
    assert durable.read_json(tmp_path / "a.json") == content


def test_json_that_is_none_is_absent(tmp_path):
    (tmp_path / "a.json").write_text("{")
    assert durable.read_json(tmp_path / "a.json") is None
    assert durable.read_json(tmp_path / "b.json") is None
