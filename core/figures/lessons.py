"""Figures of the ideas on the page Learn that no run draws."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from core.figures.style import FROZEN, PALETTE, SHADE, THAWED, VALIDATION, layout
from core.statistics import wilson


def certainty(accuracy: float = 0.8, most: int = 1000, height: int = 170) -> go.Figure:
    """Return between what an accuracy may lie, by the number of validation images: the 95% Wilson interval."""
    n = np.unique(np.geomspace(10, most, 40).astype(int))
    bounds = np.array([wilson(accuracy * k, int(k)) for k in n])
    figure = go.Figure()
    figure.add_scatter(x=n, y=bounds[:, 1], mode="lines", line={"width": 0}, hoverinfo="skip", showlegend=False)
    figure.add_scatter(x=n, y=bounds[:, 0], mode="lines", line={"width": 0}, fill="tonexty", fillcolor=SHADE.replace("0.10", "0.25"),
                       hovertemplate="%{x} images: not below %{y:.0%}<extra></extra>", showlegend=False)  # fmt: skip
    figure.add_hline(y=accuracy, line={"color": VALIDATION, "width": 3, "dash": "dash"})
    x = {"type": "log", "title": {"text": "validation images"}, "tickvals": [10, 40, 100, 400, 1000]}
    return layout(figure, height, x=x, y={"tickformat": ".0%", "range": [0.4, 1]}, margin={"l": 46, "r": 10, "t": 8, "b": 40})  # fmt: skip


def bars(values: Mapping[str, float], unit: str, height: int = 130) -> go.Figure:
    """Return a few named amounts as horizontal bars, the number at the end of each."""
    names, amounts = list(values), list(values.values())
    colours = [(THAWED, FROZEN, *PALETTE)[i] for i in range(len(names))]
    text = [f"{amount:,.3g} {unit}" if amount < 1000 else f"{amount:,.0f} {unit}" for amount in amounts]
    figure = go.Figure(go.Bar(x=amounts, y=names, orientation="h", marker={"color": colours}, text=text, textposition="auto", hoverinfo="skip"))  # fmt: skip
    return layout(figure, height, x={"visible": False}, y={"autorange": "reversed"}, margin={"l": 8, "r": 8, "t": 8, "b": 8})  # fmt: skip
