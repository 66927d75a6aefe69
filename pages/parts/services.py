"""The run store and the engine, one a server process; nothing here imports TensorFlow."""

import gc
import threading
import uuid
from contextlib import nullcontext, suppress
from datetime import datetime

import numpy as np
import pandas as pd
import streamlit as st

from core import data
from core.data import Dataset, health
from core.engine import Engine
from core.errors import ThawError
from core.experiment import DataSpec, Experiment
from core.network import backbone
from core.runs import Run, RunStore

FIRST_PAGE_SECONDS = 2.0

_opened = threading.Event()


@st.cache_resource(show_spinner=False)
def _store() -> RunStore:
    return RunStore()


def store() -> RunStore:
    """Return the run store."""
    with st.spinner("Opening the run store …") if not _opened.is_set() else nullcontext():
        made = _store()
        _opened.set()
        return made


@st.cache_resource(show_spinner=False)
def _engine() -> Engine:
    made = Engine(_store())
    made.connect_soon()
    return made


def engine() -> Engine:
    """Return the engine for this browser session, whose runs take turns with others'; its worker starts in the background."""
    store()
    return _engine().asked_by(st.session_state.setdefault("asker", uuid.uuid4().hex))


@st.cache_resource(show_spinner=False)
def prepare() -> None:
    """Open the run store and start the worker a little later, so that a server's first page is there before them.

    What fails here fails again, with its message, when a page asks for it.
    """

    def work() -> None:
        with suppress(Exception):
            _ = _engine().client
            _opened.set()
            gc.collect()
            gc.freeze()  # Streamlit collects garbage after every run: what was imported need not be looked at again

    later = threading.Timer(FIRST_PAGE_SECONDS, work)
    later.daemon = True
    later.start()


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
