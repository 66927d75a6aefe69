"""Remedies, tried before they are recommended: each is trained beside the run it should improve, on common seeds."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from core.diagnosis.remedies import REMEDIES, Remedy
from core.diagnosis.report import Diagnosis
from core.engine import Engine
from core.evaluation import Evaluation, Predictions
from core.experiment import Experiment
from core.runs import Run, RunStore
from core.training import costs

SEEDS = 3
MOST = 6
BUDGET_SECONDS = 180.0
CONFIDENCE = 0.90  # of all intervals of a table together (Bonferroni)
LEAST_LOSS_GAIN = 0.01  # nats, 1% more probability for the right class: less may be sure and not be worth a change
MOST_ACCURACY_LOST = 0.005  # half a point: whoever is offered a lower loss should surely not pay more for it
BASELINE = "baseline"
GENERIC = ("early-stopping", "thaw-more", "freeze-more", "augment-light", "rate-down", "less-dropout")
UNPAIRED = {"more-validation", "group-duplicates"}  # they change the validation images themselves


@dataclass(frozen=True)
class Measured:
    """How a remedy changed the validation images' figures, as means over images and seeds with a simultaneous interval."""

    gain: float
    low: float
    high: float
    loss_gain: float
    loss_low: float
    loss_high: float
    seeds: int

    @property
    def recommended(self) -> bool:
        """Whether it surely helps: in accuracy without costing loss, or in loss while accuracy surely stays.

        Of remedies that surely lowered the loss, and of which the validation images could not tell whether the accuracy fell, a third
        made it fall on the test images, and the mean gained nothing (``docs/diagnosis.md``).
        """
        accuracy_helps = self.low > 0 and self.loss_high > 0
        accuracy_stays = self.low > -MOST_ACCURACY_LOST and self.gain >= 0
        return self.seeds >= 2 and (accuracy_helps or (self._loss_helps and accuracy_stays))

    @property
    def only_surer(self) -> bool:
        """Whether it surely lowers the loss, while nobody can tell from these images what the accuracy does."""
        return self.seeds >= 2 and self._loss_helps and self.high > 0 and not self.recommended

    @property
    def _loss_helps(self) -> bool:
        return self.loss_low > LEAST_LOSS_GAIN


@dataclass(frozen=True)
class Plan:
    """Remedies to try, and the seconds that this will take, as estimated."""

    remedies: tuple[Remedy, ...]
    seconds: float


def candidates(experiment: Experiment, diagnosis: Diagnosis, most: int = MOST) -> list[Remedy]:
    """Return the remedies worth trying: those of the findings, the weightiest first, then generic ones.

    Parameters
    ----------
    experiment
        What was trained; remedies that would change nothing, or the same as one before them, are left out.
    diagnosis
        Its verdict.
    most
        Largest number of remedies.
    """
    named = [code for finding in diagnosis.findings for code in finding.remedies]
    codes = [c for c in dict.fromkeys([*named, *GENERIC]) if c in REMEDIES and c not in UNPAIRED]
    if _best_is_last(experiment, diagnosis):
        codes = [
            c for c in codes if c != "early-stopping"
        ]  # it would stop where the run ended, and keep the weights that it has
    changed: dict[Experiment, Remedy] = {}
    for remedy in (REMEDIES[c] for c in codes):
        if (after := remedy.apply(experiment)) is not None:
            changed.setdefault(after, remedy)
    return list(changed.values())[:most]


def _best_is_last(experiment: Experiment, diagnosis: Diagnosis) -> bool:
    """Tell whether the lowest validation loss is that of the last epoch."""
    best = next((m.x0 for m in diagnosis.marks if m.text == "best"), None)
    return best is not None and best >= experiment.training.epochs


def start(
    engine: Engine, run_id: str, *, seeds: int = SEEDS, most: int = MOST, budget: float = BUDGET_SECONDS
) -> list[str]:
    """Submit the trials of a finished run that are missing and return their ids; where none is missing, those on further seeds.

    Parameters
    ----------
    engine
        Carries the runs to all workers.
    run_id
        The run to improve.
    seeds
        Runs a remedy and round, each beside the unchanged experiment with the same seed.
    most
        Largest number of remedies.
    budget
        Seconds that all trials of a round may take, as estimated; at least one remedy is tried.

    Raises
    ------
    RunError, EngineError
        When there is no such run, or no worker answers.
    """
    run, store = engine.store.get(run_id), engine.store
    codes = [r.code for r in plan(store, run_id, seeds=seeds, most=most, budget=budget).remedies]
    if not codes:
        return []
    trials = _trials(store, run_id)
    missing = _missing(run.experiment, trials, codes, max(seeds, len({_seed(t) for t in trials})))
    if not missing and not any(t.active for t in trials):
        missing = _missing(run.experiment, trials, codes, len({_seed(t) for t in trials}) + seeds)
    return [
        engine.submit(_variant(run.experiment, name, seed), name=name, group=_group(run_id), baseline_id=run_id)
        for name, seed in missing
    ]


def _trials(store: RunStore, run_id: str) -> list[Run]:
    """Return the trials of a run, the oldest first; of those made again after a stop, the last."""
    runs = sorted(store.list(group=_group(run_id), limit=500), key=lambda r: r.created)
    return list({(r.name, _seed(r)): r for r in runs}.values())


def _missing(experiment: Experiment, trials: list[Run], codes: list[str], n_seeds: int) -> list[tuple[str, int]]:
    """Return name and seed of each trial that is neither done nor under way."""
    tried = [t.name for t in trials if t.name != BASELINE]
    known = {(t.name, _seed(t)) for t in trials if t.active or t.status == "finished"}
    names = dict.fromkeys([BASELINE, *(tried or codes)])
    return [(name, seed) for seed in _seeds(experiment, n_seeds) for name in names if (name, seed) not in known]


def _variant(experiment: Experiment, name: str, seed: int) -> Experiment:
    changed = experiment if name == BASELINE else REMEDIES[name].apply(experiment) or experiment
    return changed.replace(training=changed.training.replace(seed=seed))


def _seed(run: Run) -> int:
    return run.experiment.training.seed


def _seeds(experiment: Experiment, n: int) -> list[int]:
    """Return seeds other than the run's own: a remedy chosen because this one run went badly must prove itself on others."""
    return [experiment.training.seed + 101 * (i + 1) for i in range(n)]


def plan(store: RunStore, run_id: str, *, seeds: int = SEEDS, most: int = MOST, budget: float = BUDGET_SECONDS) -> Plan:
    """Return which remedies of a finished run the budget lasts for, and the seconds that their trials will take.

    Parameters
    ----------
    store, run_id
        Where the run is, and which; one without a verdict has no remedies.
    seeds, most, budget
        As for :func:`start`.
    """
    run, diagnosis = store.get(run_id), store.diagnosis(run_id)
    if diagnosis is None:
        return Plan((), 0.0)
    probes = store.measured(run_id).get("probes", {})
    sizes = probes.get("n_train", 300), probes.get("n_validation", 100)
    spent = seeds * costs.estimate(run.experiment, *sizes).again
    kept: list[Remedy] = []
    for remedy in candidates(run.experiment, diagnosis, most):
        cost = costs.estimate(remedy.apply(run.experiment) or run.experiment, *sizes)
        more = cost.first + (seeds - 1) * cost.again
        if kept and spent + more > budget:
            break
        kept, spent = [*kept, remedy], spent + more
    return Plan(tuple(kept), spent)


def _group(run_id: str) -> str:
    return f"trial-{run_id}"


def stop(engine: Engine, run_id: str) -> None:
    """Ask all trials of a run to stop; finished ones count."""
    for run in engine.store.list(group=_group(run_id), limit=500):
        if run.active:
            engine.stop(run.id)


def results(store: RunStore, run_id: str) -> pd.DataFrame:
    """Return one row a remedy, the most helpful first.

    Returns
    -------
    DataFrame
        Columns ``code``, ``title``, ``expectation``, ``done`` and ``runs`` (numbers of trials), ``gain`` in validation accuracy with
        ``low`` and ``high`` (90% for all rows and rounds of seeds together), ``loss_gain`` (fall of the validation loss) with
        ``loss_low`` and ``loss_high``, ``seconds`` (median of a trial), ``recommended``, ``only_surer``, ``active``. The test split is not looked at.
    """
    runs = _trials(store, run_id)
    names = list(dict.fromkeys(r.name for r in runs if r.name != BASELINE))
    validation = {(r.name, _seed(r)): _validation(store, r) for r in runs if r.status == "finished"}
    # Whoever adds seeds until something shows has looked that often, and the intervals must allow for it.
    looks = len(names) * math.ceil(len({seed for _, seed in validation}) / SEEDS)
    rows = [_row(store, name, [r for r in runs if r.name == name], validation, looks) for name in names]
    columns = ["recommended", "only_surer", "gain", "loss_gain"]
    table = pd.DataFrame(rows)
    return table.sort_values(columns, ascending=False, kind="stable").reset_index(drop=True) if rows else table


def _validation(store: RunStore, run: Run) -> Predictions | None:
    evaluation: Evaluation | None = store.evaluation(run.id)
    return evaluation.splits["validation"] if evaluation else None


def _row(store: RunStore, name: str, runs: list[Run], validation: dict, looks: int) -> dict:
    pairs = []
    for run in runs:
        before, after = validation.get((BASELINE, _seed(run))), validation.get((name, _seed(run)))
        if before is not None and after is not None and np.array_equal(before.rows, after.rows):
            pairs.append((before, after))
    seconds = [
        sum(store.measured(r.id).get("frontier", {}).get("seconds", {}).values())
        for r in runs
        if r.status == "finished"
    ]
    measured = compare(pairs, looks) if pairs else None
    figures = ("gain", "low", "high", "loss_gain", "loss_low", "loss_high")
    return {
        "code": name,
        "title": REMEDIES[name].title,
        "expectation": REMEDIES[name].expectation,
        "done": len(pairs),
        "runs": len(runs),
        **{f: getattr(measured, f) if measured else math.nan for f in figures},
        "seconds": float(np.median(seconds)) if seconds else math.nan,
        "recommended": bool(measured and measured.recommended),
        "only_surer": bool(measured and measured.only_surer),
        "active": any(r.active for r in runs),
    }


def compare(pairs: list[tuple[Predictions, Predictions]], n_remedies: int = 1) -> Measured:
    """Return how the second of each pair of predictions differs from the first, image by image.

    Parameters
    ----------
    pairs
        (before, after) on the same validation images, a pair a seed.
    n_remedies
        Number of remedies looked at, for a simultaneous interval (Bonferroni).

    Notes
    -----
    The standard error adds the variance between images (of their mean over seeds) and between seeds: the paired design of
    Bouthillier et al., "Accounting for Variance in Machine Learning Benchmarks", MLSys 2021.
    """
    right = np.array([(b.predicted == b.labels) * 1.0 - (a.predicted == a.labels) for a, b in pairs])
    losses = np.array([nats(a) - nats(b) for a, b in pairs])
    z = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2 / max(n_remedies, 1))
    gain, error = _mean_and_error(right)
    loss_gain, loss_error = _mean_and_error(losses)
    return Measured(
        gain,
        gain - z * error,
        gain + z * error,
        loss_gain,
        loss_gain - z * loss_error,
        loss_gain + z * loss_error,
        len(pairs),
    )


def nats(predictions: Predictions) -> np.ndarray:
    """Return the cross-entropy of each image, at most 7 nats so that no single image decides."""
    true = predictions.probabilities[np.arange(len(predictions.labels)), predictions.labels]
    return np.minimum(-np.log(np.maximum(true, 1e-12)), 7.0)


def _mean_and_error(differences: np.ndarray) -> tuple[float, float]:
    """Return mean and standard error of differences of shape (n_seeds, n_images)."""
    n_seeds, n_images = differences.shape
    images = differences.mean(0).std(ddof=1) / math.sqrt(n_images) if n_images > 1 else math.inf
    seeds = differences.mean(1).std(ddof=1) / math.sqrt(n_seeds) if n_seeds > 1 else 0.0
    return float(differences.mean()), math.hypot(float(images), float(seeds))
