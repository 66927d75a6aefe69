"""A demonstration around its pair of runs: its pictures, a guess to make first, what shows it, the question and its answer."""

from collections.abc import Callable, Iterable
from html import escape

import numpy as np
import streamlit as st

from core import figures
from core.comparison import loss_fall
from core.data import Dataset
from core.errors import ThawError
from core.experiment import DataSpec
from core.runs import Run
from core.studies.scenarios import Scenario
from core.words import counted, plain, signed
from pages.parts import glossary, pair, present, services
from pages.parts.run import details

EACH = 2  # pictures of a class
MOST_SUSPECTS = 14


def into_view(runs: list[Run]) -> None:
    """Scroll to the top when a demonstration has just begun: its card's button may be far down."""
    began = "-".join(r.id for r in runs)
    if st.session_state.get("demonstration") != began:
        st.session_state.demonstration = began
        top = "document.querySelector('[data-testid=stMain]')?.scrollTo({top: 0})"
        st.html(f"<script>/* {began} */ {top}</script>", unsafe_allow_javascript=True)


def pictures(scenario: Scenario) -> None:
    """Show two pictures of each class; those of validation too, where they look different."""
    x = scenario.steps[0].experiment
    splits = ("train", "validation") if scenario.key == "brightness" else ("train",)
    try:
        shown = _samples(x.data, x.backbone.size, splits)
    except ThawError as error:
        shown = f"<small>{escape(str(error))}</small>"
    st.html(shown + _wrong_labels(scenario), width="content")


def _wrong_labels(scenario: Scenario) -> str:
    """Return a line on the training labels that were made wrong, as HTML."""
    drawn = [s.experiment.data.drawn for s in scenario.steps]
    wrong = [dials.label_noise if dials else 0.0 for dials in drawn]
    where = "In both runs" if all(wrong) else "On the left"
    return f"<small>{where} {wrong[0]:.0%} of the training labels are wrong.</small>" if wrong[0] else ""


@st.cache_data(show_spinner="Reading the pictures …", max_entries=40)
def _samples(spec: DataSpec, size: int, splits: tuple[str, ...]) -> str:
    dataset, rows = services.dataset(spec, size), []
    for name in splits:
        label = f"<b>{name}</b>" if len(splits) > 1 else ""
        rows.append(f'<div class="samples">{label}{"".join(_of_each_class(dataset, name))}</div>')
    return "".join(rows)


def _of_each_class(dataset: Dataset, name: str) -> Iterable[str]:
    split = dataset.splits[name]
    for label, title in enumerate(dataset.class_names):
        known = np.flatnonzero(split.labels == label)
        chosen = known[
            [len(known) * (2 * i + 1) // (2 * EACH) for i in range(EACH)]
        ]  # drawn ones with wrong labels lie at the ends
        images = "".join(_image(split.source[split.indices[i]], title) for i in chosen)
        yield f"<figure>{images}<figcaption>{escape(title)}</figcaption></figure>"


def _image(pixels: np.ndarray, told: str) -> str:
    return f'<img src="{figures.picture_uri(np.asarray(pixels))}" alt="{escape(told, quote=True)}">'


def guess(scenario: Scenario, runs: list[Run]) -> None:
    """Ask for a prediction, and say whether it came true once the runs have ended."""
    asked = "What would you have guessed?" if _ended(runs) else "Guess first:"
    with st.container(key="demo_guess", gap="xsmall"):
        said = st.pills(f"**{asked}** {scenario.guess.question}", scenario.guess.options, key=f"guess_{runs[-1].id}")
        if said and _ended(runs):
            came_true, truth = scenario.guessed(said, *_seen(runs))
            st.markdown(f":green[:material/check: **{truth}**, as you said.]" if came_true else f":orange[:material/close: It was **{truth}**.]")  # fmt: skip
        elif said:
            st.caption("The runs will tell.")


def _ended(runs: list[Run]) -> bool:
    return all(r.status == "finished" and services.results(r)[1] is not None for r in runs)


def _seen(runs: list[Run]) -> tuple[list, list]:
    return [services.curves(r) for r in runs], [services.results(r)[1] for r in runs]


def question(scenario: Scenario, runs: list[Run]) -> None:
    """Say what to look at, ask, and answer with the figures of these runs."""
    with st.container(border=True, key="demo_question"):
        st.markdown(f":material/visibility: **What to look at:** {glossary.linked(scenario.look_at)}")
        st.markdown(f"**:material/forum: A question for the class.** {glossary.linked(scenario.question)}")
        if _ended(runs):
            with st.expander("The answer that these runs give"):
                st.markdown(scenario.answer(*_seen(runs)))
        elif any(r.active for r in runs):
            st.caption("Discuss it while the runs train; their answer appears here.")


def evidence(scenario: Scenario, runs: list[Run]) -> None:
    """Show what only this card has to show, once its runs have ended."""
    draw = EVIDENCE.get(scenario.key)
    if draw and _ended(runs):
        with st.container(key="demo_evidence"):
            draw(runs)


def _suspects(runs: list[Run]) -> None:
    """Show the training pictures whose label is doubtful: the label, and what the picture looks like."""
    evaluation, _, measured = services.results(runs[0])
    found = details.suspects(services.curves(runs[0]), evaluation, measured.get("probes", {}))
    if found is None or not len(found.rows):
        st.caption("No label of these training pictures is doubtful enough to be named.")
        return
    p, names = evaluation.splits["train"], evaluation.class_names
    source = services.dataset(runs[0].experiment.data, runs[0].experiment.backbone.size).train.source
    shown = [
        f'<figure class="wrong">{_image(source[p.rows[i]], p.names[i])}<figcaption><s>{escape(names[p.labels[i]])}</s> {escape(names[answer])}?</figcaption></figure>'
        for i, answer in zip(found.rows[:MOST_SUSPECTS], found.answers[:MOST_SUSPECTS], strict=True)
    ]
    st.markdown(f"**{counted(len(found.rows), 'suspicious training picture')}** found on the left: the label carried, and what it looks like.")  # fmt: skip
    st.html(f'<div class="changed" role="list" aria-label="Suspicious pictures" tabindex="0">{"".join(shown)}</div>')


def _shift(runs: list[Run]) -> None:
    """Say by how much training and validation pictures differ, in the words of the finding."""
    found = next((f for f in services.results(runs[0])[1].findings if f.code == "uncovered-shift"), None)
    if found:
        st.markdown(f"**The shift**: {found.explanation} {'; '.join(fact.text for fact in found.evidence)}.")


def _remedy(runs: list[Run]) -> None:
    """Say by how much the second run lowers the loss on the same validation images, and whether that is sure."""
    answers = [services.results(r)[0].splits["validation"] for r in runs]
    fall, low, high = loss_fall(*answers)
    if low > 0:
        told = f"**What helps: {plain(runs[1].title)}.** The loss on the same {len(answers[0].labels)} validation images is surely lower, by {fall:.2f} ({low:.2f} to {high:.2f}): fewer mistakes, or less sure ones."
    else:
        told = f"**{plain(runs[1].title)}** changes the loss on the same validation images by {signed(-fall, 2)} ({signed(-high, 2)} to {signed(-low, 2)}): that may be chance."
    st.markdown(told)


EVIDENCE: dict[str, Callable[[list[Run]], None]] = {"labels": _suspects, "brightness": _shift, "flatten": _remedy}


def presented(scenario: Scenario, runs: list[Run]) -> None:
    """Show a demonstration on a projector, one step after the other: question, pictures, before, guess, after, answer."""
    at = present.step(f"demo_{scenario.key}", 5)
    if at < 2 or at == 3:
        st.markdown(f"## {scenario.question if at < 3 else scenario.guess.question}")
    if at == 0:
        st.markdown(scenario.promise)
    if at == 1:
        pictures(scenario)
    if at == 2:
        pair.draw(None, runs[0], key="start_alone", actions=False)
    if at == 3:
        st.markdown("\n".join(f"- {option}" for option in scenario.guess.options))
    if at == 5 and _ended(runs):  # above the pair, which fills the screen
        st.markdown(scenario.answer(*_seen(runs)))
    if at >= 4:
        pair.draw(runs[0], runs[-1], key="start", actions=False)
    if at == 5 and _ended(runs):
        evidence(scenario, runs)
