"""The tree of runs: click one to open it, two to compare them."""

import streamlit as st

from core import figures
from core.runs import Run
from core.runs.tree import Node, settings_that_differ, tree
from core.words import plain
from pages.parts import nav, services

MOST = 40
ENOUGH_FOR_LINES = 10


def draw(runs: list[Run], key: str) -> None:
    """Draw runs as a tree, and over the settings that differ where there are many.

    Parameters
    ----------
    runs
        Newest first; the newest forty are drawn.
    key
        Prefix of widget keys.
    """
    if len(runs) > MOST:
        st.caption(f"The newest {MOST} of {len(runs)} runs are drawn; search to see others.")
    nodes = tree(runs[:MOST], lambda run: services.results(run)[0])
    names = [node.run.title for node in nodes]
    picked = [i for i in st.session_state.get(f"{key}_picked", []) if i < len(nodes)]
    figure = figures.tree(nodes, names, tuple(picked))
    told = st.plotly_chart(figure, key=f"{key}_tree_{len(nodes)}", on_select="rerun", selection_mode="points", config={"displayModeBar": False}, alt=f"Tree of {len(nodes)} settings: each right of the one it was changed from")  # fmt: skip
    clicked = [p["customdata"] for p in told["selection"]["points"] if p.get("customdata") is not None]
    _pick(key, [c[0] if isinstance(c, list) else c for c in clicked], picked)
    st.caption("Each run stands right of the one it was changed from; the branch says what changed and what it brought on validation pictures, in points with the 95% interval. Runs that differ in the seed alone share a point. Click one run, or two.")  # fmt: skip
    _offer([nodes[i].run for i in picked], key)
    _verdicts(nodes)
    differing = settings_that_differ(runs)
    if len(differing) >= ENOUGH_FOR_LINES and len(differing.columns) > 1:
        st.markdown(f"**{len(differing)} runs over the settings that differ** :gray[(draw along an axis to choose)]")
        st.plotly_chart(figures.parallel(differing), key=f"{key}_lines", config={"displayModeBar": False}, alt="Parallel coordinates: settings and validation accuracy")  # fmt: skip


def _verdicts(nodes: tuple[Node, ...]) -> None:
    """Say what the colours mean, of the verdicts that occur."""
    present = dict.fromkeys(n.run.verdict for n in nodes if n.run.verdict in figures.VERDICTS)
    keys = "".join(f'<span><i style="border-top: 0.7rem solid {figures.VERDICTS[v]}; width: 0.7rem"></i>{v.replace("_", " ")}</span>' for v in present)  # fmt: skip
    st.html(f'<div class="legend">{keys}</div>')


def _pick(key: str, clicked: list[int], picked: list[int]) -> None:
    """Keep the last two runs that were clicked."""
    fresh = [c for c in clicked if c not in picked[-1:]]
    if clicked and fresh and fresh != st.session_state.get(f"{key}_heard"):
        st.session_state[f"{key}_heard"] = fresh
        st.session_state[f"{key}_picked"] = [*[p for p in picked if p not in fresh], *fresh][-2:]
        st.rerun()


def _offer(runs: list[Run], key: str) -> None:
    """Offer what can be done with one run or two."""
    if not runs:
        return
    st.markdown("Chosen: " + ", then ".join(f"**{plain(run.title)}**" for run in runs) + (f" · {plain(runs[-1].note)}" if runs[-1].note else ""))  # fmt: skip
    with st.container(horizontal=True):
        if len(runs) == 2:
            st.page_link(nav.path("compare"), label="Compare them", icon=":material/compare:", query_params={"runs": ",".join(r.id for r in runs)})  # fmt: skip
            st.page_link(nav.path("see"), label="See what changed", icon=":material/visibility:", query_params={"run": runs[1].id, "before": runs[0].id})  # fmt: skip
        st.page_link(nav.path("lab"), label=f"Open “{plain(runs[-1].title)}” in the Lab", icon=":material/science:", query_params={"run": runs[-1].id})  # fmt: skip
        st.button("Choose others", icon=":material/close:", key=f"{key}_clear", on_click=lambda: st.session_state.update({f"{key}_picked": [], f"{key}_heard": None}), help="Forgets the chosen runs")  # fmt: skip
