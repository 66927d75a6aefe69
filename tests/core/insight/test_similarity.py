"""What moved is what was thawed, and alike means alike."""

import numpy as np
import pytest

from core.experiment import N_LAYERS, BackboneSpec
from core.insight import similarity
from core.network.layers import layer_table


def test_features_are_like_themselves_however_turned_and_unlike_shuffled_ones():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 30)) * np.linspace(3, 0.1, 30)
    turned = 2.5 * x @ np.linalg.qr(rng.normal(size=(30, 30)))[0] + 1
    assert similarity.cka(x, x) == pytest.approx(1)
    assert similarity.cka(x, turned) == pytest.approx(1)
    assert abs(similarity.cka(x, rng.permutation(x))) < 0.1


def test_unlike_the_plain_estimate_few_pictures_of_wide_noise_are_not_alike():
    rng = np.random.default_rng(1)
    assert abs(similarity.cka(rng.normal(size=(20, 500)), rng.normal(size=(20, 500)))) < 0.15


def test_only_what_was_thawed_moved(store, pair):
    found = similarity.changes(store.uri, pair)
    assert {name for name, share in found.weights.items() if share > 0} == {"Conv_1"}  # its normalisation is locked
    assert all(v == pytest.approx(1, abs=1e-6) for b, v in found.likeness.items() if b != "Conv_1")
    assert found.likeness["Conv_1"] < 1 - 1e-9
    assert all(found.before[b] == found.after[b] for b in found.before if b != "Conv_1")


def test_a_run_alone_is_seen_beside_the_network_that_it_began_from(store, pair):
    alone, both = similarity.changes(store.uri, pair[1:]), similarity.changes(store.uri, pair)
    assert alone.weights == pytest.approx(both.weights)


def test_before_training_the_probes_are_those_of_the_frozen_run(store, pair, opened):
    reached, n = similarity.probes_before_training(opened[0].run.experiment.to_json())
    assert n == len(opened[0].dataset.validation)
    assert reached == similarity.changes(store.uri, pair).before


def test_a_probe_finds_what_is_there_and_nothing_in_noise():
    rng, labels = np.random.default_rng(0), np.arange(200) % 2
    told = rng.normal(size=(200, 10)) + 2 * labels[:, None]
    assert similarity.probe(told[:100], labels[:100], told[100:], labels[100:]) > 0.95
    noise = rng.normal(size=(200, 10))
    assert 0.3 < similarity.probe(noise[:100], labels[:100], noise[100:], labels[100:]) < 0.7


def test_the_forecast_thaws_what_lies_after_the_first_block_that_knows_enough():
    table = layer_table(BackboneSpec())
    rising = {"stem": 0.5, "block_13": 0.7, "Conv_1": 0.95}
    assert similarity.forecast(rising, 100, table) == 0
    assert similarity.forecast(rising | {"block_13": 0.94}, 100, table) == N_LAYERS - 1 - 124
