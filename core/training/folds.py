"""Trains one Experiment several times, so that every training and validation image is judged once by a model that did not see it.

The frozen part is known already: only the tail is trained again. The test split is not touched.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from core.data import Dataset, Split
from core.evaluation import Evaluation, Predictions
from core.experiment import Experiment
from core.training.activations import Activations
from core.training.events import Events, Outcome, Silent, Stopped
from core.training.inputs import FeaturesOf, activations_of
from core.training.paired import summary_of
from core.training.program import Program
from core.training.trainer import Loop, follow

GiveUp = Callable[[Predictions, Sequence[int]], bool]
FEWEST, MOST = 3, 5
CURVES = ("loss", "accuracy", "clean_loss", "clean_accuracy", "val_loss", "val_accuracy")


def _from_whole(whole: Dataset) -> FeaturesOf:
    """Return what takes the frozen part's output from the training and validation images of the whole, computed before."""
    parts = whole.train, whole.validation
    rows = np.concatenate([part.indices for part in parts])
    order = np.argsort(rows)

    def look_up(program: Program, split: Split, view: int | None, events: Events) -> Activations:
        if not len(split) or (not program.frontier.cached and view is None):
            return activations_of(program, split, view, events)
        known = [activations_of(program, part, view, events) for part in parts]
        at = order[np.searchsorted(rows, split.indices, sorter=order)]
        arrays = tuple(_Joined(first, second, at) for first, second in zip(*(a.arrays for a in known), strict=True))
        return Activations(arrays, all(a.reused for a in known))  # type: ignore[arg-type]  # indexed alike

    return look_up


@dataclass(frozen=True)
class _Joined:
    """Rows of two arrays after each other, indexed like one; what is not asked for stays on disk."""

    first: np.ndarray
    second: np.ndarray
    at: np.ndarray

    @property
    def nbytes(self) -> int:
        return 0

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        at = self.at[rows]
        made = np.empty((len(at), *self.first.shape[1:]), np.float32)
        early = at < len(self.first)
        made[early] = self.first[at[early]]
        made[~early] = self.second[at[~early] - len(self.first)]
        return made


def number_of_folds(n_train: int, n_validation: int) -> int:
    """Return how many folds leave each model about as many training images as the run had, 3 to 5."""
    return int(np.clip(round((n_train + n_validation) / max(n_validation, 1)), FEWEST, MOST))


def split_again(dataset: Dataset, k: int) -> list[Dataset]:
    """Return ``k`` data sets that share training and validation images, each of which is held out once; the test split is empty.

    Classes keep their shares, and near-duplicates stay on one side.
    """
    rows, labels = (np.concatenate([getattr(s, what) for s in (dataset.train, dataset.validation)]) for what in ("indices", "labels"))  # fmt: skip
    names = np.array([*dataset.train.names, *dataset.validation.names])
    groups = dataset.groups[rows] if dataset.groups is not None else rows
    folds = StratifiedGroupKFold(k, shuffle=True, random_state=dataset.spec.seed)

    def part(at: np.ndarray, name: str) -> Split:
        return Split(dataset.train.source, rows[at], labels[at], tuple(names[at].tolist()), f"{dataset.train.fingerprint}-{name}")  # fmt: skip

    none = dataclasses.replace(dataset.test, indices=rows[:0], labels=labels[:0], names=())
    return [
        dataclasses.replace(dataset, train=part(kept, f"kept {i} of {k}"), validation=part(held, f"held {i} of {k}"), test=none)
        for i, (kept, held) in enumerate(folds.split(rows, labels, groups))
    ]  # fmt: skip


def train(
    experiment: Experiment,
    dataset: Dataset,
    events: Events | None = None,
    features: FeaturesOf | None = None,
    k: int | None = None,
    give_up: GiveUp | None = None,
) -> Outcome:
    """Train once a fold and return one outcome about all images: answers of models that did not see them, and the mean curves.

    Parameters
    ----------
    experiment
        What was trained.
    dataset
        Its images; training and validation images are put together and split anew.
    events
        Listener; nobody by default.
    features
        Gives what the tail takes of a fold's split; looked up among that of the whole by default.
    k
        Number of folds; :func:`number_of_folds` by default.
    give_up
        Asked after each fold but the last, with the answers so far and how many images each model judged: whether the others are not
        worth it any more. Never by default.

    Returns
    -------
    Outcome
        ``probes`` also holds ``folds``, the curves of each, ``fold_sizes``, how many images each model judged, and ``given_up``. The
        model is that of the last fold.

    Raises
    ------
    Stopped
        When the listener asks for a stop before the first epoch has ended.
    """
    events = events or Silent()
    k, given_up, stopped = k or number_of_folds(len(dataset.train), len(dataset.validation)), False, False
    done, features = list[tuple[Outcome, Loop]](), features or _from_whole(dataset)
    for at, fold in enumerate(split_again(dataset, k)):
        made, loop = follow(experiment, fold, _Part(events, at, k), features, Loop)
        stopped = made.stopped
        if not made.history.empty:
            done.append((made, loop))
        if stopped:
            break
        judged = [outcome.evaluation.splits["validation"] for outcome, _ in done]
        given_up = len(done) < k and give_up is not None and give_up(_joined(judged), [len(p.labels) for p in judged])
        if given_up:
            break
    if not done:
        raise Stopped
    made = _together(dataset, done, stopped)
    made.probes["given_up"] = given_up
    for row in made.history.to_dict("records"):
        events.epoch(row)  # type: ignore[arg-type]  # its keys are names of columns
    return made


class _Part:
    """Passes on what one of several trainers tells, as a share of the whole; its epochs are not the run's."""

    def __init__(self, events: Events, at: int, of: int):
        self.events, self.at, self.of = events, at, of

    def phase(self, name: str, *, detail: str = "") -> None:
        self.events.phase(f"part {self.at + 1} of {self.of}: {name}", detail=detail)

    def progress(self, *, epoch: int, epochs: int, batch: int, batches: int, seconds_left: float | None) -> None:
        left = None if seconds_left is None else seconds_left * (self.of - self.at)
        self.events.progress(epoch=self.at * epochs + epoch, epochs=self.of * epochs, batch=batch, batches=batches, seconds_left=left)  # fmt: skip

    def epoch(self, metrics: dict[str, float]) -> None:
        pass

    def stop_requested(self) -> bool:
        return self.events.stop_requested()


def _together(dataset: Dataset, done: list[tuple[Outcome, Loop]], stopped: bool) -> Outcome:
    outcomes = [outcome for outcome, _ in done]
    last, epochs = outcomes[-1], min(len(o.history) for o in outcomes)
    history = pd.concat([o.history.head(epochs) for o in outcomes]).groupby("epoch", as_index=False).mean()
    splits = {name: _joined([o.evaluation.splits[name] for o in outcomes]) for name in ("train", "validation")}
    sizes = [o.probes["n_train"] for o in outcomes]
    curves = {c: [o.history[c].tolist() for o in outcomes] for c in CURVES if c in last.history}
    probes = {
        **last.probes,
        "n_train": round(float(np.mean(sizes))),
        "n_validation": len(splits["validation"].labels),
        "class_counts": np.bincount(dataset.train.labels, minlength=len(dataset.class_names)).tolist(),
        "validation_paired": summary_of([t.paths.losses[:epochs] for _, t in done]),
        "folds": curves,
        "fold_sizes": [len(o.evaluation.splits["validation"].labels) for o in outcomes],
    }
    seconds = {"training": sum(sum(o.frontier["seconds"].values()) for o in outcomes)}
    best = int(history["epoch"].iloc[int(np.nanargmin(history["val_loss"]))])
    return Outcome(history, Evaluation(dataset.class_names, splits), probes, last.model, {**last.frontier, "seconds": seconds}, stopped, best)  # fmt: skip


def _joined(parts: list[Predictions]) -> Predictions:
    labels, probabilities, rows = (np.concatenate([getattr(p, what) for p in parts]) for what in ("labels", "probabilities", "rows"))  # fmt: skip
    return Predictions(labels, probabilities, tuple(name for p in parts for name in p.names), rows)
