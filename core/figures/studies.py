"""What many runs tell together: sweeps, repairs, trials, a ramp of learning rates."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.style import LINES, THAWED, layout
from core.words import signed


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
        Label of the rung to mark as enough.
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
        figure.add_annotation(x=at, y=1.0, yref="paper", yanchor="bottom", text="enough", showarrow=False)
    last = len(ticks) - 0.5
    x_axis = {"title": title, "tickvals": list(range(len(ticks))), "ticktext": ticks, "range": [-0.5, last]}
    y_axis = {"title": "accuracy", "tickformat": ".0%", "range": None if len(points) else [0, 1.02]}
    return layout(figure, height, x=x_axis, y=y_axis)


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
    return layout(figure, height, x=x_axis, y=y_axis, showlegend=False)


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
    return layout(figure, height, x=x_axis, y={"title": "training loss"}, showlegend=False)


def differences_picture(values: list[float], low: float, high: float, colour: str, width: int = 260) -> str:
    """Return differences on common seeds as an SVG picture: a dot each, their mean with its interval, a line where nothing differs.

    Parameters
    ----------
    values
        Differences, at least one.
    low, high
        Bounds of the mean's interval.
    colour
        Of the interval.
    width
        Pixels.
    """
    mean = float(np.mean(values))
    limit = 1.15 * max(abs(v) for v in (*values, low, high, 1e-9))
    at = [width / 2 * (1 + v / limit) for v in (mean, low, high)]
    dots = "".join(
        f'<circle cx="{width / 2 * (1 + v / limit):.1f}" cy="12" r="4.5" fill="none" stroke="currentColor" stroke-width="1.5"/>'
        for v in values
    )
    told = ", ".join(signed(v, 1) for v in values)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="Differences in points: {told}" width="{width}" height="44" '
        f'viewBox="0 0 {width} 44"><line x1="{width / 2}" x2="{width / 2}" y1="0" y2="44" stroke="#808080" stroke-width="1.5"/>{dots}'
        f'<line x1="{at[1]:.1f}" x2="{at[2]:.1f}" y1="32" y2="32" stroke="{colour}" stroke-width="4"/>'
        f'<circle cx="{at[0]:.1f}" cy="32" r="6" fill="{colour}"/></svg>'
    )


def fold_curves(curves: list[list[float]], height: int = 220) -> go.Figure:
    """Return the validation accuracy of models trained on folds: each fold as a thin line, their mean as a thick one.

    Parameters
    ----------
    curves
        Validation accuracy after each epoch, a list a fold; folds that ended early are shorter.
    """
    longest = max(map(len, curves))
    padded = np.array([[*c, *[np.nan] * (longest - len(c))] for c in curves])
    epochs = list(range(1, longest + 1))
    figure = go.Figure()
    for number, curve in enumerate(padded, 1):
        thin = {**LINES["validation"], "width": 1, "dash": "solid"}
        figure.add_scatter(x=epochs, y=curve, line=thin, opacity=0.5, name=f"fold {number}", showlegend=False)
    figure.add_scatter(x=epochs, y=np.nanmean(padded, axis=0), line=LINES["validation"], name="mean of the folds")
    y = {"title": "accuracy on images not seen", "tickformat": ".0%"}
    return layout(figure, height, x={"title": "epoch", "tickformat": "d"}, y=y, showlegend=False)
