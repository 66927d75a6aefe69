"""One click that moves a picture to another class or leaves it out, wherever pictures are shown; and what was changed, to take back."""

from collections.abc import Callable

import streamlit as st

from core.data import edits
from core.experiment import DataEdits
from core.words import plain
from pages.parts import state

OUT = ":material/block: leave out"


def apply(change: Callable[[DataEdits], DataEdits]) -> None:
    """Change the edits of the images in the Experiment; one step of its undo."""
    spec = state.experiment().data
    state.change(data=spec.replace(edits=change(spec.edits)))


def menu(name: str, label: str, class_names: tuple[str, ...], key: str) -> None:
    """Draw the menu of one picture: the other classes, and leaving it out."""

    def chosen() -> None:
        wanted = st.session_state[key]
        if wanted == OUT:
            apply(lambda e: edits.remove(e, [name]))
        elif wanted:
            apply(lambda e: edits.relabel(e, [name], wanted))

    st.menu_button(
        "Change",
        [*(c for c in class_names if c != label), OUT],
        key=key,
        on_click=chosen,
        type="tertiary",
        help=f"{plain(name)}, filed under {plain(label)}: move it to another class, or leave it out",
    )


def bar() -> None:
    """Draw what was changed about the images, each with a way back; nothing where nothing was."""
    made = state.experiment().data.edits
    if not made:
        return
    n = len(made)
    with st.container(horizontal=True, vertical_alignment="center", key="edits_bar"):
        st.markdown(f":material/edit: **{n} edit{'s' if n > 1 else ''}** of these images", width="content")
        with st.popover("See them"):
            for line in edits.describe(made)[:200]:
                st.text(line)
        st.button(
            "Take back the last change",
            key="edits_undo",
            on_click=state.undo,
            help="Undoes the last change of the settings",
        )
        st.button(
            "Take all back",
            key="edits_clear",
            on_click=lambda: apply(lambda _: DataEdits()),
            help="The images as they came",
        )
