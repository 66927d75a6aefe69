"""How far runs are."""

import streamlit as st

from core.runs import Run
from core.words import plain
from pages.parts import services


def draw(runs: list[Run], key: str) -> None:
    """Show what is said of runs that train, until the verdicts take its place."""
    with st.container(border=True, key=f"{key}_progress"):
        st.markdown("### :material/hourglass_top: Training :gray[· the verdict follows]")
        for i, run in enumerate(runs):
            if run.active:
                _bar(run, run.title if len(runs) > 1 else "", waits=i > 0 and runs[0].active)


def _bar(run: Run, title: str, waits: bool) -> None:
    """Show how far a run is."""
    p, share = run.progress, 0.0
    if run.status == "queued":
        text = "waits for the run before it" if waits else f"waits its turn … {services.engine().state().text}"
    elif p.epoch:
        left = f" · about {p.seconds_left:.0f} s left" if p.seconds_left else ""
        share, text = p.share, f"epoch {p.epoch} of {p.epochs}{left}"
    else:
        share, text = p.batch / p.batches if p.batches else 0.0, f"{p.phase} … {p.detail}"
    told = f"**{plain(title)}**: {text}" if title else text[:1].upper() + text[1:]
    st.progress(min(share, 1.0), text=told)
