"""The sizes of the pictures of a source."""

from core import data
from core.data.collection import size_range
from core.experiment import DataSpec
from tests.conftest import write_folder


def test_the_smallest_and_the_largest_picture_are_found(tmp_path, fresh_data_dir):
    for name, side in (("small", 16), ("middle", 32), ("large", 64)):
        write_folder(tmp_path / "images", {f"{name}": 3}, side=side)
    found = data.catalogue(DataSpec(source=f"path:{tmp_path / 'images'}"))
    assert size_range(found) == ((16, 16), (64, 64))


def test_pictures_in_memory_have_a_size_too():
    assert size_range(data.catalogue(DataSpec(source="builtin:faces"))) == ((75, 75), (75, 75))
