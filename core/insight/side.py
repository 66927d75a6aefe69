"""One side of a comparison, as a worker has it: a finished run, its images and its model."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache

from core import data
from core.data import Dataset
from core.errors import RunError
from core.insight.network import Network
from core.runs import Run, RunStore

MOST_OPEN = 4  # models kept open in a worker, about 15 MB each

_open: OrderedDict[str, Network] = OrderedDict()


@dataclass(frozen=True)
class Side:
    """A finished run with its images and its model opened up."""

    run: Run
    dataset: Dataset
    network: Network


@lru_cache(maxsize=2)
def store_at(uri: str) -> RunStore:
    """Return the run store at an address, opened once a process."""
    return RunStore(uri)


@lru_cache(maxsize=4)
def _dataset(spec: data.DataSpec, size: int) -> Dataset:
    return data.load(spec, size)


def sides(store_uri: str, run_ids: list[str]) -> list[Side]:
    """Return the runs with images and models; worker only.

    Raises
    ------
    RunError
        When a run does not exist or kept no model.
    DataError
        When its images are not there any more.
    """
    return [_side(store_at(store_uri), run_id) for run_id in run_ids]


def _side(store: RunStore, run_id: str) -> Side:
    run = store.get(run_id)
    return Side(run, _dataset(run.experiment.data, run.experiment.backbone.size), network(store, run))


def network(store: RunStore, run: Run) -> Network:
    """Return a run's model opened up, exactly as it was saved.

    Raises
    ------
    RunError
        When the run kept no model.
    """
    if run.id not in _open:
        while len(_open) >= MOST_OPEN:
            _open.popitem(last=False)
        _open[run.id] = Network.opened(load(store, run), run.experiment.backbone)
    _open.move_to_end(run.id)
    return _open[run.id]


def load(store: RunStore, run: Run):
    """Return a run's Keras model as it was saved.

    Raises
    ------
    RunError
        When the run kept no model.
    """
    import keras

    path = store.model_path(run.id)
    if path is None:
        raise RunError(
            f"The run “{run.name or run.id}” kept no model (trials keep none, and one that failed has none). Choose another run."
        )
    return keras.models.load_model(path, compile=False)


def network_before(run: Run) -> Network:
    """Return the backbone that a run began from, without a head."""
    from core.network import backbone

    spec = run.experiment.backbone
    key = f"{spec!r}-{run.experiment.training.seed if spec.weights == 'random' else 0}"
    if key not in _open:
        _open[key] = Network(backbone.build(spec, run.experiment.training.seed), [], spec)
    return _open[key]
