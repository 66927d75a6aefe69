"""An uploaded weights file lies under a name of ours and is called by theirs; what is none is not kept."""

import pytest

from core import durable, paths
from core.errors import WeightsError
from core.experiment import BackboneSpec
from core.network import backbone, uploaded


def test_a_file_is_kept_under_our_name_and_called_by_theirs(narrow_weights, fresh_data_dir):
    from pathlib import Path

    content = Path(narrow_weights.removeprefix("file:")).read_bytes()
    weights, alpha = uploaded.keep(content, '../mine"; import os.h5')
    kept = Path(weights.removeprefix("file:"))
    assert alpha == 0.35 and kept.name == "weights.h5" and kept.is_relative_to(paths.data_dir())
    assert 'mine"; import os.h5' in backbone.explain(BackboneSpec(weights=weights, alpha=alpha))
    kept.write_bytes(content[:999])
    assert not durable.is_whole(kept)
    assert uploaded.keep(content, "again.h5") == (weights, alpha)
    assert durable.is_whole(kept)


def test_what_is_no_weights_file_leaves_nothing_behind(fresh_data_dir):
    with pytest.raises(WeightsError, match="is not a weights file"):
        uploaded.keep(b"not at all", "mine.h5")
    assert not [p for p in (paths.data_dir() / "weights").rglob("*") if p.is_file()]


def test_a_file_that_is_far_too_large_is_not_read(monkeypatch):
    monkeypatch.setattr(uploaded, "LARGEST", 10)
    with pytest.raises(WeightsError, match="Take another file"):
        uploaded.keep(b"x" * 11, "mine.h5")
