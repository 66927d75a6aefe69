"""When a trial of a remedy is given up: once what the models so far say leaves it hardly a chance to become sure."""

from collections.abc import Callable, Sequence

from core import gains
from core.evaluation import Predictions
from core.runs import Run, RunStore
from core.runs.run import BASELINE, TRIAL_FOLDS


def rule(store: RunStore, trial: Run) -> Callable[[Predictions, Sequence[int]], bool] | None:
    """Return what is asked after each model of a trial; None where there is nothing yet to compare it with."""
    beside = [r for r in store.list(group=trial.group, limit=500) if _same_seed(r, trial)]
    before = next((store.evaluation(r.id) for r in beside if r.name == BASELINE and r.status == "finished"), None)
    if trial.name == BASELINE or before is None:
        return None
    remedies, judged = len({r.name for r in beside} - {BASELINE}), before.splits["validation"]
    return lambda after, sizes: gains.hopeless(gains.pairs_of(judged, after, sizes), TRIAL_FOLDS, remedies)


def _same_seed(one: Run, other: Run) -> bool:
    return one.experiment.training.seed == other.experiment.training.seed
