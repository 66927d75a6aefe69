"""What pages keep of the store."""

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
