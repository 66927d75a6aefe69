"""What a page shows when something goes wrong that no page has foreseen."""

import streamlit as st

from core import logs
from core.errors import ThawError
from pages.parts import nav


def show(error: Exception) -> bool:
    """Show an error in words, instead of Streamlit's traceback; what nobody foresaw gets a number that leads to the log.

    Returns
    -------
    bool
        Always True: nothing else is to be shown.
    """
    text = str(error) if isinstance(error, ThawError) else logs.unexpected(error)
    with st.container(border=True):
        st.error(text, icon=":material/error:")
        with st.container(horizontal=True):
            st.button("Try again", icon=":material/refresh:", key=f"again-{id(error)}")
            st.page_link(nav.path("start"), label="Start page", icon=":material/home:")
    return True
