"""The tree of runs, and many runs at once over the settings that differ."""

import math

import pandas as pd
import plotly.graph_objects as go

from core.diagnosis.report import title_of
from core.figures.style import FROZEN, PALETTE, THAWED, TRAINING, layout
from core.runs.tree import Node
from core.words import signed

VERDICTS = {  # as the badges' colours
    "good_fit": "#2E9E5B",
    "underfitting": TRAINING,
    "overfitting": "#E07B00",
    "still_improving": PALETTE[1],
    "unstable": "#D64541",
    "inconclusive": "#6B7280",
}
ROW, COLUMN_LETTERS = 74, 22


def tree(nodes: tuple[Node, ...], names: list[str], picked: tuple[int, ...] = ()) -> go.Figure:
    """Return the tree from left to right; points carry their node's position as custom data.

    Parameters
    ----------
    nodes
        From :func:`core.runs.tree.tree`.
    names
        What each node is called.
    picked
        Positions to mark.
    """
    figure = go.Figure()
    for node in nodes:
        if node.parent is not None:
            _branch(figure, nodes[node.parent], node)
    size = [22 if len(n.runs) > 1 else 16 for n in nodes]
    colours = [VERDICTS.get(n.run.verdict, "#9AA5B1") for n in nodes]
    rims = [THAWED if i in picked else "rgba(0,0,0,0)" for i in range(len(nodes))]
    figure.add_scatter(
        x=[n.depth for n in nodes], y=[n.place for n in nodes], mode="markers+text", cliponaxis=False,
        marker={"size": size, "color": colours, "line": {"color": rims, "width": 4}, "opacity": 1},
        text=[_label(n, name) for n, name in zip(nodes, names, strict=True)], textposition="bottom center",
        customdata=list(range(len(nodes))), hovertext=[_hover(n, name) for n, name in zip(nodes, names, strict=True)], hoverinfo="text",
    )  # fmt: skip
    rows = max(n.place for n in nodes) + 1
    columns = max(n.depth for n in nodes) + 1
    x_axis = {"visible": False, "range": [-0.4, columns - 0.6]}
    y_axis = {"visible": False, "range": [rows - 0.3, -0.6]}
    return layout(
        figure, int(70 + ROW * rows), x=x_axis, y=y_axis, showlegend=False, clickmode="event+select", dragmode="pan"
    )


def _branch(figure: go.Figure, parent: Node, node: Node) -> None:
    middle = (parent.depth + node.depth) / 2
    figure.add_scatter(
        x=[parent.depth, middle, middle, node.depth], y=[parent.place, parent.place, node.place, node.place],
        mode="lines", line={"color": FROZEN, "width": 2}, hoverinfo="skip",
    )  # fmt: skip
    figure.add_annotation(
        x=node.depth - 0.08, y=node.place, text=f"{_cut(node.change)}<br><b>{gained(node)}</b>", showarrow=False,
        xanchor="right", yanchor="bottom", align="right", font={"size": 11},
    )  # fmt: skip


def gained(node: Node) -> str:
    """Say what a branch brought, in points with the interval."""
    c = node.gain
    return f"{signed(100 * c.difference)} ({signed(100 * c.low)} to {signed(100 * c.high)})" if c else ""


def _cut(text: str) -> str:
    return text if len(text) <= 2 * COLUMN_LETTERS else text[: 2 * COLUMN_LETTERS - 1] + "…"


def _label(node: Node, name: str) -> str:
    several = f" × {len(node.runs)}" if len(node.runs) > 1 else ""
    share = "" if math.isnan(node.accuracy) else f"<br>{node.accuracy:.0%} ({node.low:.0%}–{node.high:.0%})"
    short = name if len(name) <= COLUMN_LETTERS else name[: COLUMN_LETTERS - 1] + "…"
    return f"{short}{several}{share}"


def _hover(node: Node, name: str) -> str:
    parts = [f"<b>{name}</b>", title_of(node.run.verdict), node.change, gained(node), node.run.note]
    return "<br>".join(p for p in parts if p)


def parallel(settings: pd.DataFrame, height: int = 340) -> go.Figure:
    """Return a line a run through the settings that differ to its accuracy.

    Parameters
    ----------
    settings
        From :func:`core.runs.tree.settings_that_differ`.
    """
    dimensions = [_axis(name, settings[name]) for name in settings]
    line = {"color": settings["accuracy"], "colorscale": [[0, FROZEN], [1, "#B45309"]]}
    figure = go.Figure(go.Parcoords(line=line, dimensions=dimensions, labelangle=-12, labelfont={"size": 12}))
    return layout(figure, height, margin={"l": 60, "r": 60, "t": 70, "b": 24})


def _axis(name: str, values: pd.Series) -> dict:
    if name == "accuracy":
        return {"label": "validation accuracy", "values": values, "tickformat": ".0%"}
    if pd.api.types.is_numeric_dtype(values):
        return {"label": name, "values": values}
    kinds = {v: i for i, v in enumerate(dict.fromkeys(values.astype(str)))}
    return {"label": name, "values": values.astype(str).map(kinds), "tickvals": list(kinds.values()), "ticktext": list(kinds)}  # fmt: skip
