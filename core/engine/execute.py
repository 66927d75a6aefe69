"""What a worker does with a run: load the images, train, judge, keep the results."""

import tempfile
import threading
import traceback
from functools import lru_cache
from pathlib import Path

from core import data, paths
from core.errors import ThawError
from core.experiment import Experiment
from core.runs import RunRecorder, RunStore

_done = 0
# Compiled networks are shared within a process: whoever trains or compiles has them alone, the warming thread included.
network = threading.Lock()


def execute(run_id: str, store_uri: str, images: bytes | None = None) -> str:
    """Carry out the run ``run_id`` of the store and return its final status.

    Parameters
    ----------
    run_id
        A queued run.
    store_uri
        Where the store is.
    images
        A ZIP with the images, for a worker that does not share the data directory.
    """
    global _done
    _done += 1
    paths.restrict()
    store = _store(store_uri)
    run = store.get(run_id)
    if store.stop_requested(run_id):
        store.finish(run_id, "stopped", message="Stopped before it began.")
        return "stopped"
    store.set_tags(run_id, status="running")
    try:
        return _train(run.experiment, store, run_id, images)
    except ThawError as error:
        store.finish(run_id, "failed", error=str(error))
    except MemoryError:
        text = "The worker ran out of memory. Use smaller images, a smaller batch or fewer thawed layers."
        store.finish(run_id, "failed", error=text)
    except Exception as error:
        text = f"Something unexpected happened: {type(error).__name__}: {error}"
        store.finish(run_id, "failed", error=text, message=traceback.format_exc(limit=-4))
    return "failed"


@lru_cache(maxsize=2)
def _store(uri: str) -> RunStore:
    return RunStore(uri)


def warm(store_uri: str | None = None) -> None:
    """Import, build and open what the first run needs, before somebody waits for it."""
    RunStore(store_uri)
    with network:
        from core.training import trainer

        trainer.warm()


def _train(experiment: Experiment, store: RunStore, run_id: str, images: bytes | None) -> str:
    with RunRecorder(store, run_id) as recorder:

        def reading(what: str, share: float) -> None:
            recorder.phase("reading images", detail=what)
            recorder.progress(epoch=0, epochs=0, batch=int(100 * share), batches=100, seconds_left=None)

        recorder.phase("reading images")
        dataset = data.load(_local(experiment, images).data, experiment.backbone.size, reading)
        recorder.phase("loading the network")
        with network:
            from core.training import trainer

            outcome = trainer.train(experiment, dataset, recorder)
        if outcome.history.empty:
            store.finish(run_id, "stopped", message="It was stopped before its first epoch had ended.")
            return "stopped"
        recorder.phase("judging")
        diagnosis = judge(experiment, dataset, outcome)
    store.save_results(run_id, outcome.evaluation, diagnosis, outcome.probes, outcome.frontier)
    status = "stopped" if outcome.stopped else "finished"
    store.finish(run_id, status, message=outcome.note)
    is_trial = store.get(run_id).group.startswith("trial")
    if not is_trial:  # a trial's figures are kept; a model for each would fill the disk
        store.save_model(run_id, outcome.model)
    return status


def judge(experiment: Experiment, dataset: data.Dataset, outcome):
    """Return the diagnosis of a finished training."""
    from core.diagnosis import Observations, diagnose

    return diagnose(
        Observations(
            history=outcome.history,
            experiment=experiment,
            evaluation=outcome.evaluation,
            probes=outcome.probes,
            health=_health(dataset),
        )
    )


_known_health: dict[tuple[str, ...], tuple] = {}


def _health(dataset: data.Dataset) -> tuple:
    """Return the notes on a data set, looked for once while this process lives."""
    from core.data import health

    key = tuple(split.fingerprint for split in dataset.splits.values())
    if key not in _known_health:
        _known_health[key] = tuple(health.check(dataset))
    return _known_health[key]


def _local(experiment: Experiment, images: bytes | None) -> Experiment:
    """Return the Experiment with its images on this machine, unpacking those that were sent along where it has none."""
    if images is None:
        return experiment
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "images.zip"
        archive.write_bytes(images)
        source = data.import_zip(archive, "images")
    return experiment.replace(data=experiment.data.replace(source=source))


def runs_done() -> int:
    """Return how many runs this process has carried out."""
    return _done
