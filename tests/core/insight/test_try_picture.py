"""A picture that is tried goes the way that training pictures went."""

from pathlib import Path

import numpy as np
import pytest

from core.data.decode import UnusableImage
from core.errors import RunError
from core.insight import try_picture


def test_a_file_of_the_test_split_gives_the_stored_probabilities(store, pair, opened):
    stored = store.evaluation(pair[1]).splits["test"]
    folder = Path(opened[1].run.experiment.data.source.removeprefix("path:"))
    tried = [try_picture.from_bytes((folder / name).read_bytes(), [96])[96] for name in stored.names]
    answers = try_picture.answers(store.uri, pair, {96: np.stack(tried)})
    np.testing.assert_allclose(answers[1], stored.probabilities, atol=1e-5)


def test_the_picture_most_like_a_training_picture_is_itself(store, pair, opened):
    train = opened[0].dataset.train
    for found in try_picture.neighbours(store.uri, pair, {96: train.images[:3]}, k=4):
        assert [near.rows[0] for near in found] == train.indices[:3].tolist()
        for near, label in zip(found, train.labels[:3], strict=True):
            assert near.labels[0] == label and near.similarities[0] == pytest.approx(1, abs=1e-5)
            assert (np.diff(near.similarities) <= 0).all()


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe0 cut off"])
def test_what_is_no_picture_is_refused_as_uploads_are(content):
    with pytest.raises(UnusableImage):
        try_picture.from_bytes(content, [96])


def test_a_run_without_a_model_says_so(store, opened):
    run_id = store.create(opened[0].run.experiment, name="never trained")
    with pytest.raises(RunError, match=r"never trained.*kept no model"):
        try_picture.answers(store.uri, [run_id], {96: opened[0].dataset.test.images[:1]})
    store.delete(run_id)
