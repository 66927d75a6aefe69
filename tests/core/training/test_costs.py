"""The expected time of a run follows what the run computes, at rates that were measured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.experiment import AugmentationSpec, BackboneSpec, Experiment, FreezeSpec, TrainingSpec
from core.network.layers import layer_table, multiply_adds, thawed_with_weights
from core.training import costs

X = Experiment(backbone=BackboneSpec(size=96), training=TrainingSpec(epochs=10, batch_size=32))


@pytest.fixture(autouse=True)
def _own_rates(fresh_data_dir):
    """Start from no measurement."""


def cost(x: Experiment = X, n: int = 320, validation: int = 80) -> costs.Cost:
    return costs.estimate(x, n, validation)


def test_rates_are_assumed_until_they_are_measured_and_then_mixed():
    assert costs.rates() == costs.Rates()
    costs.remember(inference=8e10)
    assert costs.rates() == costs.Rates(inference=6e10)
    costs.remember(inference=8e10, step_overhead=0.001)
    assert costs.rates() == costs.Rates(inference=7e10, step_overhead=0.002)


@pytest.mark.parametrize("damage", ["", "[1]", '{"inference": 1, "unknown": 2}'])
def test_damaged_rates_are_forgotten(damage):
    costs.remember(inference=8e10)
    costs._file().write_text(damage)
    assert costs.rates() == costs.Rates()


def test_all_frozen_costs_one_pass_and_then_almost_nothing():
    made, network = cost(), sum(multiply_adds(layer_table(X.backbone)))
    passes = (320 + 2 * 80) * network / costs.Rates().inference
    assert made.first - made.again == pytest.approx(passes)
    assert made.again == pytest.approx(10 * 10 * costs.Rates().step_overhead), "ten steps in each of ten epochs"
    assert made.plain > 10 * 320 * network / costs.Rates().inference


@given(st.integers(0, 153))
def test_the_more_is_thawed_the_longer_it_takes(n):
    fewer, more = (cost(X.replace(freeze=FreezeSpec.last(k))) for k in (n, n + 1))
    assert fewer.again <= more.again
    assert fewer.again <= fewer.first


@pytest.mark.parametrize("n", [0, 4, 38])
def test_what_is_frozen_saves_time_against_plain_keras(n):
    made = cost(X.replace(freeze=FreezeSpec.last(n)))
    assert made.again < made.first < made.plain


def test_it_grows_with_images_and_epochs():
    thawed = X.replace(freeze=FreezeSpec.last(38))
    assert cost(thawed, n=640, validation=160).first == pytest.approx(2 * cost(thawed).first, rel=0.1)
    longer = thawed.replace(training=thawed.training.replace(epochs=20))
    assert cost(longer).again == pytest.approx(2 * cost(thawed).again)


def test_a_bank_of_views_costs_once_and_fresh_views_cost_every_epoch():
    light = AugmentationSpec.preset("light")
    none, bank, larger, fresh = (
        cost(X.replace(augmentation=a))
        for a in (AugmentationSpec(), light, light.replace(views=8), light.replace(views=0))
    )
    assert none.again == bank.again < fresh.again
    assert (larger.first - none.first) == pytest.approx(2 * (bank.first - none.first))


def test_a_machine_measured_to_be_twice_as_fast_takes_half_as_long():
    before = cost()
    costs.remember(inference=3 * costs.Rates().inference, training=3 * costs.Rates().training)
    assert (cost().first - cost().again) == pytest.approx((before.first - before.again) / 2)


def test_thawed_layers_cost_three_passes_a_step_and_one_a_look():
    """320 images in steps of 32 over 10 epochs; each epoch looks at 80 validation and 320 clean training images."""
    x, known = X.replace(freeze=FreezeSpec.last(38)), costs.Rates()
    table = layer_table(x.backbone)
    flops, cut = multiply_adds(table), thawed_with_weights(table, x.freeze)[0].index
    before, after = sum(flops[:cut]), sum(flops[cut:])
    steps = 10 * 10 * known.step_overhead
    again = steps + 3 * 3200 * after / known.training + 10 * 400 * after / known.inference
    plain = (
        steps
        + 3200 * (before / known.inference + 3 * after / known.training)
        + 800 * (before + after) / known.inference
    )
    assert cost(x).again == pytest.approx(again)
    assert cost(x).first == pytest.approx(again + 480 * before / known.inference)
    assert cost(x).plain == pytest.approx(plain)


def test_no_more_than_400_training_images_are_looked_at():
    x = X.replace(freeze=FreezeSpec.last(38))
    more, most = (cost(x, n=n, validation=0).again - cost(x, n=n - 32, validation=0).again for n in (384, 640))
    assert more > most


def test_each_view_of_a_bank_costs_a_pass_over_the_training_images():
    bank = cost(X.replace(augmentation=AugmentationSpec.preset("light").replace(views=3)))
    network = sum(multiply_adds(layer_table(X.backbone)))
    assert bank.first - bank.again == pytest.approx((320 * 4 + 2 * 80) * network / costs.Rates().inference)
