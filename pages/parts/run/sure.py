"""Make sure: one click that judges a run by all its training and validation images."""

import streamlit as st

from core import figures
from core.errors import ThawError
from core.runs import Run
from core.studies import folds
from core.words import plain
from pages.parts import services

TOLD = (
    "Trains the part that learns three to five times, each time without another part of the images, so that every training and validation image is "
    "judged once by a model that did not see it. The frozen part is known already, so it takes seconds. The test images are not touched"
)


def draw(run: Run, key: str) -> None:
    """Draw the button for a run that has ended, how far it is, and what came of it."""
    if run.status != "finished":
        return

    watched = _active(folds.find(services.store(), run.id))

    @st.fragment(run_every=1.0 if watched else None)
    def live() -> None:
        training = folds.find(services.store(), run.id)
        if _active(training) and not watched:
            st.rerun()  # the button redrew this fragment alone, which does not look again by itself
        if training is not None and training.active:
            services.look_after_runs()
            now = training.progress
            st.progress(now.share, text=f"Making sure: {now.phase}")
            st.button("Stop", key=f"{key}_stop_sure", icon=":material/stop:", on_click=_stop, args=(training.id,))
            return
        found = folds.result(services.store(), run.id)
        if found is not None:
            if st.session_state.get(f"{key}_waits_for") == run.id:
                del st.session_state[f"{key}_waits_for"]
                services.forget_results()
                st.rerun()
            _tell(found)
            return
        if training is not None and training.error:
            st.caption(training.error)
        st.button("Make sure", key=f"{key}_make_sure", icon=":material/verified:", help=TOLD, on_click=_start, args=(run.id, key))  # fmt: skip

    live()


def _active(training: Run | None) -> bool:
    return training is not None and training.active


def _start(run_id: str, key: str) -> None:
    try:
        folds.start(services.engine(), run_id)
    except ThawError as error:
        st.toast(plain(error), icon=":material/error:")
        return
    st.session_state[f"{key}_waits_for"] = run_id


def _stop(run_id: str) -> None:
    services.engine().stop(run_id)


def _tell(found: folds.Sure) -> None:
    row = st.columns([3, 2], vertical_alignment="center")
    row[0].markdown(
        f":material/verified: **Made sure on {found.images} images**, each judged by a model that did not see it ({found.folds} folds): "
        f"{found.accuracy:.0%} right ({found.low:.0%} to {found.high:.0%}); the gap is {100 * max(found.gap_low, 0):.0f} to "
        f"{100 * max(found.gap_high, 0):.0f} points; the best epoch is {found.best_epoch}. From fold to fold the accuracy differs by "
        f"{100 * found.spread:.0f} points. The verdict above rests on all of them; the test images were not touched."
    )
    row[1].plotly_chart(figures.fold_curves(found.curves["val_accuracy"]), key=f"folds_{id(found)}", config={"displayModeBar": False})  # fmt: skip
