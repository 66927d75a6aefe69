"""A Streamlit app with next to nothing on it: what a page costs on this machine before anything of ours is drawn.

``streamlit run benchmarks/bare_app.py``
"""

import streamlit as st

ROWS = 154  # as many as the table of layers has


def title() -> None:
    """Show a title."""
    st.title("Title")


def chart(name: str) -> None:
    """Show a title and one Plotly chart."""
    st.title(name)
    _draw(20)


def _draw(points: int) -> None:
    import plotly.graph_objects as go

    st.plotly_chart(go.Figure(go.Scatter(y=[1 / (1 + i) for i in range(points)])), key="chart")


def editor() -> None:
    """Show as many rows as the table of layers has, each with a box, and how many boxes are ticked."""
    import pandas as pd

    st.title("Editor")
    frame = pd.DataFrame({"on": False, "name": [f"layer {i}" for i in range(ROWS)], "n": range(ROWS)})
    edited = st.data_editor(frame, hide_index=True, key="editor")
    st.html(f"<b class='total'>{int(edited['on'].sum())}</b>")


def click() -> None:
    """Draw one chart after a click."""
    st.title("Click")
    if st.button("Draw"):
        _draw(20)


@st.fragment(run_every=1.0)
def _each_second() -> None:
    seconds = st.session_state["seconds"] = st.session_state.get("seconds", 0) + 1
    _draw(20 + seconds)


def live() -> None:
    """Draw one chart anew each second."""
    st.title("Live")
    _each_second()


def one() -> None:
    """Show the first of two pages with a chart."""
    chart("One")


def two() -> None:
    """Show the second of two pages with a chart."""
    chart("Two")


PAGES = [st.Page(page, default=page is title) for page in (title, one, two, editor, click, live)]
st.navigation(PAGES, position="top").run()
