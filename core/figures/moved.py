"""Figures of what moved inside: weights a layer, likeness and probes a block, the path between two runs."""

import numpy as np
import plotly.graph_objects as go

from core.figures.style import FORMATS, FROZEN, GAP, PALETTE, THAWED, VALIDATION, layout
from core.network.layers import LayerTable

BEFORE, AFTER = "#6B7280", VALIDATION


def weight_moves(table: LayerTable, moved: dict[str, float], height: int = 170) -> go.Figure:
    """Return how far each layer's weights went, in per cent of their size, on the network's strip: amber where they moved.

    Parameters
    ----------
    table
        The backbone's layers.
    moved
        By the layer's name, a share; layers without weights are left out.
    """
    shown = [layer for layer in table if layer.name in moved]
    shares = [100 * moved[layer.name] for layer in shown]
    text = [f"{x.index} {x.name}<br>{x.kind}: {s:.2g}% of its size" for x, s in zip(shown, shares, strict=True)]
    top = max(*shares, 1e-3)
    heights = [s if s > 0 else 0.04 * top for s in shares]  # a stub for what stayed, so that the strip is the network
    colours = [THAWED if s > 0 else FROZEN for s in shares]
    figure = go.Figure(go.Bar(x=[x.index for x in shown], y=heights, marker_color=colours, hovertext=text, hoverinfo="text", width=0.9))  # fmt: skip
    return layout(figure, height, x={"title": "layer", "range": [-1, len(table)]}, y={"title": "moved, %"}, showlegend=False)  # fmt: skip


def over_depth(
    blocks: list[str], lines: dict[str, list[float]], title: str, height: int = 280, *, whole: bool = False
) -> go.Figure:
    """Return one or two lines over the blocks from input to output; the second is drawn over the first.

    Parameters
    ----------
    blocks
        Names of the blocks.
    lines
        Shares by what they are of, ``before`` and ``after`` in this order.
    title
        Of the axis.
    whole
        Whether the axis begins at 0, so that a fall of a hundredth looks like one; by default it fits the lines.
    """
    figure = go.Figure()
    looks = ({"color": BEFORE, "width": 2.5, "dash": "dash"}, {"color": AFTER, "width": 3})
    for look, (name, values) in zip(looks if len(lines) > 1 else looks[1:], lines.items(), strict=False):
        figure.add_scatter(x=blocks, y=values, name=name, mode="lines+markers", line=look, hovertemplate=f"%{{x}}: %{{y:.1%}}<extra>{name}</extra>")  # fmt: skip
    return layout(
        figure,
        height,
        x={"type": "category", "tickangle": -45},
        y={"title": title, "tickformat": ".1~%"} | ({"range": [0, 1.05]} if whole else {}),
    )


PATH_COLOURS = (VALIDATION, *PALETTE)  # a condition each
PATH_SIDES = (300, 170)  # of a picture of the path, pixels


def path_picture(values: np.ndarray, title: str) -> str:
    """Return the lines of :func:`path` as an SVG picture, with the lowest and the highest value beside them.

    Parameters
    ----------
    values
        Accuracies or losses from before to after, shape (n_conditions, n).
    title
        ``accuracy`` or ``loss``.
    """
    (width, height), (low, high) = PATH_SIDES, (float(values.min()), float(values.max()))
    x = np.linspace(48, width - 8, values.shape[1])
    y = height - 24 - (values - low) / max(high - low, 1e-9) * (height - 40)
    lines = "".join(
        f'<polyline points="{" ".join(f"{a:.0f},{b:.1f}" for a, b in zip(x, row, strict=True))}" fill="none" stroke="{colour}" stroke-width="{2 if i else 4}"/>'
        for i, (row, colour) in enumerate(zip(y, PATH_COLOURS, strict=False))
    )
    shown = "{:.0%}" if title == "accuracy" else "{:.2f}"
    words = (
        (2, height - 20, shown.format(low)),
        (2, 20, shown.format(high)),
        (48, height - 6, "before"),
        (width - 38, height - 6, "after"),
    )
    text = "".join(f'<text x="{a}" y="{b}" font-size="12" fill="currentColor">{said}</text>' for a, b, said in words)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{title} from before to after">{lines}{text}</svg>'
    )


def path(shares: np.ndarray, values: np.ndarray, names: tuple[str, ...], title: str, best: float | None, height: int = 320) -> go.Figure:  # fmt: skip
    """Return a line a condition over the share of the second run; the first condition is the thick one.

    Parameters
    ----------
    shares
        0 is before, 1 is after, shape (n,).
    values
        Accuracies or losses, shape (n_conditions, n).
    names
        Of the conditions.
    title
        ``accuracy`` or ``loss``.
    best
        The share to mark; None for none.
    """
    figure = go.Figure()
    for i, (name, line) in enumerate(zip(names, values, strict=True)):
        look = {"color": PATH_COLOURS[i], "width": 3.5 if i == 0 else 1.8, "dash": "solid" if i == 0 else ("dash", "dot", "dashdot", "longdash")[(i - 1) % 4]}  # fmt: skip
        figure.add_scatter(x=shares, y=line, name=name, mode="lines+markers" if i == 0 else "lines", line=look)
    if best is not None:
        figure.add_vline(x=best, line={"color": GAP, "width": 2, "dash": "longdash"})
    x_axis = {"title": "before  →  after", "tickformat": ".0%", "range": [-0.02, 1.02]}
    return layout(figure, height, x=x_axis, y={"title": title, "tickformat": FORMATS.get(title)})
