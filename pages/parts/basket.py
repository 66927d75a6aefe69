"""Pictures gathered a class at a time, with the camera or as files, until there are enough to train on."""

import io
from typing import BinaryIO

import streamlit as st

from core.data.decode import is_black
from core.data.folders import MIN_PER_CLASS
from core.words import plain

WANTED = 10  # pictures a class with which a head on frozen features tells two things on one table apart


def _basket() -> dict[str, list[bytes]]:
    return st.session_state.setdefault("basket", {"first thing": [], "second thing": []})


def draw() -> list[tuple[str, BinaryIO]] | None:
    """Draw the basket; return its pictures, named by class, when they are to be used."""
    basket = _basket()
    st.caption(
        f"Show the camera two things, {WANTED} times each from different sides, and train on them. Pictures stay on this server."
    )
    name = st.segmented_control(
        "Which thing is it now?",
        list(basket),
        default=next(iter(basket)),
        required=True,
        key="basket_class",
        format_func=plain,
        help="The pictures taken now are of this one",
    )
    _names(basket, name)
    camera, files = st.tabs(["Camera", "Files"])
    with camera:
        shot = st.camera_input(
            f"A picture of “{plain(name)}”: {len(basket[name])} of {WANTED} taken",
            key=f"camera_{sum(map(len, basket.values()))}_{st.session_state.get('basket_black', 0)}",
        )
        if shot is not None:
            if is_black(shot.getvalue()):
                st.toast("That picture is black: the camera was not ready. Take it again.", icon=":material/info:")
                st.session_state.basket_black = st.session_state.get("basket_black", 0) + 1
            else:
                basket[name].append(shot.getvalue())
            st.rerun()
    with files:
        added = st.file_uploader(
            f"Pictures of “{plain(name)}”",
            accept_multiple_files=True,
            key=f"basket_files_{st.session_state.get('basket_round', 0)}",
            help="As many as you like at once; the same formats as in an archive",
        )
        if added and st.button(f"Put {len(added)} into “{plain(name)}”", key="basket_add"):
            basket[name] += [file.getvalue() for file in added]
            st.session_state.basket_round = st.session_state.get("basket_round", 0) + 1
            st.rerun()
    return _filled(basket)


def _names(basket: dict[str, list[bytes]], name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Its name",
            value=name,
            key=f"basket_name_{name}",
            on_change=_rename,
            args=(name,),
            help="What the class is called",
        )
        if st.button("One more thing", key="basket_more", help="A further class"):
            basket[f"thing {len(basket) + 1}"] = []
            st.rerun()
        if st.button("Remove its last picture", key="basket_back", disabled=not basket[name]):
            basket[name].pop()
            st.rerun()


def _rename(name: str) -> None:
    wanted = st.session_state[f"basket_name_{name}"].strip()
    if wanted and wanted not in _basket():
        st.session_state.basket = {wanted if c == name else c: v for c, v in _basket().items()}
        st.session_state.basket_class = wanted


def _filled(basket: dict[str, list[bytes]]) -> list[tuple[str, BinaryIO]] | None:
    for name, pictures in basket.items():
        if pictures:
            st.markdown(f"**{plain(name)}** :gray[· {len(pictures)} of {WANTED}]")
            st.image([io.BytesIO(p) for p in pictures[-12:]], width=64, alt=["picture taken"] * len(pictures[-12:]))
    filled = {name: pictures for name, pictures in basket.items() if pictures}
    ready = len(filled) > 1 and all(len(p) >= MIN_PER_CLASS for p in filled.values())
    missing = "" if ready else f"At least two things, and {MIN_PER_CLASS} pictures of each"
    if st.button(
        "Use these pictures",
        key="basket_use",
        disabled=not ready,
        icon=":material/check:",
        help=missing or "Makes them the images of the experiment",
    ):
        return [
            (f"{name}/{i:03}.jpg", io.BytesIO(p)) for name, pictures in filled.items() for i, p in enumerate(pictures)
        ]
    return None
