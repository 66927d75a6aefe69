"""Curves side by side with the verdict above them."""

from collections.abc import Callable, Iterable
from functools import partial

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core import figures
from core.evaluation import Evaluation
from core.network.layers import describe_mask
from core.runs import Run
from pages.parts import services
from pages.parts.run import verdict

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
    runs = [after] if before is None or before.id == after.id else [before, after]
    _answer(runs, key, actions)
    histories = [services.curves(r) for r in runs]
    if not any(len(h) for h in histories) and not after.active:
        return
    epochs = max(r.experiment.training.epochs if r.active else len(h) for r, h in zip(runs, histories, strict=True))
    ranges = {m: figures.curve_range(histories, m) for m in ("loss", "accuracy")}
    legend()
    roles = ("Before", "After") if len(runs) == 2 else ("",)
    for column, run, history, role in zip(st.columns(len(runs)), runs, histories, roles, strict=True):
        with column:
            _one_run(run, history, role, ranges, epochs, key)


def _answer(runs: list[Run], key: str, actions: bool) -> None:
    """Show the verdict on the last run; before there is one, how far the runs are."""
    after = runs[-1]
    if after.active:
        with st.container(border=True, key=f"{key}_progress"):
            st.markdown("### :material/hourglass_top: Training :gray[· the verdict follows]")
            for i, run in enumerate(runs):
                if run.active:
                    _progress(run, title_of(run) if len(runs) > 1 else "", waits=i > 0 and runs[0].active)
    elif after.status == "failed":
        st.error(f"{after.error} The curves so far are kept; the next run is not affected.", icon=":material/error:")
        if after.message:
            with st.expander("Technical detail"):
                st.code(after.message)
    elif diagnosis := services.results(after)[1]:
        verdict.draw(diagnosis, after, key=key, actions=actions)
    else:
        st.info(f"There is no verdict on this run. {after.message}", icon=":material/info:")


def legend(kinds: Iterable[str] = tuple(figures.LINES)) -> None:
    """Draw one legend for all curves of the page; ``kinds`` are keys of ``figures.LINES``."""
    styles = {kind: figures.LINES[kind] for kind in kinds}
    _keys(
        [
            (f"{style['width']}px {CSS_DASH[str(style.get('dash', ''))]} {style['color']}", figures.LABELS[kind])
            for kind, style in styles.items()
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
    evaluation, diagnosis, measured = services.results(run)
    kind = "thawed" if run.experiment.freeze.thawed else "frozen"
    label = f"{role}: {title_of(run)}" if role else title_of(run)
    st.html(f'<span class="chip {kind}">{escaped(label)}</span>')
    if history.empty and not run.active:
        st.caption("No epoch was finished.")
        return
    n = len(evaluation.splits["validation"].labels) if evaluation else None
    pointed = verdict.pointed(diagnosis, key) if role != "Before" else ()
    for metric in ("loss", "accuracy"):
        look = {
            "diagnosis": diagnosis,
            "pointed": pointed,
            "n_validation": n,
            "y_range": ranges[metric],
            "epochs": epochs,
        }
        shown = _figure(run.id, len(history), metric, repr(look), partial(figures.curves, history, metric, **look))
        st.plotly_chart(shown, key=f"{key}_{role}_{metric}_{run.id}", config={"displayModeBar": False})
    if evaluation is not None:
        _final_figures(evaluation, measured.get("frontier", {}))


@st.cache_resource(show_spinner=False, max_entries=60)
def _figure(run_id: str, n_epochs: int, metric: str, look: str, _draw: Callable[[], go.Figure]) -> go.Figure:
    """Return a figure of curves, drawn once while nothing has changed: a page that watches a run asks every second."""
    return _draw().update_layout(showlegend=False)


def _final_figures(evaluation: Evaluation, frontier: dict) -> None:
    """Say the final figures with their uncertainty, and how long the run took."""
    said = []
    for name in ("validation", "test"):
        p = evaluation.splits.get(name)
        if p is not None and len(p.labels):
            low, high = p.interval
            said.append((f"{p.accuracy:.1%}", name, f"{low:.0%} to {high:.0%} with {len(p.labels)} images"))
    took, plain = sum(frontier.get("seconds", {}).values()), frontier.get("plain_seconds") or 0
    if took:
        said.append((f"{took:.1f} s", "", f"plain Keras about {plain:.0f} s" if plain > 1.5 * took else "to train"))
    st.html('<div class="finals">' + "".join(f"<span><b>{a}</b> {b} <small>{c}</small></span>" for a, b, c in said) + "</div>")  # fmt: skip


def escaped(text: str) -> str:
    """Return text that may stand in HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _progress(run: Run, title: str, waits: bool) -> None:
    """Show how far a run is."""
    p, share = run.progress, 0.0
    if run.status == "queued":
        text = "waits for the run before it" if waits else f"waits its turn … {services.engine().state().text}"
    elif p.epoch:
        left = f" · about {p.seconds_left:.0f} s left" if p.seconds_left else ""
        share, text = p.share, f"epoch {p.epoch} of {p.epochs}{left}"
    else:
        share, text = p.batch / p.batches if p.batches else 0.0, f"{p.phase} … {p.detail}"
    told = f"**{title}**: {text}" if title else text[:1].upper() + text[1:]
    st.progress(min(share, 1.0), text=told)
