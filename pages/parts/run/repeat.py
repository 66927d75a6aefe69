"""Repeat a pair on several seeds: the control, how far it is, and the differences as dots."""

import pandas as pd
import streamlit as st

from core import figures
from core.errors import ThawError
from core.runs import Run
from core.runs.pair import Sentence
from core.studies import seeds
from core.words import plain
from pages.parts import services

COLOURS = {"better": "#15A05A", "worse": "#D55E00"}  # legible on white and on the dark background


def look(runs: list[Run]) -> seeds.Repetition:
    """Return what is known of the repetition of these runs; nothing of one run alone or of runs that train."""
    if len(runs) < 2 or any(r.status not in {"finished", "stopped"} for r in runs):
        return seeds.Repetition()
    return seeds.look(services.store(), runs[0].id, runs[1].id)


def evaluations(study: seeds.Repetition) -> list:
    """Return the evaluations of the pairs that are done."""
    found = [(services.results(a)[0], services.results(b)[0]) for a, b in study.pairs]
    return [pair for pair in found if None not in pair]


def spreads(study: seeds.Repetition) -> list[tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]]:
    """Return for both sides mean, lowest and highest curves of the seeds; nothing before two of them are done."""
    if len(study.pairs) < 2:
        return []
    return [seeds.spread([services.curves(pair[i]) for pair in study.pairs]) for i in (0, 1)]


def control(runs: list[Run], study: seeds.Repetition, key: str) -> None:
    """Draw the button that repeats the pair, or how far the repetition is."""
    ids = runs[0].id, runs[1].id
    if study.active:
        st.progress(study.done / max(study.runs, 1), text=f"{study.done} of {study.runs} runs", width=130)
        st.button("Stop", icon=":material/stop:", key=f"{key}_seeds_stop", on_click=_stop, args=ids, help="Pairs that are finished count")  # fmt: skip
        return
    done = len(study.pairs)
    label = f"On {done} seeds" if done > 1 else "Repeat on seeds"
    explained = "Trains both settings again with other first weights and batches, on common seeds, in the background: is it the change, or luck?"
    with st.popover(label, icon=":material/casino:", help=explained, key=f"{key}_seeds"):
        for n in seeds.CHOICES:
            st.button(
                f"Repeat on {n} seeds",
                key=f"{key}_seeds_{n}",
                on_click=_start,
                args=(*ids, n),
                disabled=n <= done,
                width="stretch",
                help=f"{2 * n} runs; those that are done are not trained again",
            )


def picture(said: Sentence, study: seeds.Repetition) -> str:
    """Return the differences of the seeds as HTML: a dot each, and the mean with its interval."""
    values = seeds.differences(evaluations(study))
    drawn = figures.differences_picture(values, said.low, said.high, COLOURS.get(said.outcome, "#8A8F98"))
    return f'<div class="seeds">{drawn}<small>points, a ring a seed · below: mean and 95% interval · right of the line: better</small></div>'


def _start(before_id: str, after_id: str, n: int) -> None:
    try:
        seeds.start(services.engine(), before_id, after_id, n)
    except ThawError as error:
        st.toast(plain(error), icon=":material/error:")


def _stop(before_id: str, after_id: str) -> None:
    seeds.stop(services.engine(), before_id, after_id)
