"""A pair repeated on common seeds; the runs are put into the store, only the asking and the reading are tried."""

import numpy as np
import pandas as pd
import pytest

from core.runs import RunStore
from core.studies import seeds
from tests import made_runs
from tests.made_runs import Made


class Asked:
    """An engine that notes what it was asked for and ends it at once."""

    def __init__(self, store: RunStore):
        self.store, self.stopped = store, []

    def submit(self, experiment, *, name, group):
        made = Made(0.7, 0.6) if name == "before" else Made(0.95, 0.85)
        return made_runs.put(self.store, experiment, made, seed=experiment.training.seed, name=name, group=group)

    def stop(self, run_id):
        self.stopped.append(run_id)


@pytest.fixture(scope="module")
def pair():
    store = RunStore()
    return store, *made_runs.pair(store)


def test_both_settings_are_trained_on_common_seeds_and_more_add_only_what_is_missing(pair):
    store, before, after = pair
    asked = Asked(store)
    assert len(seeds.start(asked, before, after, 3)) == 6
    found = seeds.look(store, before, after)
    assert (len(found.pairs), found.runs, found.done, found.active) == (3, 6, 6, False)
    for a, b in found.pairs:
        assert a.experiment.training.seed == b.experiment.training.seed != store.get(after).experiment.training.seed
        assert a.experiment.freeze == store.get(before).experiment.freeze
        assert b.experiment.freeze == store.get(after).experiment.freeze
    assert len(seeds.start(asked, before, after, 5)) == 4

    found = seeds.look(store, before, after)
    evaluations = [(store.evaluation(a.id), store.evaluation(b.id)) for a, b in found.pairs]
    said = seeds.told((store.get(before).experiment, store.get(after).experiment), evaluations)
    assert said.seeds == 5 and said.outcome == "better"
    assert said.difference == pytest.approx(np.mean(seeds.differences(evaluations)))


def test_runs_under_way_can_be_stopped_and_what_stopped_is_asked_for_again(pair):
    store, before, after = pair
    asked = Asked(store)
    seeds.start(asked, after, before, 3)  # the other way round is another pair
    waiting = store.create(store.get(before).experiment, name="before", group=f"seeds-{after[:16]}-{before[:16]}")
    assert seeds.look(store, after, before).active
    seeds.stop(asked, after, before)
    assert asked.stopped == [waiting]
    store.finish(waiting, "stopped")
    assert not seeds.look(store, after, before).active


def test_one_seed_has_no_sentence_of_its_own():
    assert seeds.told((None, None), []) is None


def test_curves_of_different_length_are_averaged_where_two_reach():
    long = pd.DataFrame({"epoch": [1, 2, 3, 4], "val_loss": [1.0, 0.8, 0.6, 0.4]})
    short = pd.DataFrame({"epoch": [1, 2], "val_loss": [0.6, 0.4]})
    mean, low, high = seeds.spread([long, short, long])
    assert mean.epoch.tolist() == [1, 2, 3, 4]
    assert (low.val_loss[0], high.val_loss[0]) == (0.6, 1.0)
    assert seeds.spread([long, short])[0].epoch.tolist() == [1, 2]
