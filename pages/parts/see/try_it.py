"""Try it: both models' answers to any picture, and the training pictures that look most like it."""

import numpy as np
import streamlit as st

from core import figures
from core.data import edits
from core.data.decode import UnusableImage
from core.errors import ThawError
from core.insight import try_picture
from core.runs import Run
from core.words import distinct, plain
from pages.parts import services, state
from pages.parts.see import pictures
from pages.parts.see.ask import ask
from pages.parts.see.choice import Chosen


@st.fragment
def draw(pair: Chosen) -> None:
    """Choose pictures and show what the runs answer."""
    tried = pictures.chosen(pair, "try")
    if not tried:
        st.caption("Drop, paste or photograph something: the answers appear here.")
        return
    stacked = {size: np.stack([p.sizes[size] for p in tried]) for size in set(pair.sizes)}
    told = ask(try_picture.answers, pair.ids, stacked, doing="Asking the models …")
    if told is None:
        return
    _sentence(pair, told)
    kept = [p for p in tried if p.content is not None]
    places = [_one(pair, picture, [answers[i] for answers in told]) for i, picture in enumerate(tried)]
    if kept:
        _keep(pair, kept)
    alike = ask(try_picture.neighbours, pair.ids, stacked, doing="Looking for similar training pictures …")
    for i, columns in enumerate(places if alike else []):
        for run, column, found in zip(pair.runs, columns, alike, strict=True):
            _neighbours(run, column, found[i])


def _sentence(pair: Chosen, told: list[np.ndarray]) -> None:
    """Say in one sentence whether the runs agree."""
    names = [e.class_names for e in pair.evaluations]
    answers = [[n[i] for i in p.argmax(1)] for n, p in zip(names, told, strict=True)]
    if len(told[0]) == 1:
        said = [f"{a[0]} ({p[0].max():.0%})" for a, p in zip(answers, told, strict=True)]
        text = said[0] if len(said) == 1 else f"Before: {said[0]}. After: {said[1]}."
        st.markdown(f"#### {text}")
    elif pair.before:
        same = sum(a == b for a, b in zip(*answers, strict=True))
        st.markdown(f"#### Both answer the same on {same} of {len(told[0])} pictures.")


def _one(pair: Chosen, picture: pictures.Picture, answers: list[np.ndarray]) -> list:
    """Draw a picture beside the answers; return where more about each answer can stand."""
    shown, *places = st.columns([2, *[3] * len(pair.runs)], vertical_alignment="top")
    shown.image(
        picture.sizes[pair.sizes[-1]],
        caption=plain(picture.name),
        width=180,
        alt=f"{picture.name}, as the network gets it",
    )
    for place, label, evaluation, answer in zip(places, pair.labels, pair.evaluations, answers, strict=True):
        place.markdown(f"**{plain(label)}**")
        place.html(figures.answer_bars(answer, evaluation.class_names, picture.truth))
    return places


def _neighbours(run: Run, place, found: try_picture.Neighbours) -> None:
    try:
        images = services.dataset(run.experiment.data, run.experiment.backbone.size)
    except ThawError as error:
        place.caption(f"The training pictures cannot be shown: {plain(error)}")
        return
    names = [images.class_names[label] for label in found.labels]
    place.caption("The most similar training pictures, to this network:")
    place.image([np.asarray(images.train.source[row]) for row in found.rows], caption=[plain(n) for n in names], width=64, alt=[f"training picture of {name}" for name in names])  # fmt: skip


def _keep(pair: Chosen, tried: list[pictures.Picture]) -> None:
    """Offer to put pictures that were tried into a class of the data set; that is a change of the experiment, which can be undone."""
    row = st.columns([3, 2, 1], vertical_alignment="bottom")
    names = distinct(p.name for p in tried)
    at = row[0].selectbox("Keep a picture", range(len(tried)), format_func=names.__getitem__, key="try_keep", help="It becomes a training picture of the experiment in the editor; Undo takes it back")  # fmt: skip
    label = row[1].selectbox("That was", pair.class_names, key=f"try_keep_class_{pair.after.id}", accept_new_options=True, help="Its true class, or a new one")  # fmt: skip
    if row[2].button("Keep", icon=":material/add_photo_alternate:", help="Adds the picture to the data set; train again to learn from it"):  # fmt: skip
        try:
            _put(pair, tried[at], label)
        except (ThawError, UnusableImage) as error:
            st.error(f"The picture was not kept: {plain(error)}", icon=":material/error:")
            return
        st.success(f"{plain(names[at])} is a training picture of {plain(label)} now. Train in the Lab to learn from it; Undo there takes it back.", icon=":material/check:")  # fmt: skip


def _put(pair: Chosen, picture: pictures.Picture, label: str) -> None:
    spec = pair.after.experiment.data
    current = state.experiment().data
    edited = current if current.source == spec.source else spec
    whole = try_picture.whole(picture.content or b"")
    state.change(data=edited.replace(edits=edits.keep(edited.edits, whole, label, "train")))
