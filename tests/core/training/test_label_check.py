"""Which training labels a linear model doubts that was fitted to all other images."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from core.training.label_check import RIDGE, doubted, leave_one_out, sureness


@pytest.fixture
def clusters() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 20)
    return rng.normal(0, 1, (60, 30)) + 2 * np.repeat(np.eye(3), 10, 1)[labels], labels


def test_scores_are_those_of_weighted_fits_without_the_image(clusters):
    keep = np.r_[0:20, 20:28, 40:60]
    x, y = clusters[0][keep], clusters[1][keep]
    weights = compute_sample_weight("balanced", y)
    scores = leave_one_out(x, y, 3)
    x = StandardScaler().fit(x, sample_weight=weights).transform(x)
    targets = np.eye(3)[y] - 1 / 3
    for i in (0, 25, 47):
        others = np.arange(48) != i
        fit = Ridge(alpha=RIDGE * x.shape[1], fit_intercept=False).fit(x[others], targets[others], weights[others])
        np.testing.assert_allclose(scores[i], fit.predict(x[i : i + 1])[0], atol=1e-5)


def test_planted_mistakes_are_found_with_the_class_they_look_like(clusters):
    x, y = clusters
    wrong, planted = y.copy(), np.arange(2, 60, 7)
    wrong[planted] = (y[planted] + 1) % 3
    found = doubted(x, wrong, 3)
    assert len(found["rows"]) >= len(planted) / 3 and set(found["rows"]) <= set(planted.tolist())
    assert found["answers"] == y[found["rows"]].tolist()


def test_right_labels_are_not_doubted(clusters):
    found = doubted(*clusters, 3)
    assert len(found["rows"]) <= 2 and found["accuracy"] > 0.9


def test_features_that_are_all_alike_give_an_answer():
    found = doubted(np.ones((12, 5)), np.arange(12) % 2, 2)
    assert found["rows"] == [] or found["accuracy"] <= 0.5


def _overlapping(wrong: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return hard images of four classes, and labels of which a share is wrong."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(4), 60)
    x = rng.normal(0, 1, (240, 40)) + 0.7 * np.repeat(np.eye(4), 10, 1)[labels]
    planted = rng.choice(240, int(wrong * 240), replace=False)
    given = labels.copy()
    given[planted] = (labels[planted] + rng.integers(1, 4, len(planted))) % 4
    return x, given


@pytest.mark.parametrize("seed", range(5))
def test_answers_against_wrong_labels_are_surer_than_mistakes_on_hard_images(seed):
    hard, wrong = (doubted(*_overlapping(share, seed), 4)["sureness"] for share in (0.0, 0.3))
    assert hard < 0.4 < wrong


def test_sureness_compares_leads_of_the_first_class_over_the_second():
    scores = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.5], [0.2, 0.6, 0.0], [0.7, 0.3, 0.1]])
    assert sureness(scores, np.array([0, 1, 0, 1])) == pytest.approx(0.4 / 0.6)


def test_without_answers_to_compare_nothing_is_sure():
    scores = np.eye(3)
    assert sureness(scores, np.arange(3)) == 0 and sureness(scores, (np.arange(3) + 1) % 3) == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_small_class_of_hard_images_does_not_look_like_wrong_labels(seed):
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], [200, 25])
    x = rng.normal(0, 1, (225, 40)) + 0.3 * np.repeat(np.eye(2), 20, 1)[y]
    assert sureness(leave_one_out(x, y, 2), y) < 0.5, "about 0.8 where every image weighs the same"
