"""Data: what am I training on?"""

import numpy as np
import streamlit as st

from core import data, figures
from core.data.collection import size_range
from core.errors import ThawError
from core.experiment import DrawnDials
from pages.parts import image_sources, nav, services, state

nav.require_router()

A_ROW = 12  # pictures of a class
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


def _classes_changed() -> None:
    if len(st.session_state.classes) >= 2:
        _set(classes=tuple(st.session_state.classes))
    else:
        st.toast("At least two classes are needed.", icon=":material/info:")


def _dials(dials: DrawnDials) -> None:
    st.caption("Each dial causes one of the problems that the diagnosis knows. Turn one, train, and read what it says.")
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
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    split = row.segmented_control(
        "Split", list(dataset.splits), default="train", key="gallery_split", help="Which images to look at"
    )
    row.button(
        "Other pictures",
        icon=":material/shuffle:",
        on_click=lambda: st.session_state.update(gallery_seed=st.session_state.get("gallery_seed", 0) + 1),
        help="Shows other images",
    )
    shown = dataset.splits[split or "train"]
    order = np.random.default_rng(st.session_state.get("gallery_seed", 0)).permutation(len(shown))
    with st.container(key="gallery"):
        for number, name in enumerate(dataset.class_names):
            rows = [i for i in order if shown.labels[i] == number][:A_ROW]
            st.markdown(f"**{name}** :gray[· {int((shown.labels == number).sum())} images]")
            if rows:
                st.image([np.asarray(shown.source[shown.indices[i]]) for i in rows], width=96)
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
            with st.expander(f"The {len(note.names)} images"):
                _named(dataset, note.names)


def _named(dataset: data.Dataset, names: tuple[str, ...]) -> None:
    """Show images by their names, and list all of them."""
    rows = {name: row for s in dataset.splits.values() for name, row in zip(s.names, s.indices, strict=True)}
    known = [name for name in names if name in rows][:A_ROW]
    if known:
        source = dataset.train.source
        st.image([np.asarray(source[rows[n]]) for n in known], caption=[n.rpartition("/")[2] for n in known], width=96)
    st.dataframe({"file": list(names)}, hide_index=True)


def _rejected(dataset: data.Dataset) -> None:
    n = len(dataset.rejected)
    if n:
        title = f"{n} file was left out" if n == 1 else f"{n} files were left out"
        with st.expander(title, icon=":material/block:"):
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
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(dataset.title, width="content")
        if st.button(
            "Train on these images",
            type="primary",
            icon=":material/science:",
            key="to_lab",
            help="Goes to the Lab",
        ):
            st.switch_page(nav.path("lab"))
    _numbers(dataset, collection)
    dials = x.data.drawn
    titles = ["Pictures", *(["Dials"] if dials else []), "Split", "Health"]
    tabs = dict(zip(titles, st.tabs(titles), strict=True))
    with tabs["Pictures"]:
        _gallery(dataset)
    if dials:
        with tabs["Dials"]:
            _dials(dials)
    with tabs["Split"]:
        _split_controls(collection.class_names)
        st.plotly_chart(figures.class_counts(services.counts(dataset)), key="counts", config={"displayModeBar": False})
        _rejected(dataset)
    with tabs["Health"]:
        _health(dataset)
        _rejected(dataset)


st.title("Data")
st.caption("What the network is trained on. Everything stays on this machine.")
draw_pictures = image_sources.draw()
st.divider()
_chosen()
draw_pictures()
