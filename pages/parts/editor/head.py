"""The tab of the head."""

from typing import Any

import streamlit as st

from core.experiment import (
    BatchNormLayer,
    DenseLayer,
    DropoutLayer,
    HeadSpec,
)
from core.network import layers
from core.network.head import head_parameters
from pages.parts import state

POOLING = {"average": "GlobalAveragePooling", "max": "GlobalMaxPooling", "flatten": "Flatten"}


def draw(n_classes: int) -> None:
    """Draw the head editor."""
    head = state.experiment().head
    left, right = st.columns(2)
    left.button(
        "Generalised head",
        on_click=lambda: state.change(head=HeadSpec.generalised()),
        width="stretch",
        help="GlobalAveragePooling, Dropout 0.5, Dense 128, Dropout 0.5, softmax",
    )
    right.button(
        "Single dense on Flatten",
        on_click=lambda: state.change(head=HeadSpec.flatten()),
        width="stretch",
        help="The simplest head, and the one to improve on",
    )
    st.radio("From maps to numbers", list(POOLING), format_func=POOLING.get, horizontal=True, key=state.bind("pooling", head.pooling), on_change=_pooling_changed,
             help="Averaging keeps what is there and forgets where; Flatten keeps every position and needs many more weights")  # fmt: skip
    for i, layer in enumerate(head.layers):
        _head_row(i, layer)
    add = st.columns(3)
    for column, title, new in zip(
        add, ("+ Dropout", "+ Dense", "+ BatchNorm"), (DropoutLayer(), DenseLayer(), BatchNormLayer()), strict=True
    ):
        column.button(title, on_click=_add_layer, args=(new,), width="stretch", help="Adds a layer before the softmax")
    last = layers.layer_table(state.experiment().backbone)[-1].output_shape
    st.caption(_path_of_numbers(head, last, n_classes))
    count = head_parameters(head, last[2], last[0] * last[1], n_classes)
    st.metric("Head parameters", f"{count:,}", help="All of them learn")
    if head.pooling == "flatten":
        pooled = head_parameters(head.replace(pooling="average"), last[2], last[0] * last[1], n_classes)
        st.warning(
            f"Flatten makes the head {count / max(pooled, 1):.0f} times as large as pooling would ({pooled:,}).",
            icon=":material/warning:",
        )


def _path_of_numbers(head: HeadSpec, last: tuple[int, ...], n_classes: int) -> str:
    """Return what happens to the backbone's maps, stage by stage, with the numbers that come out."""
    width = last[2] * (last[0] * last[1] if head.pooling == "flatten" else 1)
    stages = ["×".join(map(str, last)), f"{POOLING[head.pooling]} **{width:,}**"]
    for layer in head.layers:
        if isinstance(layer, DenseLayer):
            stages.append(f"Dense {layer.activation} **{layer.units}**")
        else:
            stages.append(f"Dropout {layer.rate:g}" if isinstance(layer, DropoutLayer) else "BatchNorm")
    return " → ".join([*stages, f"softmax **{n_classes}** classes"])


def _set_layers(new: list) -> None:
    state.change(head=state.experiment().head.replace(layers=[x.model_dump() for x in new]))


def _add_layer(new) -> None:
    _set_layers([*state.experiment().head.layers, new])


def _pooling_changed() -> None:
    state.change(head=state.experiment().head.replace(pooling=st.session_state.pooling))


def _update_layer(i: int, field: str, key: str) -> None:
    found = list(state.experiment().head.layers)
    found[i] = found[i].replace(**{field: st.session_state[key]})
    _set_layers(found)


def _remove_layer(i: int) -> None:
    _set_layers([x for j, x in enumerate(state.experiment().head.layers) if j != i])


def _head_row(i: int, layer) -> None:
    widths = {"dropout": [3, 1], "dense": [2, 2, 2, 1], "batchnorm": [3, 1]}[layer.kind]
    columns = st.columns(widths, vertical_alignment="bottom")
    if isinstance(layer, DropoutLayer):
        key = state.bind(f"head_{i}_rate", layer.rate)
        columns[0].slider(
            "Dropout",
            0.0,
            0.95,
            step=0.05,
            key=key,
            on_change=_update_layer,
            args=(i, "rate", key),
            help="Share of units left out in each step",
        )
    elif isinstance(layer, DenseLayer):
        for column, field, widget in zip(
            columns, ("units", "activation", "l2"), ("number", "select", "l2"), strict=False
        ):
            key = state.bind(f"head_{i}_{field}", getattr(layer, field))
            change: dict[str, Any] = {"key": key, "on_change": _update_layer, "args": (i, field, key)}
            if widget == "number":
                column.number_input("Dense units", 1, 4096, step=16, help="Width of the hidden layer", **change)
            elif widget == "select":
                column.selectbox(
                    "Activation", ["relu", "gelu", "tanh", "linear"], help="The bend after the weighted sum", **change
                )
            else:
                column.number_input(
                    "L2",
                    0.0,
                    1.0,
                    step=0.001,
                    format="%.4f",
                    help="Penalty on large weights; 0.0001 to 0.001 is usual",
                    **change,
                )
    else:
        columns[0].markdown("BatchNormalization")
    columns[-1].button(
        "",
        icon=":material/delete:",
        key=f"head_{i}_remove",
        on_click=_remove_layer,
        args=(i,),
        help="Remove this layer",
    )
