"""Start: what is this, and can I see it work?"""

import streamlit as st

from core import figures
from core.errors import ThawError
from core.experiment import BackboneSpec, FreezeSpec
from core.network.layers import layer_table
from core.runs import Run
from core.studies.scenarios import SCENARIOS, Scenario
from pages.parts import demonstration, glossary, nav, pair, present, services, state

nav.require_router()

ICONS = {
    "classic": ":material/ac_unit:",
    "capacity": ":material/compress:",
    "augmentation": ":material/blur_on:",
    "too-early": ":material/timer:",
    "few-images": ":material/filter_2:",
    "too-long": ":material/update:",
    "brightness": ":material/brightness_6:",
    "flatten": ":material/view_in_ar:",
    "batchnorm": ":material/tune:",
    "rate": ":material/speed:",
    "labels": ":material/label_off:",
}


def _launch(key: str, seed: int | None = None) -> None:
    """Queue the runs of a card, as it is or from another seed; the first is the baseline of the second."""
    scenario = SCENARIOS[key] if seed is None else SCENARIOS[key].seeded(seed)
    ids: list[str] = []
    try:
        for step in scenario.steps:
            baseline = ids[0] if ids else None
            ids.append(
                services.engine().submit(
                    step.experiment, name=step.label, group=f"scenario-{key}", baseline_id=baseline
                )
            )
    except ThawError as error:
        st.session_state.start_error = str(error)
    if ids:
        st.query_params.update(show=key, runs=",".join(ids))


def _shown() -> tuple[Scenario, list[Run]] | None:
    """Return the card and its runs that the link names."""
    key, ids = st.query_params.get("show"), st.query_params.get("runs", "").split(",")
    runs = [services.run_or_none(i) for i in ids if i]
    if key not in SCENARIOS or not runs or None in runs:
        return None
    return SCENARIOS[key].seeded(runs[0].experiment.training.seed), runs  # type: ignore[return-value, union-attr]


def _hero() -> None:
    left, right = st.columns([3, 2], gap="large", vertical_alignment="center")
    with left:
        st.title("Thaw a network, see what it learns")
        st.markdown(
            glossary.linked(
                "A network that was trained on many pictures already knows edges, textures and parts. **Fine-tuning** keeps that "
                "knowledge frozen and thaws only the last layers, so that they learn *your* pictures. Here you choose what to thaw, "
                "train for seconds, and read whether the model underfits, overfits or fits, and why."
            )
        )
        st.image(
            figures.network_picture(layer_table(BackboneSpec()), FreezeSpec.last(12)),
            width="stretch",
            alt="The layers of MobileNetV2 as bars: the last 12 thawed, the others frozen",
        )
        st.html(
            '<span class="chip frozen">frozen: stays as it is</span><span class="chip thawed">thawed: learns</span>'
            "<small>The 154 layers of MobileNetV2, from the picture (left) to the answer (right)</small>"
        )
    with right, st.container(border=True, key="begin"):
        st.markdown("**See it work**")
        st.button(
            "Run the classic demonstration",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_launch,
            args=("classic",),
            width="stretch",
            help="Trains twice, frozen and thawed, on built-in images; takes some seconds and needs no network",
        )
        st.caption("Everything frozen, then the last 4 layers thawed: side by side, with a verdict.")
        st.markdown("**Do it yourself**")
        st.page_link(nav.path("data"), label="Use my own images", icon=":material/upload:", query_params={"choose": "mine"})  # fmt: skip
        st.page_link(nav.path("lab"), label="Go to the Lab", icon=":material/science:")


def _demonstration(scenario: Scenario, runs: list[Run]) -> None:
    active = any(r.active for r in runs)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="demo_top"):
        st.title(scenario.title)
        with st.container(horizontal=True, gap="small", width="content"):
            _demonstration_buttons(scenario, runs, active)
    demonstration.into_view(runs)
    if present.on():
        demonstration.presented(scenario, runs)
        return
    with st.container(horizontal=True, vertical_alignment="center", key="demo_intro"):
        demonstration.pictures(scenario)
        demonstration.guess(scenario, runs)
    pair.draw(runs[0] if len(runs) > 1 else None, runs[-1], key="start", actions=False)
    demonstration.evidence(scenario, runs)
    demonstration.question(scenario, runs)


def _demonstration_buttons(scenario: Scenario, runs: list[Run], active: bool) -> None:
    if active:
        st.button(
            "Stop",
            icon=":material/stop:",
            on_click=_stop,
            args=([r.id for r in runs if r.active],),
            help="Ends these runs; their curves so far are kept",
        )
    else:
        st.button(
            "Open these runs in the Lab",
            type="primary",
            icon=":material/science:",
            on_click=_open_in_lab,
            args=([r.id for r in runs],),
            help="Change one thing and train again",
        )
        st.button(
            "Other seed",
            icon=":material/casino:",
            on_click=_launch,
            args=(scenario.key, runs[0].experiment.training.seed + 1),
            key="other_seed",
            help="Trains both runs again with other pictures, first weights and batches: is it always so?",
        )
    st.button(
        "All demonstrations",
        icon=":material/arrow_back:",
        on_click=_close,
        help="Back to the cards; the runs stay on the Runs page",
    )


def _close() -> None:
    for name in ("show", "runs"):
        st.query_params.pop(name, None)


def _stop(ids: list[str]) -> None:
    for run_id in ids:
        services.engine().stop(run_id)


def _open_in_lab(ids: list[str]) -> None:
    state.experiment()
    state.open_run(ids[-1])
    st.session_state.baseline_id = ids[0] if len(ids) > 1 else None
    st.session_state.go = "lab", ids[-1]


def _cards(busy: bool) -> None:
    st.subheader("See each phenomenon happen")
    st.caption("Each card trains two real runs on built-in images, in seconds, and shows what it promises.")
    with st.container(key="cards", gap="small"):
        for scenario in SCENARIOS.values():
            with st.container(border=True, key=f"card_box_{scenario.key}"):
                st.markdown(f"{ICONS[scenario.key]} **{scenario.title}**")
                st.caption(scenario.promise)
                st.button(
                    f"Show it: {scenario.short}",
                    key=f"card_{scenario.key}",
                    icon=":material/play_arrow:",
                    on_click=_launch,
                    args=(scenario.key,),
                    disabled=busy,
                    help="Wait until the runs above have ended" if busy else "Trains now, in the background",
                )


if target := st.session_state.pop("go", None):
    st.switch_page(nav.path(target[0]), query_params={"run": target[1]})
if error := st.session_state.pop("start_error", None):
    st.error(error, icon=":material/error:")
shown = _shown()
if shown:
    _demonstration(*shown)
else:
    if st.query_params.get("show"):
        st.warning(
            "The runs of this demonstration are not on this server: they were deleted, or the link is of another one. Show it again below.",
            icon=":material/search_off:",
        )
    _hero()
if not (shown and present.on()):
    st.divider()
    _cards(busy=shown is not None and any(r.active for r in shown[1]))
