"""Idle workers are asked once for what settings need, again after an interruption, and never beside somebody who trains."""

from types import SimpleNamespace

import pytest

from core.engine import ahead, execute
from core.engine.ahead import Ahead
from core.experiment import DataSpec, Experiment, FreezeSpec
from core.training import known

X = Experiment()


class Client:
    """Takes questions and answers none."""

    def __init__(self):
        self.asked = []

    def submit(self, _function, experiment, **_):
        self.asked.append(Experiment.from_json(experiment))
        self.ended = False
        return SimpleNamespace(done=lambda: self.ended)


@pytest.fixture
def link(fresh_data_dir, monkeypatch):
    monkeypatch.setattr(ahead, "PAUSE", -1.0)
    monkeypatch.delenv(ahead.VARIABLE, raising=False)
    return SimpleNamespace(ours=True, connected=True, client=Client())


def test_settings_are_asked_for_once_while_a_worker_is_at_them(link):
    asking = Ahead(link)
    for x in (X, X, X.replace(freeze=FreezeSpec.last(20)), X):
        asking.want(x)
    assert link.client.asked == [X, X.replace(freeze=FreezeSpec.last(20))]


def test_what_was_interrupted_is_asked_for_again_and_what_is_there_is_not(link, monkeypatch):
    asking = Ahead(link)
    asking.want(X)
    link.client.ended = True
    asking.want(X)
    assert len(link.client.asked) == 2
    link.client.ended = True
    monkeypatch.setattr(known, "are_ready", lambda _: True)
    asking.want(X)
    assert len(link.client.asked) == 2


@pytest.mark.parametrize("what", ["ours", "connected"])
def test_a_cluster_of_others_and_one_that_is_away_are_asked_nothing(link, what):
    setattr(link, what, False)
    Ahead(link).want(X)
    assert link.client.asked == []


def test_it_can_be_turned_off(link, monkeypatch):
    monkeypatch.setenv(ahead.VARIABLE, "0")
    Ahead(link).want(X)
    assert link.client.asked == []


def test_only_so_many_are_remembered(link, monkeypatch):
    monkeypatch.setattr(ahead, "MOST", 2)
    asking = Ahead(link)
    for n in (0, 4, 20):
        asking.want(X.replace(freeze=FreezeSpec.last(n)))
    assert len(asking._asked) == 2


def test_nothing_is_computed_while_somebody_has_the_network(monkeypatch):
    monkeypatch.setattr(execute.data, "load", lambda *_: pytest.fail("it began"))
    with execute.network:
        assert execute.Idle().stop_requested()
        assert not execute.compute_ahead(X.to_json())
    assert not execute.Idle().stop_requested()


def test_images_that_are_not_here_are_no_error(fresh_data_dir):
    assert not execute.compute_ahead(X.replace(data=DataSpec(source="upload:" + "0" * 64)).to_json())
    assert execute._ahead.acquire(blocking=False)
    execute._ahead.release()
