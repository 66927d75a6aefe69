"""The tab of the training settings."""

import streamlit as st

from core.experiment import (
    EarlyStoppingSpec,
    TrainingSpec,
)
from pages.parts import nav, state


def draw() -> None:
    """Draw the training settings."""
    t = state.experiment().training
    _steps_and_rates(t)
    st.page_link(nav.path("how_far"), label="Which rate? Measure it", icon=":material/stairs:", query_params={"find": "rate"})  # fmt: skip
    _stopping(t.early_stopping)
    with st.expander("More settings"):
        _rare_settings(t)


def _steps_and_rates(t: TrainingSpec) -> None:
    a, b = st.columns(2)
    _number(a, "epochs", "Epochs", t, 1, 500, 1, help="How often the model sees every training image")
    _number(b, "batch_size", "Batch size", t, 1, 512, 1, help="Images a step")
    _choice(a, "optimizer", "Optimiser", t, ["adam", "adamw", "sgd", "rmsprop"], help="How a gradient becomes a step")
    explained = "Size of a step; 0.001 suits a new head with Adam"
    _number(b, "learning_rate", "Learning rate", t, 1e-7, 10.0, 1e-4, format="%.6f", help=explained)
    schedules = ["constant", "cosine", "exponential"]
    _choice(a, "schedule", "Schedule", t, schedules, help="How the rate changes over the run")
    explained = (
        "Less than 1: pretrained layers take smaller steps than the new head. 1 does well in runs of some ten epochs"
    )
    _number(b, "backbone_rate_factor", "Thawed layers' rate ×", t, 1e-3, 10.0, 0.05, format="%.3f", help=explained)


def _stopping(stopping: EarlyStoppingSpec | None) -> None:
    st.toggle(
        "EarlyStopping",
        key=state.bind("stopping_on", stopping is not None),
        on_change=_stopping_toggled,
        help="Ends the run when validation stops getting better, and keeps the best weights",
    )
    if stopping is None:
        return
    one, two, three = st.columns(3)
    key = state.bind("stopping_monitor", stopping.monitor)
    one.selectbox(
        "Monitor", ["val_loss", "val_accuracy"], key=key, on_change=_stopping_changed, help="What must get better"
    )
    key = state.bind("stopping_patience", stopping.patience)
    two.number_input("Patience", 1, 100, key=key, on_change=_stopping_changed, help="Epochs to wait for it")
    key = state.bind("stopping_restore", stopping.restore_best)
    three.toggle("Restore best", key=key, on_change=_stopping_changed, help="Keep the best epoch's weights")


def _rare_settings(t: TrainingSpec) -> None:
    a, b = st.columns(2)
    explained = "Epochs in which only the head learns, so that it does not shake the thawed layers"
    _number(a, "warmup_epochs", "Head-first epochs", t, 0, 50, 1, help=explained)
    _number(b, "label_smoothing", "Label smoothing", t, 0.0, 0.5, 0.05, help="Asks for less than 100% certainty")
    _number(a, "weight_decay", "Weight decay", t, 0.0, 1.0, 0.0001, format="%.5f", help="Pulls weights towards zero")
    _number(b, "seed", "Seed", t, 0, 10_000, 1, help="The same seed gives the same run")
    _switch(a, "class_weights", "Class weights", t, help="Small classes count as much as large ones")
    _switch(b, "deterministic", "Deterministic", t, help="Bit-equal curves for the same experiment")
    _switch(a, "mixed_precision", "Mixed precision", t, help="Half-precision arithmetic; only faster on a GPU")


def _training_changed(field: str) -> None:
    value = st.session_state[f"training_{field}"]
    state.change(training=state.experiment().training.replace(**{field: value}))


def _number(place, field: str, label: str, t, low, high, step, **more) -> None:
    kind = type(low)
    place.number_input(
        label,
        low,
        high,
        step=step,
        key=state.bind(f"training_{field}", kind(getattr(t, field))),
        on_change=_training_changed,
        args=(field,),
        **more,
    )


def _choice(place, field: str, label: str, t, options: list[str], **more) -> None:
    place.selectbox(
        label,
        options,
        key=state.bind(f"training_{field}", getattr(t, field)),
        on_change=_training_changed,
        args=(field,),
        **more,
    )


def _switch(place, field: str, label: str, t, **more) -> None:
    place.toggle(
        label,
        key=state.bind(f"training_{field}", getattr(t, field)),
        on_change=_training_changed,
        args=(field,),
        **more,
    )


def _stopping_toggled() -> None:
    spec = EarlyStoppingSpec().model_dump() if st.session_state.stopping_on else None
    state.change(training=state.experiment().training.replace(early_stopping=spec))


def _stopping_changed() -> None:
    s = st.session_state
    spec = {"monitor": s.stopping_monitor, "patience": s.stopping_patience, "restore_best": s.stopping_restore}
    state.change(training=state.experiment().training.replace(early_stopping=spec))
