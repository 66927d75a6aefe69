"""Diagnose my curves: what is wrong with a run that was made elsewhere?"""

import pandas as pd
import streamlit as st

from core import figures
from core.diagnosis import diagnose_history
from core.errors import ThawError
from core.histories import read_history
from pages.parts import nav
from pages.parts.run import legend, verdict

nav.require_router()

EXAMPLE = """epoch,loss,val_loss,accuracy,val_accuracy
1,1.42,1.21,0.42,0.55
2,0.98,0.93,0.66,0.66
3,0.71,0.81,0.77,0.71
4,0.52,0.76,0.85,0.73
5,0.37,0.77,0.90,0.73
6,0.26,0.82,0.94,0.72
7,0.18,0.89,0.96,0.72
8,0.12,0.97,0.98,0.71
"""
FORMATS = (
    "Keras `History` as JSON, Keras `CSVLogger`, TensorBoard event file, Lightning `metrics.csv`, fastai or YOLO "
    "`results.csv`, MLflow metrics as JSON, or any table with `loss` and `val_loss`"
)


def _input() -> tuple[bytes | str, str] | None:
    file = st.file_uploader("A file", key="history_file", help="Up to 500 MB; nothing leaves this machine")
    st.text_area(
        "or paste it here",
        key="history_text",
        height=170,
        placeholder="epoch,loss,val_loss\n1,0.9,0.8\n…",
        help="CSV or JSON, with one row or value an epoch",
    )
    st.button(
        "Try an example",
        on_click=lambda: st.session_state.update(history_text=EXAMPLE),
        icon=":material/lightbulb:",
        help="Fills in eight epochs of a run that overfits",
    )
    if file is not None:
        return file.getvalue(), file.name
    return (st.session_state.history_text, "pasted") if st.session_state.history_text.strip() else None


def _known() -> dict[str, int | None]:
    st.markdown("**If you know them**, the verdict can be surer")
    columns = st.columns(3)
    names = {"n_train": "Training images", "n_val": "Validation images", "n_classes": "Classes"}
    helps = {
        "n_train": "For whether there are few images",
        "n_val": "For how exact the validation figures are",
        "n_classes": "For what guessing would reach",
    }
    values = {
        k: c.number_input(label, 0, 10_000_000, key=f"known_{k}", help=helps[k])
        for c, (k, label) in zip(columns, names.items(), strict=True)
    }
    return {k: int(v) or None for k, v in values.items()}


def _unknown(history: pd.DataFrame, known: dict[str, int | None]) -> list[str]:
    """Return what cannot be known from these columns, in words."""
    missing = []
    if "val_loss" not in history:
        missing.append("Without a validation loss nothing can be said about new images.")
    if "clean_loss" not in history:
        missing.append(
            "Your training figures were probably measured with dropout and augmentation on, while the weights still moved; "
            "a validation loss below them is then no sign of anything."
        )
    if "val_accuracy" not in history:
        missing.append("Without accuracies the distance from guessing cannot be told.")
    if not known["n_val"]:
        missing.append("Without the number of validation images it stays open how much of the wiggling is chance.")
    missing.append(
        "Images, labels and settings are unknown, so causes in the data or the learning rate are not looked for."
    )
    return missing


def _show(history: pd.DataFrame, known: dict[str, int | None]) -> None:
    diagnosis = diagnose_history(history, **known)
    verdict.draw(diagnosis, actions=False)
    metrics = [m for m in ("loss", "accuracy") if m in history or f"val_{m}" in history]
    legend.of_curves(figures.LINES if "clean_loss" in history else ("clean", "validation"))
    for metric in metrics:
        shown = figures.curves(
            history,
            metric,
            diagnosis=diagnosis,
            pointed=verdict.pointed(diagnosis, "verdict"),
            n_validation=known["n_val"],
            y_range=figures.curve_range([history], metric),
        )
        shown.update_layout(showlegend=False)
        st.plotly_chart(shown, key=f"history_{metric}", config={"displayModeBar": False})
    with st.expander("What cannot be known from this file", icon=":material/visibility_off:"):
        st.markdown("\n".join(f"- {text}" for text in _unknown(history, known)))
    with st.expander(f"What was read: {len(history)} epochs", icon=":material/table:"):
        st.dataframe(history, hide_index=True)


st.title("Diagnose my curves")
st.caption(f"What is wrong with a run that you made elsewhere? You can give: {FORMATS}.")
left, right = st.columns([2, 3], gap="large")
with left:
    given, facts = _input(), _known()
with right:
    if given is None:
        with st.container(border=True):
            st.markdown("### :material/stethoscope: No history yet")
            st.markdown(
                "Give a file or paste the numbers on the left; the verdict appears here, with the evidence marked in the curves."
            )
    else:
        try:
            _show(read_history(*given), facts)
        except ThawError as error:
            st.error(str(error), icon=":material/error:")
