"""An uploaded weights file lies under a name of ours and is called by theirs; what is none is not kept."""

from pathlib import Path

import pytest

from benchmarks.hostile import odd_weights
from core import durable, paths
from core.errors import WeightsError
from core.experiment import BackboneSpec
from core.network import backbone, uploaded


def test_a_file_is_kept_under_our_name_and_called_by_theirs(narrow_weights, fresh_data_dir):
    content = Path(narrow_weights.removeprefix("file:")).read_bytes()
    weights, alpha = uploaded.keep(content, '../mine"; import os.h5')
    kept = Path(weights.removeprefix("file:"))
    assert alpha == 0.35 and kept.name == "weights.h5" and kept.is_relative_to(paths.data_dir())
    assert 'mine"; import os.h5' in backbone.explain(BackboneSpec(weights=weights, alpha=alpha))
    kept.write_bytes(content[:999])
    assert not durable.is_whole(kept)
    assert uploaded.keep(content, "again.h5") == (weights, alpha)
    assert durable.is_whole(kept)


def test_a_file_that_keras_saved_is_loaded_under_our_name(narrow_weights, fresh_data_dir):
    given = BackboneSpec(weights=narrow_weights, alpha=0.35, size=96)
    kept, _ = uploaded.keep(Path(narrow_weights.removeprefix("file:")).read_bytes(), "mine.h5")
    loaded = [backbone.build(spec).get_weights() for spec in (given, given.replace(weights=kept))]
    assert all((a == b).all() for a, b in zip(*loaded, strict=True))


@pytest.mark.parametrize("name", ["virtual.h5", "external.h5", "link.h5"])
def test_a_file_that_would_read_another_one_is_refused(name, fresh_data_dir):
    with pytest.raises(WeightsError, match=r"refers to other files|is not a weights file"):
        uploaded.keep(odd_weights()[name], name)


def test_what_is_no_weights_file_leaves_nothing_behind(fresh_data_dir):
    with pytest.raises(WeightsError, match="is not a weights file"):
        uploaded.keep(b"not at all", "mine.h5")
    assert not [p for p in (paths.data_dir() / "weights").rglob("*") if p.is_file()]


def test_a_file_that_is_far_too_large_is_not_read(monkeypatch):
    monkeypatch.setattr(uploaded, "LARGEST", 10)
    with pytest.raises(WeightsError, match="Take another file"):
        uploaded.keep(b"x" * 11, "mine.h5")
