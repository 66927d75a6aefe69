"""Every Plotly figure, and the one colour language: frozen ice blue, thawed amber, training and validation each their own."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.diagnosis.report import Diagnosis, Mark
from core.experiment import FreezeSpec
from core.network.layers import Layer, LayerTable, is_thawed
from core.statistics import wilson

FROZEN, THAWED = "#8CCBF2", "#F5A524"
TRAINING, VALIDATION = "#2F8FD8", "#D55E00"  # blue and vermilion: told apart by the colour-blind (Okabe and Ito 2008)
PALETTE = ("#0F9D8A", "#7A5195", "#B45309", "#D81B78", "#5C6BC0", "#6B7280")  # runs: none is the colour of a curve
GAP = "#9A6FB0"  # legible on white and on the dark background
SHADE = "rgba(213, 94, 0, 0.10)"
LINES = {
    "clean": {"color": TRAINING, "width": 3},
    "reported": {"color": TRAINING, "width": 1.5, "dash": "dot"},
    "validation": {"color": VALIDATION, "width": 3, "dash": "dash"},
}
FORMATS = {"accuracy": ".0%"}
LABELS = {"clean": "training", "reported": "training, as measured while learning", "validation": "validation"}


def _layout(figure: go.Figure, height: int, *, x: dict | None = None, y: dict | None = None, **changes) -> go.Figure:
    """Give a figure the common look in one update (each costs Plotly milliseconds); ``x`` and ``y`` are the axes' own settings."""
    axis = {"gridcolor": "rgba(128,128,128,0.18)", "zeroline": False}
    common = {
        "margin": {"l": 8, "r": 8, "t": 28, "b": 8},
        "title": {"text": ""},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "font": {"size": 13},
        "uirevision": "keep",
        "xaxis": axis | (x or {}),
        "yaxis": axis | (y or {}),
    }
    return figure.update_layout(height=height, **{**common, **changes})


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
    y_range: list[float] | None = None,
    epochs: int | None = None,
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
    y_range, epochs
        Axes shared with the curves beside these.
    """
    figure = go.Figure()
    x = history["epoch"] if "epoch" in history else pd.Series(range(1, len(history) + 1))
    if metric == "accuracy" and n_validation and "val_accuracy" in history:
        _interval(figure, x, history["val_accuracy"], n_validation)
    clean = f"clean_{metric}" in history
    shown = [("reported" if clean else "clean", metric), ("clean", f"clean_{metric}"), ("validation", f"val_{metric}")]
    for kind, column in shown:
        if column in history:
            mode = "lines+markers" if len(history) < 4 else "lines"
            hover = f"epoch %{{x}}: %{{y:.3f}}<extra>{LABELS[kind]}</extra>"
            figure.add_scatter(
                x=x, y=history[column], mode=mode, name=LABELS[kind], line=LINES[kind], hovertemplate=hover
            )
    for mark in diagnosis.marks if diagnosis else ():
        if mark.panel == metric and mark not in pointed:
            _draw_mark(figure, mark)
    for mark in pointed:
        if mark.panel == metric:
            _draw_mark(figure, mark, THAWED, 0.35)
    if not len(x):
        figure.add_annotation(
            text="the first epoch is on its way …", showarrow=False, xref="paper", yref="paper", x=0.5, y=0.5
        )
    last = max(epochs or 0, int(x.max()) if len(x) else 1, 2)
    x_axis = _epoch_ticks(last) | {"range": [0.7, last + 0.3]}
    y_axis = {"range": y_range if y_range or len(x) else [0, 1], "automargin": False, "nticks": 5, "tickformat": FORMATS.get(metric)}  # fmt: skip
    _named(figure, metric)
    return _layout(figure, height, x=x_axis, y=y_axis, margin={"l": 46, "r": 10, "t": 24, "b": 26})


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


def _draw_mark(figure: go.Figure, mark: Mark, colour: str = VALIDATION, opacity: float = 0.12) -> None:
    DRAWN[mark.kind](figure, mark, colour, opacity)


def _draw_epoch(figure: go.Figure, mark: Mark, colour: str, _opacity: float) -> None:
    side = "right" if mark.x0 <= 2 else "left"
    figure.add_scatter(
        x=[mark.x0], y=[mark.y0], mode="markers+text", text=[mark.text], textposition=f"top {side}", showlegend=False,
        marker={"symbol": "triangle-down", "size": 12, "color": colour}, hoverinfo="skip", cliponaxis=False,
    )  # fmt: skip


def _draw_span(figure: go.Figure, mark: Mark, colour: str, opacity: float) -> None:
    figure.add_vrect(x0=mark.x0, x1=mark.x1, fillcolor=colour, opacity=opacity, line_width=0)
    _above(figure, mark.text, x=mark.x0 if mark.x1 is None else mark.x1)


def _draw_gap(figure: go.Figure, mark: Mark, _colour: str, _opacity: float) -> None:
    line, low, high = {"color": GAP, "width": 4}, mark.y0 or 0.0, mark.y1 or 0.0
    figure.add_shape(type="line", x0=mark.x0, x1=mark.x0, y0=low, y1=high, line=line)
    figure.add_annotation(x=mark.x0, y=(low + high) / 2, text=mark.text, showarrow=False, xanchor="right", xshift=-8)


def _draw_level(figure: go.Figure, mark: Mark, colour: str, _opacity: float) -> None:
    figure.add_hline(y=mark.y0, line={"color": colour, "width": 2, "dash": "longdash"})
    _above(figure, mark.text, x=mark.x0)


def _above(figure: go.Figure, text: str, x: float) -> None:
    figure.add_annotation(
        text=text, x=x, xanchor="right", y=1, yref="paper", yanchor="bottom", showarrow=False, font={"color": GAP}
    )


DRAWN = {"epoch": _draw_epoch, "span": _draw_span, "gap": _draw_gap, "level": _draw_level}


def _bar(layer: Layer, freeze: FreezeSpec) -> tuple[float, str]:
    """Return the height (root scale, 0 to 1) and the colour of a layer's bar: ice blue frozen, amber thawed, grey without weights."""
    height = max(0.08, (layer.parameters / 409_600) ** 0.33)
    if not layer.parameters:
        return height, "rgba(128,128,128,0.35)"
    return height, THAWED if is_thawed(layer, freeze) else FROZEN


def network_strip(table: LayerTable, freeze: FreezeSpec) -> go.Figure:
    """Return the network as 154 bars that tell their layer's name and can be selected."""
    heights, colours = zip(*(_bar(x, freeze) for x in table), strict=True)
    state = ["thawed" if is_thawed(x, freeze) else "frozen" for x in table]
    text = [
        f"{x.index} {x.name}<br>{x.kind}, {x.parameters:,} parameters<br>{s}" for x, s in zip(table, state, strict=True)
    ]
    figure = go.Figure(
        go.Bar(
            x=[x.index for x in table], y=heights, marker_color=colours, hovertext=text, hoverinfo="text", width=0.85
        )
    )
    look = {
        "margin": {"l": 0, "r": 0, "t": 2, "b": 0},
        "bargap": 0,
        "dragmode": "select",
        "selectdirection": "h",
        "showlegend": False,
    }
    x_axis, y_axis = {"visible": False, "range": [-1, len(table)]}, {"visible": False, "range": [0, 1.15]}
    return _layout(figure, 96, x=x_axis, y=y_axis, **look)


def network_picture(table: LayerTable, freeze: FreezeSpec) -> str:
    """Return the same bars as an SVG picture, for a page that would load Plotly for nothing else (a second and a half)."""
    width, height = 10 * len(table), 150
    bars = ""
    for layer in table:
        share, colour = _bar(layer, freeze)
        top, tall = height * (1 - share), height * share
        bars += f'<rect x="{10 * layer.index}" y="{top:.1f}" width="8.5" height="{tall:.1f}" fill="{colour}"/>'
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{bars}</svg>'


def confusion(counts: np.ndarray, class_names: tuple[str, ...], height: int = 300) -> go.Figure:
    """Return a confusion matrix: rows are true classes, columns the model's answers."""
    figure = go.Figure(
        go.Heatmap(
            z=counts, x=list(class_names), y=list(class_names), colorscale=[[0, "rgba(47,143,216,0.07)"], [1, TRAINING]], showscale=False,
            text=counts, texttemplate="%{text}", hovertemplate="%{y} called %{x}: %{z}<extra></extra>",
        )
    )  # fmt: skip
    x_axis = {"title": "the model's answer", "side": "top", "type": "category"}
    y_axis = {"title": "true class", "autorange": "reversed", "type": "category"}
    return _layout(figure, height, x=x_axis, y=y_axis, margin={"l": 8, "r": 8, "t": 40, "b": 8})


def reliability(bins: pd.DataFrame, height: int = 300) -> go.Figure:
    """Return accuracy over confidence with Wilson intervals, and the diagonal of a model whose percentages can be taken at their word."""
    error = {"symmetric": False, "array": bins.high - bins.accuracy, "arrayminus": bins.accuracy - bins.low}
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": "rgba(128,128,128,0.6)", "dash": "dot"}, hoverinfo="skip"
    )
    figure.add_scatter(
        x=bins.confidence, y=bins.accuracy, error_y=error, mode="lines+markers", line=LINES["validation"], marker={"size": 8},
        customdata=bins.images, hovertemplate="%{x:.0%} sure, right %{y:.0%}, %{customdata} images<extra></extra>",
    )  # fmt: skip
    share = {"tickformat": ".0%", "range": [0, 1.03]}
    x_axis, y_axis = share | {"title": "how sure the model is"}, share | {"title": "how often it is right"}
    return _layout(figure, height, x=x_axis, y=y_axis, showlegend=False)


def kernel_changes(update_ratios: dict[str, float], gradient_ratios: dict[str, float], height: int = 300) -> go.Figure:
    """Return by how much each kernel that learnt moved over the run, and its gradient in the last step, both relative to its size."""
    names = list(update_ratios)
    figure = go.Figure()
    for title, ratios, colour in (
        ("moved over the run", update_ratios, THAWED),
        ("gradient in the last step", gradient_ratios, PALETTE[1]),
    ):
        values, marker = [ratios.get(name) for name in names], {"color": colour, "size": 8}
        figure.add_scatter(x=names, y=values, name=title, mode="markers", marker=marker, hovertemplate="%{x}: %{y:.2%}")
    y_axis = {"type": "log", "title": "share of the kernel's size", "tickformat": ".1~%", "nticks": 6}
    return _layout(figure, height, x={"type": "category", "showticklabels": len(names) <= 12}, y=y_axis)


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
    return _layout(figure, height, x=_epoch_ticks(last), y=y_axis, margin={"l": 46, "r": 10, "t": 24, "b": 26})


def class_counts(counts: pd.DataFrame, height: int = 260) -> go.Figure:
    """Return bars of images a class (index) and split (columns)."""
    figure = go.Figure()
    for split, colour in (("train", TRAINING), ("validation", VALIDATION), ("test", "#6B7280")):
        if split in counts:
            figure.add_bar(x=[str(c) for c in counts.index], y=counts[split], name=split, marker_color=colour)
    return _layout(figure, height, x={"type": "category"}, y={"title": "images"}, barmode="group")


def sweep(
    points: pd.DataFrame, ticks: list[str], title: str, chosen: str | None = None, height: int = 380
) -> go.Figure:
    """Return validation accuracy with intervals and clean training accuracy, one rung a run, evenly spaced.

    Parameters
    ----------
    points
        Columns ``label``, ``val_accuracy``, ``low``, ``high``, ``train_accuracy``; one row a finished rung, its place in ``ticks`` as index.
    ticks
        What stands below each rung, those that are still to come included.
    chosen
        Label of the rung to mark as recommended.
    """
    error = {
        "type": "data",
        "symmetric": False,
        "array": points.high - points.val_accuracy,
        "arrayminus": points.val_accuracy - points.low,
    }
    more = {"x": points.index, "mode": "lines+markers", "text": points.label, "hovertemplate": "%{text}: %{y:.1%}"}
    figure = go.Figure()
    figure.add_scatter(y=points.train_accuracy, name="training", line=LINES["clean"], **more)
    figure.add_scatter(y=points.val_accuracy, name="validation", line=LINES["validation"], error_y=error, **more)
    for at in points.index[points.label == chosen]:
        figure.add_vrect(x0=at - 0.3, x1=at + 0.3, fillcolor=THAWED, opacity=0.2, line_width=0)
        figure.add_annotation(x=at, y=1.0, yref="paper", yanchor="bottom", text="recommended", showarrow=False)
    last = len(ticks) - 0.5
    x_axis = {"title": title, "tickvals": list(range(len(ticks))), "ticktext": ticks, "range": [-0.5, last]}
    return _layout(figure, height, x=x_axis, y={"title": "accuracy", "tickformat": ".0%"})


def steps(names: list[str], accuracies: list[float], height: int = 220) -> go.Figure:
    """Return validation accuracy after each step of a repair; two steps may have taken the same remedy."""
    text = [f"{a:.1%}" if np.isfinite(a) else "" for a in accuracies]
    figure = go.Figure(
        go.Scatter(
            x=list(range(len(names))),
            y=accuracies,
            text=text,
            mode="lines+markers+text",
            textposition="top center",
            line=LINES["validation"],
        )
    )
    known = [a for a in accuracies if np.isfinite(a)] or [0.0]
    ticks = {"tickvals": list(range(len(names))), "ticktext": names}
    x_axis = ticks | {"range": [-0.5, max(len(names), 2) - 0.5]}
    room = [max(0, min(known) - 0.1), min(1.1, max(known) + 0.1)]
    y_axis = {"title": "validation accuracy", "tickformat": ".0%", "range": room}
    return _layout(figure, height, x=x_axis, y=y_axis, showlegend=False)


def intervals_picture(rows: list[tuple[float, float, float, float]], colour: str, width: int = 120) -> str:
    """Return measured changes as an SVG picture: a dot with its interval, and a line where nothing changes.

    Parameters
    ----------
    rows
        (value, low, high, limit), each drawn on its own scale from -limit to limit; right of the line is better.
    colour
        Of the dots and intervals.
    width
        Pixels; each row is 24 high.
    """
    height, middle = 24 * len(rows), width / 2
    parts = f'<line x1="{middle}" x2="{middle}" y1="0" y2="{height}" stroke="#808080" stroke-width="1.5"/>'
    for at, (value, low, high, limit) in enumerate(rows):
        x = [middle * (1 + 0.92 * max(-1.0, min(1.0, v / limit if limit else 0.0))) for v in (value, low, high)]
        y = 24 * at + 12
        parts += f'<line x1="{x[1]:.1f}" x2="{x[2]:.1f}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="3"/>'
        parts += f'<circle cx="{x[0]:.1f}" cy="{y}" r="5" fill="{colour}"/>'
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{parts}</svg>'


def rate_ramp(rates: np.ndarray, losses: np.ndarray, suggestion: float | None, height: int = 320) -> go.Figure:
    """Return the loss over a ramp of learning rates with the suggestion marked."""
    figure = go.Figure(
        go.Scatter(
            x=rates,
            y=losses,
            mode="lines",
            line=LINES["clean"],
            hovertemplate="rate %{x:.1e}: loss %{y:.3f}<extra></extra>",
        )
    )
    if suggestion:
        figure.add_vline(x=suggestion, line={"color": THAWED, "width": 3})
        figure.add_annotation(  # on a logarithmic axis Plotly wants the exponent
            x=np.log10(suggestion),
            y=1.0,
            yref="paper",
            yanchor="bottom",
            text=f"suggested {suggestion:.1e}",
            showarrow=False,
        )
    x_axis = {"type": "log", "title": "learning rate"}
    return _layout(figure, height, x=x_axis, y={"title": "training loss"}, showlegend=False)
