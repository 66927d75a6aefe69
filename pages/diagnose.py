"""Diagnose my curves: what is wrong with a run that was made elsewhere?"""

import hashlib

import pandas as pd
import streamlit as st

from core import figures, sandbox
from core.diagnosis import diagnose_history
from core.errors import ThawError
from core.histories import READERS, TARGETS, difference, read_histories
from core.histories.examples import EXAMPLES
from core.words import distinct, plain
from pages.parts import nav
from pages.parts.run import legend, verdict

nav.require_router()

File = tuple[bytes | str, str]
CORRECTED = TARGETS[:4]


@st.cache_data(show_spinner="Reading …", max_entries=30)
def _read(files: tuple[File, ...], roles: tuple[tuple[str, str], ...]) -> list[tuple[str, pd.DataFrame]]:
    return sandbox.run(read_histories, files, dict(roles))


def _input() -> tuple[File, ...]:
    files = st.file_uploader(
        "One file or several, or a ZIP",
        key="history_file",
        accept_multiple_files=True,
        max_upload_size=5,
        help="Up to 5 MB each; nothing leaves this machine. Two histories are compared; files that hold a part each, such as a TensorBoard folder, are read as one",
    )
    st.text_area(
        "or paste it here",
        key="history_text",
        height=170,
        placeholder="Epoch 1/10\n25/25 ━━━━ 4s - accuracy: 0.55 - loss: 1.02 - val_accuracy: 0.68 - val_loss: 0.81\n…",
        help="What was printed, a table, or JSON",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Try an example", list(EXAMPLES), index=None, key="history_example", placeholder="Six histories to pick from", on_change=_fill_in, help="Fills in a history that shows something")  # fmt: skip
        with st.popover("Formats", icon=":material/description:", help="What can be read, with an example of each"):
            _formats()
    if files:
        return tuple((f.getvalue(), f.name) for f in files)
    text = st.session_state.history_text
    return ((text, chosen if chosen and text == EXAMPLES[chosen]() else "pasted text"),) if text.strip() else ()


def _fill_in() -> None:
    if chosen := st.session_state.history_example:
        st.session_state.history_text = EXAMPLES[chosen]()


def _formats() -> None:
    st.markdown("TensorBoard event files, ZIPs of files that belong together, and:")
    for reader in READERS:
        st.markdown(f"**{plain(reader.title)}.** {plain(reader.about)}")
        for example in reader.examples:
            st.caption(example.title)
            st.code("\n".join(line[:110] for line in example.text.splitlines()[:4]), language=None)


def _known() -> dict[str, int | None]:
    st.markdown("**If you know them**, the verdict can be surer")
    columns = st.columns(3)
    names = {"n_train": "Training images", "n_val": "Validation images", "n_classes": "Classes"}
    helps = {
        "n_train": "For whether there are few images",
        "n_val": "For how exact the validation figures are",
        "n_classes": "For what guessing would reach",
    }
    values = {
        k: c.number_input(label, 0, 10_000_000, key=f"known_{k}", help=helps[k])
        for c, (k, label) in zip(columns, names.items(), strict=True)
    }
    return {k: int(v) or None for k, v in values.items()}


def _with_told(history: pd.DataFrame, known: dict[str, int | None]) -> dict[str, int | None]:
    """Return the numbers that a person gave, else those that the file tells."""
    told = history.attrs["known"]
    return {k: v or told.get("n_validation" if k == "n_val" else k) for k, v in known.items()}


def _unknown(history: pd.DataFrame, known: dict[str, int | None]) -> list[str]:
    """Return what cannot be known from these columns, in words."""
    missing = []
    if "val_loss" not in history and "val_accuracy" not in history:
        missing.append("Without validation figures nothing can be said about new images.")
    if "clean_loss" not in history:
        missing.append(
            "Your training figures were probably measured with dropout and augmentation on, while the weights still moved; "
            "a validation loss below them is then no sign of anything."
        )
    if "val_accuracy" not in history:
        missing.append("Without accuracies the distance from guessing cannot be told.")
    if not known["n_val"]:
        missing.append("Without the number of validation images it stays open how much of the wiggling is chance.")
    missing.append(
        "Images, labels and settings are unknown, so causes in the data or the learning rate are not looked for."
    )
    return missing


def _classes_matter(history: pd.DataFrame, known: dict[str, int | None]) -> bool:
    """Tell whether another number of classes, two or ten, would change the verdict."""
    if known["n_classes"]:
        return False
    return len({diagnose_history(history, **(known | {"n_classes": n})).verdict for n in (None, 2, 10)}) > 1


def _show(name: str, history: pd.DataFrame, known: dict[str, int | None], key: str, ranges: dict) -> None:
    known = _with_told(history, known)
    diagnosis = diagnose_history(history, **known)
    st.markdown(f"**{plain(name)}** :gray[· {history.attrs['format']}]")
    verdict.draw(diagnosis, key=key, actions=False)
    if _classes_matter(history, known):
        st.info("How good this is depends on the number of classes, which the file does not tell: give it on the left, under **Classes**.", icon=":material/arrow_back:")  # fmt: skip
    legend.of_curves(figures.LINES if "clean_loss" in history else ("clean", "validation"))
    for metric in [m for m in ("loss", "accuracy") if m in history or f"val_{m}" in history]:
        shown = figures.curves(
            history,
            metric,
            diagnosis=diagnosis,
            pointed=verdict.pointed(diagnosis, key),
            n_validation=known["n_val"],
            y_range=ranges[metric],
        )
        shown.update_layout(showlegend=False)
        st.plotly_chart(shown, key=f"history_{metric}_{key}", config={"displayModeBar": False})
    _how_it_was_read(history, key)
    with st.expander("What cannot be known from this file", icon=":material/visibility_off:", key=f"unknown_{key}"):
        st.markdown("\n".join(f"- {text}" for text in _unknown(history, known)))
    with st.expander(f"What was read: {len(history)} rows", icon=":material/table:", key=f"table_{key}"):
        st.dataframe(history, hide_index=True, key=f"rows_{key}")


def _how_it_was_read(history: pd.DataFrame, key: str) -> None:
    """Say which column was read as what and what was not recognised; let it be corrected."""
    read = history.attrs
    st.caption("Read as: " + " · ".join(f"{target} ← {plain(source)}" for target, source in read["sources"].items()))
    for note in read["notes"]:
        st.caption(f":material/info: {plain(note)}")
    with st.expander("Correct what was read as what", icon=":material/tune:", key=f"correct_{key}"):
        if read["unrecognised"]:
            st.caption(f"Not used: {plain(', '.join(read['unrecognised'][:30]))}")
        names = ["", *read["columns"]]
        for target in CORRECTED:
            source = read["sources"].get(target, "")
            options = names if source in names else [*names, source]
            st.selectbox(target, options, index=options.index(source), key=f"role_{key}_{target}", format_func=lambda n: plain(n) if n else "none of them")  # fmt: skip


def _two_of(names: list[str], mark: str) -> list[int]:
    """Return which histories are shown; of more than two a person chooses, the first two at first."""
    if len(names) <= 2:
        return list(range(len(names)))
    labels = distinct(map(plain, names))
    chosen = st.multiselect(
        f"{len(names)} histories were found; one or two of them are shown",
        range(len(names)),
        default=[0, 1],
        max_selections=2,
        format_func=labels.__getitem__,
        key=f"shown_{mark}",
        help="Choose the two to compare, or one alone",
    )
    return sorted(chosen) or [0]


def _histories(files: tuple[File, ...]) -> list[tuple[str, str, pd.DataFrame]]:
    """Return key, name and history of the one or two that are shown, with corrections by hand."""
    mark = hashlib.sha256(repr([(name, hash(content)) for content, name in files]).encode()).hexdigest()[:8]
    found, every = [], _read(files, ())
    for i in _two_of([name for name, _ in every], mark):
        name, history = every[i]
        key, sources = f"{mark}_{i}", history.attrs["sources"]
        chosen = {t: st.session_state.get(f"role_{key}_{t}", sources.get(t, "")) for t in CORRECTED}
        changed = tuple((t, n) for t, n in chosen.items() if n != sources.get(t, ""))
        found.append((key, name, _read(files, changed)[i][1] if changed else history))
    return found


def _results(files: tuple[File, ...], known: dict[str, int | None]) -> None:
    histories = _histories(files)
    frames = [h for *_, h in histories]
    ranges = {m: figures.curve_range(frames, m) for m in ("loss", "accuracy")}
    if len(histories) == 2:
        names = (histories[0][1], histories[1][1])
        st.markdown(f"#### {plain(difference.sentence(frames[0], frames[1], names, known['n_val']))}")
    for column, (key, name, history) in zip(st.columns(len(histories)), histories, strict=True):
        with column:
            _show(name, history, known, key, ranges)


st.title("Diagnose my curves")
st.caption(
    "What is wrong with a run that you made elsewhere? Drop or paste whatever your framework wrote: printed output, a table, JSON, TensorBoard files."
)
left, right = st.columns([1, 2], gap="large")
with left:
    given, facts = _input(), _known()
with right:
    if not given:
        with st.container(border=True):
            st.markdown("### :material/stethoscope: No history yet")
            st.markdown(
                "Give a file or paste the numbers on the left; the verdict appears here, with the evidence marked in the curves. Two files are compared."
            )
    else:
        try:
            _results(given, facts)
        except ThawError as error:
            st.error(plain(error), icon=":material/error:")
