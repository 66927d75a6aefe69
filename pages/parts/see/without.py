"""Without these pictures: which training pictures help, which harm, and what leaving some out really does."""

import numpy as np
import streamlit as st

from core.comparison import Comparison
from core.data import Dataset
from core.errors import ThawError
from core.insight import influence
from core.studies import without
from core.words import plain, points, signed
from pages.parts import glossary, nav, services
from pages.parts.see.ask import LONGEST, ask
from pages.parts.see.choice import Chosen

SHOWN = 10


@st.fragment
def draw(pair: Chosen) -> None:
    """Show the strongest pictures each way, and retrain without some on request."""
    found = ask(influence.of_training_pictures, [pair.after.id], doing="Leaving each picture out …")
    if found is None:
        return
    try:
        images = services.dataset(pair.after.experiment.data, pair.sizes[-1])
    except ThawError as error:
        st.error(plain(error), icon=":material/error:")
        return
    helping, harming = found.strongest(SHOWN)
    st.markdown(f"#### {_strongest(found)}")
    total = len(images.train)
    looked = f" {len(found.rows)} of {total:,} training pictures were looked at." if len(found.rows) < total else ""
    st.caption(glossary.linked("Exact for a linear (ridge) head on the network as it was before training: by how much the error on validation pictures grows or falls when one picture is left out." + looked))  # fmt: skip
    doubted = _doubted(pair)
    for title, at in (("These help most", helping), ("These harm most", harming)):
        st.markdown(f"**{title}**")
        _pictures(images, found, at, doubted)
    if both := sorted(doubted & {int(found.rows[i]) for i in harming}):
        st.markdown(
            f"{len(both)} of the harmful ones {'are' if len(both) > 1 else 'is'} also among the doubtful labels (marked ?)."
        )
        st.page_link(nav.path("lab"), label="Doubtful labels, in the Lab's details", icon=":material/label_off:", query_params={"run": pair.after.id})  # fmt: skip
    _retrain(pair, found.rows[harming].tolist())


def _strongest(found: influence.Influence) -> str:
    """Say what the strongest picture each way does."""
    best, worst = 100 * float(found.helps.max()), 100 * float(found.helps.min())
    falls = f"without the most harmful one it falls by {-worst:.1f}%" if worst < 0 else "without none of them it falls"
    return f"Without the most helpful training picture the validation error grows by {best:.1f}%; {falls}."


def _doubted(pair: Chosen) -> set[int]:
    """Return the rows of the training split whose labels are doubted."""
    return set(services.results(pair.after)[2].get("probes", {}).get("labels_doubted", {}).get("rows", []))


def _pictures(images: Dataset, found: influence.Influence, at: np.ndarray, doubted: set[int]) -> None:
    if not len(at):
        st.caption("None.")
        return
    rows = found.rows[at]
    names = [images.class_names[label] for label in images.train.labels[rows]]
    captions = [f"{name}{' ?' if int(row) in doubted else ''} {signed(100 * found.helps[i], 2)}%" for name, row, i in zip(names, rows, at, strict=True)]  # fmt: skip
    st.image([np.asarray(images.train.source[r]) for r in images.train.indices[rows]], caption=[plain(c) for c in captions], width=104, alt=[f"training picture of {c}" for c in captions])  # fmt: skip


def _retrain(pair: Chosen, harming: list[int]) -> None:
    if not harming:
        return
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    n = left.slider("Leave out the most harmful", 1, max(len(harming), 2), min(5, len(harming)), key="without_n", help="How many pictures are left out of the training images") if len(harming) > 1 else 1  # fmt: skip
    if right.button("Really train without them", icon=":material/model_training:", help=f"{without.SEEDS} trainings with them and {without.SEEDS} without, the same seeds; takes a while"):  # fmt: skip
        st.session_state.without = (pair.after.id, tuple(harming[:n]))
    asked = st.session_state.get("without")
    if not asked or asked[0] != pair.after.id:
        return
    try:
        with st.spinner(f"Training {2 * without.SEEDS} times …"):
            told = _retrained(pair.after.experiment.to_json(), asked[1])
    except ThawError as error:
        st.error(plain(error), icon=":material/error:")
        return
    st.markdown(f"#### {_sentence(len(asked[1]), told)}")


@st.cache_data(show_spinner=False, max_entries=50)
def _retrained(experiment_json: str, rows: tuple[int, ...]) -> Comparison:
    from core.experiment import Experiment

    return without.retrained(services.engine(), Experiment.from_json(experiment_json), list(rows), timeout=3 * LONGEST)


def _sentence(n: int, told: Comparison) -> str:
    """Say what leaving the pictures out brought, with its uncertainty."""
    which, interval = (
        f"{'These' if n > 1 else 'This'} {n} picture{'s' if n > 1 else ''}",
        f"{signed(100 * told.low)} to {signed(100 * told.high)}",
    )
    if told.outcome == "not certain":
        return f"Whether {which.lower()} cost anything is not certain: {signed(100 * told.difference, 1)} points without them ({interval}), on {told.seeds} seeds."
    verb = "cost you" if told.outcome == "better" else "are worth"
    bounds = sorted(abs(100 * b) for b in (told.low, told.high))
    return f"{which} {verb} {points(abs(100 * told.difference))} ({bounds[0]:.0f} to {bounds[1]:.0f}), {told.sureness}, on {told.seeds} seeds."
