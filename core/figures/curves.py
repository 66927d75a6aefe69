"""Curves of one run or several."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.diagnosis.report import Diagnosis, Mark
from core.figures import elsewhere
from core.figures.style import FORMATS, GAP, LABELS, LINES, PALETTE, SHADE, THAWED, TRAINING, VALIDATION, layout
from core.statistics import wilson


def curve_range(histories: list[pd.DataFrame], metric: str) -> list[float] | None:
    """Return one y range that fits several histories, cut where a few values are far above the rest."""
    names = [f"clean_{metric}", f"val_{metric}", metric]
    values = np.concatenate([h[n].to_numpy(float) for h in histories for n in names if n in h] or [np.zeros(0)])
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    if metric == "accuracy":
        return [max(0.0, float(values.min()) - 0.05), 1.02]
    return [0.0, float(min(values.max(), 2.5 * np.percentile(values, 90))) * 1.08 + 1e-3]


def curves(
    history: pd.DataFrame,
    metric: str,
    *,
    diagnosis: Diagnosis | None = None,
    pointed: tuple[Mark, ...] = (),
    n_validation: int | None = None,
    band: tuple[pd.DataFrame, pd.DataFrame] | None = None,
    y_range: list[float] | None = None,
    epochs: int | None = None,
    earlier: Sequence[pd.DataFrame] = (),
    ghost: pd.DataFrame | None = None,
    height: int = 182,
) -> go.Figure:
    """Return training and validation curves of one run; panels of the same width have the same time axis.

    Parameters
    ----------
    history
        One row an epoch; columns ``epoch``, ``loss``, ``clean_loss``, ``val_loss`` and the same for accuracy.
    metric
        ``loss`` or ``accuracy``.
    diagnosis
        Its marks are drawn.
    pointed
        Marks of the one finding that somebody asked to be shown; drawn in amber, over the others.
    n_validation
        Number of validation images; draws the Wilson interval of the accuracy.
    band
        Lowest and highest curves of several runs of which ``history`` is the mean; drawn instead of the Wilson interval.
    y_range, epochs
        Axes shared with the curves beside these.
    earlier
        Curves of the stages that this run started from, the first one first; drawn to the left of it, paler, behind a line.
    ghost
        Curves of the run that stood here before; drawn behind, in gray.
    """
    figure = go.Figure()
    before = _stages(figure, earlier, metric)
    if ghost is not None:
        _ghost(figure, ghost, metric)
    x = history["epoch"] if "epoch" in history else pd.Series(range(1, len(history) + 1))
    if band is not None:
        _bands(figure, x, band, metric)
    elif metric == "accuracy" and n_validation and "val_accuracy" in history:
        _interval(figure, x, history["val_accuracy"], n_validation)
    _lines(figure, x, history, metric)
    elsewhere.draw_stages(figure, history)
    _marks(figure, diagnosis.marks if diagnosis else (), pointed, metric)
    if not len(x):
        figure.add_annotation(
            text="the first epoch is on its way …", showarrow=False, xref="paper", yref="paper", x=0.5, y=0.5
        )
    last = max(epochs or 0, int(x.max()) if len(x) else 1, 2)
    x_axis = _epoch_ticks(last) | {"range": [elsewhere.first_of(x) - 0.3, last + 0.3]}
    if before:
        x_axis = _stage_ticks(earlier, last)
        _say_where_it_starts(figure, before, last)
    y_axis = {"range": y_range if y_range or len(x) else [0, 1], "automargin": False, "nticks": 5, "tickformat": FORMATS.get(metric)}  # fmt: skip
    _named(figure, metric)
    return layout(figure, height, x=x_axis, y=y_axis, margin={"l": 46, "r": 10, "t": 24, "b": 26})


def _ghost(figure: go.Figure, ghost: pd.DataFrame, metric: str) -> None:
    for kind, column in (("clean", f"clean_{metric}"), ("validation", f"val_{metric}")):
        if column in ghost:
            line = LINES[kind] | {"color": "rgba(128,128,128,0.55)"}
            figure.add_scatter(x=ghost["epoch"], y=ghost[column], mode="lines", line=line, name=f"before: {LABELS[kind]}", hoverinfo="skip")  # fmt: skip


def _lines(figure: go.Figure, x: pd.Series, history: pd.DataFrame, metric: str) -> None:
    reported = "reported" if f"clean_{metric}" in history else "clean"
    for kind, column in ((reported, metric), ("clean", f"clean_{metric}"), ("validation", f"val_{metric}")):
        if column in history:
            few = len(history) < 4 or elsewhere.is_sparse(history[column])
            figure.add_scatter(
                x=x,
                y=history[column],
                mode="lines+markers" if few else "lines",
                name=LABELS[kind],
                line=LINES[kind],
                hovertemplate=f"epoch %{{x}}: %{{y:.3f}}<extra>{LABELS[kind]}</extra>",
                connectgaps=True,
            )


def _marks(figure: go.Figure, marks: tuple[Mark, ...], pointed: tuple[Mark, ...], metric: str) -> None:
    here = [mark for mark in (*(m for m in marks if m not in pointed), *pointed) if mark.panel == metric]
    for mark in here:
        DRAWN[mark.kind](figure, mark, *((THAWED, 0.35) if mark in pointed else (VALIDATION, 0.12)))
    _labels(figure, here)


def _stages(figure: go.Figure, earlier: Sequence[pd.DataFrame], metric: str) -> int:
    """Draw the curves of earlier stages left of epoch 1, a line where each next stage starts, and return their number of epochs."""
    ends = 0
    for stage in reversed(earlier):
        first = ends - len(stage) + 1
        for kind, column in (("clean", f"clean_{metric}"), ("validation", f"val_{metric}")):
            if column in stage:
                hover = f"the stage before: %{{y:.3f}}<extra>{LABELS[kind]}</extra>"
                figure.add_scatter(x=list(range(first, ends + 1)), y=stage[column], mode="lines", line=LINES[kind], opacity=0.45, name=LABELS[kind], hovertemplate=hover)  # fmt: skip
        figure.add_vline(x=ends + 0.5, line={"color": THAWED, "width": 2, "dash": "dot"})
        ends = first - 1
    return -ends


def _say_where_it_starts(figure: go.Figure, before: int, last: int) -> None:
    """Name the line of the last stage on the side that has more room: at the right end stands which epoch is best."""
    side = "right" if before > 0.6 * last else "left"
    figure.add_annotation(text="fine-tuning starts", x=0.5, xanchor=side, y=1, yref="paper", yanchor="bottom", showarrow=False)  # fmt: skip


def _stage_ticks(earlier: Sequence[pd.DataFrame], last: int) -> dict:
    """Return an axis on which every stage counts its epochs from 1, about ten numbers in all."""
    lengths = [*(len(stage) for stage in earlier), last]
    step, at = max(1, round(sum(lengths) / 10)), -sum(lengths[:-1])
    ticks: dict[int, str] = {}
    for n in lengths:
        ticks |= {at + epoch: str(epoch) for epoch in range(1, n + 1) if epoch == 1 or epoch % step == 0}
        at += n
    return {"tickvals": list(ticks), "ticktext": list(ticks.values()), "range": [0.7 - sum(lengths[:-1]), last + 0.3]}


def _epoch_ticks(last: int) -> dict:
    """Return the settings of an axis of whole epochs; left alone, Plotly halves the steps of a short one and rounds the numbers."""
    return {"tickformat": "d", "dtick": 1 if last <= 10 else None}


def _named(figure: go.Figure, metric: str) -> None:
    """Name the axes in the corners, where the names cost no room and meet no number."""
    corner = {"x": 0, "xref": "paper", "yref": "paper", "showarrow": False}
    figure.add_annotation(text=f"<b>{metric}</b>", y=1, xshift=-44, xanchor="left", yanchor="bottom", **corner)
    figure.add_annotation(text="epoch", y=0, yshift=-5, xshift=-8, xanchor="right", yanchor="top", **corner)


def _interval(figure: go.Figure, x: pd.Series, accuracy: pd.Series, n: int) -> None:
    bounds = np.array([wilson(a * n, n) if np.isfinite(a) else (np.nan, np.nan) for a in accuracy])
    band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=x, y=bounds[:, 1], **band)
    figure.add_scatter(x=x, y=bounds[:, 0], fill="tonexty", fillcolor=SHADE, **band)


def _bands(figure: go.Figure, x: pd.Series, band: tuple[pd.DataFrame, pd.DataFrame], metric: str) -> None:
    """Shade from the lowest to the highest of several runs, in the colour of the curve."""
    look = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    for column, colour in ((f"clean_{metric}", TRAINING), (f"val_{metric}", VALIDATION)):
        if all(column in part for part in band):
            figure.add_scatter(x=x, y=band[1][column], **look)
            figure.add_scatter(x=x, y=band[0][column], fill="tonexty", fillcolor=_faint(colour), **look)


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.15)"


def _labels(figure: go.Figure, marks: list[Mark]) -> None:
    """Say what the marks are, above the panel, where no curve runs through the words."""
    said = dict.fromkeys(f"▼ {m.text}" if m.kind == "epoch" else m.text for m in sorted(marks, key=lambda m: m.x0))
    if said:
        corner = {"x": 1, "xref": "paper", "xanchor": "right", "y": 1, "yref": "paper", "yanchor": "bottom"}
        figure.add_annotation(text=" · ".join(said), showarrow=False, **corner)


def _draw_epoch(figure: go.Figure, mark: Mark, colour: str, _opacity: float) -> None:
    figure.add_scatter(
        x=[mark.x0], y=[mark.y0], mode="markers", showlegend=False, hoverinfo="skip", cliponaxis=False,
        marker={"symbol": "triangle-down", "size": 12, "color": colour},
    )  # fmt: skip


def _draw_span(figure: go.Figure, mark: Mark, colour: str, opacity: float) -> None:
    figure.add_vrect(x0=mark.x0, x1=mark.x1, fillcolor=colour, opacity=opacity, line_width=0)


def _draw_gap(figure: go.Figure, mark: Mark, _colour: str, _opacity: float) -> None:
    line = {"color": GAP, "width": 4}
    figure.add_shape(type="line", x0=mark.x0, x1=mark.x0, y0=mark.y0 or 0.0, y1=mark.y1 or 0.0, line=line)


def _draw_level(figure: go.Figure, mark: Mark, colour: str, _opacity: float) -> None:
    """Draw where training ended, in training's colour: dashes in validation's looked like its curve."""
    own = colour if colour == THAWED else TRAINING
    figure.add_hline(y=mark.y0, line={"color": own, "width": 1.5, "dash": "longdashdot"})


DRAWN = {"epoch": _draw_epoch, "span": _draw_span, "gap": _draw_gap, "level": _draw_level}


def overlay(histories: dict[str, pd.DataFrame], metric: str, height: int = 300) -> go.Figure:
    """Return several runs on the same axes: a colour a run, solid for training and dashed for validation."""
    figure = go.Figure()
    for colour, (name, history) in zip(PALETTE, histories.items(), strict=False):
        clean = f"clean_{metric}" if f"clean_{metric}" in history else metric
        for column, dash, what in ((clean, "solid", "training"), (f"val_{metric}", "dash", "validation")):
            if column in history:
                figure.add_scatter(
                    x=history["epoch"],
                    y=history[column],
                    name=f"{name}, {what}",
                    mode="lines+markers" if len(history) < 4 else "lines",
                    line={"color": colour, "width": 2.5, "dash": dash},
                    hovertemplate=f"epoch %{{x}}: %{{y:.3f}}<extra>{name}, {what}</extra>",
                )
    shared = curve_range(list(histories.values()), metric)
    y_axis = {"range": shared, "automargin": False, "tickformat": FORMATS.get(metric)}
    _named(figure, metric)
    last = max((int(h["epoch"].max()) for h in histories.values() if len(h)), default=1)
    return layout(figure, height, x=_epoch_ticks(last), y=y_axis, margin={"l": 46, "r": 10, "t": 24, "b": 26})
