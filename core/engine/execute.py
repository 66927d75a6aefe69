"""What a worker does with a run: load the images, train, judge, keep the results."""

import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from core import data, logs, paths
from core.engine import curtail
from core.errors import StorageError, ThawError
from core.experiment import Experiment
from core.runs import RunRecorder, RunStore
from core.runs.border import LOCKED_SECONDS, insist, translated
from core.runs.run import FOLDED_TRIAL, FOLDS, PASSING, TRIAL, TRIAL_FOLDS
from core.training.events import Silent, Stopped


class Turns:
    """A lock that also says whether somebody has or wants it."""

    def __init__(self) -> None:
        self._lock, self._count, self.wanted = threading.Lock(), threading.Lock(), 0

    def __enter__(self) -> None:
        with self._count:
            self.wanted += 1
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        with self._count:
            self.wanted -= 1


# Compiled networks are shared within a process: whoever trains or compiles has them alone, the warming thread included.
network = Turns()
_ahead = threading.Lock()


def execute(run_id: str, store_uri: str, images: bytes | None = None) -> str:
    """Carry out the run ``run_id`` of the store and return its final status, or ``refused`` where it does not wait (any more).

    Parameters
    ----------
    run_id
        A queued run.
    store_uri
        Where the store is.
    images
        A ZIP with the images, for a worker that does not share the data directory.
    """
    paths.restrict()
    store = _store(store_uri)
    if not store.begin(run_id):
        return "refused"
    try:
        return _given_room(lambda: _train(store.get(run_id).experiment, store, run_id, images), store, run_id)
    except Stopped:
        return _stopped_early(store, run_id)
    except ThawError as error:
        text, message = str(error), ""
    except MemoryError:
        text, message = "The worker ran out of memory. Use smaller images, a smaller batch or fewer thawed layers.", ""
    except Exception as error:
        text, message = logs.unexpected(error, "while it trained"), traceback.format_exc(limit=-4)
    insist(lambda: store.finish(run_id, "failed", error=text, message=message))
    return "failed"


def _given_room(train: Callable[[], str], store: RunStore, run_id: str, seconds: float = LOCKED_SECONDS) -> str:
    """Begin again while the disk is full and nothing has been learnt: room is waited for as long as a held database is."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return translated(train)
        except StorageError:
            if time.monotonic() > deadline or not store.curves(run_id).empty:
                raise
            time.sleep(1)


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
    run = store.get(run_id)
    makes_sure, tries = run.group.startswith(FOLDS), run.group.startswith(FOLDED_TRIAL)
    passing = run.group in PASSING
    with RunRecorder(store, run_id, brisk=passing) as recorder:

        def reading(what: str, share: float) -> None:
            recorder.phase("reading images", detail=what)
            recorder.progress(epoch=0, epochs=0, batch=int(100 * share), batches=100, seconds_left=None)

        recorder.phase("reading images")
        dataset = data.load(_local(experiment, images).data, experiment.backbone.size, reading)
        recorder.phase("loading the network")
        with network:
            from core.training import folds, trainer

            if tries:
                outcome = folds.train(experiment, dataset, recorder, k=TRIAL_FOLDS, give_up=curtail.rule(store, run))
            else:
                outcome = (folds if makes_sure else trainer).train(experiment, dataset, recorder)
        if not insist(
            lambda: store.get(run_id)
        ).active:  # it was given up meanwhile, and must not change what people have read
            return "refused"
        if outcome.history.empty:
            return _stopped_early(store, run_id)
        recorder.phase("judging")
        diagnosis = judge(experiment, dataset, outcome)
    insist(lambda: store.save_results(run_id, outcome.evaluation, diagnosis, outcome.probes, outcome.frontier))
    status = "stopped" if outcome.stopped else "finished"
    judged = run.baseline_id if makes_sure and not outcome.stopped else None
    if judged is not None:
        insist(lambda: store.replace_verdict(judged, diagnosis))
    insist(lambda: store.finish(run_id, status, message=outcome.note))
    figures_only = passing or run.group.startswith((FOLDS, TRIAL))  # a model for each would fill the disk
    if not figures_only:
        insist(lambda: store.save_model(run_id, outcome.model))
    return status


def _stopped_early(store: RunStore, run_id: str) -> str:
    insist(lambda: store.finish(run_id, "stopped", message="It was stopped before its first epoch had ended."))
    return "stopped"


class Idle(Silent):
    """Asks for a stop as soon as somebody wants to train here."""

    def stop_requested(self) -> bool:
        """Tell whether somebody has or wants the network."""
        return network.wanted > 0


def compute_ahead(experiment: str) -> bool:
    """Compute the frozen features of an Experiment (JSON) and of its neighbours, while nobody trains here; return whether all are there."""
    if network.wanted or not _ahead.acquire(blocking=False):
        return False
    try:
        x = Experiment.from_json(experiment)
        dataset = data.load(x.data, x.backbone.size)
        from core.training import ahead

        return ahead.compute(x, dataset, Idle())
    except ThawError:  # images that are not here yet, a full disk: whoever trains is told
        return False
    finally:
        _ahead.release()


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
