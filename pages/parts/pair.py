"""Two runs, one story: what the change did, in one sentence above a verdict a side, curves on the same axes, and the answers that changed.

One run alone is shown the same way without a sentence. Lab, Start and Compare draw it.
"""

from collections.abc import Callable
from functools import partial
from html import escape

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core import figures
from core.comparison import ChangedAnswer, changed_answers
from core.diagnosis import Diagnosis, Finding
from core.diagnosis.remedies import to_try
from core.errors import ThawError
from core.evaluation import Evaluation
from core.runs import Run
from core.runs.pair import Sentence, same_images, sentence
from core.studies import seeds
from core.words import plain
from pages.parts import present, services
from pages.parts.run import details, legend, progress, repeat, sure, trials, verdict
from pages.parts.see import beneath

ROLES = ("Before", "After")
MOST_PICTURES = 12


def draw(before: Run | None, after: Run, *, key: str, actions: bool = True) -> None:
    """Show a pair of runs, or one, and follow them while they train.

    Parameters
    ----------
    before, after
        Baseline and current run; the same one twice, or None before, shows one alone.
    key
        Prefix of widget keys and CSS classes, so that several places can show a pair.
    actions
        Whether remedies can be applied and tried here.
    """
    runs = [after] if before is None or before.id == after.id else [before, after]
    training = any(r.active for r in runs)
    repeating = repeat.look(runs).active
    waiting = after.active and services.curves(after).empty

    @st.fragment(run_every=(0.5 if waiting else 1.0) if training or repeating else None)
    def live() -> None:
        now = [services.run_or_none(r.id) for r in runs]
        if None in now:
            st.info("One of these runs was deleted.", icon=":material/delete:")
            return
        study = repeat.look(now)  # type: ignore[arg-type]
        if training or repeating:
            services.look_after_runs()
        if any(a.active != b.active for a, b in zip(runs, now, strict=True)) or study.active != repeating:  # type: ignore[union-attr]
            st.rerun()
        _pair(now, study, key)  # type: ignore[arg-type]
        if waiting and len(services.curves(now[-1])):  # type: ignore[arg-type]
            st.rerun()  # the first point is there: once a second is enough from here

    live()
    if not training and not present.on():
        beneath.draw(runs[0], runs[-1], key)
        _why(runs, key, actions)


def _pair(runs: list[Run], study: seeds.Repetition, key: str) -> None:
    with st.container(key=f"{key}_pair", gap="small"):
        with st.container(key=f"{key}_top", horizontal=True, wrap=False, vertical_alignment="center"):
            _top(runs, study, key)
        histories = [services.curves(r) for r in runs]
        if not any(len(h) for h in histories) and not runs[-1].active:
            return
        legend.of_curves()
        spreads = repeat.spreads(study)
        means = [s[0] for s in spreads] or histories
        bands: list = [s[1:] for s in spreads] or [None] * len(runs)
        everything = [*means, *(part for band in bands if band for part in band)]
        everything += [stage for r in runs for stage in services.earlier_curves(r)]
        epochs = max(r.experiment.training.epochs if r.active else len(h) for r, h in zip(runs, means, strict=True))
        axes = {"epochs": epochs, "ranges": {m: figures.curve_range(everything, m) for m in ("loss", "accuracy")}}
        for i, (column, run) in enumerate(zip(st.columns(len(runs), gap="medium"), runs, strict=True)):
            with column, st.container(key=f"{key}_{_role(runs, i).lower()}", gap="xsmall"):
                _side(run, (means[i], bands[i]), _role(runs, i), axes, key)
        if len(runs) == 2:
            _strip(*runs)


def _role(runs: list[Run], i: int) -> str:
    return ROLES[i] if len(runs) == 2 else ROLES[1]


def _top(runs: list[Run], study: seeds.Repetition, key: str) -> None:
    """Say what the change did; before that is known, how far the runs are."""
    after = runs[-1]
    if any(r.active for r in runs):
        progress.draw(runs, key)
    elif after.status == "failed":
        st.error(f"{after.error} The curves so far are kept; the next run is not affected.", icon=":material/error:")
        if after.message:
            with st.expander("Technical detail"):
                st.code(after.message)
    elif (said := said_of(runs, study)) is not None:
        _sentence(said, repeat.picture(said, study) if said.seeds > 1 else "")
        repeat.control(runs, study, key)


def said_of(runs: list[Run], study: seeds.Repetition | None = None) -> Sentence | None:
    """Return the sentence of two ended runs, resting on the seeds where several are done; None where there are no answers to compare."""
    found = [services.results(r)[0] for r in runs]
    if len(runs) < 2 or None in found:
        return None
    experiments = runs[0].experiment, runs[1].experiment
    repeated = seeds.told(experiments, repeat.evaluations(study)) if study else None
    return repeated or sentence(experiments, [(found[0], found[1])])  # type: ignore[list-item]


def below(said: Sentence) -> str:
    """Return what stands below a sentence, as HTML: what is sure of the loss, and what makes the comparison weak."""
    warning = f'<p class="warning">⚠ {escape(said.warning)}</p>' if said.warning and not said.paired else ""
    return (f'<p class="loss">{escape(said.loss)}</p>' if said.loss else "") + warning


def _sentence(said: Sentence, picture: str) -> None:
    kind = said.outcome.replace(" ", "-")
    st.html(f'<div class="sentence {kind}"><h2>{escape(said.text)}</h2>{below(said)}{picture}</div>')


def _side(run: Run, seen: tuple, role: str, axes: dict, key: str) -> None:
    history, band = seen
    evaluation, diagnosis, measured = services.results(run)
    st.html(verdict_line(run, diagnosis, role))
    if damage := services.damage(run):
        st.warning(plain(damage), icon=":material/healing:")
    if history.empty and not run.active:
        st.caption(plain(run.message) or "No epoch was finished.")
        return
    n = len(evaluation.splits["validation"].labels) if evaluation else None
    pointed = verdict.pointed(diagnosis, f"{key}_{role}")
    if pointed and band is not None:  # a finding is about the run itself, not about the mean of its seeds
        history, band = services.curves(run), None
    earlier = services.earlier_curves(run)
    look = {"diagnosis": diagnosis if band is None else None, "pointed": pointed, "n_validation": n, "epochs": axes["epochs"], "height": 140}  # fmt: skip
    with st.container(key=f"{key}_{role.lower()}_charts", gap="xsmall"):
        for metric in ("loss", "accuracy"):
            shown = look | {"y_range": axes["ranges"][metric]}
            known = (
                f"{shown} {sum(map(len, earlier))}"
                if band is None
                else f"{shown}{float(band[0].sum(axis=None))}{len(history)}"
            )
            made = _figure(run.id, len(history), metric, known, partial(figures.curves, history, metric, band=band, earlier=earlier, **shown))  # fmt: skip
            made = _large(made) if present.on() else made
            st.plotly_chart(made, key=f"{key}_{role}_{metric}_{run.id}", config={"displayModeBar": False})
    if evaluation is not None:
        st.html(final_figures(evaluation, measured.get("frontier", {})))


def verdict_line(run: Run, diagnosis: Diagnosis | None, role: str) -> str:
    """Return what stands over a side, as HTML: which run it is, its verdict, how sure that is, and its first cause."""
    name = f'<span class="role">{role}</span> <span class="which">{escape(run.title)}</span>'
    if diagnosis is None:
        told = "" if run.active else f"<h3>{escape(run.status.capitalize())}</h3>"
        return f'<div class="verdict"><p>{name}</p>{told}</div>'
    causes = [f for f in diagnosis.findings if f.code != "well-fitted"]
    cause = f' <span class="cause">{escape(causes[0].title)}{_first_remedy(causes[0], run)}</span>' if causes else ""
    sign = f'<span class="sign" aria-hidden="true">{verdict.SIGNS[diagnosis.verdict]}</span>'
    return (
        f'<div class="verdict {diagnosis.verdict}"><p>{name}</p><h3>{sign} {escape(diagnosis.title)}'
        f"<small> · {diagnosis.sureness}</small></h3>{cause}</div>"
    )


def _first_remedy(cause: Finding, run: Run) -> str:
    titles = to_try(cause, run.experiment)
    return f'. <span class="remedy">Try: {escape(titles[0])}</span>' if titles else ""


@st.cache_resource(show_spinner=False, max_entries=60)
def _figure(run_id: str, n_epochs: int, metric: str, look: str, _draw: Callable[[], go.Figure]) -> go.Figure:
    """Return a figure of curves, drawn once while nothing has changed: a page that watches a run asks every second."""
    return _draw().update_layout(showlegend=False)


def _large(figure: go.Figure) -> go.Figure:
    """Return a figure that can be read from the back of a room."""
    return go.Figure(figure).update_layout(font_size=16, height=195, margin={"l": 56, "t": 30, "b": 32})


def final_figures(evaluation: Evaluation, frontier: dict) -> str:
    """Return the final figures with their uncertainty, and how long the run took, as HTML."""
    said = []
    for name in ("validation", "test"):
        p = evaluation.splits.get(name)
        if p is not None and len(p.labels):
            low, high = p.interval
            said.append((f"{p.accuracy:.0%}", name, f"{100 * low:.0f}–{100 * high:.0f}, {len(p.labels)} images"))
    took, plain = sum(frontier.get("seconds", {}).values()), frontier.get("plain_seconds") or 0
    if took:
        said.append((f"{took:.1f} s", "", f"plain Keras about {plain:.0f} s" if plain >= 1 else ""))
    parts = "".join(
        f"<span{'' if b else ' class=took'}><b>{a}</b> {b} <small>{f'({c})' if c else ''}</small></span>"
        for a, b, c in said
    )
    return f'<div class="finals">{parts}</div>'


def _strip(before: Run, after: Run) -> None:
    """Show pictures whose answer changed from right to wrong or back."""
    if not (before.active or after.active) and (shown := _changed(before.id, after.id, (before.ended, after.ended))):
        st.html(shown)


@st.cache_data(show_spinner=False, max_entries=40)
def _changed(before_id: str, after_id: str, ended: tuple) -> str:
    """Return the strip as HTML, made once a pair; empty where no answer changed or no two can be compared."""
    runs = [services.store().get(i) for i in (before_id, after_id)]
    found = [services.results(r)[0] for r in runs]
    if found[0] is None or found[1] is None or found[0].class_names != found[1].class_names:
        return ""
    a, b = (e.splits["validation"] for e in found)
    if not same_images(runs[0].experiment, runs[1].experiment, a, b):
        return ""
    try:
        source = services.dataset(runs[1].experiment.data, runs[1].experiment.backbone.size).train.source
    except ThawError:  # the pictures are gone; the figures are not
        return ""
    pictures = [
        _picture(c, np.asarray(source[b.rows[c.at]]), b.names[c.at], found[1].class_names)
        for c in changed_answers(a, b, MOST_PICTURES)
    ]
    told = '<div class="changed" role="list" aria-label="Answers that changed" tabindex="0">'
    return f"{told}{_key(len(changed_answers(a, b, len(b.labels))))}{''.join(pictures)}</div>" if pictures else ""


def _key(n: int) -> str:
    """Return what the strip shows, as HTML: its frames, and how many of the answers that changed."""
    shown = f"{MOST_PICTURES} of {n}" if n > MOST_PICTURES else str(n)
    return (
        f'<figure role="listitem" class="key"><b>{shown}</b> changed answer{"" if n == 1 else "s"}'
        '<span class="right">✓ became right</span><span class="wrong">✗ became wrong</span></figure>'
    )


def _picture(c: ChangedAnswer, pixels: np.ndarray, name: str, classes: tuple[str, ...]) -> str:
    old, new, kind = escape(classes[c.before]), escape(classes[c.after]), "right" if c.became_right else "wrong"
    told = f"{escape(name, quote=True)}: became {kind}"
    return (
        f'<figure role="listitem" class="{kind}"><img src="{figures.picture_uri(pixels)}" alt="{told}" title="{told}">'
        f"<figcaption><s>{old}</s> {'✓' if c.became_right else '✗'} {new}</figcaption></figure>"
    )


def _why(runs: list[Run], key: str, actions: bool) -> None:
    """Show why, and what helps, of the side that one chooses; the ill side is open at first."""
    explained = [(i, r, d) for i, r in enumerate(runs) if (d := services.results(r)[1]) is not None]
    if not explained:
        if runs[-1].status != "failed":
            st.info(f"There is no verdict on this run. {plain(runs[-1].message)}", icon=":material/info:")
        return
    with st.container(border=True, key=f"{key}_why"):
        chosen, run, diagnosis = explained[_side_to_open(explained)]
        if len(explained) > 1:
            chosen, run, diagnosis = _choose_side(runs, explained, key)
        role = _role(runs, chosen)
        verdict.explain(diagnosis, run, key=f"{key}_{role}", actions=actions)
        if actions:
            sure.draw(run, key=f"{key}_{role}")
    if actions:
        trials.draw(run)
        details.draw(runs[0], run, key)


def _side_to_open(explained: list) -> int:
    """Return the side that is ill; of two, the first: what is wrong there is what the second run was made for."""
    ill = [i for i, (_, _, d) in enumerate(explained) if d.verdict != "good_fit"]
    return ill[0] if ill else len(explained) - 1


def _choose_side(runs: list[Run], explained: list, key: str):
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown("**Why, and what helps**", width="content")
    label = {ROLES[i]: f"{ROLES[i]}: {r.title}" for i, r, _ in explained}
    pair = "-".join(r.id[:8] for r in runs)
    side = row.segmented_control(
        "Side",
        list(label),
        format_func=label.__getitem__,
        default=ROLES[explained[_side_to_open(explained)][0]],
        required=True,
        key=f"{key}_side_{pair}",
        label_visibility="collapsed",
        help="Whose verdict, findings and remedies are shown",
    )
    return next(e for e in explained if ROLES[e[0]] == side)
