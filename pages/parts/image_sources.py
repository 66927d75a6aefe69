"""Where the images come from: built-in and public sets, downloads, uploads, a folder on the server."""

import re
from collections.abc import Callable

import numpy as np
import streamlit as st

from core import data, paths
from core.data import download, folders, upload
from core.data.layout import understand
from core.errors import ThawError
from core.experiment import DataEdits, DataSpec, DrawnDials
from core.words import counted, distinct, one_line, plain
from pages.parts import basket, layout_tree, services, state

TITLES = ["Built in and public", "My own images"]
LAYOUT = """pets.zip
├─ cat/   001.jpg, 002.jpg …
└─ dog/   001.jpg, 002.jpg …"""


def draw() -> Callable[[], None]:
    """Draw the choice of images and return what draws the pictures on its cards: the page does that last, since it can take a while.

    ``?choose=mine`` in the link opens the upload.
    """
    current = state.experiment().data.source
    found = data.sources()
    own = current.startswith(("upload:", "folder:")) or st.query_params.get("choose") == "mine"
    ready, mine = st.tabs(TITLES, default=TITLES[own])
    with mine:
        left, right = st.columns(2, gap="large")
        with left:
            _upload()
        with right:
            _earlier([s for s in found if s.key.startswith("upload:")], current)
            _server_folder()
    with ready:
        return _cards([s for s in found if not s.key.startswith("upload:")], current)


def _choose(source: str, roles: folders.Roles = ()) -> None:
    old = state.experiment().data
    kept = {"validation_fraction": old.validation_fraction, "test_fraction": old.test_fraction, "seed": old.seed}
    drawn = DrawnDials() if source.startswith("drawn:") else None
    remembered = st.session_state.setdefault("edits_of", {})
    if old.edits:
        remembered[old.source] = old.edits
    else:
        remembered.pop(old.source, None)
    edits = DataEdits(folders=roles) if roles else remembered.get(source, DataEdits())
    state.change(data=DataSpec(source=source, drawn=drawn, edits=edits, **kept))


@st.cache_data(show_spinner=False, max_entries=40)
def _thumbnails(source: str, _ready: bool) -> list[np.ndarray]:
    """Return four pictures of a source, of different classes where there are some."""
    try:
        found = services.dataset(DataSpec(source=source), 96)
    except ThawError:
        return []
    rows = np.random.default_rng(1).permutation(found.train.indices)[:4]
    return [np.asarray(found.train.source[r]) for r in rows]


def _cards(sources: list[data.Source], current: str) -> Callable[[], None]:
    with st.container(key="sources"):
        places = {source.key: _source_card(source, source.key == current) for source in sources}

    def fill() -> None:
        for source in sources:
            if source.ready and (pictures := _thumbnails(source.key, source.ready)):
                places[source.key].image(pictures, width=46, alt=[f"example of {source.title}"] * len(pictures))

    return fill


def _source_card(source: data.Source, chosen: bool):
    """Draw a card and return the place for its pictures."""
    with st.container(border=True, key=f"source_{source.key.replace(':', '_')}"):
        st.markdown(f"**{plain(source.title)}**" + ("  :green-badge[in use]" if chosen else ""))
        place = st.empty()
        place.caption("Drawing the pictures …" if source.ready else ":material/cloud_download: not on this machine yet")
        st.caption(f"{source.description}. Licence: {source.licence}.")
        if source.ready:
            st.button(
                "Use these images",
                key=f"use_{source.key}",
                on_click=_choose,
                args=(source.key,),
                disabled=chosen,
                help="Makes them the images of the experiment",
            )
        else:
            _download_control(source.key.partition(":")[2])
    return place


def _download_control(key: str) -> None:
    running = download.state(key).status == "running"

    @st.fragment(run_every=1.0 if running else None)
    def live() -> None:
        now = download.state(key)
        if now.status == "running":
            st.progress(now.share, text=f"Downloading: {now.message}")
            return
        if running or now.status == "ready":
            st.rerun()
        if now.status == "failed":
            st.warning(now.message, icon=":material/cloud_off:")
        label = "Try again" if now.status == "failed" else "Download"
        if st.button(label, key=f"download_{key}", icon=":material/download:", help="Goes on in the background"):
            download.start(key)
            st.rerun()

    live()


def _upload() -> None:
    ways = {"An archive": _archive, "A folder": _folder, "Camera or single pictures": _gathered}
    way = st.segmented_control(
        "How do they come?",
        list(ways),
        default="An archive",
        required=True,
        key="upload_way",
        help="What you have: an archive, a folder, or the things themselves",
    )
    ways[way]()


def _archive() -> None:
    file = st.file_uploader(
        "A ZIP, 7z or tar with a folder for each class",
        type=["zip", "tar", "gz", "tgz", "bz2", "xz", "7z", "rar"],
        key="upload",
        help="Up to 500 MB. Folders for training, validation and test are kept as the split, in whatever spelling; a table of labels or labels in "
        "file names are read too. JPEG, PNG, WebP, AVIF, HEIC, BMP, GIF and TIFF; files that cannot be used are left out and listed",
    )
    st.code(LAYOUT, language=None)
    if file is not None:
        _take(
            file.file_id,
            file.name,
            lambda name, progress, roles: upload.import_archive(file, name, progress, roles),
            lambda roles: upload.glance(file, roles),
        )


def _folder() -> None:
    files = st.file_uploader(
        "A folder with a folder for each class",
        accept_multiple_files="directory",
        key="upload_folder",
        help="Drop it here, or choose it; what was said of archives is true of it",
    )
    if files:
        _take(
            "|".join(sorted(f.file_id for f in files)),
            files[0].name.replace("\\", "/").split("/")[0] or "A folder",
            lambda name, progress, roles: upload.import_files([(f.name, f) for f in files], name, progress, roles),
            lambda roles: understand([f.name for f in files], roles=dict(roles)),
        )


def _gathered() -> None:
    pictures = basket.draw()
    if pictures is not None:
        _import(
            f"{counted(len(pictures), 'picture')} of mine",
            lambda name, progress, roles: upload.import_files(pictures, name, progress, roles),
            (),
        )


def _take(identity: str, name: str, import_them: Callable, glance: Callable) -> None:
    """Import what was uploaded once; where it is refused, show how its folders were understood, to be put right."""
    if st.session_state.get("uploaded_id") == identity:
        return
    roles = st.session_state.get("upload_roles", {}) if st.session_state.get("upload_roles_of") == identity else {}
    title = re.sub(r"\.(zip|tar|tgz|7z|rar|tar\.\w+)$", "", name, flags=re.IGNORECASE)
    if not _import(title, import_them, tuple(sorted(roles.items())), identity):
        _put_right(identity, roles, glance)


def _import(name: str, import_them: Callable, roles: folders.Roles, identity: str = "") -> bool:
    bar = st.progress(0.0, text="Reading the files …")
    try:
        source = import_them(name, lambda what, share: bar.progress(min(share, 1.0), text=what), roles)
    except ThawError as error:
        bar.empty()
        st.error(plain(error), icon=":material/error:")
        return False
    bar.empty()
    st.session_state.uploaded_id = identity
    _choose(source, roles)
    st.toast("Your images are ready.", icon=":material/check:")
    st.rerun()


def _put_right(identity: str, roles: dict, glance: Callable) -> None:
    try:
        layout = glance(tuple(sorted(roles.items())))
    except ThawError:
        return
    if not layout.folders:
        return
    st.caption(
        "This is how the folders were understood. Where it is wrong, say what a folder is, and it is read again."
    )
    changed = layout_tree.draw(layout, roles, f"refused_{identity}_{len(roles)}_{hash(tuple(sorted(roles.items())))}")
    if changed is not None:
        st.session_state.upload_roles, st.session_state.upload_roles_of = changed, identity
        st.rerun()


def _choose_earlier() -> None:
    if st.session_state.earlier_upload:
        _choose(st.session_state.earlier_upload)


def _earlier(uploads: list[data.Source], current: str) -> None:
    if not uploads:
        st.caption("What you upload stays on this server and appears here.")
        return
    titles = dict(zip((s.key for s in uploads), distinct(one_line(s.title) for s in uploads), strict=True))
    key = state.bind("earlier_upload", current if current in titles else None)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    row.selectbox(
        "Uploaded earlier",
        list(titles),
        format_func=titles.__getitem__,
        key=key,
        index=None,
        placeholder="Choose …",
        on_change=_choose_earlier,
        help="Images that were uploaded to this server",
    )
    if current in titles:
        with row.popover("Delete", icon=":material/delete:", help="Removes these images from the server"):
            st.markdown("The pictures are removed from the disk, for everybody. Runs that used them keep their curves and verdicts. This cannot be undone.")  # fmt: skip
            st.button("Delete these images", key="delete_upload", type="primary", on_click=_delete, args=(current,), help="They can be uploaded again")  # fmt: skip


def _delete(source: str) -> None:
    try:
        data.delete_upload(source)
    except ThawError as error:
        st.toast(plain(error), icon=":material/error:")
    _choose(DataSpec().source)


def _server_folder() -> None:
    root = paths.server_root()
    if root is None:
        return
    st.text_input(
        "A folder on the server",
        key="server_folder",
        placeholder="flowers/spring",
        help="Below the folder that the person who runs this server has opened",
    )
    if st.button(
        "Use this folder", disabled=not st.session_state.server_folder, help="Reads its images, a folder a class"
    ):
        try:
            folders.below_root(st.session_state.server_folder)
            _choose(f"folder:{st.session_state.server_folder}")
            st.rerun()
        except ThawError as error:
            st.error(plain(error), icon=":material/error:")
