"""Data: what am I training on?"""

import numpy as np
import streamlit as st

from core import data, figures
from core.data import edits, health
from core.data.collection import HealthNote, size_range
from core.errors import ThawError
from core.experiment import DrawnDials
from core.words import plain
from pages.parts import image_sources, layout_tree, nav, picture_edits, services, state

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


def _split_controls(collection: data.Collection) -> None:
    spec, all_classes = state.experiment().data, collection.class_names
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
        help="Copies of a picture, altered ones too, stay in one split, so that validation images are really new",
    )
    if any(collection.given):
        st.toggle(
            "Keep the split that the images came with",
            key=state.bind("given_split", spec.given_split),
            on_change=lambda: _set(given_split=st.session_state.given_split),
            help="Off: all images are put together and dealt anew, by the shares above",
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
    editing = row.toggle("Edit", key="gallery_edit", help="Move pictures to another class, or leave them out")
    shown = dataset.splits[split or "train"]
    order = np.random.default_rng(st.session_state.get("gallery_seed", 0)).permutation(len(shown))
    with st.container(key="gallery"):
        for number, name in enumerate(dataset.class_names):
            rows = [i for i in order if shown.labels[i] == number][:A_ROW]
            st.markdown(f"**{plain(name)}** :gray[· {int((shown.labels == number).sum())} images]")
            if rows and editing:
                _editable(dataset, shown, rows, name)
            elif rows:
                st.image(
                    [np.asarray(shown.source[shown.indices[i]]) for i in rows],
                    width=96,
                    alt=[shown.names[i] for i in rows],
                )
            else:
                st.caption("none in this split")


def _editable(dataset: data.Dataset, shown: data.Split, rows: list[int], label: str) -> None:
    with st.container(horizontal=True, gap="small"):
        for i in rows:
            with st.container(width=104, gap=None):
                st.image(np.asarray(shown.source[shown.indices[i]]), width=96, alt=shown.names[i])
                picture_edits.menu(shown.names[i], label, dataset.class_names, f"edit_{shown.names[i]}")


def _health(dataset: data.Dataset, notes: list[HealthNote]) -> None:
    if not notes:
        st.success(
            "Nothing wrong was found: class sizes, splits, copies, brightness and colour were checked.",
            icon=":material/check_circle:",
        )
    for note in notes:
        show, icon = SEVERITY[note.severity]
        show(f"**{plain(note.title)}.** {plain(note.text)}", icon=icon)
        if note.code.startswith("duplicates_"):
            _copies(dataset, note.code.removeprefix("duplicates_"))
        elif note.names:
            with st.expander("The image" if len(note.names) == 1 else f"The {len(note.names)} images"):
                _named(dataset, note.names)


def _named(dataset: data.Dataset, names: tuple[str, ...]) -> None:
    """Show images by their names, and list all of them."""
    rows = {name: row for s in dataset.splits.values() for name, row in zip(s.names, s.indices, strict=True)}
    known = [name for name in names if name in rows][:A_ROW]
    if known:
        source = dataset.train.source
        st.image(
            [np.asarray(source[rows[n]]) for n in known],
            caption=[plain(n.rpartition("/")[2]) for n in known],
            width=96,
            alt=known,
        )
    st.dataframe({"file": list(names)}, hide_index=True)


def _copies(dataset: data.Dataset, part: str) -> None:
    """Show pictures of a part above the training pictures they are copies of, and the ways to part them."""
    pairs = [pair for pair in health.copies_across(dataset) if pair.split == part]
    source = dataset.train.source
    with st.container(horizontal=True, gap="small"):
        for pair in pairs[:A_ROW]:
            with st.container(width=104, gap=None):
                st.image(np.asarray(source[pair.row]), width=96, alt=pair.name)
                st.image(np.asarray(source[pair.other_row]), width=96, caption=plain(pair.how), alt=pair.other_name)
    st.caption(
        f"Above the {part} picture, below it the training picture that it comes from."
        + (f" {len(pairs) - A_ROW} more pairs are not shown." if len(pairs) > A_ROW else "")
    )
    with st.container(horizontal=True):
        st.button(
            "Put copies on one side",
            key=f"one_side_{part}",
            icon=":material/call_split:",
            on_click=lambda: _set(given_split=False, group_duplicates=True),
            help="Deals all images anew, with all copies of a picture in one part",
        )
        if len(pairs) < len(dataset.splits[part]):
            st.button(
                f"Leave these {len(pairs)} out",
                key=f"leave_out_{part}",
                on_click=lambda: picture_edits.apply(lambda e: edits.remove(e, [pair.name for pair in pairs])),
                help=f"The {part} part is then made of new pictures alone",
            )


def _rejected(dataset: data.Dataset) -> None:
    n = len(dataset.rejected)
    if n:
        title = f"{n} file was left out" if n == 1 else f"{n} files were left out"
        with st.expander(title, icon=":material/block:"):
            st.dataframe(
                {"file": [r.name for r in dataset.rejected], "why": [r.reason for r in dataset.rejected]},
                hide_index=True,
            )


def _folders(layout: data.Layout) -> None:
    spec = state.experiment().data
    st.caption(f"What was understood: {layout_tree.summary(layout)} Where it is wrong, say what a folder is.")
    roles = dict(spec.edits.folders)
    changed = layout_tree.draw(layout, roles, f"tree_{spec.source}_{hash(spec.edits.folders)}")
    if changed is not None:
        _set(edits=spec.edits.replace(folders=tuple(sorted(changed.items()))))
        st.rerun()


def _loud(dataset: data.Dataset) -> None:
    """Say on top what cost a class its pictures, or may be no class."""
    for note in dataset.notes:
        if note.severity != "info":
            show, icon = SEVERITY[note.severity]
            show(f"**{plain(note.title)}.** {plain(note.text)}", icon=icon)


def _refused(error: ThawError) -> None:
    """Say why the images cannot be used, and show how their folders were understood, which may be what is wrong."""
    st.error(plain(error), icon=":material/error:")
    picture_edits.bar()
    try:
        layout = data.layout_of(state.experiment().data)
    except ThawError:
        return
    if layout is not None and layout.folders:
        _folders(layout)


def _chosen() -> None:
    x = state.experiment()
    bar = st.empty()
    try:
        collection = data.catalogue(x.data, lambda what, share: bar.progress(min(share, 1.0), text=what))
        dataset = services.dataset(x.data, x.backbone.size)
        services.features_ready(x)  # computed by an idle worker from now on, so that Train begins at once
    except ThawError as error:
        bar.empty()
        _refused(error)
        return
    bar.empty()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(plain(dataset.title), width="content")
        if st.button(
            "Train on these images",
            type="primary",
            icon=":material/science:",
            key="to_lab",
            help="Goes to the Lab",
        ):
            st.switch_page(nav.path("lab"))
    _loud(dataset)
    picture_edits.bar()
    _numbers(dataset, collection)
    layout, dials = data.layout_of(x.data), x.data.drawn
    notes = services.health_notes(dataset.spec, dataset.size)
    health_title = f"Health · {len(notes)}" if notes else "Health"
    titles = ["Pictures", *(["Folders"] if layout else []), *(["Dials"] if dials else []), "Split", health_title]
    tabs = dict(zip(titles, st.tabs(titles), strict=True))
    with tabs["Pictures"]:
        _gallery(dataset)
    if layout:
        with tabs["Folders"]:
            _folders(layout)
    if dials:
        with tabs["Dials"]:
            _dials(dials)
    with tabs["Split"]:
        _split_controls(collection)
        st.plotly_chart(figures.class_counts(services.counts(dataset)), key="counts", config={"displayModeBar": False})
        _rejected(dataset)
    with tabs[health_title]:
        _health(dataset, notes)
        _rejected(dataset)


st.title("Data")
st.caption("What the network is trained on. Everything stays on this machine.")
draw_pictures = image_sources.draw()
st.divider()
_chosen()
draw_pictures()
