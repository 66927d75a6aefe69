"""How far to thaw? The capacity curve, the value of more data, and the learning rate, each measured on these images."""

from collections.abc import Callable
from html import escape

import pandas as pd
import streamlit as st

from core import figures
from core.errors import ThawError
from core.experiment import BackboneSpec, DataSpec, Experiment, TrainingSpec, differences
from core.insight import similarity
from core.network.layers import describe_mask, layer_table
from core.studies import sweeps
from core.words import plain
from pages.parts import glossary, links, nav, services, state

nav.require_router()

VARIED = {"depth": {"freeze.thawed"}, "amount": {"data.images_per_class"}}  # what the runs of a sweep differ in


def _context(kind: str = "", sweep_id: str | None = None, points: pd.DataFrame | None = None) -> None:
    """Say on which images and with which settings: those of the sweep that is shown, of the editor before there is one."""
    x, run_id = state.experiment(), points.run_id.iloc[-1] if sweep_id and points is not None else None
    run = services.run_or_none(run_id)
    shown = run.experiment if run is not None else x
    try:
        images = services.dataset(shown.data, shown.backbone.size)
    except ThawError as error:
        st.error(plain(error), icon=":material/error:")
        st.page_link(nav.path("data"), label="Choose other images", icon=":material/photo_library:")
        return
    mask = "" if kind == "depth" else f" · {describe_mask(shown.freeze)}"
    st.html(
        f'<span class="chip">{escape(images.title)} · {len(images.train)} / {len(images.validation)} / {len(images.test)} images</span>'
        f'<span class="chip">{shown.backbone.size} px · alpha {shown.backbone.alpha}</span>'
        f'<span class="chip">{shown.training.epochs} epochs{mask}</span>'
    )
    if run is not None and any(path not in VARIED[kind] for path in differences(shown, x)):
        st.caption("The editor holds other settings now; “Start anew” takes those.")


def _adopt_linked_sweep() -> None:
    """Put the settings of a linked sweep into the editor of whoever has none yet: after a reload, or from somebody else's link."""
    if "experiment" in st.session_state:
        return
    for kind in VARIED:
        sweep_id, points = _points(kind)
        run = services.run_or_none(points.run_id.iloc[-1]) if sweep_id else None
        if run is not None:
            state.experiment()
            state.replace(run.experiment)


def _start(kind: str) -> None:
    begin = sweeps.start_depth_sweep if kind == "depth" else sweeps.start_data_curve
    try:
        st.query_params[kind] = begin(services.engine(), state.experiment())
    except ThawError as error:
        st.session_state.sweep_error = str(error)


def _stop(sweep_id: str) -> None:
    sweeps.stop_sweep(services.engine(), sweep_id)


def _continue(sweep_id: str) -> None:
    sweeps.continue_sweep(services.engine(), sweep_id)


def _open(run_id: str) -> None:
    state.experiment()
    state.open_run(run_id)
    st.session_state.go = "lab"


def _controls(kind: str, sweep_id: str | None, points: pd.DataFrame, what: str) -> None:
    row = st.container(horizontal=True, vertical_alignment="center")
    active = _in_work(points)
    if not active:
        label = "Start" if sweep_id is None else "Start anew"
        row.button(
            label,
            key=f"start_{kind}",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_start,
            args=(kind,),
            help=what,
        )
    if active:
        done = int((~points.status.isin(["queued", "running"])).sum())
        row.button(
            "Stop",
            key=f"stop_{kind}",
            icon=":material/stop:",
            on_click=_stop,
            args=(sweep_id,),
            help="What is finished stays",
        )
        row.progress(done / len(points), text=f"{done} of {len(points)} are done")
    elif sweep_id and (points.status != "finished").any():
        row.button(
            "Continue",
            key=f"continue_{kind}",
            icon=":material/resume:",
            on_click=_continue,
            args=(sweep_id,),
            help="Trains what is missing",
        )


def _points(kind: str) -> tuple[str | None, pd.DataFrame]:
    sweep_id = st.query_params.get(kind)
    if not sweep_id:
        return None, pd.DataFrame()
    points = sweeps.sweep_points(services.store(), sweep_id)
    return (sweep_id, points) if len(points) else (None, points)


def _in_work(points: pd.DataFrame) -> bool:
    return bool(len(points)) and bool(points.status.isin(["queued", "running"]).any())


def _sweep(kind: str, what: str, draw: Callable[[pd.DataFrame, pd.DataFrame], None]) -> None:
    running = _in_work(_points(kind)[1])

    @st.fragment(run_every=1.0 if running else None)
    def live() -> None:
        sweep_id, points = _points(kind)
        if running != _in_work(points):
            st.rerun()
        links.missing(
            "sweep", [st.query_params.get(kind)], [sweep_id] if sweep_id else [], f"{links.GONE} Start one of your own."
        )
        _context(kind, sweep_id, points)
        _controls(kind, sweep_id, points, what)
        draw(points[points.status == "finished"] if len(points) else points, points)

    live()


def _depth(points: pd.DataFrame, rungs: pd.DataFrame) -> None:
    chosen = None if _in_work(rungs) or rungs.empty else sweeps.enough(services.store(), points)
    if not _in_work(rungs):
        _forecast(chosen)
    if rungs.empty:
        st.info(
            glossary.linked(
                "Eight depths, from nothing thawed to everything, each a short run with the same seed. What you get: the curve of "
                "validation and training accuracy over what may learn, and the depth that is enough."
            ),
            icon=":material/stairs:",
        )
        return
    ticks = [
        f"{row.label}<br>{row.parameters:,}" if row.status == "finished" else row.label for row in rungs.itertuples()
    ]
    figure = figures.sweep(points, ticks, "trainable parameters", chosen.label if chosen else None)
    st.plotly_chart(figure, key="depth_chart", config={"displayModeBar": False})
    if chosen is not None:
        with st.container(border=True):
            st.markdown(chosen.text)
            st.button(
                "Take this depth",
                on_click=lambda: _open(chosen.run_id),
                icon=":material/science:",
                help="Opens its run in the Lab, with its settings in the editor",
            )
    st.caption(
        glossary.linked(
            "Where both curves are low, too little may learn; where training is near the top and validation stays behind, the model learns its examples by heart."
        )
    )
    _rungs(points)


def _forecast(chosen) -> None:
    """Offer what probes on the pretrained network foretell, and say whether the sweep bore it out."""
    x = state.experiment()
    row = st.container(horizontal=True, vertical_alignment="center")
    if row.button("Forecast from the pretrained network", key="forecast", icon=":material/query_stats:", help="A linear probe on each block before any training: seconds instead of eight runs"):  # fmt: skip
        st.session_state.forecast_for = x.to_json()
    if st.session_state.get("forecast_for") != x.to_json():
        row.caption(glossary.linked("Where does a linear probe stop gaining? After that block thawing may pay."))
        return
    try:
        reached, n = _probed(x.data, x.backbone, x.training.seed)
    except ThawError as error:
        st.error(plain(error), icon=":material/error:")
        return
    depth = similarity.forecast(reached, n, layer_table(x.backbone))
    lines = {"before training": list(reached.values())}
    st.plotly_chart(figures.over_depth(list(reached), lines, "validation accuracy"), key="forecast_chart", config={"displayModeBar": False}, alt="Accuracy of a linear probe on each block of the pretrained network")  # fmt: skip
    told = f"**Forecast: thaw the last {depth} layers**" if depth else "**Forecast: nothing need be thawed**"
    st.markdown(f"{told}: later blocks add nothing that a linear probe can read ({n} validation pictures). {_borne_out(depth, chosen)}")  # fmt: skip


def _borne_out(depth: int, chosen) -> str:
    """Say whether the measured sweep agrees with the forecast: the same rung of the ladder."""
    if chosen is None:
        return "Start the sweep to see whether that holds."
    nearest = min(sweeps.DEPTHS, key=lambda d: abs(d - depth))
    return f"By the sweep {chosen.label} is enough: {'a hit' if chosen.depth == nearest else 'a miss'} (the nearest depth that was tried is {nearest})."


@st.cache_data(show_spinner="Probing the blocks in the worker …", max_entries=20)
def _probed(data: DataSpec, backbone: BackboneSpec, seed: int) -> tuple[dict[str, float], int]:
    x = Experiment(data=data, backbone=backbone, training=TrainingSpec(seed=seed))
    return services.engine().call(similarity.probes_before_training, x.to_json(), timeout=300.0)


def _data_amount(points: pd.DataFrame, rungs: pd.DataFrame) -> None:
    if rungs.empty:
        st.info(
            "The current experiment at 10, 25, 50, 75 and 100% of the training images. What you get: whether it is worth "
            "collecting more of them.",
            icon=":material/stacked_line_chart:",
        )
        return
    ticks = [f"{row.n_train:.0f}" if row.status == "finished" else row.label for row in rungs.itertuples()]
    st.plotly_chart(figures.sweep(points, ticks, "training images"), key="data_chart", config={"displayModeBar": False})
    if len(points) >= 3:
        st.markdown(sweeps.data_advice(points))
    _rungs(points)


def _rungs(points: pd.DataFrame) -> None:
    if points.empty:
        return
    with st.expander("Open any of these runs", icon=":material/science:"):
        for row in points.itertuples():
            left, right = st.columns([4, 1], vertical_alignment="center")
            left.markdown(
                f"**{plain(row.label)}** · validation {row.val_accuracy:.1%} ({row.low:.0%}–{row.high:.0%}) · training {row.train_accuracy:.1%}"
            )
            right.button(
                "Open", key=f"open_{row.run_id}", on_click=_open, args=(row.run_id,), help="Shows it in the Lab"
            )


@st.cache_data(show_spinner="Trying learning rates in the worker …", max_entries=20)
def _ramp(experiment_json: str):
    return sweeps.learning_rate_range(services.engine(), Experiment.from_json(experiment_json))


def _take_rate(rate: float) -> None:
    state.change(training=state.experiment().training.replace(learning_rate=rate))
    st.toast(f"The learning rate is now {rate:.2g}.", icon=":material/check:")


def _rate() -> None:
    x = state.experiment()
    _context()
    st.caption(
        glossary.linked(
            "The learning rate grows from step to step; where the loss falls fastest a rate is large enough, where it rises it is too large "
            "(Smith 2017). The network is not kept."
        )
    )
    if st.button(
        "Try rates", key="start_rate", type="primary", icon=":material/play_arrow:", help="Takes some seconds"
    ):
        st.session_state.rate_for = x.to_json()
    if not (wanted := st.session_state.get("rate_for")):
        return
    try:
        found = _ramp(wanted)
    except ThawError as error:
        st.error(plain(error), icon=":material/error:")
        return
    st.plotly_chart(
        figures.rate_ramp(found.rates, found.losses, found.suggestion),
        key="rate_chart",
        config={"displayModeBar": False},
    )
    if found.suggestion:
        row = st.container(horizontal=True, vertical_alignment="center")
        row.button(
            f"Use {found.suggestion:.1e}",
            on_click=_take_rate,
            args=(found.suggestion,),
            icon=":material/check:",
            help="Makes it the learning rate of the experiment",
        )
        row.caption(f"The experiment uses {x.training.learning_rate:.1e} now.")
    else:
        st.info("The loss did not fall clearly at any rate, so nothing can be suggested.", icon=":material/info:")


if page := st.session_state.pop("go", None):
    st.switch_page(nav.path(page))
st.title("How far to thaw?")
st.caption("Three questions, answered by short runs of the current experiment on your own images.")
_adopt_linked_sweep()
if error := st.session_state.pop("sweep_error", None):
    st.error(error, icon=":material/error:")
titles = ["How many layers?", "Would more images help?", "Which learning rate?"]
tabs = st.tabs(titles, default=titles[2] if st.query_params.get("find") == "rate" else None)
with tabs[0]:
    _sweep("depth", "Trains eight depths, from nothing thawed to everything", _depth)
with tabs[1]:
    _sweep("amount", "Trains five runs with ever more of the training images", _data_amount)
with tabs[2]:
    _rate()
