"""What one person is working on: the Experiment with undo, the current and the baseline run, in the session and the URL."""

import math
import time

import streamlit as st

from core.experiment import Experiment, FreezeSpec, opening
from core.runs import Run
from pages.parts import services

MAX_UNDO = 100
FINE_TUNING_RATE = 0.1  # of the rate before: the head need not be found any more
ECHO_SECONDS = 2.0  # longer than a browser takes to draw what it was sent


def experiment() -> Experiment:
    """Return the Experiment in the editor; sensible settings at first."""
    if "experiment" not in st.session_state:
        weights = services.weights_choice(1.0, 96).weights
        st.session_state.experiment = opening(weights)
        st.session_state.undo, st.session_state.redo = [], []
    return st.session_state.experiment


def change(**parts: object) -> None:
    """Replace parts of the Experiment (data, backbone, freeze, head, augmentation, training), with undo."""
    replace(experiment().replace(**parts))


def replace(new: Experiment) -> None:
    """Make ``new`` the Experiment in the editor, with undo."""
    old = experiment()
    if new != old:
        st.session_state.undo = [*st.session_state.undo[-MAX_UNDO:], old]
        st.session_state.redo = []
        st.session_state.experiment = new


def fine_tune_from(run: Run) -> None:
    """Put into the editor what goes on from where a run ended: at least 4 layers thawed, a tenth of the rate, no head-first epochs."""
    mask, done = experiment().freeze, run.experiment
    if not mask.thawed or mask == done.freeze:
        mask = FreezeSpec.last(4, lock_batchnorm=done.freeze.lock_batchnorm)
    settings = done.training.replace(learning_rate=done.training.learning_rate * FINE_TUNING_RATE, warmup_epochs=0)
    replace(done.continued(freeze=mask, training=settings))


def undo() -> None:
    """Take the last change back."""
    if st.session_state.undo:
        st.session_state.redo.append(st.session_state.experiment)
        st.session_state.experiment = st.session_state.undo.pop()


def redo() -> None:
    """Do again what was taken back."""
    if st.session_state.redo:
        st.session_state.undo.append(st.session_state.experiment)
        st.session_state.experiment = st.session_state.redo.pop()


def current() -> Run | None:
    """Return the run on the right of the Lab, from the session or from ``?run=`` in the link."""
    linked = st.query_params.get("run")
    if linked and linked != st.session_state.get("run_id"):
        open_run(linked)
    return services.run_or_none(st.session_state.get("run_id"))


def open_run(run_id: str) -> None:
    """Make a run the current one, with its Experiment in the editor and its own baseline beside it."""
    st.session_state.run_id = run_id
    run = services.run_or_none(run_id)
    if run is not None:
        experiment()
        replace(run.experiment)
        if run.baseline_id:
            st.session_state.baseline_id = run.baseline_id


def baseline() -> Run | None:
    """Return the run to compare with, None where there is none."""
    return services.run_or_none(st.session_state.get("baseline_id"))


def set_baseline(run_id: str | None) -> None:
    """Choose the run to compare with."""
    st.session_state.baseline_id = run_id


def before_next() -> str | None:
    """Return the run that the next one stands beside: the chosen baseline, else the current run unless it failed."""
    run = current()
    shown = run.id if run is not None and run.status != "failed" else None
    return st.session_state.get("baseline_id") or shown


def follow(run_id: str, baseline_id: str | None) -> None:
    """Show a run that was just submitted, and the one that it stands beside."""
    st.session_state.run_id, st.session_state.baseline_id = run_id, baseline_id
    st.query_params["run"] = run_id


def bind(key: str, value: object) -> str:
    """Give a widget the value of the Experiment before it is drawn, and return its key."""
    shown = st.session_state.get(key, value)
    if shown != value:
        st.session_state[f"{key}_replaced"] = shown, time.monotonic()
    st.session_state[key] = value
    return key


def is_echo(key: str) -> bool:
    """Tell whether a widget's change is its old value, sent by a browser that had not yet heard of the new one.

    Where two widgets show the same setting, changing one gives the other a new value; a click made before that has arrived
    reports the other's old value, and Streamlit takes it for a change.
    """
    replaced, when = st.session_state.get(f"{key}_replaced", (None, -math.inf))
    return st.session_state[key] == replaced and time.monotonic() - when < ECHO_SECONDS
