"""What a data set holds."""

import pandas as pd
import plotly.graph_objects as go

from core.figures.style import TRAINING, VALIDATION, layout


def class_counts(counts: pd.DataFrame, height: int = 260) -> go.Figure:
    """Return bars of images a class (index) and split (columns)."""
    figure = go.Figure()
    for split, colour in (("train", TRAINING), ("validation", VALIDATION), ("test", "#6B7280")):
        if split in counts:
            figure.add_bar(x=[str(c) for c in counts.index], y=counts[split], name=split, marker_color=colour)
    return layout(figure, height, x={"type": "category"}, y={"title": "images"}, barmode="group")
