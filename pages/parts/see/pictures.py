"""Where a picture comes from: files, the clipboard, the test split, the camera, a live picture."""

import base64
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from core.data.decode import UnusableImage
from core.errors import ThawError
from core.insight import try_picture
from core.words import plain
from pages.parts import services
from pages.parts.see.choice import Chosen

HERE = Path(__file__).parent
MOST = 12
FROM = ("Test pictures", "Files", "Clipboard", "Camera", "Live")
CSS = (HERE / "inputs.css").read_text()
_paste = st.components.v2.component("thaw_paste", html='<div class="paste"></div>', css=CSS, js=(HERE / "paste.js").read_text())  # fmt: skip
_live = st.components.v2.component("thaw_live", html='<div class="live"></div>', css=CSS, js=(HERE / "live.js").read_text())  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A picture at each size that a network wants; ``truth`` is its class where it is known, ``content`` the file where it came as one."""

    name: str
    sizes: dict[int, np.ndarray]
    truth: int | None = None
    content: bytes | None = None


def chosen(pair: Chosen, key: str, *, most: int = MOST) -> list[Picture]:
    """Let people choose pictures, and return those that can be used; the others are named with the reason."""
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    source = left.segmented_control("Pictures from", FROM, default=FROM[0], key=f"{key}_from", help="Any picture can be tried: it is not kept unless you say so")  # fmt: skip
    with right:
        if source == "Files":
            return _files(pair, key, most)
        if source == "Clipboard":
            url = _paste(key=f"{key}_paste", on_picture_change=_nothing).picture
            return _usable(pair, [("pasted picture", _content(url))])
        if source == "Camera":
            shot = st.camera_input("Hold something up", key=f"{key}_camera", width=320, help="The picture goes to this server and nowhere else")  # fmt: skip
            return _usable(pair, [("camera", shot.getvalue() if shot else None)])
        if source == "Live":
            url = _live(key=f"{key}_live", on_picture_change=_nothing).picture
            return _usable(pair, [("live", _content(url))])
        return _of_test_split(pair, key)


def _nothing() -> None:
    """Let the component's value be part of what it returns."""


def _content(url: str | None) -> bytes | None:
    """Return the bytes of a data URL."""
    return base64.b64decode(url.partition(",")[2]) if url else None


def _files(pair: Chosen, key: str, most: int) -> list[Picture]:
    files = st.file_uploader("Drop pictures here", type=["jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff"], accept_multiple_files=True, key=f"{key}_files", help="JPEG, PNG, WebP, BMP, GIF or TIFF")  # fmt: skip
    if len(files) > most:
        st.caption(f"The first {most} of {len(files)} pictures are shown.")
    return _usable(pair, [(f.name, f.getvalue()) for f in files[:most]])


def _usable(pair: Chosen, files: list[tuple[str, bytes | None]]) -> list[Picture]:
    found = []
    for name, content in files:
        if content is None:
            continue
        try:
            found.append(Picture(name, try_picture.from_bytes(content, pair.sizes), content=content))
        except UnusableImage as error:
            st.warning(f"{plain(name)} {plain(error)}.", icon=":material/broken_image:")
    return found


def _of_test_split(pair: Chosen, key: str) -> list[Picture]:
    try:
        sets = [services.dataset(run.experiment.data, run.experiment.backbone.size) for run in pair.runs]
    except ThawError as error:
        st.error(plain(error), icon=":material/error:")
        return []
    test = sets[-1].test
    if not len(test):
        st.info("This run has no test pictures. Choose files or the camera.", icon=":material/info:")
        return []
    names = [f"{i + 1}: {sets[-1].class_names[test.labels[i]]} · {test.names[i]}" for i in range(len(test))]
    at = st.selectbox("Test picture", range(len(test)), format_func=names.__getitem__, key=f"{key}_test_{pair.after.id}", help="Pictures that no run has learnt from")  # fmt: skip
    known = {s.size: np.asarray(s.test.source[s.test.indices[at]]) for s in sets if _same_row(s.test, test, at)}
    rest = set(pair.sizes) - set(known)
    if rest:  # another network's size of a picture that its own images do not hold
        known |= try_picture.at_sizes(np.asarray(test.source[test.indices[at]]), sorted(rest))
    return [Picture(test.names[at], known, int(test.labels[at]))]


def _same_row(split, other, at: int) -> bool:
    return len(split) == len(other) and split.names[at] == other.names[at]
