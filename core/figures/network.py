"""The network as bars, and how far its kernels moved."""

import plotly.graph_objects as go

from core.experiment import FreezeSpec
from core.figures.style import FROZEN, PALETTE, THAWED, layout
from core.network.layers import Layer, LayerTable, is_thawed


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
    return layout(figure, 84, x=x_axis, y=y_axis, **look)


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
    return layout(figure, height, x={"type": "category", "showticklabels": len(names) <= 12}, y=y_axis)
