"""What a run fixes before its first step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from core.experiment import TrainingSpec
from core.training.schedule import batch_order, class_weights, learning_rates, view_choice


def rates(schedule: str, epochs: int = 4, batches: int = 5, rate: float = 0.2) -> np.ndarray:
    settings = TrainingSpec(schedule=schedule, epochs=epochs, learning_rate=rate)
    return np.concatenate([learning_rates(settings, epoch, batches) for epoch in range(1, epochs + 1)])


def test_a_constant_rate_stays():
    assert rates("constant").tolist() == [0.2] * 20


def test_a_cosine_falls_from_the_rate_over_half_of_it_in_the_middle_towards_zero():
    """Keras's ``CosineDecay``, alpha 0, gives the same: half the cosine of half a turn, plus one."""
    expected = [0.1 * (1 + np.cos(np.pi * step / 20)) for step in range(20)]
    assert rates("cosine") == pytest.approx(expected)
    assert rates("cosine")[10] == pytest.approx(0.1)
    assert 0 < rates("cosine")[-1] < 0.2 / 100


def test_an_exponential_rate_falls_by_the_same_factor_in_every_step_to_a_hundredth():
    made = rates("exponential")
    np.testing.assert_allclose(made[1:] / made[:-1], 0.01 ** (1 / 20))
    assert made[0] == 0.2


@given(st.sampled_from(["constant", "cosine", "exponential"]), st.integers(1, 9), st.integers(1, 9))
def test_rates_never_rise_and_stay_above_zero(schedule, epochs, batches):
    made = rates(schedule, epochs, batches)
    assert len(made) == epochs * batches
    assert (np.diff(made) <= 0).all() and made.min() > 0 and made[0] == 0.2


@given(st.lists(st.integers(0, 3), min_size=1, max_size=50).map(lambda rest: [0, 1, 2, 3, *rest]))
def test_class_weights_are_those_scikit_learn_calls_balanced(labels):
    expected = compute_class_weight("balanced", classes=np.arange(4), y=labels)
    np.testing.assert_allclose(class_weights(np.array(labels), 4), expected, rtol=1e-6)


def test_a_class_without_images_has_a_weight_all_the_same():
    assert class_weights(np.array([0, 0, 1]), 3).tolist() == [0.5, 1.0, 1.0]


def test_every_epoch_has_an_order_of_its_own_and_every_seed():
    orders = [tuple(batch_order(seed, epoch, 20)) for seed in (0, 1) for epoch in (1, 2)]
    assert len(set(orders)) == 4 and all(sorted(o) == list(range(20)) for o in orders)
    assert orders[0] == tuple(batch_order(0, 1, 20))


def test_views_are_drawn_anew_in_every_epoch_from_all_there_are():
    first, second = view_choice(0, 1, 200, 3), view_choice(0, 2, 200, 3)
    assert set(first) == {0, 1, 2} and not np.array_equal(first, second)
    assert np.array_equal(first, view_choice(0, 1, 200, 3))
