"""The page registry, and the guard that lets a deep link work right after a restart."""

from pathlib import Path

import streamlit as st

from pages.parts import services

FLAG = "_router"
PAGES = (
    ("start", "Start", ":material/home:"),
    ("data", "Data", ":material/photo_library:"),
    ("lab", "Lab", ":material/science:"),
    ("compare", "Compare", ":material/compare:"),
    ("how_far", "How far to thaw?", ":material/stairs:"),
    ("diagnose", "Diagnose my curves", ":material/stethoscope:"),
    ("runs", "Runs", ":material/history:"),
    ("learn", "Learn", ":material/school:"),
)


def path(name: str) -> str:
    """Return the file of a page, as ``st.switch_page`` takes it."""
    return f"pages/{name}.py"


def _pages() -> list:
    return [st.Page(path(name), title=title, icon=icon, default=name == "start") for name, title, icon in PAGES]


def run() -> None:
    """Draw the navigation and the chosen page."""
    st.set_page_config(
        page_title="Thaw", page_icon=":material/ac_unit:", layout="wide", initial_sidebar_state="collapsed"
    )
    st.session_state[FLAG] = True
    chosen = st.navigation(_pages(), position="top")
    style = (Path(__file__).with_name("style.css")).read_text()
    st.html(f"<style>{style}</style>")
    chosen.run()
    services.engine()  # last, so that the page need not wait; the worker is warm when somebody presses Train
    # A place to stop where the person has moved on meanwhile: a run that ends after the next page's run makes Streamlit forget
    # that page's fragments, and their buttons do nothing.
    st.empty()


def require_router() -> None:
    """Begin every page with this: until a session has come through ``app.py``, Streamlit runs page files without it."""
    if not st.session_state.get(FLAG):
        st.session_state[FLAG] = True
        st.navigation(_pages(), position="top")
        st.rerun()


def link_to_run(run_id: str) -> str:
    """Return the address that opens a run in another browser."""
    base = (st.context.url or "").rstrip("/").rsplit("/", 1)[0] if st.context.url else ""
    return f"{base}/lab?run={run_id}"
