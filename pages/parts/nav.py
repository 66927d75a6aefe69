"""The page registry, and the guard that lets a deep link work right after a restart."""

from pathlib import Path
from urllib.parse import urlencode

import streamlit as st

import core
from core import paths
from pages.parts import glossary, present, services

FLAG = "_router"
HERE = Path(__file__).parent
PAGES = {
    "start": "Start",
    "data": "Data",
    "lab": "Lab",
    "see": "See",
    "compare": "Compare",
    "how_far": "How far to thaw?",
    "diagnose": "Diagnose my curves",
    "runs": "Runs",
    "learn": "Learn",
}


def path(name: str) -> str:
    """Return the file of a page, as ``st.switch_page`` takes it."""
    return f"pages/{name}.py"


def _pages() -> list:
    # Without icons: the browser would fetch the chosen page's, for its tab, from the network.
    return [st.Page(path(name), title=title, default=name == "start") for name, title in PAGES.items()]


def run() -> None:
    """Draw the navigation and the chosen page."""
    st.session_state[FLAG] = True
    chosen = st.navigation(_pages(), position="top")
    st.set_page_config(
        page_title=f"{chosen.title} · Thaw",
        page_icon=str(HERE / "icon.svg"),
        layout="wide",
        initial_sidebar_state="collapsed",
    )
    st.logo(str(HERE / "logo.svg"))
    present.switch()
    _style()
    _say_problem()
    glossary.begin_page()
    chosen.run()
    if chosen.title != PAGES["lab"]:
        _end_live()
    st.caption(f"Thaw {core.__version__}", text_alignment="center")
    if advice := services.advice():
        st.caption(advice, text_alignment="center")
    services.prepare()  # the worker is warm when somebody presses Train
    # A place to stop where the person has moved on meanwhile: a run that ends after the next page's run makes Streamlit forget
    # that page's fragments, and their buttons do nothing.
    st.empty()


def _end_live() -> None:
    """Stop what trains by itself in the Lab, where the person has left it."""
    if runs := st.session_state.pop("live_runs", None):
        runs.close()


def _say_problem() -> None:
    """Say what is wrong with store or workers, for as long as it is."""
    if not services.problem():
        return

    @st.fragment(run_every=2.0)
    def live() -> None:
        if not (text := services.problem()):
            st.rerun()
        st.warning(text, icon=":material/cloud_off:")

    live()


def _style() -> None:
    """Put the style sheet into the page. Alone it would go where toasts go, and the first toast of a fragment would take its place."""
    sheets = ["style.css", *(["present.css"] if present.on() else [])]
    with st.container(key="style"):
        st.html(f"<span></span><style>{''.join((HERE / name).read_text() for name in sheets)}</style>")


def require_router() -> None:
    """Begin every page with this: until a session has come through ``app.py``, Streamlit runs page files without it."""
    paths.restrict()
    if not st.session_state.get(FLAG):
        st.session_state[FLAG] = True
        st.navigation(_pages(), position="top")
        st.rerun()


def link(name: str, **query: str) -> str:
    """Return the address of a page that opens in another browser, for example ``link("lab", run=run_id)``."""
    base = (st.context.url or "").rstrip("/")
    if base.rpartition("/")[2] in PAGES:
        base = base.rpartition("/")[0]
    return f"{base}/{name}?{urlencode(query)}"
