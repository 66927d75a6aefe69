"""What a run's weights and curves were at its end, kept by the content of its Experiment, so that another run can start from there."""

import contextlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core import durable, paths
from core.data import Dataset
from core.experiment import Experiment
from core.network import backbone
from core.training.activations import key_of

LIMIT_BYTES = 2**30


@dataclass(frozen=True)
class End:
    """Where a run ended.

    Attributes
    ----------
    weights
        Arrays by ``layer/variable``: those of the head, and those of the backbone that may have moved.
    curves
        A frame a stage, the first stage first; the last one is the run itself.
    """

    weights: dict[str, np.ndarray]
    curves: tuple[pd.DataFrame, ...]


def key(experiment: Experiment, dataset: Dataset) -> str:
    """Return digits that identify where an Experiment ends: settings, images and pretrained weights."""
    pretrained = backbone.fingerprint(experiment.backbone, experiment.training.seed)
    return key_of(1, experiment.id, dataset.train.fingerprint, dataset.train.labels.tolist(), pretrained)


def keep(name: str, end: End) -> None:
    """Keep where a run ended, where the disk has room for it, and forget the oldest ones beyond a gigabyte."""
    curves = np.array(json.dumps([frame.to_dict("list") for frame in end.curves]))
    arrays = {f"w:{k}": v for k, v in end.weights.items()}
    with contextlib.suppress(OSError):
        durable.write(_file(name), lambda partial: np.savez(partial, **arrays, curves=curves))  # type: ignore[arg-type]
        _forget_oldest()


def find(name: str) -> End | None:
    """Return where a run ended; None where that is not known here."""
    if not durable.is_whole(_file(name)):
        return None
    try:
        with np.load(_file(name)) as kept:
            weights = {k[2:]: kept[k] for k in kept.files if k.startswith("w:")}
            tables = json.loads(str(kept["curves"]))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):  # of a version without seals
        return None
    return End(weights, tuple(pd.DataFrame(t) for t in tables))


def _file(name: str) -> Path:
    return _home() / f"{name}.npz"


def _home() -> Path:
    return paths.subdir("ends")


def _forget_oldest() -> None:
    files = sorted(_home().glob("*.npz"), key=lambda f: f.stat().st_mtime)
    used = sum(f.stat().st_size for f in files)
    for file in files[:-1]:
        if used <= LIMIT_BYTES:
            return
        with contextlib.suppress(OSError):
            used -= file.stat().st_size
            durable.remove(file)
