"""The Lab: what happens if …?"""

from html import escape

import streamlit as st

from core.errors import ThawError
from core.experiment import BackboneSpec, differences
from core.network import advice
from core.network.layers import describe_mask
from core.words import plain
from pages.parts import glossary, links, live, nav, pair, present, services, state
from pages.parts.editor import augmentation, head, layers, training, weights

nav.require_router()

PARTS = ["Editor", "Results"]

FEATURES_SECONDS = 3.0  # between two looks at whether the frozen features are there


def _train() -> None:
    x, before = state.experiment(), state.before_next()
    try:
        run_id = services.engine().submit(x, name=describe_mask(x.freeze), baseline_id=before)
    except ThawError as error:
        st.session_state.lab_error = str(error)
        return
    state.follow(run_id, before)


def _fine_tune(run) -> None:
    state.fine_tune_from(run)
    state.set_baseline(run.id)
    _train()


def _stop(run_id: str) -> None:
    services.engine().stop(run_id)
    st.toast("Stopping after this batch; the best weights and the curves so far are kept.", icon=":material/stop:")


def _header(dataset) -> None:
    x = state.experiment()
    known = {"imagenet": "ImageNet weights", "builtin": "built-in weights", "random": "NOT pretrained"}
    pretrained = known.get(x.backbone.weights, "weights from a file")
    counts = f"{len(dataset.train)} / {len(dataset.validation)} / {len(dataset.test)} images" if dataset else ""
    title = escape(dataset.title if dataset else x.data.source)
    st.html(
        f'<div class="titlebar"><h1>Lab</h1><span class="chip">{title} · {counts}</span>'
        f'<span class="chip">{x.backbone.size} px · alpha {x.backbone.alpha} · {pretrained}</span>{_features() if dataset else ""}</div>',
        width="content",
    )


@st.fragment(run_every=FEATURES_SECONDS)
def _features() -> str:
    """Return whether a run would find its frozen features computed, as HTML; where not, an idle worker computes them meanwhile."""
    if present.on() or not services.features_ready(state.experiment()):
        return ""
    return '<span class="chip" title="The frozen part was computed ahead: Train begins at once">features ready</span>'


def _advice() -> None:
    """Say what built-in weights mean before somebody trains on photographs of their own."""
    said = advice.of_photographs(state.experiment().data, state.experiment().backbone)
    if said and not present.on():
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="weights_advice"):
            st.markdown(f":material/lightbulb: {said}", width="content")
            st.button(
                "Give the file, or download",
                icon=":material/download:",
                on_click=lambda: st.session_state.update(editor_tab="Weights"),
                key="better_weights",
                help="Opens the tab of the weights: choose ImageNet there, or a weights file that you have",
            )


def _dataset():
    x = state.experiment()
    try:
        return services.dataset(x.data, x.backbone.size)
    except ThawError as error:
        st.error(plain(error), icon=":material/error:")
        st.page_link(nav.path("data"), label="Choose other images", icon=":material/photo_library:")
        return None


@st.fragment
def _editor(n_train: int, n_validation: int, n_classes: int, shown: BackboneSpec) -> None:
    if state.experiment().backbone != shown:
        st.rerun()  # the page's title names size, width and weights, and the images are read at that size
    draw = {
        "Layers": lambda: layers.draw(n_train, n_validation, n_classes),
        "Head": lambda: head.draw(n_classes),
        "Augmentation": augmentation.draw,
        "Training": training.draw,
        "Weights": weights.draw,
    }
    # Only the open tab is drawn: the browser redraws all that a rerun sends, which made a toggle take twice as long.
    for tab, drawn in zip(st.tabs(list(draw), key="editor_tab", on_change="rerun"), draw.values(), strict=True):
        if tab.open:
            with tab:
                drawn()


def _train_button(run) -> None:
    if run is not None and run.active:
        st.button(
            "Train next",
            icon=":material/playlist_add:",
            on_click=_train,
            key="queue",
            help="Queues the settings on the left: they train when this run has ended",
        )
        st.button(
            "Stop",
            icon=":material/stop:",
            on_click=_stop,
            args=(run.id,),
            width=110,
            key="stop",
            help="Ends the run; the best weights and the curves so far are kept",
        )
        return
    st.button(
        "Train",
        type="primary",
        icon=":material/play_arrow:",
        on_click=_train,
        width=110,
        key="train",
        help="Trains this experiment in the background",
    )


def _nothing_yet() -> None:
    with st.container(border=True):
        st.markdown("### :material/science: Nothing trained yet")
        st.markdown(
            glossary.linked(
                f"1. Choose under **Layers** what may learn: {describe_mask(state.experiment().freeze)} now.\n"
                "2. Press **Train**. The curves appear here, then the verdict: does it underfit, overfit, or fit, and why.\n"
                "3. Change one thing and train again. The run before stays beside the new one."
            )
        )
        with st.container(horizontal=True):
            st.page_link(nav.path("data"), label="Use my own images", icon=":material/upload:", query_params={"choose": "mine"})  # fmt: skip
            st.page_link(nav.path("start"), label="See a demonstration first", icon=":material/play_arrow:")
            st.page_link(nav.path("runs"), label="Open an earlier run", icon=":material/history:")


def _results_area(run) -> None:
    if run is None:
        _nothing_yet()
        return
    pair.draw(state.baseline(), run, key="lab")


def _baseline_controls(run) -> None:
    before = state.baseline()
    if run is not None and not run.active and run.status != "failed" and (before is None or before.id != run.id):
        st.button(
            "Keep as “before”",
            icon=":material/push_pin:",
            on_click=state.set_baseline,
            args=(run.id,),
            help="This run stays on the left; the next one is shown beside it",
        )
    if run is not None and run.status == "finished" and len(run.experiment.earlier) < 4:
        st.button(
            "Fine-tune from here",
            icon=":material/moving:",
            on_click=_fine_tune,
            args=(run,),
            key="fine_tune",
            help="Trains on from the weights this run ended with: the thawed layers on the left, else the last 4, at a tenth of the rate",
        )
    stages = state.experiment().earlier
    if stages or before is not None:
        with st.popover("More", icon=":material/more_horiz:", help="Start anew, show one run alone", key="lab_more"):
            _way_back(len(stages), before)


def _way_back(stages: int, before) -> None:
    if stages:
        st.button(
            "Start anew",
            icon=":material/restart_alt:",
            on_click=state.change,
            kwargs={"earlier": ()},
            key="start_anew",
            help=f"The next run starts from trained weights ({stages} stage{'s' if stages > 1 else ''} before it); this lets it start with a new head",
        )
    if before is not None:
        changed = len(differences(before.experiment, state.experiment()))
        st.button(
            "Remove “before”",
            icon=":material/close:",
            on_click=state.set_baseline,
            args=(None,),
            help=f"Shows the current run alone. {changed} setting{'s' if changed != 1 else ''} changed since “before”",
        )


def _shown() -> list[str]:
    """Draw the choice of what stands on the page, and return it; on a projector the results alone."""
    if present.on():
        return ["Results"]
    chosen = st.segmented_control(
        "Show",
        PARTS,
        selection_mode="multi",
        default=PARTS,
        key="lab_shown",
        label_visibility="collapsed",
        help="Fold the editor or the results away",
    )
    return [part for part in PARTS if part in chosen] or PARTS  # it gives them in the order of the clicks


def _columns(parts: list[str]) -> dict:
    """Return the places of the parts that are shown, beside each other."""
    if len(parts) == 2:
        return dict(zip(parts, st.columns([5, 8], gap="medium"), strict=True))
    return {parts[0]: st.container()}


current = state.current()
links.missing("run", [st.query_params.get("run")], [current.id] if current else [], links.RUNS)
images = _dataset()
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="lab_header"):
    _header(images)
    with st.container(horizontal=True, gap="small", width="content", vertical_alignment="center"):
        shown = _shown()
        if not present.on():
            live.switch()
        _baseline_controls(current)
        _train_button(current)
if (
    current is None or current.experiment.data.source != state.experiment().data.source
):  # afterwards the verdict names it
    _advice()
if error := st.session_state.pop("lab_error", None):
    st.error(error, icon=":material/error:")
with st.container(key="lab"):
    places = _columns(shown)
    if "Editor" in places:
        with places["Editor"], st.container(key="lab_left"):
            sizes = (len(images.train), len(images.validation), len(images.class_names)) if images else (300, 100, 3)
            _editor(*sizes, state.experiment().backbone)
    if "Results" in places:
        with places["Results"], st.container(key="lab_right"):
            if live.on() and images is not None:
                live.draw(images)
            else:
                _results_area(current)
