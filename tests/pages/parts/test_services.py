"""What pages keep of the store, and that they notice when it changes."""

import pytest

from core.experiment import Experiment
from pages.parts import services


def test_a_run_that_ended_a_second_time_is_read_again():
    """A run that was taken for lost and was trained nevertheless."""
    store = services.store()
    run_id = store.create(Experiment())
    store.finish(run_id, "failed", error="lost")
    assert services.curves(store.get(run_id)).empty
    store.log_epochs(run_id, [{"epoch": 1, "loss": 0.5}])
    store.finish(run_id, "finished")
    assert services.curves(store.get(run_id))["loss"].tolist() == [0.5]
    store.delete(run_id)


def test_the_end_of_a_run_draws_the_page_again(monkeypatch):
    watched, drawn = [], []

    def every(run_every):
        assert run_every, "nothing else looks again"
        return lambda function: watched.append(function) or function

    monkeypatch.setattr(services.st, "fragment", every)
    monkeypatch.setattr(services.st, "rerun", lambda: drawn.append(True))
    monkeypatch.setattr(services, "look_after_runs", lambda: None)
    store = services.store()
    run_id = store.create(Experiment(), status="running")
    try:
        services.rerun_when_ended([store.get(run_id)])
        assert watched and not drawn
        store.finish(run_id, "stopped")
        watched[0]()
        assert drawn
    finally:
        store.delete(run_id)


@pytest.mark.parametrize("page", ["compare", "runs"])
def test_pages_that_show_runs_watch_them(page, open_page, finished_runs, monkeypatch):
    asked: list[list[str]] = []
    monkeypatch.setattr(services, "rerun_when_ended", lambda runs: asked.append([r.id for r in runs]))
    open_page(page, compared=finished_runs)
    assert asked and set(finished_runs) <= set(asked[-1])
