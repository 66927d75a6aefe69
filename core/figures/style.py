"""The one colour language and look of all figures: frozen ice blue, thawed amber, training and validation each their own."""

import plotly.graph_objects as go

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


def layout(figure: go.Figure, height: int, *, x: dict | None = None, y: dict | None = None, **changes) -> go.Figure:
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
