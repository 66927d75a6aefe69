"""What a model answers: confusion, and how sure it is."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.figures.style import LINES, TRAINING, layout


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
    return layout(figure, height, x=x_axis, y=y_axis, margin={"l": 8, "r": 8, "t": 40, "b": 8})


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
    return layout(figure, height, x=x_axis, y=y_axis, showlegend=False)
