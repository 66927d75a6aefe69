"""The run store and the engine, one a server process; nothing here imports TensorFlow."""

import gc
import os
import threading
import uuid
from contextlib import nullcontext, suppress
from datetime import datetime
from functools import lru_cache

import numpy as np
import pandas as pd
import streamlit as st

from core import data, paths
from core.data import Dataset, health
from core.engine import Engine
from core.engine.link import SCHEDULER_VARIABLE
from core.errors import ThawError
from core.experiment import DataSpec, Experiment
from core.network import backbone
from core.runs import Run, RunStore, keep
from core.runs.store import URI_VARIABLE
from core.training import known

FIRST_PAGE_SECONDS = 2.0

_opened, _prepared = threading.Event(), threading.Event()


_opening = threading.Lock()


@lru_cache(maxsize=8)
def _made(*_where: str | None) -> Engine:
    return Engine(RunStore(remember=True))


def _engine() -> Engine:
    """Return the one engine of this process and its settings; not in Streamlit's cache, which any browser may have emptied."""
    with _opening:
        return _made(str(paths.data_dir()), os.environ.get(URI_VARIABLE), os.environ.get(SCHEDULER_VARIABLE))


def store() -> RunStore:
    """Return the run store."""
    with st.spinner("Opening the run store …") if not _opened.is_set() else nullcontext():
        made = _engine().store
        _opened.set()
        return made


def engine() -> Engine:
    """Return the engine for this browser session, whose runs take turns with others'; its worker starts in the background."""
    store()
    made = _engine()
    made.connect_soon()
    return made.asked_by(st.session_state.setdefault("asker", uuid.uuid4().hex))


def look_after_runs() -> None:
    """Keep an eye on the workers while somebody watches a run: a cluster that died is started again, and the queue goes on."""
    _engine().connect_soon()


def features_ready(experiment: Experiment) -> bool:
    """Tell whether the frozen features of an Experiment are known, and have an idle worker compute them where they are not."""
    if _opened.is_set():
        _engine().ahead.want(experiment)
    return known.are_ready(experiment)


def prepare() -> None:
    """Open the run store and start the worker a little later, so that a server's first page is there before them."""
    if not _prepared.is_set():
        _prepared.set()
        later = threading.Timer(FIRST_PAGE_SECONDS, _open)
        later.daemon = True
        later.start()


def _open() -> None:
    """Open what pages will ask for; what fails here fails again, with its message, when one does."""
    with suppress(Exception):
        _engine().connect_soon()
        _opened.set()
        if path := _engine().store.path:
            keep.back_up_daily(path)
        gc.collect()
        gc.freeze()  # Streamlit collects garbage after every run: what was imported need not be looked at again


def advice() -> str:
    """Return what whoever runs Thaw should change, in a sentence; empty where nothing is known or wrong."""
    return _engine().advice if _opened.is_set() else ""


def problem() -> str:
    """Return what is wrong with the run store or the workers, in a sentence; empty where all is well or nothing is known yet."""
    if not _opened.is_set():
        return ""
    made = _engine()
    state = made.state()
    return made.store.problem or (state.text if state.status == "unreachable" else "")


@st.cache_resource(show_spinner="Looking for ImageNet weights …", ttl=600)
def weights_choice(alpha: float, size: int) -> backbone.WeightsChoice:
    """Return the best weights that can be had now."""
    return backbone.best_available(alpha, size)


@st.cache_data(show_spinner=False, max_entries=200)
def _ended_curves(run_id: str, ended: datetime | None) -> pd.DataFrame:
    return store().curves(run_id)


@st.cache_data(show_spinner=False, max_entries=20)
def _live_curves(run_id: str, latest: str) -> pd.DataFrame:
    return store().curves(run_id)


def curves(run: Run) -> pd.DataFrame:
    """Return a run's curves; those of an ended run are read once each time it ends, those of another when an epoch has come."""
    return _live_curves(run.id, repr(sorted(run.metrics.items()))) if run.active else _ended_curves(run.id, run.ended)


@st.cache_resource(show_spinner=False, max_entries=200)
def _ended_results(run_id: str, ended: datetime | None):
    return store().evaluation(run_id), store().diagnosis(run_id), store().measured(run_id)


def results(run: Run):
    """Return evaluation, diagnosis and measurements of a run; (None, None, {}) while it is active."""
    return (None, None, {}) if run.active else _ended_results(run.id, run.ended)


def damage(run: Run) -> str:
    """Return what to do about a run whose results cannot be read any more, in a sentence; empty where they can."""
    if run.status != "finished":
        return ""
    evaluation, diagnosis, measured = results(run)
    if evaluation is not None and (not run.verdict or (diagnosis is not None and measured)):
        return ""
    return (
        f"Results of the run “{run.title}” cannot be read: their files were damaged. What is left of it is shown. "
        "Train it again with the same settings, or delete it on the Runs page."
    )


def earlier_curves(run: Run) -> list[pd.DataFrame]:
    """Return the curves of the stages that a run started from, the first one first; while it trains, as far as they are known here."""
    if not run.experiment.earlier:
        return []
    if run.active:
        return _known_curves(run.experiment.to_json())
    return [pd.DataFrame(stage) for stage in results(run)[2].get("probes", {}).get("earlier", [])]


@st.cache_resource(show_spinner=False, max_entries=20, ttl=5)
def _known_curves(experiment: str) -> list[pd.DataFrame]:
    from core.training import ends

    start = Experiment.from_json(experiment).start
    with suppress(ThawError):
        found = ends.find(ends.key(start, dataset(start.data, start.backbone.size))) if start else None
        return list(found.curves) if found else []
    return []


def forget_results() -> None:
    """Read results anew: a run has been given another verdict."""
    _ended_results.clear()


@st.cache_resource(show_spinner="Reading the images …", max_entries=8)
def dataset(spec: DataSpec, size: int) -> Dataset:
    """Return a decoded, split data set; memory-mapped, shared by all sessions."""
    return data.load(spec, size)


def images_titles() -> dict[str, str]:
    """Return what people call each image source, by its key."""
    return {source.key: source.title for source in data.sources()}


def run_or_none(run_id: str | None) -> Run | None:
    """Return a run, or None where there is none with this id."""
    if not run_id:
        return None
    try:
        return store().get(run_id)
    except ThawError:
        return None


@st.cache_data(show_spinner="Checking the images …", max_entries=40)
def health_notes(spec: DataSpec, size: int) -> list[health.HealthNote]:
    """Return what is worth knowing about a data set before training."""
    return health.check(dataset(spec, size))


def counts(images: Dataset) -> pd.DataFrame:
    """Return the number of images a class (rows) and split (columns)."""
    n = len(images.class_names)
    columns = {k: np.bincount(s.labels, minlength=n) for k, s in images.splits.items()}
    return pd.DataFrame(columns, index=pd.Index(images.class_names))


def rerun_when_ended(runs: list[Run]) -> None:
    """Draw the page again when one of these runs begins or ends; a page that shows runs calls it."""
    seen = {r.id: r.status for r in runs if r.active}
    if not seen:
        return

    @st.fragment(run_every=2.0)
    def watch() -> None:
        look_after_runs()
        now = {run_id: run_or_none(run_id) for run_id in seen}
        if any(run is None or run.status != seen[run_id] for run_id, run in now.items()):
            st.rerun()

    watch()
