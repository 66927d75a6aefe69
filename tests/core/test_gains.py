"""What a remedy gained, how sure that is, and when it is not worth another model."""

import numpy as np
import pytest

from core import gains
from core.evaluation import Predictions


def _predictions(right: np.ndarray, sure: float = 0.8) -> Predictions:
    """Predictions of two classes that are right where ``right`` says so."""
    n = len(right)
    probabilities = np.where(right[:, None], [sure, 1 - sure], [1 - sure, sure])
    return Predictions(np.zeros(n, int), probabilities, tuple(map(str, range(n))), np.arange(n))


def _pairs(before: float, after: float, n: int, seeds: int, rng: np.random.Generator):
    hard = rng.random(n)
    return [
        (_predictions(hard + rng.normal(0, 0.05, n) < before), _predictions(hard + rng.normal(0, 0.05, n) < after))
        for _ in range(seeds)
    ]


def test_a_clear_gain_is_recommended():
    measured = gains.measure(_pairs(0.6, 0.9, 100, 3, np.random.default_rng(0)), n_remedies=6)
    assert measured.recommended
    assert measured.low > 0
    assert measured.gain == pytest.approx(0.3, abs=0.08)


def test_no_gain_is_seldom_recommended():
    """Under no effect at all, at most about one table in ten may recommend anything."""
    rng = np.random.default_rng(1)
    wrongly = [
        any(gains.measure(_pairs(0.7, 0.7, 60, 3, rng), n_remedies=6).recommended for _ in range(6)) for _ in range(60)
    ]
    assert np.mean(wrongly) <= 0.2


def test_one_model_is_never_enough():
    assert not gains.measure(_pairs(0.4, 0.95, 200, 1, np.random.default_rng(2))).recommended


@pytest.mark.parametrize(("surer", "worth_it"), [(1.0005, False), (1.05, True)])
def test_a_sure_gain_is_recommended_only_where_someone_would_notice_it(surer, worth_it):
    """Weight decay that changed the loss by 0.00004 nats, the same on every image and seed, was once recommended."""
    right = np.ones(100, bool)
    measured = gains.measure([(_predictions(right, 0.8), _predictions(right, 0.8 * surer))] * 3, n_remedies=6)
    assert measured.gain == 0 and measured.loss_low > 0, "nothing but the loss differs, and that surely"
    assert measured.recommended == worth_it


@pytest.mark.parametrize(
    ("low", "gain", "high", "loss_low", "recommended", "only_surer"),
    [
        (0.01, 0.05, 0.09, -0.1, True, False),
        (-0.004, 0.01, 0.03, 0.02, True, False),
        (-0.02, 0.01, 0.04, 0.02, False, True),
        (-0.02, 0.01, 0.04, 0.005, False, False),
        (-0.09, -0.05, -0.01, 0.02, False, False),
    ],
)
def test_a_lower_loss_is_recommended_only_where_the_accuracy_surely_stays(
    low, gain, high, loss_low, recommended, only_surer
):
    """A rate a tenth as high lowered the loss on clothes for sure and cost 8 points of test accuracy."""
    measured = gains.Gain(gain, low, high, loss_low + 0.2, loss_low, loss_low + 0.4, models=3)
    assert (measured.recommended, measured.only_surer) == (recommended, only_surer)


def test_a_loss_is_not_recommended():
    assert not gains.measure(_pairs(0.9, 0.7, 100, 3, np.random.default_rng(3))).recommended


def _folds(before: float, after: float, n: int, k: int, rng: np.random.Generator) -> list[gains.Pair]:
    """Pairs that judged a part of the images each."""
    (whole, changed), *_ = _pairs(before, after, n, 1, rng)
    return gains.pairs_of(whole, changed, [len(part) for part in np.array_split(np.arange(n), k)])


def test_answers_are_paired_by_image_however_they_are_ordered():
    right = np.array([True, False, True, True, False, False])
    before = _predictions(right)
    order = np.array([4, 1, 0, 5])  # one model judged two of them, another the other two
    after = _predictions(~right)
    part = Predictions(after.labels[order], after.probabilities[order], tuple(after.names[i] for i in order), order)
    pairs = gains.pairs_of(before, part, [2, 2])
    assert [sorted(a.rows) for a, _ in pairs] == [[1, 4], [0, 5]]
    assert all((a.rows == b.rows).all() and (a.predicted != b.predicted).all() for a, b in pairs)
    assert gains.measure(pairs).images == 4


def test_images_that_only_one_side_judged_are_left_out():
    before, after = _predictions(np.ones(4, bool)), _predictions(np.ones(4, bool))
    elsewhere = Predictions(after.labels, after.probabilities, after.names, after.rows + 3)
    assert [len(a.rows) for a, _ in gains.pairs_of(before, elsewhere, [4])] == [1]
    assert gains.pairs_of(before, elsewhere, [0, 4])[0][0].rows.tolist() == [3]


def test_folds_of_many_images_are_surer_than_seeds_of_few():
    rng = np.random.default_rng(4)
    width = lambda pairs: (lambda g: g.high - g.low)(gains.measure(pairs))  # noqa: E731
    on_folds = np.mean([width(_folds(0.7, 0.8, 300, 3, rng)) for _ in range(50)])
    on_seeds = np.mean([width(_pairs(0.7, 0.8, 60, 3, rng)) for _ in range(50)])
    assert on_folds < 0.9 * on_seeds


def test_folds_that_differ_make_a_gain_unsure():
    """One model of three gained on all its images: that may be luck of that model, however many images say it."""
    alike, better = _predictions(np.zeros(100, bool)), _predictions(np.ones(100, bool))
    pairs = [(alike, alike), (alike, alike), (alike, better)]
    apart = [tuple(Predictions(p.labels, p.probabilities, p.names, p.rows + 100 * i) for p in pair) for i, pair in enumerate(pairs)]  # fmt: skip
    assert not gains.measure(apart).recommended  # type: ignore[arg-type]


def test_no_gain_on_folds_is_seldom_recommended():
    rng = np.random.default_rng(5)
    wrongly = [any(gains.measure(_folds(0.7, 0.7, 200, 3, rng), 6).recommended for _ in range(6)) for _ in range(60)]
    assert np.mean(wrongly) <= 0.2


@pytest.mark.parametrize(("after", "given_up"), [(0.5, True), (0.9, False)])
def test_what_harms_is_given_up_after_one_model_and_what_helps_is_not(after, given_up):
    pairs = _folds(0.7, after, 300, 3, np.random.default_rng(6))
    assert gains.hopeless(pairs[:1], 3, 6) == given_up
    assert not gains.hopeless(pairs, 3, 6), "all models are there: nothing is left to give up"


def test_most_of_what_does_nothing_is_given_up_and_little_of_what_helps():
    rng = np.random.default_rng(7)
    lost = {
        after: np.mean([gains.hopeless(_folds(0.7, after, 240, 3, rng)[:1], 3, 6) for _ in range(100)])
        for after in (0.7, 0.78)
    }
    assert lost[0.7] > 0.4 and lost[0.78] < 0.1


def test_answers_that_did_not_change_at_all_are_given_up():
    same = [(_predictions(np.ones(50, bool)),) * 2]
    assert gains.hopeless(same, 3)


def test_errors_of_images_and_of_models_add_up_only_where_all_models_judge_the_same_images():
    changes = [np.array([1.0, 0, 0, 0]), np.array([1.0, 0, 1, 0])]
    same, apart = [np.arange(4)] * 2, [np.arange(4), np.arange(4, 8)]
    images, models = np.array([1, 0, 0.5, 0]).std(ddof=1) / 2, np.array([0.25, 0.5]).std(ddof=1) / np.sqrt(2)
    assert gains._mean_and_error(changes, same) == pytest.approx((0.375, np.hypot(images, models)))
    of_all = np.concatenate(changes).std(ddof=1) / np.sqrt(8)
    assert gains._mean_and_error(changes, apart) == pytest.approx((0.375, max(of_all, models)))


def test_one_remedy_alone_is_not_widened_for_others():
    pairs = _pairs(0.6, 0.8, 100, 3, np.random.default_rng(8))
    assert gains.measure(pairs) == gains.measure(pairs, 1)
    assert gains.measure(pairs, 6).low < gains.measure(pairs).low
