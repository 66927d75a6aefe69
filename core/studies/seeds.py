"""The same pair of settings on several common seeds: is the difference one of the settings, or of luck?"""

from dataclasses import dataclass

import pandas as pd

from core.engine import Engine
from core.evaluation import Evaluation
from core.experiment import Experiment
from core.runs import Run, RunStore
from core.runs.pair import Sentence, sentence

CHOICES = (3, 5, 10)
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class Repetition:
    """What is known of a repeated pair.

    Attributes
    ----------
    pairs
        (before, after) runs that ended on the same seed, the lowest seed first.
    runs
        Number of runs that were asked for, stopped and failed ones left out.
    done
        How many of them are finished.
    active
        Whether one of them waits or trains.
    """

    pairs: tuple[tuple[Run, Run], ...] = ()
    runs: int = 0
    done: int = 0
    active: bool = False


def start(engine: Engine, before_id: str, after_id: str, n: int) -> list[str]:
    """Submit what is missing of both settings on ``n`` common seeds, none of them the runs' own, and return the ids.

    Parameters
    ----------
    engine
        Carries the runs to all workers.
    before_id, after_id
        The pair.
    n
        Number of seeds; those that are done or under way are not trained again.

    Raises
    ------
    RunError, EngineError
        When there is no such run, or no worker answers.
    """
    experiments = {BEFORE: engine.store.get(before_id).experiment, AFTER: engine.store.get(after_id).experiment}
    known = {(r.name, _seed(r)) for r in _runs(engine.store, before_id, after_id)}
    return [
        engine.submit(_seeded(experiments[name], seed), name=name, group=_group(before_id, after_id))
        for seed in _seeds(experiments[AFTER], n)
        for name in (BEFORE, AFTER)
        if (name, seed) not in known
    ]


def stop(engine: Engine, before_id: str, after_id: str) -> None:
    """Ask the repetition of a pair to stop; finished pairs count."""
    for run in _runs(engine.store, before_id, after_id):
        if run.active:
            engine.stop(run.id)


def look(store: RunStore, before_id: str, after_id: str) -> Repetition:
    """Return what is known of the repetition of a pair, from the run store alone."""
    runs = _runs(store, before_id, after_id)
    finished = {(r.name, _seed(r)): r for r in runs if r.status == "finished"}
    seeds = sorted({seed for _, seed in finished})
    pairs = [(finished.get((BEFORE, s)), finished.get((AFTER, s))) for s in seeds]
    both = tuple((a, b) for a, b in pairs if a is not None and b is not None)
    return Repetition(both, len(runs), len(finished), any(r.active for r in runs))


def told(
    experiments: tuple[Experiment, Experiment], evaluations: list[tuple[Evaluation, Evaluation]]
) -> Sentence | None:
    """Return the sentence that rests on the seeds; None before two of them are done."""
    return sentence(experiments, evaluations) if len(evaluations) > 1 else None


def differences(evaluations: list[tuple[Evaluation, Evaluation]]) -> list[float]:
    """Return by how many points (of a hundred) the validation accuracy differs on each seed."""
    return [100 * (b.splits["validation"].accuracy - a.splits["validation"].accuracy) for a, b in evaluations]


def spread(histories: list[pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return mean, lowest and highest curve of several runs, epoch by epoch; an epoch counts where at least two runs reached it.

    Parameters
    ----------
    histories
        One row an epoch with a column ``epoch``; they may end at different epochs.
    """
    everything = pd.concat(histories)
    epochs = everything.groupby("epoch")
    kept = epochs.size() >= min(2, len(histories))
    return tuple(part[kept].reset_index() for part in (epochs.mean(), epochs.min(), epochs.max()))  # type: ignore[return-value]


def _runs(store: RunStore, before_id: str, after_id: str) -> list[Run]:
    """Return the runs that count: of those made again after a stop, the last."""
    runs = sorted(store.list(group=_group(before_id, after_id), limit=500), key=lambda r: r.created)
    return [r for r in {(r.name, _seed(r)): r for r in runs}.values() if r.status not in {"stopped", "failed"}]


def _group(before_id: str, after_id: str) -> str:
    return f"seeds-{before_id[:16]}-{after_id[:16]}"


def _seed(run: Run) -> int:
    return run.experiment.training.seed


def _seeded(experiment: Experiment, seed: int) -> Experiment:
    return experiment.with_seed(seed)


def _seeds(experiment: Experiment, n: int) -> list[int]:
    """Return seeds other than the run's own: a difference that was noticed on one seed must prove itself on others."""
    return [experiment.training.seed + 211 * (i + 1) for i in range(n)]
