"""See: what did it learn to look at?"""

import streamlit as st

from core.errors import ThawError
from core.words import plain
from pages.parts import links, nav, services
from pages.parts.see import between, choice, looks, moved, picture_map, try_it, without

nav.require_router()

QUESTIONS = {
    "Try it": try_it.draw,
    "Where it looks": looks.draw,
    "Map of pictures": picture_map.draw,
    "What moved": moved.draw,
    "The path between": between.draw,
    "Without these pictures": without.draw,
}
NOTHING = "One of these runs kept no answers. Choose another."


def _nothing_yet() -> None:
    with st.container(border=True):
        st.markdown("### :material/visibility: No finished run yet")
        st.markdown("Train something first: then hold a picture up to it here, and see what it looks at.")
        with st.container(horizontal=True):
            st.page_link(nav.path("start"), label="See the demonstration", icon=":material/play_arrow:")
            st.page_link(nav.path("lab"), label="Go to the Lab", icon=":material/science:")


st.title("See")
st.caption(
    "What fine-tuning changed: hold a picture up, see where the network looks, how it sorts pictures, and what moved inside."
)
try:
    runs = [run for run in services.store().list(limit=200) if choice.usable(run)]
except ThawError as error:
    st.error(plain(error))
    st.stop()
asked = [st.query_params.get(name) for name in ("run", "before")]
links.missing("run with a model", asked, {r.id for r in runs}, links.RUNS)
if not runs:
    _nothing_yet()
    st.stop()
pair = choice.chosen(runs)
if None in pair.evaluations:
    st.error(plain(next(filter(None, map(services.damage, pair.runs)), NOTHING)), icon=":material/healing:")
    st.stop()
if (shown := st.query_params.pop("show", None)) in QUESTIONS:
    st.session_state.see_tab = shown
for tab, draw in zip(st.tabs(list(QUESTIONS), key="see_tab", on_change="rerun"), QUESTIONS.values(), strict=True):
    if tab.open:
        with tab:
            draw(pair)
