"""Presentation: large type, no controls, steps by arrow keys; kept in the link from page to page."""

import streamlit as st

FLAG = "present"
KEYS = """
export default function ({ setTriggerValue }) {
  const moves = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 };
  const pressed = (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable;
    const inside = event.target.closest && event.target.closest("[role=radiogroup], [role=tablist], [role=slider], [role=grid]");
    if (!(event.key in moves) || typing || inside || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    setTriggerValue("moved", moves[event.key]);
  };
  window.addEventListener("keydown", pressed);
  document.body.dataset.arrowKeys = "heard";
  return () => {
    window.removeEventListener("keydown", pressed);
    delete document.body.dataset.arrowKeys;
  };
}
"""


def on() -> bool:
    """Tell whether the page is being presented."""
    return bool(st.session_state.get(FLAG))


def switch() -> None:
    """Draw the switch; ``?present=1`` turns it on, and stays in the link of every page while it is on."""
    if FLAG not in st.session_state:
        st.session_state[FLAG] = st.query_params.get(FLAG) == "1"
    with st.container(key="present_switch"):
        st.toggle("Present", key=FLAG, help="For a projector: large type, no controls; the arrow keys step through a demonstration")  # fmt: skip
    if on():
        st.query_params[FLAG] = "1"
    elif FLAG in st.query_params:
        del st.query_params[FLAG]


@st.cache_resource(show_spinner=False)
def _component():
    return st.components.v2.component("thaw_arrow_keys", js=KEYS)


def step(key: str, last: int) -> int:
    """Return which step of a presentation is shown, 0 to ``last``; the arrow keys and two buttons move it.

    Parameters
    ----------
    key
        Of what is presented; each key has its own place.
    last
        Number of the last step.
    """
    place, keys = f"{key}_step", f"{key}_keys"
    at = min(st.session_state.setdefault(place, 0), last)

    def go(by: int) -> None:
        st.session_state[place] = max(0, min(last, at + by))

    _component()(key=keys, on_moved_change=lambda: go(int(st.session_state[keys].moved or 0)))
    with st.container(horizontal=True, gap="small", vertical_alignment="center", width="content", key="present_steps"):
        st.button("", icon=":material/chevron_left:", key=f"{key}_back", on_click=go, args=(-1,), disabled=at == 0, help="One step back (left arrow)")  # fmt: skip
        st.markdown(f"{at + 1} / {last + 1}", width="content")
        st.button("", icon=":material/chevron_right:", key=f"{key}_on", on_click=go, args=(1,), disabled=at == last, help="One step on (right arrow)")  # fmt: skip
    return at
