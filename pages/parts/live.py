"""Live in the Lab: a switch, and results that follow every change of the settings."""

from collections.abc import MutableMapping
from functools import partial
from html import escape

import streamlit as st

from core import figures
from core.data import Dataset
from core.errors import ThawError
from core.experiment import Experiment
from core.network.layers import describe_mask
from core.runs import Run
from core.runs.pair import Sentence
from core.studies import live
from core.training import costs
from core.words import plain
from pages.parts import pair, services, state
from pages.parts.run import legend

TICK_SECONDS = 0.3
KEY = "live"


@st.cache_resource(show_spinner=False)
def _known() -> MutableMapping[str, str]:
    """Return the live runs that this server has finished, by what they trained."""
    return live.recall(services.store())


def switch() -> None:
    """Draw the switch."""
    st.toggle("Live", key=KEY, help="Every change of layers, head, augmentation or training trains by itself; nothing is kept in Runs unless you pin it")  # fmt: skip
    if not on() and "live_runs" in st.session_state:
        st.session_state.pop("live_runs").close()


def on() -> bool:
    """Tell whether changes train by themselves."""
    return bool(st.session_state.get(KEY))


def too_slow(experiment: Experiment, images: Dataset) -> float | None:
    """Return the seconds a run is expected to take where that is too long to answer a change; None where it is not."""
    seconds = costs.estimate(experiment, len(images.train), len(images.validation)).again
    return seconds if seconds > live.MOST_SECONDS else None


def draw(images: Dataset) -> None:
    """Follow the settings: start what they ask for, show it in place, the last result behind it."""

    @st.fragment(run_every=TICK_SECONDS)
    def follow() -> None:
        x = state.experiment()
        if seconds := too_slow(x, images):
            _runs().close()
            st.info(f"Live waits: a run with these settings takes about {seconds:.0f} s. Train it with the button, or make it smaller: fewer thawed layers, epochs or pixels.", icon=":material/hourglass_top:")  # fmt: skip
            return
        quick = (n for n in live.neighbours(x) if too_slow(n, images) is None)
        try:
            _runs().want(x, quick)
        except ThawError as error:
            st.error(plain(error), icon=":material/error:")
            return
        shown, ghost = (services.run_or_none(i) for i in (_runs().shown, _runs().ghost))
        _result(x, shown, state.baseline() or ghost)

    follow()


def _runs() -> live.Live:
    if "live_runs" not in st.session_state:
        st.session_state.live_runs = live.Live(services.engine(), _known())
    return st.session_state.live_runs


def _result(x: Experiment, run: Run | None, before: Run | None) -> None:
    with st.container(key="live_pair", gap="small"):
        if run is None:
            st.html('<div class="verdict"><p>Live: the first run is on its way …</p></div>')
            return
        before = before if before and before.id != run.id and not before.active else None
        said = pair.said_of([before, run]) if before and not run.active else None
        st.html(_sentence(said, run))
        if run.status == "failed":
            st.error(plain(run.error), icon=":material/error:")
        _, diagnosis, _ = services.results(run)
        st.html(pair.verdict_line(run, diagnosis, "Live" if run.experiment == x else "Live, before the change"))
        legend.of_curves()
        _curves(run, before, diagnosis)
        evaluation, _, measured = services.results(run)
        if evaluation is not None:
            st.html(pair.final_figures(evaluation, measured.get("frontier", {})))
        st.button("Pin", icon=":material/push_pin:", on_click=_pin, args=(run.experiment,), key="live_pin", disabled=run.active, help="Trains these settings as a run that is kept in Runs, with its model")  # fmt: skip


def _sentence(said: Sentence | None, run: Run) -> str:
    told = said.text if said else "Training …" if run.active else "Change anything on the left: it trains by itself."
    outcome, below = (said.outcome, pair.below(said)) if said else ("", "")
    seen = f'data-run="{run.id}" data-epochs="{len(services.curves(run))}" data-ended="{int(not run.active)}"'
    return f'<div class="sentence {outcome.replace(" ", "-")}" {seen}><h2>{escape(told)}</h2>{below}</div>'


def _curves(run: Run, before: Run | None, diagnosis) -> None:
    history = services.curves(run)
    ghost = services.curves(before) if before else None
    epochs = max(run.experiment.training.epochs if run.active else len(history), len(ghost) if ghost is not None else 0)
    both = [history] if ghost is None else [history, ghost]
    with st.container(key="live_charts", gap="xsmall"):
        for metric in ("loss", "accuracy"):
            look = {"diagnosis": diagnosis, "y_range": figures.curve_range(both, metric), "epochs": epochs, "height": 230}  # fmt: skip
            known = f"{look} {before.id if before else ''}"
            made = _figure(run.id, len(history), metric, known, partial(figures.curves, history, metric, ghost=ghost, **look))  # fmt: skip
            st.plotly_chart(made, key=f"live_{metric}", config={"displayModeBar": False})


@st.cache_resource(show_spinner=False, max_entries=80)
def _figure(run_id: str, n_epochs: int, metric: str, look: str, _draw):
    return _draw().update_layout(showlegend=False)


def _pin(experiment: Experiment) -> None:
    """Train what is shown as a run that is kept."""
    before = state.before_next()
    run_id = services.engine().submit(experiment, name=describe_mask(experiment.freeze), baseline_id=before)
    state.follow(run_id, before)
    st.toast("Pinned: it is trained once more, with its model, and stands in Runs.", icon=":material/push_pin:")
