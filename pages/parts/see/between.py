"""The path between: what lies between two runs' weights."""

import streamlit as st

from core import figures
from core.errors import ThawError
from core.insight import path
from core.words import plain, signed
from pages.parts import glossary, nav, services
from pages.parts.see.ask import ask
from pages.parts.see.choice import Chosen


@st.fragment
def draw(pair: Chosen) -> None:
    """Show accuracy and loss along the path, and let a point of it be kept."""
    if pair.before is None:
        st.info("Choose a run under “Before”: the path leads from one run to another.", icon=":material/compare:")
        return
    same = pair.same_pictures and pair.evaluations[0].class_names == pair.evaluations[1].class_names
    if reason := path.obstacle(pair.before, pair.after, same):
        st.info(reason, icon=":material/block:")
        return
    found = ask(path.along, pair.ids, doing="Walking from one run to the other …")
    if found is None:
        return
    if not found.layers:
        st.info("The two runs ended with the same weights: there is nothing between them.", icon=":material/equal:")
        return
    st.markdown(f"#### {path.told(found)}")
    best = found.gains[0].share if found.gains[0].sure else None
    for column, title, values in zip(st.columns(2), ("accuracy", "loss"), (found.accuracy, found.loss), strict=True):
        figure = figures.path(path.SHARES, values, path.CONDITIONS, title, best)
        column.plotly_chart(figure, key=f"path_{title}", config={"displayModeBar": False}, alt=f"Validation {title} from before to after")  # fmt: skip
    st.caption(glossary.linked(f"Weights (1 − a) · before + a · after of {', '.join(found.layers[:4])}{' …' if len(found.layers) > 4 else ''}, on {found.n} validation pictures and changed copies of them (Wortsman et al. 2022). The test pictures have no say here."))  # fmt: skip
    _robust(found)
    _keep(pair, found)


def _robust(found: path.Path) -> None:
    better = [f"{name} ({signed(100 * g.value)} points, {signed(100 * g.low)} to {signed(100 * g.high)})" for name, g in zip(path.CONDITIONS[1:], found.gains[1:], strict=True) if g.sure]  # fmt: skip
    if better:
        st.markdown(f"On pictures that are {', '.join(better)} a point between is surely better than either run.")


def _keep(pair: Chosen, found: path.Path) -> None:
    row = st.columns([3, 2, 1], vertical_alignment="bottom")
    share = row[0].slider("How far along", 0.0, 1.0, found.gains[0].share, 0.1, format="percent", key="path_share", help="0% is the run before, 100% the run after")  # fmt: skip
    at = round(share * 10)
    row[1].markdown(f"validation **{found.accuracy[0, at]:.1%}**, loss **{found.loss[0, at]:.3f}**")
    if row[2].button("Keep this point", icon=":material/save:", disabled=share in (0, 1), help="Keeps the mixed weights as a run with a model of its own"):  # fmt: skip
        name = f"{share:.0%} from {pair.runs[0].title} to {pair.after.title}"
        try:
            with st.spinner("Keeping it …"):
                run_id = services.engine().call(path.keep, services.store().uri, pair.ids, share, name, timeout=300.0)
        except ThawError as error:
            st.error(plain(error), icon=":material/error:")
            return
        st.session_state.path_kept = {"of": pair.ids, "run": run_id}
    if (kept := st.session_state.get("path_kept")) and kept["of"] == pair.ids:
        st.success("It is a run of its own now: try it, compare it, export it.", icon=":material/check:")
        st.page_link(nav.path("see"), label="Look into it", icon=":material/visibility:", query_params={"run": kept["run"], "before": pair.after.id})  # fmt: skip
