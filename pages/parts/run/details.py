"""What lies behind the curves: confusion, scores a class, wrong and doubtful images, changed answers, evidence, how it ran."""

from contextlib import suppress

import numpy as np
import pandas as pd
import streamlit as st

from core import evaluation as ev
from core import figures
from core.diagnosis import Observations
from core.diagnosis.data import Suspects, suspected_labels
from core.diagnosis.evidence import Evidence
from core.diagnosis.overview import overview
from core.errors import ThawError
from core.runs import Run
from core.words import counted, plain
from pages.parts import nav, picture_edits, services, state

MOST_PICTURES = 24


@st.fragment
def draw(before: Run | None, after: Run, key: str) -> None:
    """Draw the details of a finished run, beside those of the run before where they are about the same classes."""
    evaluation, _, measured = services.results(after)
    if evaluation is None:
        return
    other = services.results(before)[0] if before and before.id != after.id else None
    if other is not None and other.class_names != evaluation.class_names:
        other = None
    draw = {
        "Confusion": lambda: _confusion(other, evaluation, key),
        "Per class": lambda: _per_class(other, evaluation),
        "Wrong images": lambda: _wrong_images(after, evaluation.splits["validation"], evaluation.class_names),
        "What changed": lambda: changed_predictions(other, evaluation, after),
        "Doubtful labels": lambda: _doubtful(after, evaluation, measured.get("probes", {})),
        "Evidence": lambda: _evidence(after, evaluation, measured.get("probes", {}), key),
        "How it ran": lambda: _how_it_ran(measured),
    }
    for tab, drawn in zip(st.tabs(list(draw), key=f"{key}_details", on_change="rerun"), draw.values(), strict=True):
        if tab.open:
            with tab:
                drawn()


def of_finding(code: str, run: Run, key: str) -> None:
    """Draw what a finding rests on: the doubtful pictures, the confusion or the classes."""
    evaluation, _, measured = services.results(run)
    if evaluation is None:
        return
    if code == "wrong-labels":
        _doubtful(run, evaluation, measured.get("probes", {}))
    elif code == "class-never-predicted":
        _confusion(None, evaluation, key)
    else:
        _per_class(None, evaluation)


def _confusion(before: ev.Evaluation | None, after: ev.Evaluation, key: str) -> None:
    names = [s for s, p in after.splits.items() if len(p.labels)]
    split = st.segmented_control(
        "Images of", names, default="validation", key=f"{key}_split", help="Which images the matrix counts"
    )
    shown = {"Before": before, "After": after} if before else {"": after}
    for column, (title, evaluation) in zip(st.columns(2), shown.items(), strict=False):
        counts = ev.confusion(evaluation.splits[split or "validation"], len(after.class_names))
        if title:
            column.markdown(f"**{plain(title)}**")
        figure = figures.confusion(counts, after.class_names)
        column.plotly_chart(figure, key=f"{key}_confusion_{title}", config={"displayModeBar": False})
    st.caption("A row a true class, a column an answer of the model: what is right lies on the diagonal.")


def _per_class(before: ev.Evaluation | None, after: ev.Evaluation) -> None:
    table = ev.per_class(after.splits["validation"], after.class_names).round(2)
    if before is not None:
        table["F1 before"] = ev.per_class(before.splits["validation"], after.class_names)["F1"].round(2)
    help_texts = {
        "precision": "Of the images called this class, the share that is it",
        "recall": "Of the images of this class, the share that was found",
        "F1": "Both in one figure (harmonic mean)",
        "F1 before": "The same in the run before",
    }
    shares = {
        c: st.column_config.ProgressColumn(c, min_value=0, max_value=1, format="percent", help=text)
        for c, text in help_texts.items()
    }
    st.dataframe(table, hide_index=True, column_config=shares)


def pictures(run: Run, rows: np.ndarray, captions: list[str], width: int = 104) -> None:
    """Show pictures of a run's source in a row that wraps."""
    try:
        source = services.dataset(run.experiment.data, run.experiment.backbone.size).train.source
        st.image([np.asarray(source[r]) for r in rows], caption=[plain(c) for c in captions], width=width, alt=captions)
    except ThawError as error:
        st.caption(f"The pictures cannot be shown: {plain(error)}")


def _wrong_images(run: Run, p: ev.Predictions, names: tuple[str, ...]) -> None:
    wrong = p.wrong[:MOST_PICTURES]
    if not len(wrong):
        st.success("Every validation image is right.", icon=":material/check:")
        return
    st.caption(f"{len(p.wrong)} of {len(p.labels)} validation images are wrong; the most confident mistakes first.")
    captions = [f"{names[p.labels[i]]} → {names[p.predicted[i]]} ({p.probabilities[i].max():.0%})" for i in wrong]
    pictures(run, p.rows[wrong], captions)


def changed_predictions(before: ev.Evaluation | None, after: ev.Evaluation, run: Run) -> None:
    """Show validation images that one run got right and the other wrong."""
    if before is None or not np.array_equal(before.splits["validation"].rows, after.splits["validation"].rows):
        st.info("Train a second run on the same images to see which answers changed.", icon=":material/compare:")
        return
    a, b = before.splits["validation"], after.splits["validation"]
    right_a, right_b = a.predicted == a.labels, b.predicted == b.labels
    for title, mask in (
        (":green[Wrong before, right now]", ~right_a & right_b),
        (":red[Right before, wrong now]", right_a & ~right_b),
    ):
        at = np.flatnonzero(mask)
        st.markdown(f"**{title}: {len(at)}**")
        if len(at):
            names = after.class_names
            captions = [f"{names[b.labels[i]]}: {names[a.predicted[i]]} → {names[b.predicted[i]]}" for i in at[:16]]
            pictures(run, b.rows[at[:16]], captions)
    st.caption("Below each picture: what it is, then the answer before and the answer now.")


def suspects(history: pd.DataFrame, evaluation: ev.Evaluation, probes: dict) -> Suspects | None:
    """Return the training images whose label is doubtful, the most doubtful first."""
    return suspected_labels(Evidence(Observations(history, evaluation=evaluation, probes=probes)))


def _doubtful(run: Run, evaluation: ev.Evaluation, probes: dict) -> None:
    """Show the training images whose label is doubtful."""
    found = suspects(services.curves(run), evaluation, probes)
    p, names = evaluation.splits["train"], evaluation.class_names
    if found is None or not len(found.rows):
        st.success("None of the training labels is doubtful.", icon=":material/check:")
        return
    st.caption(
        f"{counted(len(found.rows), 'training image looks', 'training images look')} confidently like another class than the label says; the most doubtful first. "
        "Below each: the label, and what it looks like. Look whether the label or the model is wrong."
    )
    shown = slice(0, MOST_PICTURES)
    captions = [
        f"{names[p.labels[i]]}? {names[answer]}"
        for i, answer in zip(found.rows[shown], found.answers[shown], strict=True)
    ]
    _correctable(run, p.rows[found.rows[shown]], captions, [names[p.labels[i]] for i in found.rows[shown]])
    st.page_link(nav.path("see"), label="Which training pictures harm", icon=":material/visibility:", query_params={"run": run.id, "show": "Without these pictures"})  # fmt: skip


def _correctable(run: Run, rows: np.ndarray, captions: list[str], labels: list[str]) -> None:
    """Show training pictures with a menu each that files them under another class or leaves them out of the next run."""
    try:
        dataset = services.dataset(run.experiment.data, run.experiment.backbone.size)
    except ThawError as error:
        st.caption(f"The pictures cannot be shown: {plain(error)}")
        return
    names = dict(zip(dataset.train.indices.tolist(), dataset.train.names, strict=True))
    edited = state.experiment().data
    with st.container(horizontal=True, gap="small"):
        for row, caption, label in zip(rows.tolist(), captions, labels, strict=True):
            with st.container(width=112, gap=None):
                st.image(np.asarray(dataset.train.source[row]), caption=plain(caption), width=104)
                if row in names and edited.source == run.experiment.data.source:
                    picture_edits.menu(names[row], label, dataset.class_names, f"doubt_{run.id}_{row}")
    if n := len(edited.edits):
        st.caption(
            f"{n} {'edit counts' if n == 1 else 'edits count'} from the next run on; on the Data page they can be taken back."
        )


def _evidence(run: Run, evaluation: ev.Evaluation, probes: dict, key: str) -> None:
    """Show every figure that the verdict can rest on, how sure the model is, and how far its layers moved."""
    health: list = []
    with suppress(ThawError):  # the images may be gone; the rest of the evidence is not
        health = services.health_notes(run.experiment.data, run.experiment.backbone.size)
    e = Evidence(Observations(services.curves(run), run.experiment, evaluation, probes, tuple(health)))
    st.dataframe(overview(e, evaluation.class_names), hide_index=True, height="content")
    left, right = st.columns(2)
    with left:
        st.markdown("**How sure, how right** (validation images)")
        figure = figures.reliability(ev.reliability(evaluation.splits["validation"]))
        st.plotly_chart(figure, key=f"{key}_reliability", config={"displayModeBar": False})
        st.caption(
            "On the dotted line, of 100 answers that the model is 80% sure of, 80 are right. Below it, it is too sure."
        )
    with right:
        st.markdown("**How far the layers moved**")
        figure = figures.kernel_changes(probes.get("update_ratios", {}), probes.get("gradient_ratios", {}))
        st.plotly_chart(figure, key=f"{key}_kernels", config={"displayModeBar": False})
        st.caption(
            "A new head moves much, a thawed layer should move little: above half its size, what it knew is gone."
        )


def _how_it_ran(measured: dict) -> None:
    frontier, probes = measured.get("frontier", {}), measured.get("probes", {})
    if not frontier:
        st.caption("Nothing was recorded about how this run ran.")
        return
    took, plain = sum(frontier["seconds"].values()), frontier["plain_seconds"]
    where = (
        "read from disk, where an earlier run had left them"
        if frontier["reused"]
        else f"computed for {frontier['images_computed']:,} images"
    )
    st.markdown(
        f"**The frozen frontier.** {frontier['text']} The frozen features were {where} ({frontier['megabytes']:,.0f} MB).\n\n"
        f"**Time.** The run took **{took:.1f} s**; plain Keras, which computes the frozen part in every epoch, would take about "
        f"**{plain:.0f} s** (estimated from this machine's measured speed)."
    )
    if probes.get("weights"):
        st.markdown(f"**Weights.** {probes['weights']}")
    if probes.get("clean_sample", 0) < probes.get("n_train", 0):
        st.caption(
            f"The clean training curve is measured on a fixed sample of {probes['clean_sample']} of {probes['n_train']} training images."
        )
    st.dataframe(pd.DataFrame({"seconds": frontier["seconds"]}).round(2), width="content")
