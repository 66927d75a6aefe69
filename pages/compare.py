"""Compare: which run is better, and why?"""

import pandas as pd
import streamlit as st

from core import figures
from core.errors import ThawError
from core.experiment import differences
from core.runs import Run
from core.words import counted, distinct, plain
from pages.parts import glossary, links, nav, pair, services
from pages.parts.run import details, legend, tree

nav.require_router()

MOST = 6


def _label(run: Run) -> str:
    return f"{run.title} · {run.created:%d %b %H:%M:%S}"


def _choice(runs: list[Run]) -> list[Run]:
    by_id = {r.id: r for r in runs}
    linked = [i for i in st.query_params.get("runs", "").split(",") if i in by_id]
    if "compared" not in st.session_state or (linked and linked != st.session_state.get("compared_link")):
        own = [r for r in runs if r.group == "lab" or r.group.startswith("scenario")]
        st.session_state.compared = linked or [r.id for r in (own if len(own) > 1 else runs)[:2]][::-1]
        st.session_state.compared_link = linked
    st.session_state.compared = [i for i in st.session_state.compared if i in by_id]
    labels = dict(zip(by_id, distinct(map(_label, runs)), strict=True))
    chosen = st.multiselect(
        "Runs to compare",
        list(by_id),
        format_func=labels.__getitem__,
        key="compared",
        max_selections=MOST,
        help="Two to six runs; their curves are drawn on the same axes",
    )
    st.query_params["runs"] = ",".join(chosen)
    st.session_state.compared_link = chosen
    return [by_id[i] for i in chosen]


def _names(runs: list[Run]) -> dict[str, str]:
    """Return a short name a run, numbered where two share one."""
    return dict(zip((r.id for r in runs), distinct(r.title for r in runs), strict=True))


def _curves(runs: list[Run], names: dict[str, str]) -> None:
    histories = {names[r.id]: services.curves(r) for r in runs}
    histories = {k: h for k, h in histories.items() if len(h)}
    if not histories:
        st.info("None of these runs has finished an epoch yet.")
        return
    legend.of_runs(histories)
    for column, metric in zip(st.columns(2), ("loss", "accuracy"), strict=True):
        figure = figures.overlay(histories, metric).update_layout(showlegend=False)
        column.plotly_chart(figure, key=f"compare_{metric}", config={"displayModeBar": False})


def _against_the_first(runs: list[Run], names: dict[str, str]) -> None:
    """Say of each run but the first how its answers differ from the first one's, and warn where the images do."""
    said = [(names[run.id], pair.said_of([runs[0], run])) for run in runs[1:]]
    if not any(s for _, s in said):
        return
    st.markdown(f"**Against {names[runs[0].id]}**, image by image")
    st.markdown("\n".join(f"- {plain(name)}: {plain(s.text)}" for name, s in said if s))
    for warning in dict.fromkeys(s.warning for _, s in said if s and s.warning):
        st.warning(warning, icon=":material/warning:")


def _figures_table(runs: list[Run], names: dict[str, str]) -> None:
    rows = []
    for run in runs:
        evaluation, diagnosis, measured = services.results(run)
        row = {"run": names[run.id], "verdict": diagnosis.title if diagnosis else run.status}
        for split in ("train", "validation", "test"):
            p = evaluation.splits.get(split) if evaluation else None
            row[split] = f"{p.accuracy:.1%} ({p.interval[0]:.0%}–{p.interval[1]:.0%})" if p and len(p.labels) else "–"
        seconds = measured.get("frontier", {}).get("seconds", {})
        row["seconds"] = f"{sum(seconds.values()):.1f}" if seconds else "–"
        rows.append(row)
    st.dataframe(pd.DataFrame(rows), hide_index=True)
    for damage in filter(None, map(services.damage, runs)):
        st.warning(plain(damage), icon=":material/healing:")
    st.caption(glossary.linked("In brackets: the 95% Wilson interval that the number of images allows."))


def _configuration(runs: list[Run], names: dict[str, str]) -> None:
    first = runs[0]
    changed = {k: None for r in runs[1:] for k in differences(first.experiment, r.experiment)}
    if not changed:
        st.info("These runs have the same settings.", icon=":material/equal:")
        return
    table = {names[r.id]: [_value(r, path) for path in changed] for r in runs}
    st.dataframe(pd.DataFrame(table, index=pd.Index([_in_words(path) for path in changed], name="setting")))


def _in_words(path: str) -> str:
    """Return the name of a setting without dots and underscores."""
    return path.replace(".", ": ").replace("_", " ")


def _value(run: Run, path: str) -> str:
    part: object = run.experiment.model_dump(mode="json")
    for key in path.split("."):
        part = part.get(key) if isinstance(part, dict) else None
    if path == "data.source":
        return services.images_titles().get(str(part), str(part))
    if path == "freeze.thawed" and isinstance(part, list):
        return counted(len(part), "layer") + (f" ({part[0]}–{part[-1]})" if part else "")
    if isinstance(part, list):
        return (
            ", ".join(" ".join(str(v) for v in p.values()) if isinstance(p, dict) else str(p) for p in part) or "none"
        )
    return str(part)


def _predictions(runs: list[Run], names: dict[str, str]) -> None:
    ids = [r.id for r in runs]
    left, right = st.columns(2)
    a = left.selectbox(
        "Before", ids, 0, format_func=names.__getitem__, key="changed_before", help="The first of the two runs"
    )
    b = right.selectbox(
        "Now", ids, len(ids) - 1, format_func=names.__getitem__, key="changed_after", help="The second of the two runs"
    )
    by_id = {r.id: r for r in runs}
    before, after = services.results(by_id[a])[0], services.results(by_id[b])[0]
    if after is None or a == b:
        st.caption("Choose two finished runs.")
        return
    details.changed_predictions(before, after, by_id[b])


st.title("Compare")
st.caption("Which run is better, and why? Two to six runs on the same axes.")
try:
    everything = services.store().list(limit=100)
except ThawError as error:
    st.error(plain(error))
    st.stop()
links.missing("run", st.query_params.get("runs", "").split(","), {r.id for r in everything}, links.RUNS)
if len(everything) < 2:
    with st.container(border=True):
        st.markdown("### :material/compare: Two runs are needed")
        st.markdown("Train something twice in the Lab, with one thing changed, and see here what it did.")
        st.page_link(nav.path("lab"), label="Go to the Lab", icon=":material/science:")
    st.stop()
chosen_runs = _choice(everything)
if len(chosen_runs) < 2:
    st.info("Choose at least two runs.", icon=":material/info:")
    st.stop()
services.rerun_when_ended(chosen_runs)
short = _names(chosen_runs)
if len(chosen_runs) == 2:
    pair.draw(*chosen_runs, key="compare", actions=False)
else:
    _against_the_first(chosen_runs, short)
    _curves(chosen_runs, short)
_figures_table(chosen_runs, short)
tabs = st.tabs(["What differs", "Predictions that changed", "Tree of runs"])
with tabs[0]:
    _configuration(chosen_runs, short)
with tabs[1]:
    _predictions(chosen_runs, short)
with tabs[2]:
    tree.draw([r for r in everything if not r.group.startswith(("trial", "sweep"))], "compare")
