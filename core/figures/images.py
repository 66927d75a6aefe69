"""What a data set holds."""

import base64
import io

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from PIL import Image

from core.figures.style import TRAINING, VALIDATION, layout


def class_counts(counts: pd.DataFrame, height: int = 260) -> go.Figure:
    """Return bars of images a class (index) and split (columns)."""
    figure = go.Figure()
    for split, colour in (("train", TRAINING), ("validation", VALIDATION), ("test", "#6B7280")):
        if split in counts:
            figure.add_bar(x=[str(c) for c in counts.index], y=counts[split], name=split, marker_color=colour)
    return layout(figure, height, x={"type": "category"}, y={"title": "images"}, barmode="group")


def picture_uri(pixels: np.ndarray, side: int = 96) -> str:
    """Return a picture as a JPEG that can stand in a page without a file.

    Parameters
    ----------
    pixels
        uint8 of shape (height, width, 3).
    side
        Largest number of pixels a side.
    """
    picture, content = Image.fromarray(pixels), io.BytesIO()
    picture.thumbnail((side, side))
    picture.save(content, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
