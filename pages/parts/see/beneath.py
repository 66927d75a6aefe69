"""The best parts of See, under a finished pair in the Lab, a demonstration or Compare."""

import streamlit as st

from core.runs import Run
from pages.parts import nav
from pages.parts.see import choice, looks, try_it


def draw(before: Run | None, after: Run, key: str) -> None:
    """Offer to hold a picture up to a finished run or pair, and to see where it looks; nothing is computed before it is opened.

    Parameters
    ----------
    before, after
        Baseline and current run; None before, or the same run, for one alone.
    key
        Prefix of widget keys.
    """
    if not choice.usable(after):
        return
    other = before if before and before.id != after.id and choice.usable(before) else None
    pair = choice.Chosen(other, after)
    with st.expander("See what it learnt to look at", icon=":material/visibility:", key=f"{key}_see", on_change="rerun") as opened:  # fmt: skip
        if not opened.open:
            return
        st.page_link(nav.path("see"), label="All of it: map of pictures, what moved, the path between", icon=":material/open_in_new:", query_params={"run": after.id, **({"before": other.id} if other else {})})  # fmt: skip
        for tab, drawn in zip(st.tabs(["Try a picture", "Where it looks"], key=f"{key}_see_tab", on_change="rerun"), (try_it.draw, looks.draw), strict=True):  # fmt: skip
            if tab.open:
                with tab:
                    drawn(pair)
