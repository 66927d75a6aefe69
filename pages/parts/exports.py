"""What can be taken away from a run: settings, curves, code, report, model."""

import streamlit as st

from core.runs import Run
from pages.parts import results, services


def draw(run: Run) -> None:
    """Draw one download button a file."""
    history = services.curves(run)
    stem = "".join(c if c.isalnum() else "-" for c in results.title_of(run)).strip("-").lower() or "run"
    st.markdown("**Take it with you**")
    row = st.container(horizontal=True, gap="small")
    row.download_button(
        "experiment.json",
        run.experiment.to_json(indent=1),
        f"{stem}.experiment.json",
        icon=":material/settings:",
        key=f"experiment_{run.id}",
        help="All settings; python -m core run --experiment takes it",
    )
    row.download_button(
        "curves.csv",
        history.to_csv(index=False),
        f"{stem}.csv",
        icon=":material/show_chart:",
        disabled=history.empty,
        key=f"curves_{run.id}",
        help="One row an epoch",
    )
    model = services.store().model_path(run.id) if not run.active else None
    row.download_button(
        "model.keras",
        (lambda: model.read_bytes()) if model else b"",
        f"{stem}.keras",
        icon=":material/deployed_code:",
        disabled=model is None,
        key=f"model_{run.id}",
        help="The trained model with its preprocessing: give it pictures with values 0 to 255",
    )
