"""A link that names what is not here says so, on every page that takes one."""

from collections.abc import Container, Iterable

import streamlit as st

from core.words import plain

GONE = "It was deleted, or the link is of another server."
RUNS = f"{GONE} The Runs page lists what is there."
SHOWN = 40  # letters of a name that nobody chose


def missing(thing: str, asked: Iterable[str | None], known: Container[str], instead: str) -> None:
    """Warn of what the link of a page asks for and this server does not have.

    Parameters
    ----------
    thing
        What it is, in the singular: "run".
    asked
        What the link names; nothing and "" are no question.
    known
        What there is.
    instead
        Why that may be, and where to look.
    """
    lost = [name for name in asked if name and name not in known]
    if lost:
        names = ", ".join(f"“{plain(name[:SHOWN])}”" for name in lost)
        st.warning(f"There is no {thing} {names} here. {instead}", icon=":material/search_off:")
