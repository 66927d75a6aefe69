"""Remedies, tried before they are recommended: each is trained beside the run it should improve, on common seeds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core import gains
from core.diagnosis.remedies import REMEDIES, Remedy
from core.diagnosis.report import Diagnosis
from core.engine import Engine
from core.evaluation import Predictions
from core.experiment import Experiment
from core.runs import Run, RunStore
from core.runs.run import BASELINE, FOLDED_TRIAL, TRIAL, TRIAL_FOLDS
from core.training import costs

MOST = 6
BUDGET_SECONDS = 180.0
GENERIC = ("early-stopping", "thaw-more", "freeze-more", "augment-light", "rate-down", "less-dropout")
UNPAIRED = {"more-validation", "group-duplicates"}  # they change the validation images themselves
DIFFERENT = "uncovered-shift"  # where validation images differ from the training images, mixing both would hide it


@dataclass(frozen=True)
class Design:
    """How remedies are tried: how many runs each has in a round, each of how many models, and how the runs' groups are called."""

    prefix: str
    runs: int
    models: int

    @property
    def on_folds(self) -> bool:
        """Whether training and validation images are judged, each by a model that did not see it; else the validation images alone."""
        return self.models > 1


ON_FOLDS = Design(FOLDED_TRIAL, 1, TRIAL_FOLDS)
ON_SEEDS = Design(TRIAL, 3, 1)


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


def design_of(store: RunStore, run_id: str) -> Design:
    """Return how remedies of a finished run are tried; what was begun one way is carried on that way."""
    if store.list(group=_group(ON_SEEDS, run_id), limit=1):
        return ON_SEEDS
    diagnosis = store.diagnosis(run_id)
    return fitting(diagnosis, store.measured(run_id).get("probes", {})) if diagnosis else ON_SEEDS


def fitting(diagnosis: Diagnosis, probes: Mapping[str, Any]) -> Design:
    """Return how remedies of a run are best tried: on folds of all images that may be looked at, where that is fair.

    It is not where validation images differ from training images, which folds would mix; where there are fewer training than validation images,
    so that folds would train on far more than the run did; and where a class is too small to be parted.

    Parameters
    ----------
    diagnosis, probes
        Of the run: ``probes`` with ``class_counts`` of the training images, ``n_train`` and ``n_validation``.
    """
    differ = any(f.code == DIFFERENT for f in diagnosis.findings)
    few = probes.get("n_train", 0) < probes.get("n_validation", 0)
    tiny = min(probes.get("class_counts", ()), default=0) < 2 * TRIAL_FOLDS
    return ON_SEEDS if differ or few or tiny else ON_FOLDS


def start(engine: Engine, run_id: str, *, most: int = MOST, budget: float = BUDGET_SECONDS) -> list[str]:
    """Submit the trials of a finished run that are missing and return their ids; where none is missing, those of a further round.

    Parameters
    ----------
    engine
        Carries the runs to all workers.
    run_id
        The run to improve.
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
    design, trials = design_of(store, run_id), _trials(store, run_id)
    codes = (
        _undecided(store, run_id)
        if trials
        else [r.code for r in plan(store, run_id, most=most, budget=budget).remedies]
    )
    if not codes:
        return []
    seeds = len({_seed(t) for t in trials})
    missing = _missing(run.experiment, trials, codes, max(design.runs, seeds))
    if not missing and not any(t.active for t in trials):
        missing = _missing(run.experiment, trials, codes, seeds + design.runs)
    return [
        engine.submit(_variant(run.experiment, name, seed), name=name, group=_group(design, run_id), baseline_id=run_id)
        for name, seed in missing
    ]


def of_run(store: RunStore, run_id: str) -> list[Run]:
    """Return every run that tries something on another."""
    return [run for design in (ON_FOLDS, ON_SEEDS) for run in store.list(group=_group(design, run_id), limit=500)]


def _trials(store: RunStore, run_id: str) -> list[Run]:
    """Return the trials of a run, the oldest first; of those made again after a stop, the last."""
    runs = sorted(of_run(store, run_id), key=lambda r: r.created)
    return list({(r.name, _seed(r)): r for r in runs}.values())


def _undecided(store: RunStore, run_id: str) -> list[str]:
    """Return the remedies that were not given up; all, where all were and somebody asks again."""
    table = results(store, run_id)
    return table.code[~table.given_up | table.given_up.all()].tolist()


def _missing(experiment: Experiment, trials: list[Run], codes: list[str], n_seeds: int) -> list[tuple[str, int]]:
    """Return name and seed of each trial that is neither done nor under way."""
    known = {(t.name, _seed(t)) for t in trials if t.active or t.status == "finished"}
    wanted = [(name, seed) for seed in _seeds(experiment, n_seeds) for name in (BASELINE, *codes)]
    return [each for each in wanted if each not in known]


def _variant(experiment: Experiment, name: str, seed: int) -> Experiment:
    changed = experiment if name == BASELINE else REMEDIES[name].apply(experiment) or experiment
    return changed.replace(training=changed.training.replace(seed=seed))


def _seed(run: Run) -> int:
    return run.experiment.training.seed


def _seeds(experiment: Experiment, n: int) -> list[int]:
    """Return seeds other than the run's own: a remedy chosen because this one run went badly must prove itself on others."""
    return [experiment.training.seed + 101 * (i + 1) for i in range(n)]


def plan(store: RunStore, run_id: str, *, most: int = MOST, budget: float = BUDGET_SECONDS) -> Plan:
    """Return which remedies of a finished run the budget lasts for, and the seconds that their trials will take at most.

    Parameters
    ----------
    store, run_id
        Where the run is, and which; one without a verdict has no remedies.
    most, budget
        As for :func:`start`.
    """
    run, diagnosis = store.get(run_id), store.diagnosis(run_id)
    if diagnosis is None:
        return Plan((), 0.0)
    probes, design = store.measured(run_id).get("probes", {}), design_of(store, run_id)
    sizes, models = (probes.get("n_train", 300), probes.get("n_validation", 100)), design.runs * design.models
    spent = models * costs.estimate(run.experiment, *sizes).again
    kept: list[Remedy] = []
    for remedy in candidates(run.experiment, diagnosis, most):
        cost = costs.estimate(remedy.apply(run.experiment) or run.experiment, *sizes)
        more = cost.first + (models - 1) * cost.again
        if kept and spent + more > budget:
            break
        kept, spent = [*kept, remedy], spent + more
    return Plan(tuple(kept), spent)


def _group(design: Design, run_id: str) -> str:
    return f"{design.prefix}-{run_id}"


def stop(engine: Engine, run_id: str) -> None:
    """Ask all trials of a run to stop; finished ones count."""
    for run in of_run(engine.store, run_id):
        if run.active:
            engine.stop(run.id)


def results(store: RunStore, run_id: str) -> pd.DataFrame:
    """Return one row a remedy, the most helpful first.

    Returns
    -------
    DataFrame
        Columns ``code``, ``title``, ``expectation``, ``done`` and ``runs`` (numbers of trials), ``gain`` in accuracy on images that a model
        did not see, with ``low`` and ``high`` (90% for all rows and rounds together), ``loss_gain`` (fall of the loss) with ``loss_low``
        and ``loss_high``, ``models`` and ``images`` that it rests on, ``seconds`` (median of a trial), ``recommended``, ``only_surer``,
        ``given_up`` (before all its models were trained, because it could hardly become sure any more), ``active``. The test split is not looked at.
    """
    runs = _trials(store, run_id)
    names = list(dict.fromkeys(r.name for r in runs if r.name != BASELINE))
    answers = {(r.name, _seed(r)): _answers(store, r) for r in runs if r.status == "finished"}
    # Whoever adds seeds until something shows has looked that often, and the intervals must allow for it.
    design = ON_FOLDS if all(r.group.startswith(FOLDED_TRIAL) for r in runs) else ON_SEEDS
    rounds = math.ceil(len({seed for _, seed in answers}) / design.runs)
    rows = [_row(name, [r for r in runs if r.name == name], answers, len(names) * rounds) for name in names]
    columns = ["recommended", "only_surer", "gain", "loss_gain"]
    table = pd.DataFrame(rows)
    return table.sort_values(columns, ascending=False, kind="stable").reset_index(drop=True) if rows else table


@dataclass(frozen=True)
class _Answers:
    """What a finished trial showed: answers on images that were not seen, of how many each model judged in turn, and how it went."""

    judged: Predictions
    sizes: list[int]
    seconds: float
    given_up: bool


def _answers(store: RunStore, run: Run) -> _Answers | None:
    evaluation, measured = store.evaluation(run.id), store.measured(run.id)
    if evaluation is None:
        return None
    judged, probes = evaluation.splits["validation"], measured.get("probes", {})
    seconds = sum(measured.get("frontier", {}).get("seconds", {}).values())
    return _Answers(judged, probes.get("fold_sizes") or [len(judged.labels)], seconds, bool(probes.get("given_up")))


def _row(name: str, runs: list[Run], answers: dict[tuple[str, int], _Answers | None], looks: int) -> dict:
    seen = {_seed(r): after for r in runs if (after := answers.get((name, _seed(r)))) is not None}
    both = [(before, after) for seed, after in seen.items() if (before := answers.get((BASELINE, seed))) is not None]
    pairs = [pair for before, after in both for pair in gains.pairs_of(before.judged, after.judged, after.sizes)]
    gain = gains.measure(pairs, looks) if pairs else None
    figures = ("gain", "low", "high", "loss_gain", "loss_low", "loss_high", "models", "images")
    return {
        "code": name,
        "title": REMEDIES[name].title,
        "expectation": REMEDIES[name].expectation,
        "done": len(both) if pairs else 0,
        "runs": len(runs),
        **{f: getattr(gain, f) if gain else math.nan for f in figures},
        "seconds": float(np.median([after.seconds for after in seen.values()])) if seen else math.nan,
        "recommended": bool(gain and gain.recommended),
        "only_surer": bool(gain and gain.only_surer),
        "given_up": any(after.given_up for after in seen.values()),
        "active": any(r.active for r in runs),
    }
