"""Curves side by side, the verdict above them, and what lies behind it."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import streamlit as st

from core import evaluation as ev
from core import figures
from core.diagnosis import RULES, Diagnosis, Finding, rule_page
from core.diagnosis.remedies import REMEDIES
from core.errors import ThawError
from core.layers import describe_mask
from core.runs import Run
from pages.parts import services, state

BADGES = {
    "good_fit": ("green", ":material/check_circle:"),
    "underfitting": ("blue", ":material/trending_flat:"),
    "overfitting": ("orange", ":material/trending_up:"),
    "still_improving": ("violet", ":material/trending_down:"),
    "unstable": ("red", ":material/warning:"),
    "inconclusive": ("gray", ":material/help:"),
}
CSS_DASH = {"": "solid", "dash": "dashed", "dot": "dotted"}


def title_of(run: Run) -> str:
    """Return a run's name, or its mask where it has none."""
    return run.name or describe_mask(run.experiment.freeze)


def side_by_side(before: Run | None, after: Run, *, key: str = "results", actions: bool = True) -> None:
    """Show verdict and curves of one or two runs on the same axes.

    Parameters
    ----------
    before, after
        Baseline and current run.
    key
        Prefix of widget keys, so that several places can show results.
    actions
        Whether remedies can be applied.
    """
    _, diagnosis, _ = services.results(after)
    if after.active:
        progress(after)
    elif after.status == "failed":
        st.error(after.error, icon=":material/error:")
        if after.message:
            with st.expander("Technical detail"):
                st.code(after.message)
    elif diagnosis:
        verdict(diagnosis, after, key=key, actions=actions)
    runs = [r for r in (before, after) if r is not None and (before is None or before.id != after.id or r is after)]
    histories = [services.curves(r) for r in runs]
    if not any(len(h) for h in histories) and not after.active:
        return
    epochs = max(r.experiment.training.epochs if r.active else len(h) for r, h in zip(runs, histories, strict=True))
    ranges = {m: figures.curve_range(histories, m) for m in ("loss", "accuracy")}
    _legend()
    for column, run, history, role in zip(
        st.columns(len(runs)), runs, histories, ("Before", "After")[-len(runs) :], strict=True
    ):
        with column:
            _one_run(run, history, role if len(runs) == 2 else "", ranges, epochs, key)


def _legend() -> None:
    """Draw one legend for all curves of the page."""
    _keys(
        [
            (f"{style['width']}px {CSS_DASH[str(style.get('dash', ''))]} {style['color']}", figures.LABELS[kind])
            for kind, style in figures.LINES.items()
        ]
    )


def run_legend(names: Iterable[str]) -> None:
    """Draw the legend of several runs on the same axes: a colour a run, a dash a kind of image."""
    runs = [(f"4px solid {colour}", name) for colour, name in zip(figures.PALETTE, names, strict=False)]
    kinds = [("2px solid gray", "training (without dropout and augmentation)"), ("2px dashed gray", "validation")]
    _keys([*runs, *kinds])


def _keys(entries: list[tuple[str, str]]) -> None:
    keys = "".join(f'<span><i style="border-top: {line}"></i> {escaped(text)}</span>' for line, text in entries)
    st.html(f'<div class="legend">{keys}</div>')


def _one_run(run: Run, history: pd.DataFrame, role: str, ranges: dict, epochs: int, key: str) -> None:
    evaluation, diagnosis, _ = services.results(run)
    kind = "thawed" if run.experiment.freeze.thawed else "frozen"
    label = f"{role}: {title_of(run)}" if role else title_of(run)
    st.html(f'<span class="chip {kind}">{escaped(label)}</span>')
    n = len(evaluation.splits["validation"].labels) if evaluation else None
    for metric in ("loss", "accuracy"):
        shown = figures.curves(
            history, metric, diagnosis=diagnosis, n_validation=n, y_range=ranges[metric], epochs=epochs, height=225
        )
        shown.update_layout(showlegend=False)
        st.plotly_chart(shown, key=f"{key}_{role}_{metric}_{run.id}", config={"displayModeBar": False})
    _figures_line(run, evaluation)


def _figures_line(run: Run, evaluation) -> None:
    """Say the final figures with their uncertainty in one line."""
    if evaluation is None:
        return
    parts = []
    for name in ("validation", "test"):
        p = evaluation.splits.get(name)
        if p is not None and len(p.labels):
            low, high = p.interval
            parts.append(f"{name} **{p.accuracy:.1%}** ({low:.0%}–{high:.0%}, {len(p.labels)} images)")
    measured = services.results(run)[2].get("frontier", {})
    took, plain = sum(measured.get("seconds", {}).values()), measured.get("plain_seconds")
    time = (
        f" · {took:.1f} s" + (f", plain Keras about {plain:.0f} s" if plain and plain > 1.5 * took else "")
        if took
        else ""
    )
    st.markdown(" · ".join(parts) + time)


def escaped(text: str) -> str:
    """Return text that may stand in HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def progress(run: Run) -> None:
    """Show how far a run is."""
    p = run.progress
    left = f" · about {p.seconds_left:.0f} s left" if p.seconds_left else ""
    if run.status == "queued":
        st.progress(0.0, text="Waiting for a worker … (the first run after a start takes a few seconds longer)")
    elif p.epoch:
        st.progress(p.share, text=f"Epoch {p.epoch} of {p.epochs}{left}")
    else:
        share = p.batch / p.batches if p.batches else 0.0
        st.progress(min(share, 1.0), text=f"{p.phase.capitalize()} … {p.detail}")


def verdict(diagnosis: Diagnosis, run: Run | None = None, *, key: str = "verdict", actions: bool = True) -> None:
    """Show the verdict in plain words, its findings, and, for a run of ours, what to change."""
    colour, icon = BADGES[diagnosis.verdict]
    with st.container(border=True, key=f"{key}_verdict"):
        st.markdown(f"### {icon} :{colour}[{diagnosis.title}] :gray[· {diagnosis.sureness}]")
        st.markdown(diagnosis.summary)
        if run is not None and run.message:
            st.caption(run.message)
        main = [f for f in diagnosis.findings if f.code != "well-fitted" or f.remedies]
        if actions and main and run is not None:
            _remedies(main, run, key)
        if diagnosis.findings:
            with st.expander("Evidence and reasons", icon=":material/search:"):
                for finding in diagnosis.findings:
                    _finding(finding, offline=run is None)


def _finding(finding: Finding, *, offline: bool) -> None:
    left, right = st.columns([5, 1], vertical_alignment="center")
    facts = "; ".join(f.text for f in finding.evidence)
    left.markdown(f"**{finding.title}**: {finding.explanation}" + (f"  \n:gray[Evidence: {facts}]" if facts else ""))
    if finding.code in RULES:
        with right.popover("Why?", help="What this pattern is, and what to do about it"):
            st.markdown(rule_page(finding.code))
    if offline and finding.remedies:
        titles = "; ".join(REMEDIES[c].title for c in finding.remedies if c in REMEDIES)
        st.markdown(f":gray[What to try: {titles}]")


def _remedies(findings: list[Finding], run: Run, key: str) -> None:
    """Offer what to change, each as one click that changes the Experiment."""
    codes = list(dict.fromkeys(code for f in findings for code in f.remedies))
    possible = [REMEDIES[c] for c in codes if REMEDIES[c].apply(run.experiment) is not None][:4]
    if not possible:
        return
    st.markdown("**What to try**")
    row = st.container(horizontal=True, gap="small")
    for remedy in possible:
        row.button(
            remedy.title, key=f"{key}_remedy_{remedy.code}", help=f"Changes the experiment: it {remedy.expectation}. This run stays as “before”.",
            on_click=_apply, args=(remedy.code, run.id), width="stretch",
        )  # fmt: skip


def _apply(code: str, run_id: str) -> None:
    run = services.store().get(run_id)
    changed = REMEDIES[code].apply(run.experiment)
    if changed is not None:
        state.experiment()
        state.replace(changed)
        state.set_baseline(run_id)
        st.toast(
            f"{REMEDIES[code].title}: the experiment is changed, press Train to measure it.", icon=":material/build:"
        )


def details(before: Run | None, after: Run, key: str) -> None:
    """Show what lies behind the curves: confusion, scores a class, wrong and changed answers, how it ran."""
    evaluation, _, measured = services.results(after)
    if evaluation is None:
        return
    tabs = st.tabs(["Confusion", "Per class", "Wrong images", "What changed", "How it ran"])
    validation = evaluation.splits["validation"]
    with tabs[0]:
        split = st.segmented_control(
            "Images of",
            list(evaluation.splits),
            default="validation",
            key=f"{key}_split",
            help="Which images the matrix counts",
        )
        p = evaluation.splits[split or "validation"]
        st.plotly_chart(
            figures.confusion(ev.confusion(p, len(evaluation.class_names)), evaluation.class_names),
            key=f"{key}_confusion",
            config={"displayModeBar": False},
        )
    with tabs[1]:
        shares = {
            c: st.column_config.ProgressColumn(c, min_value=0, max_value=1, format="percent")
            for c in ("precision", "recall", "F1")
        }
        st.dataframe(ev.per_class(validation, evaluation.class_names), hide_index=True, column_config=shares)
    with tabs[2]:
        _wrong_images(after, validation, evaluation.class_names)
    with tabs[3]:
        other = services.results(before)[0] if before and before.id != after.id else None
        changed_predictions(other, evaluation, after)
    with tabs[4]:
        _how_it_ran(measured)


def pictures(run: Run, rows: np.ndarray, captions: list[str], width: int = 104) -> None:
    """Show pictures of a run's source in a row that wraps."""
    try:
        source = services.dataset(run.experiment.data, run.experiment.backbone.size).train.source
        st.image([np.asarray(source[r]) for r in rows], caption=captions, width=width)
    except ThawError as error:
        st.caption(f"The pictures cannot be shown: {error}")


def _wrong_images(run: Run, p: ev.Predictions, names: tuple[str, ...]) -> None:
    wrong = p.wrong[:24]
    if not len(wrong):
        st.success("Every validation image is right.", icon=":material/check:")
        return
    st.caption(f"{len(p.wrong)} of {len(p.labels)} validation images are wrong; the most confident mistakes first.")
    captions = [f"{names[p.labels[i]]} → {names[p.predicted[i]]} ({p.probabilities[i].max():.0%})" for i in wrong]
    pictures(run, p.rows[wrong], captions)


def changed_predictions(before: ev.Evaluation | None, after: ev.Evaluation, run: Run) -> None:
    """Show validation images that one run got right and the other wrong."""
    if before is None or not np.array_equal(before.splits["validation"].rows, after.splits["validation"].rows):
        st.caption("Train a second run on the same images to see which answers changed.")
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
            pictures(run, b.rows[at[:16]], [f"{after.class_names[b.labels[i]]}" for i in at[:16]])


def _how_it_ran(measured: dict) -> None:
    frontier, probes = measured.get("frontier", {}), measured.get("probes", {})
    if not frontier:
        return
    st.markdown(f"**The frozen frontier.** {frontier['text']}")
    took, plain = sum(frontier["seconds"].values()), frontier["plain_seconds"]
    where = (
        "read from disk (computed by an earlier run)"
        if frontier["reused"]
        else f"computed for {frontier['images_computed']:,} images"
    )
    st.markdown(
        f"Frozen features were {where}, {frontier['megabytes']:,.0f} MB. The run took **{took:.1f} s**; plain Keras would take about **{plain:.0f} s** (estimated from this machine's measured speed)."
    )
    st.caption(probes.get("weights", ""))
    if probes.get("clean_sample", 0) < probes.get("n_train", 0):
        st.caption(
            f"The clean training curve is measured on a fixed sample of {probes['clean_sample']} of {probes['n_train']} training images."
        )
    st.dataframe(pd.DataFrame({"seconds": frontier["seconds"]}).round(2))
