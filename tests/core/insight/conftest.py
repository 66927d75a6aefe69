"""Runs trained for real on a few small files: a pair with a common start, and one that can only look at a corner."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import paths
from core.engine.execute import execute
from core.experiment import BackboneSpec, DataSpec, Experiment, FreezeSpec, HeadSpec, TrainingSpec
from core.insight.side import Side, sides
from core.runs import RunStore
from tests.conftest import write_folder


def experiment(folder: Path, thawed: int, **training) -> Experiment:
    return Experiment(
        data=DataSpec(source=f"path:{folder}", group_duplicates=False),
        backbone=BackboneSpec(size=96, alpha=0.35, weights="builtin"),
        freeze=FreezeSpec.last(thawed),
        head=HeadSpec(pooling="average", layers=()),
        training=TrainingSpec(**{"epochs": 2, "batch_size": 8, **training}),
    )


def trained(store: RunStore, x: Experiment, baseline: str | None = None) -> str:
    run_id = store.create(x, baseline_id=baseline)
    assert execute(run_id, store.uri) == "finished", store.get(run_id).error
    return run_id


@pytest.fixture(scope="session")
def store(tmp_path_factory) -> RunStore:
    """A store of its own: the workers of other tests take what is queued in the session's."""
    return RunStore(f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}")


@pytest.fixture(scope="session")
def pair(store) -> list[str]:
    """Two runs of the same start: all frozen, last 4 thawed; a worker reads what lies below the data directory."""
    folder = write_folder(paths.subdir("pair"), {"red": 18, "blue": 18, "green": 18})
    before = trained(store, experiment(folder, 0))
    return [before, trained(store, experiment(folder, 4, learning_rate=3e-4), before)]


@pytest.fixture(scope="session")
def opened(store, pair) -> list[Side]:
    """The pair as a worker opens it."""
    return sides(store.uri, pair)


@pytest.fixture(scope="session")
def cornered(store) -> str:
    """A run on noise whose top left corner alone tells the class."""
    home, rng = paths.subdir("cornered"), np.random.default_rng(0)
    for name, colour in (("red", (230, 30, 30)), ("blue", (30, 30, 230))):
        (home / name).mkdir(exist_ok=True)
        for i in range(40):
            pixels = np.kron(rng.uniform(60, 190, (12, 12, 3)), np.ones((8, 8, 1)))
            pixels[:24, :24] = colour
            Image.fromarray(pixels.astype(np.uint8)).save(home / name / f"{i}.png")
    return trained(store, experiment(home, 0, epochs=12, learning_rate=3e-3))
