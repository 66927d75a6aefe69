"""What curves made elsewhere need that our own do not: stages, epochs from 0 or from the middle, figures measured now and then."""

import pandas as pd
import plotly.graph_objects as go

SPARSE = 0.7  # share of rows with a figure, below which points are drawn, so that a straight line between two is not taken for figures


def is_sparse(values: pd.Series) -> bool:
    """Return whether a curve was measured in too few rows for a line alone."""
    return bool(values.notna().mean() < SPARSE)


def first_of(epochs: pd.Series) -> float:
    """Return where the axis of epochs begins."""
    return float(epochs.min()) if len(epochs) else 1.0


def draw_stages(figure: go.Figure, history: pd.DataFrame) -> None:
    """Draw a line before each stage but the first (``attrs["stages"]``: first rows)."""
    for number, row in enumerate(history.attrs.get("stages", [])[1:], start=2):
        x = float(history["epoch"].iloc[row]) - 0.5
        figure.add_vline(x=x, line={"color": "rgba(128,128,128,0.8)", "width": 1.5, "dash": "dot"})
        figure.add_annotation(x=x, y=1, yref="paper", text=f"stage {number}", showarrow=False, xanchor="left", yanchor="top", xshift=3, font={"size": 11})  # fmt: skip
