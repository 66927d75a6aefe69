"""Data: what am I training on?"""

import numpy as np
import streamlit as st

from core import data, figures
from core.data import download, folders
from core.data.collection import size_range
from core.errors import ThawError
from core.experiment import DataSpec, DrawnDials
from pages.parts import nav, services, state

nav.require_router()

SEVERITY = {
    "problem": (st.error, ":material/error:"),
    "warning": (st.warning, ":material/warning:"),
    "info": (st.info, ":material/info:"),
}
DIALS = {
    "n_images": ("Images", "All splits together"),
    "n_classes": ("Classes", "How many shapes to tell apart"),
    "difficulty": ("Difficulty", "Clutter, noise and small shapes"),
    "label_noise": ("Wrong labels", "Share of training labels that are wrong"),
    "brightness_shift": ("Validation brighter", "Validation images brighter (+) or darker (-) than training ones"),
    "contrast_shift": ("Validation contrast", "Validation images with more (+) or less (-) contrast"),
    "shortcut": ("Shortcut", "Share of training images whose background colour tells the class"),
    "imbalance": ("Imbalance", "0: equal classes; 0.9: the last class has a tenth of the first"),
    "resolution": ("Resolution", "Pixels a side before enlarging: low loses the information"),
}


def _choose(source: str) -> None:
    old = state.experiment().data
    kept = {"validation_fraction": old.validation_fraction, "test_fraction": old.test_fraction, "seed": old.seed}
    drawn = DrawnDials() if source.startswith("drawn:") else None
    state.change(data=DataSpec(source=source, drawn=drawn, **kept))


@st.cache_data(show_spinner=False, max_entries=40)
def _thumbnails(source: str, _ready: bool) -> list[np.ndarray]:
    """Return four pictures of a source, of different classes where there are some."""
    try:
        found = services.dataset(DataSpec(source=source), 96)
    except ThawError:
        return []
    rows = np.random.default_rng(1).permutation(found.train.indices)[:4]
    return [np.asarray(found.train.source[r]) for r in rows]


def _source_card(source: data.Source, chosen: bool) -> None:
    with st.container(border=True, height="stretch", key=f"source_{source.key.replace(':', '_')}"):
        st.markdown(f"**{source.title}**" + ("  :green-badge[in use]" if chosen else ""))
        if source.ready and (pictures := _thumbnails(source.key, source.ready)):
            st.image(pictures, width=58)
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


def _sources() -> None:
    current = state.experiment().data.source
    found = data.sources()
    st.subheader("Built in and public")
    ready = [s for s in found if not s.key.startswith("upload:")]
    for start in range(0, len(ready), 3):
        for column, source in zip(st.columns(3), ready[start : start + 3], strict=False):
            with column:
                _source_card(source, source.key == current)
    st.subheader("Your own images")
    left, right = st.columns(2)
    with left:
        _upload()
    with right:
        _earlier([s for s in found if s.key.startswith("upload:")], current)
        _server_folder()


def _upload() -> None:
    file = st.file_uploader(
        "A ZIP with a folder a class, or train/, val/ and test/ with a folder a class in each",
        type=["zip"],
        key="upload",
        help="Up to 500 MB. JPEG, PNG, WebP, BMP, GIF and TIFF are read; files that cannot be used are left out and listed",
    )
    if file is None or st.session_state.get("uploaded_id") == file.file_id:
        return
    bar = st.progress(0.0, text="Reading the archive …")
    try:
        source = data.import_zip(
            file, file.name.removesuffix(".zip"), lambda what, share: bar.progress(min(share, 1.0), text=what)
        )
    except ThawError as error:
        bar.empty()
        st.error(str(error), icon=":material/error:")
        return
    st.session_state.uploaded_id = file.file_id
    _choose(source)
    st.toast("Your images are ready.", icon=":material/check:")
    st.rerun()


def _choose_earlier() -> None:
    if st.session_state.earlier_upload:
        _choose(st.session_state.earlier_upload)


def _earlier(uploads: list[data.Source], current: str) -> None:
    if not uploads:
        st.caption("What you upload stays on this server and appears here.")
        return
    titles = {s.key: s.title for s in uploads}
    key = state.bind("earlier_upload", current if current in titles else None)
    st.selectbox(
        "Uploaded earlier",
        list(titles),
        format_func=titles.__getitem__,
        key=key,
        index=None,
        placeholder="Choose …",
        on_change=_choose_earlier,
        help="Images that were uploaded to this server",
    )


def _server_folder() -> None:
    root = folders.server_root()
    if root is None:
        return
    st.text_input(
        "A folder on the server",
        key="server_folder",
        placeholder="flowers/spring",
        help="Below the folder that the person who runs this server has opened",
    )
    if st.button("Use this folder", disabled=not st.session_state.server_folder):
        try:
            folders.below_root(st.session_state.server_folder)
            _choose(f"folder:{st.session_state.server_folder}")
            st.rerun()
        except ThawError as error:
            st.error(str(error), icon=":material/error:")


def _set(**changes: object) -> None:
    state.change(data=state.experiment().data.replace(**changes))


def _split_controls(all_classes: tuple[str, ...]) -> None:
    spec = state.experiment().data
    columns = st.columns(4)
    columns[0].slider(
        "Validation share",
        0.05,
        0.6,
        step=0.05,
        key=state.bind("validation_share", spec.validation_fraction),
        on_change=lambda: _set(validation_fraction=st.session_state.validation_share),
        help="Judges each epoch. Ignored where the images came with their own validation folder",
    )
    columns[1].slider(
        "Test share",
        0.0,
        0.3,
        step=0.05,
        key=state.bind("test_share", spec.test_fraction),
        on_change=lambda: _set(test_fraction=st.session_state.test_share),
        help="Kept aside for the final figure; never used to choose anything",
    )
    columns[2].number_input(
        "Training images a class",
        0,
        5000,
        step=10,
        key=state.bind("per_class", spec.images_per_class or 0),
        on_change=lambda: _set(
            images_per_class=max(3, st.session_state.per_class) if st.session_state.per_class else None
        ),
        help="0 uses all. A small number makes a small set on purpose",
    )
    columns[3].number_input(
        "Seed of the split",
        0,
        9999,
        key=state.bind("split_seed", spec.seed),
        on_change=lambda: _set(seed=int(st.session_state.split_seed)),
        help="Another seed deals the images out anew",
    )
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    left.multiselect(
        "Classes",
        all_classes,
        key=state.bind("classes", list(spec.classes or services.dataset(spec, 96).class_names)),
        on_change=_classes_changed,
        help="Which classes to tell apart; at least two",
    )
    right.toggle(
        "Keep near-duplicates together",
        key=state.bind("group_duplicates", spec.group_duplicates),
        on_change=lambda: _set(group_duplicates=st.session_state.group_duplicates),
        help="Copies of a picture stay in one split, so that validation images are really new",
    )
    if spec.drawn is not None:
        _dials(spec.drawn)


def _classes_changed() -> None:
    if len(st.session_state.classes) >= 2:
        _set(classes=tuple(st.session_state.classes))
    else:
        st.toast("At least two classes are needed.", icon=":material/info:")


def _dials(dials: DrawnDials) -> None:
    st.markdown("**Dials** · each one causes one of the problems that the diagnosis knows")
    fields = DrawnDials.model_fields
    for start in range(0, len(DIALS), 3):
        for column, name in zip(st.columns(3), list(DIALS)[start : start + 3], strict=False):
            label, explained = DIALS[name]
            low, high = (next(getattr(m, a) for m in fields[name].metadata if hasattr(m, a)) for a in ("ge", "le"))
            value = getattr(dials, name)
            high = {"n_images": 2000}.get(name, high)
            kind = type(value)
            column.slider(
                label,
                kind(low),
                kind(high),
                step=20 if name == "n_images" else kind(1) if kind is int else 0.05,
                key=state.bind(f"dial_{name}", value),
                on_change=lambda n=name: _set(drawn=dials.replace(**{n: st.session_state[f"dial_{n}"]})),
                help=explained,
            )


def _numbers(dataset: data.Dataset, collection: data.Collection) -> None:
    row = st.container(horizontal=True, gap="large")
    row.metric("Classes", len(dataset.class_names), width="content")
    for name, split in dataset.splits.items():
        row.metric(f"{name.capitalize()} images", f"{len(split):,}", width="content")
    low, high = size_range(collection)
    text = f"{low[0]}×{low[1]}" if low == high else f"{low[0]}×{low[1]} – {high[0]}×{high[1]}"
    row.metric(
        "Size in pixels",
        text,
        help="From the smallest to the largest picture; all are stretched to the size the network sees",
        width="content",
    )


def _gallery(dataset: data.Dataset) -> None:
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    split = left.segmented_control(
        "Split", list(dataset.splits), default="train", key="gallery_split", help="Which images to look at"
    )
    right.button(
        "Others",
        icon=":material/shuffle:",
        on_click=lambda: st.session_state.update(gallery_seed=st.session_state.get("gallery_seed", 0) + 1),
        help="Shows other images",
    )
    shown = dataset.splits[split or "train"]
    order = np.random.default_rng(st.session_state.get("gallery_seed", 0)).permutation(len(shown))
    for number, name in enumerate(dataset.class_names):
        rows = [i for i in order if shown.labels[i] == number][:12]
        st.markdown(f"**{name}** :gray[· {int((shown.labels == number).sum())} images]")
        if rows:
            st.image([np.asarray(shown.source[shown.indices[i]]) for i in rows], width=88)
        else:
            st.caption("none in this split")


def _health(dataset: data.Dataset) -> None:
    notes = services.health_notes(dataset.spec, dataset.size)
    if not notes:
        st.success(
            "Nothing wrong was found: class sizes, splits, duplicates, brightness and colour were checked.",
            icon=":material/check_circle:",
        )
    for note in notes:
        show, icon = SEVERITY[note.severity]
        show(f"**{note.title}.** {note.text}", icon=icon)
        if note.names:
            with st.expander(f"{len(note.names)} files"):
                st.dataframe({"file": list(note.names)}, hide_index=True)


def _rejected(dataset: data.Dataset) -> None:
    if dataset.rejected:
        with st.expander(f"{len(dataset.rejected)} files were left out", icon=":material/block:"):
            st.dataframe(
                {"file": [r.name for r in dataset.rejected], "why": [r.reason for r in dataset.rejected]},
                hide_index=True,
            )


def _chosen() -> None:
    x = state.experiment()
    bar = st.empty()
    try:
        collection = data.catalogue(x.data, lambda what, share: bar.progress(min(share, 1.0), text=what))
        dataset = services.dataset(x.data, x.backbone.size)
    except ThawError as error:
        bar.empty()
        st.error(str(error), icon=":material/error:")
        return
    bar.empty()
    st.subheader(dataset.title)
    _numbers(dataset, collection)
    tabs = st.tabs(["Pictures", "Split", "Health"])
    with tabs[0]:
        _gallery(dataset)
    with tabs[1]:
        _split_controls(collection.class_names)
        st.plotly_chart(figures.class_counts(services.counts(dataset)), key="counts", config={"displayModeBar": False})
        _rejected(dataset)
    with tabs[2]:
        _health(dataset)
        _rejected(dataset)
    st.page_link(nav.path("lab"), label="Train on these images in the Lab", icon=":material/science:")


st.title("Data")
st.caption("What the network is trained on. Everything stays on this machine.")
_chosen()
st.divider()
_sources()
