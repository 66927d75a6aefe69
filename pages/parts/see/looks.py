"""Where it looks: heat maps before and after, of one picture and of a whole split."""

import numpy as np
import streamlit as st

from core import figures
from core.errors import ThawError
from core.insight import saliency
from core.words import plain
from pages.parts import glossary, services
from pages.parts.see import pictures
from pages.parts.see.ask import ask
from pages.parts.see.choice import Chosen

MOST_MOVED = 6
OF = ("One picture", "All validation pictures")


@st.fragment
def draw(pair: Chosen) -> None:
    """Show where the runs look."""
    row = st.columns(3)
    with row[0]:
        of = st.segmented_control("Of", OF, default=OF[0], key="looks_of", help="One picture, or the mean over all validation pictures of a class")  # fmt: skip
    with row[1]:
        depth = _depth(pair)
    if of == OF[1]:
        _split(pair, depth)
        return
    names = pair.class_names if pair.same_classes else ()
    wanted = row[2].selectbox("For the class", [-1, *range(len(names))], format_func=lambda c: "what each answers" if c < 0 else names[c], key=f"looks_class_{pair.after.id}", help="Which answer the map explains")  # fmt: skip
    _one(pair, depth, None if wanted < 0 else wanted)


def _depth(pair: Chosen) -> str:
    size = pair.sizes[-1]
    name = lambda d: f"{saliency.cells_at(d, size)} × {saliency.cells_at(d, size)}"  # noqa: E731
    return st.segmented_control("Cells", saliency.DEPTHS, default=saliency.default_depth(size), format_func=name, key=f"looks_depth_{size}", help="How fine the map is. The coarsest is the last layer's (HiResCAM) and says exactly what the answer adds up from; finer ones come from earlier layers (LayerCAM)") or saliency.default_depth(size)  # fmt: skip


def _one(pair: Chosen, depth: str, target: int | None) -> None:
    chosen = pictures.chosen(pair, "looks", most=1)
    if not chosen:
        st.caption("Choose a picture: the heat maps appear here.")
        return
    batch = {size: image[None] for size, image in chosen[0].sizes.items()}
    found = ask(saliency.look, pair.ids, batch, target, depth, doing="Looking …")
    if found is None:
        return
    st.markdown(f"#### {_sentence(pair, found)}")
    columns = st.columns([2, *[2] * len(found), 3 - len(found)])
    image = chosen[0].sizes[pair.sizes[-1]]
    columns[0].image(
        image, width="stretch", caption=plain(chosen[0].name), alt=f"{chosen[0].name}, as the network gets it"
    )
    for column, run_label, run, evaluation, heat in zip(columns[1:-1], pair.labels, pair.runs, pair.evaluations, found, strict=True):  # fmt: skip
        answer = f"{evaluation.class_names[heat.target]}, {heat.probability:.0%}"
        picture = figures.heat_picture(chosen[0].sizes[run.experiment.backbone.size], heat.cells)
        column.image(
            picture,
            width="stretch",
            caption=plain(f"{run_label}: {answer}"),
            alt=f"Heat map, {run_label}, for {answer}",
        )
        column.markdown(_honesty(heat.lost, heat.lost_at_random))
    st.caption(
        "Orange speaks for the class, blue against it. The picture below is grey so that the colours can be told apart."
    )


def _sentence(pair: Chosen, found: list[saliency.Heat]) -> str:
    """Say how far the map moved."""
    said = [f"{e.class_names[h.target]} ({h.probability:.0%})" for e, h in zip(pair.evaluations, found, strict=True)]
    if len(found) == 1:
        return f"What speaks for {said[0]}"
    same = found[0].target == found[1].target and found[0].cells.shape == found[1].cells.shape
    a, b = (saliency.shares(h.cells[None]) for h in found) if same else (None, None)
    moved = f": {np.abs(a - b).sum() / 2:.0%} of the heat lies elsewhere" if a is not None else ""
    return f"What speaks for {said[0]} before and for {said[1]} after{moved}"


def _honesty(lost: float, at_random: float, whose: str = "this probability") -> str:
    """Say how much of the probability goes when the hottest fifth is covered, and whether that is more than chance."""
    told = f"Covering the hottest fifth takes **{max(lost, 0):.0%}** of {whose}, covering a random fifth **{max(at_random, 0):.0%}**."
    if lost > at_random + 0.02:
        return told
    nothing = max(lost, at_random) < 0.02
    return f"{told} " + (":gray[No single fifth matters: the answer rests on the whole picture.]" if nothing else ":orange[The map says no more than chance here.]")  # fmt: skip


def _split(pair: Chosen, depth: str) -> None:
    found = ask(saliency.look_at_split, pair.ids, depth, doing="Looking at the validation pictures …")
    if found is None:
        return
    all_names = [e.class_names for e in pair.evaluations if e is not None]
    limit = max(
        float(heat.mean(c).max()) for heat, names in zip(found, all_names, strict=True) for c in range(len(names))
    )
    for column, label, heat, names in zip(st.columns(len(found)), pair.labels, found, all_names, strict=True):
        column.markdown(f"**{plain(label)}**")
        column.image([figures.heat_map(heat.mean(c), limit) for c in range(len(names))], caption=[plain(n) for n in names], width=128, alt=[f"mean heat map of {name}, {label}" for name in names])  # fmt: skip
        column.markdown(_honesty_of_many(heat))
    st.caption(glossary.linked(f"Mean maps of {len(found[0].rows)} validation pictures for their true class. A bright corner or edge hints at a shortcut: something beside the object that tells the class."))  # fmt: skip
    if pair.before and pair.same_pictures:
        _most_moved(pair, found)


def _honesty_of_many(heat: saliency.SplitHeat) -> str:
    lost, at_random = float(np.median(heat.lost)), float(np.median(heat.lost_at_random))
    return _honesty(lost, at_random, "the true class's probability (median picture)")


def _most_moved(pair: Chosen, found: list[saliency.SplitHeat]) -> None:
    moved = saliency.moved(*found)
    try:
        split = services.dataset(pair.after.experiment.data, pair.sizes[-1]).validation
    except ThawError as error:
        st.caption(f"The pictures cannot be shown: {plain(error)}")
        return
    st.markdown(
        f"**The pictures whose map moved most** :gray[(on average {moved.mean():.0%} of the heat lies elsewhere)]"
    )
    columns = st.columns(2)
    for place, at in enumerate(np.argsort(-moved)[:MOST_MOVED]):
        image = np.asarray(split.source[split.indices[found[0].rows[at]]])
        maps = [figures.heat_picture(image, heat.shares[at]) for heat in found]
        name = pair.class_names[found[0].labels[at]]
        columns[place % 2].image([image, *maps], caption=[plain(f"{name}: {moved[at]:.0%} moved"), "before", "after"], width=150, alt=[f"validation picture of {name}", "heat before", "heat after"])  # fmt: skip
