"""Runs: where was that run?"""

import json
from typing import Any

import pandas as pd
import streamlit as st

from core.diagnosis.report import title_of
from core.errors import ThawError
from core.network.layers import describe_mask
from core.runs import Run
from core.words import plain
from pages.parts import nav, services, state
from pages.parts.run import exports, tree

nav.require_router()

MARKS = {
    "finished": "✓ finished",
    "running": "▶ running",
    "queued": "… waiting",
    "stopped": "■ stopped",
    "failed": "! failed",
}


def _share(run: Run, split: str) -> float | None:
    value = run.metrics.get(f"final_{split}_accuracy")
    return None if value is None else round(100 * value, 1) / 100  # as "78.8%" elsewhere: 0.7875 itself rounds down


def _row(run: Run, titles: dict[str, str]) -> dict:
    x = run.experiment
    return {
        "name": run.title,
        "status": MARKS[run.status],
        "verdict": title_of(run.verdict),
        "validation": _share(run, "validation"),
        "test": _share(run, "test"),
        "images": titles.get(x.data.source, x.data.source.rpartition("/")[2]),
        "thawed": describe_mask(x.freeze),
        "size": x.backbone.size,
        "epochs": x.training.epochs,
        "when": run.created,
        "note": run.note,
    }


def _matches(run: Run, text: str, titles: dict[str, str]) -> bool:
    everything = json.dumps([run.id, *(str(v) for v in _row(run, titles).values()), run.group]).lower()
    return all(word in everything for word in text.lower().split())


def _table(runs: list[Run], titles: dict[str, str]) -> list[Run]:
    share: dict[str, Any] = {"min_value": 0.0, "max_value": 1.0, "format": "percent"}
    chosen = st.dataframe(
        pd.DataFrame([_row(r, titles) for r in runs]),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=f"runs_{hash(tuple(r.id for r in runs))}",
        column_config={
            "validation": st.column_config.ProgressColumn("validation", help="Accuracy at the end", **share),
            "test": st.column_config.ProgressColumn("test", help="Accuracy on the test split", **share),
            "when": st.column_config.DatetimeColumn("when", format="distance"),
        },
    )
    return [runs[i] for i in chosen.selection.rows]


def _open(run_id: str) -> None:
    state.experiment()
    state.open_run(run_id)
    st.session_state.go = "lab"


@st.dialog("Delete runs?")
def _confirm_delete(runs: list[Run]) -> None:
    st.markdown("\n".join(f"- {plain(r.title)}" for r in runs))
    st.markdown("Their curves, verdicts and models are removed from the disk. This cannot be undone.")
    left, right = st.columns(2)
    if left.button("Delete", type="primary", icon=":material/delete:", width="stretch", help="Removes them for good"):
        for run in runs:
            services.store().delete(run.id)
        st.rerun()
    if right.button("Keep them", width="stretch", help="Changes nothing"):
        st.rerun()


def _actions(runs: list[Run]) -> None:
    row = st.container(horizontal=True, gap="small")
    one = runs[0] if len(runs) == 1 else None
    row.button(
        "Open in the Lab",
        icon=":material/science:",
        disabled=one is None,
        on_click=_open,
        args=(runs[0].id,),
        type="primary",
        help="Shows the run and puts its settings into the editor",
    )
    if row.button(
        "Compare",
        icon=":material/compare:",
        disabled=not 2 <= len(runs) <= 6,
        help="Two to six runs on the same axes",
    ):
        st.session_state.pop("compared", None)
        st.switch_page(nav.path("compare"), query_params={"runs": ",".join(r.id for r in runs)})
    if any(r.active for r in runs):
        row.button(
            "Stop",
            icon=":material/stop:",
            on_click=_stop,
            args=(runs,),
            help="Keeps the curves so far",
        )
    if row.button("Delete", icon=":material/delete:", help="Asks before it deletes"):
        _confirm_delete(runs)
    if one is not None:
        _details(one)


def _stop(runs: list[Run]) -> None:
    for run in runs:
        if run.active:
            services.engine().stop(run.id)


def _details(run: Run) -> None:
    left, right = st.columns([1, 2])
    name = left.text_input("Name", run.name, key=f"name_{run.id}", help="How it appears in lists")
    note = right.text_area(
        "Note", run.note, key=f"note_{run.id}", height=68, help="What you want to remember; searched too"
    )
    if name != run.name and name.strip():
        services.store().rename(run.id, name.strip())
        st.rerun()
    if note != run.note:
        services.store().set_note(run.id, note)
        st.rerun()
    st.caption(f"Link to this run: `{nav.link('lab', run=run.id)}`")
    exports.draw(run)


def _notices(stored: list[Run]) -> None:
    """Say what happened to the store, and which runs cannot be read or have lost results."""
    if notice := services.store().notice:
        st.warning(notice, icon=":material/healing:")
        st.button("Understood", on_click=services.store().dismiss_notice, help="Shows this no more")
    for run_id, name in services.store().unreadable().items():
        _bad(run_id, name, "This run cannot be read; a newer version of Thaw made it, or it was changed by hand:")
    names = {run.id: run.title for run in stored}
    for run_id, files in services.store().damaged().items():
        if run_id in names:
            _bad(run_id, names[run_id], f"Files of this run were damaged ({', '.join(files)}). Train it again with the same settings, or delete it:")  # fmt: skip


def _bad(run_id: str, name: str, what: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(what, icon=":material/report:")
        st.text(name)
        delete = services.store().delete
        st.button("Delete", key=f"bad_{run_id}", on_click=delete, args=(run_id,), help="Removes it for good")


if page := st.session_state.pop("go", None):
    st.switch_page(nav.path(page))
st.title("Runs")
st.caption("Everything that was trained on this server: settings, curves, verdict and model.")
try:
    services.engine().connect_soon()
    stored = services.store().list(limit=500)
except ThawError as error:
    st.error(plain(error))
    st.stop()
_notices(stored)
if not stored:
    with st.container(border=True):
        st.markdown("### :material/history: No runs yet")
        st.markdown("Every training run is kept here, with its settings, curves, verdict and model.")
        st.page_link(nav.path("start"), label="See the demonstration", icon=":material/home:")
    st.stop()
services.rerun_when_ended(stored)
titles = services.images_titles()
left, right = st.columns([3, 1], vertical_alignment="bottom")
search = left.text_input(
    "Search",
    key="search",
    placeholder="name, note, verdict, images …",
    help="All words must be found",
    label_visibility="collapsed",
)
everything = right.toggle("Show runs of sweeps and trials", key="all_groups", help="Runs that other pages made")
shown = [
    r
    for r in stored
    if (everything or r.group in {"lab", ""} or r.group.startswith("scenario")) and _matches(r, search, titles)
]
as_table = st.session_state.get("runs_view") != "Tree"
how = " Tick rows to open, compare, export or delete them; click a heading to sort." if as_table else ""
st.caption(f"{len(shown)} of {len(stored)} runs.{how}")
if not shown:
    st.info("No run matches. Try fewer words.", icon=":material/search_off:")
    st.stop()
view = st.segmented_control("View", ["Table", "Tree"], default="Table", key="runs_view", label_visibility="collapsed", help="The tree shows which run was changed from which, and what that brought")  # fmt: skip
if view == "Tree":
    tree.draw(shown, "runs")
elif picked := _table(shown, titles):
    _actions(picked)
