"""Fix it: try remedies, take the best, train, and again, until the model is healthy, nothing helps, or the budget is used."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from core.diagnosis.remedies import REMEDIES
from core.engine import Engine
from core.runs import Run, RunStore
from core.studies import trials

MOST_STEPS = 4
FLAG, BUDGET = "repair", "repair_budget"


@dataclass(frozen=True)
class Repair:
    """How far a repair is.

    Attributes
    ----------
    steps
        The first run and every run after a remedy, in order.
    status
        ``idle``, ``trying`` (remedies), ``training`` (the next step) or ``ended``.
    reason
        Why it ended, in a sentence.
    """

    steps: tuple[Run, ...]
    status: Literal["idle", "trying", "training", "ended"]
    reason: str = ""


def start(engine: Engine, run_id: str, budget: float = trials.BUDGET_SECONDS) -> Repair:
    """Begin the repair of a finished run with so many seconds for the trials of each step; :func:`advance` carries it on."""
    engine.store.set_tags(run_id, **{FLAG: "on", BUDGET: budget})
    return advance(engine, run_id)


def stop(engine: Engine, run_id: str) -> None:
    """End the repair after what is finished."""
    engine.store.set_tags(run_id, **{FLAG: "stopped"})
    for step in look(engine.store, run_id).steps:
        trials.stop(engine, step.id)
        if step.active:
            engine.stop(step.id)


def look(store: RunStore, run_id: str) -> Repair:
    """Return how far the repair of a run is, from the run store alone."""
    root = store.get(run_id)
    flag = store.tag(run_id, FLAG)
    later = sorted(store.list(group=_group(run_id)), key=lambda r: r.created)
    steps = (root, *later)
    if not flag:
        return Repair(steps, "idle")
    if flag != "on":
        return Repair(steps, "ended", "It was stopped." if flag == "stopped" else flag)
    return Repair(steps, "training" if steps[-1].active else "trying")


def advance(engine: Engine, run_id: str) -> Repair:
    """Take the next step where one is due and return how far the repair is; call it every second or so."""
    now = look(engine.store, run_id)
    last = now.steps[-1]
    if now.status != "trying":
        return now
    if reason := _end(now, engine.store):
        engine.store.set_tags(run_id, **{FLAG: reason})
        return look(engine.store, run_id)
    table = trials.results(engine.store, last.id)
    if table.empty:
        if not trials.start(engine, last.id, budget=float(engine.store.tag(run_id, BUDGET) or trials.BUDGET_SECONDS)):
            engine.store.set_tags(run_id, **{FLAG: "There is no remedy that could be tried on this run."})
    elif not _in_work(engine.store, last.id):
        _take_best(engine, run_id, last, table)
    return look(engine.store, run_id)


def _end(now: Repair, store: RunStore) -> str:
    last = now.steps[-1]
    if last.status == "failed":
        return "The last step failed: " + last.error
    if last.verdict == "good_fit" and len(now.steps) > 1:
        return "The model fits well now."
    if len(now.steps) > MOST_STEPS:
        return f"The budget of {MOST_STEPS} steps is used."
    return ""


def _in_work(store: RunStore, run_id: str) -> bool:
    return any(r.active for r in trials.of_run(store, run_id))


def _take_best(engine: Engine, run_id: str, last: Run, table: pd.DataFrame) -> None:
    helpful = table[table.recommended]
    if helpful.empty:
        engine.store.set_tags(
            run_id,
            **{
                FLAG: "None of the remedies that were tried surely helps further. Collect more images, or go on with the last of these runs."
            },
        )
        return
    best = REMEDIES[helpful.iloc[0].code]
    changed = best.apply(last.experiment)
    if changed is not None:
        engine.submit(changed, name=best.title, group=_group(run_id), baseline_id=last.id)


def _group(run_id: str) -> str:
    return f"repair-{run_id}"
