"""The layer table: 154 rows that freeze and thaw, with a picture of the network and totals."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from core import costs, figures, layers
from core.experiment import N_LAYERS, FreezeSpec
from pages.parts import state

COLUMNS = {
    "#": 46,
    "thawed": 66,
    "learns": 58,
    "layer": 180,
    "type": 130,
    "output": 96,
    "parameters": 96,
    "connected to": 220,
    "block": 110,
}


def draw(n_train: int, n_validation: int) -> None:
    """Draw the editor for the mask of the current Experiment."""
    x = state.experiment()
    table = layers.layer_table(x.backbone)
    _totals(x, table, n_train, n_validation)
    shown = st.plotly_chart(
        figures.network_strip(table, x.freeze),
        key=f"strip_{hash(x.freeze)}",
        on_select="rerun",
        selection_mode=["points", "box"],
        config={"displayModeBar": False},
    )
    _thaw_selected(shown)
    st.html(
        '<span class="chip frozen">frozen</span><span class="chip thawed">thawed</span><span class="chip">no weights</span> <small>left: input, right: output; click or drag over bars to thaw them</small>'
    )
    _quick_controls(x, table)
    _table(x, table)
    _code(x, table)


def _totals(x, table: layers.LayerTable, n_train: int, n_validation: int) -> None:
    count = layers.totals(table, x.freeze)
    cost = costs.estimate(x, n_train, n_validation)
    row = st.container(horizontal=True, gap="medium")
    row.metric(
        "Trainable",
        f"{count.trainable:,}",
        help=f"Of {count.total:,} parameters in the backbone ({layers.megabytes(count.total)}); {count.frozen:,} stay frozen",
        width="content",
    )
    row.metric(
        "Share",
        f"{count.share:.0%}",
        help="Trainable share of the backbone's parameters; the head always learns",
        width="content",
    )
    row.metric(
        "A run takes",
        f"~{max(cost.again, 0.3):.1f} s",
        help=f"Estimated. The first time {cost.first:.0f} s; plain Keras about {cost.plain:.0f} s",
        width="content",
    )
    if not layers.thawed_with_weights(table, x.freeze):
        st.info("The whole backbone is frozen: only the head learns (feature extraction).", icon=":material/ac_unit:")


def _set(freeze: FreezeSpec) -> None:
    state.change(freeze=freeze)


def _thaw_selected(shown) -> None:
    points = {int(p["x"]) for p in (shown.selection.points if shown and shown.selection else [])}
    freeze = state.experiment().freeze
    if points and not points <= set(freeze.thawed):
        _set(layers.with_thawed(freeze, set(freeze.thawed) | points))
        st.rerun(scope="fragment")


def _thaw_last(n: int) -> None:
    _set(layers.thaw_last(state.experiment().freeze, n))


def _last_changed() -> None:
    _thaw_last(int(st.session_state.thaw_last))


def _last_typed() -> None:
    _thaw_last(int(st.session_state.thaw_last_number))


def _lock_changed() -> None:
    _set(state.experiment().freeze.replace(lock_batchnorm=st.session_state.lock_batchnorm))


def _quick_controls(x, table: layers.LayerTable) -> None:
    n = layers.last_thawed_count(x.freeze)
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    left.slider(
        "Thaw the last … layers",
        0,
        N_LAYERS,
        key=state.bind("thaw_last", n or 0),
        on_change=_last_changed,
        help="The last layers see the most specific features; thaw from the right",
    )
    right.number_input(
        "N", 0, N_LAYERS, key=state.bind("thaw_last_number", n or 0), on_change=_last_typed, help="The same, typed"
    )
    if n is None:
        st.caption(f"A mask of your own: {len(x.freeze.thawed)} layers thawed.")
    st.toggle(
        "Keep BatchNorm frozen", key=state.bind("lock_batchnorm", x.freeze.lock_batchnorm), on_change=_lock_changed,
        help="BatchNorm layers keep the statistics they were pretrained with. Thawed, they learn from each batch, and their running averages lag behind in a brief run: the most common surprise in fine-tuning.",
    )  # fmt: skip
    if not x.freeze.lock_batchnorm and any(layers.is_thawed(r, x.freeze) and r.kind == layers.BATCHNORM for r in table):
        st.warning(
            "BatchNorm is thawed: in training it uses each batch's statistics, in validation its running averages. In a brief run the two differ.",
            icon=":material/warning:",
        )
    row = st.container(horizontal=True, gap="small")
    row.button("All frozen", on_click=_thaw_last, args=(0,), help="Only the head learns")
    row.button("All thawed", on_click=_thaw_last, args=(N_LAYERS,), help="The whole network learns")
    row.button(
        "Undo",
        icon=":material/undo:",
        on_click=state.undo,
        disabled=not st.session_state.undo,
        help="Take the last change of the experiment back",
    )
    row.button(
        "Redo",
        icon=":material/redo:",
        on_click=state.redo,
        disabled=not st.session_state.redo,
        help="Do it again",
    )
    with st.popover("Blocks, ranges, from a layer on", width="stretch", help="More ways to choose layers"):
        _more_controls(table)


def _more_controls(table: layers.LayerTable) -> None:
    block = st.selectbox(
        "Block", layers.blocks(table)[::-1], key="block", help="MobileNetV2's building blocks, the last first"
    )
    _pair("block", lambda thawed: layers.set_block(state.experiment().freeze, table, block, thawed=thawed))
    first, last = st.slider(
        "Range of layers", 0, N_LAYERS - 1, (100, 120), key="layer_range", help="Numbers as in the table"
    )
    _pair("range", lambda thawed: layers.set_range(state.experiment().freeze, first, last, thawed=thawed))
    names = [r.name for r in table][::-1]
    name = st.selectbox("From this layer on", names, key="from_layer", help="The layer and all after it")
    st.button(
        "Thaw from here",
        on_click=lambda: _set(layers.thaw_from(state.experiment().freeze, table, name)),
        help="This layer and all after it learn, all before it stay frozen",
    )


def _pair(what: str, changed: Callable[[bool], FreezeSpec]) -> None:
    """Draw a button that thaws and one that freezes."""
    row = st.container(horizontal=True, gap="small")
    row.button(
        f"Thaw {what}",
        on_click=lambda: _set(changed(True)),
        help=f"The layers of this {what} learn; others stay as they are",
    )
    row.button(
        f"Freeze {what}",
        on_click=lambda: _set(changed(False)),
        help=f"The layers of this {what} stop learning; others stay as they are",
    )


@st.cache_data(show_spinner=False, max_entries=40)
def _static_rows(backbone) -> pd.DataFrame:
    rows = layers.layer_table(backbone)
    return pd.DataFrame(
        {
            "#": [r.index for r in rows],
            "layer": [r.name for r in rows],
            "type": [r.kind for r in rows],
            "output": ["×".join(map(str, r.output_shape)) for r in rows],
            "parameters": [r.parameters for r in rows],
            "connected to": [", ".join(r.connected_to) for r in rows],
            "block": [r.block for r in rows],
        }
    )


def _merge() -> None:
    """Take the table's edits over; runs twice per edit, so it sets rather than toggles."""
    freeze = state.experiment().freeze
    thawed = set(freeze.thawed)
    for row, values in st.session_state.layer_rows["edited_rows"].items():
        position = N_LAYERS - 1 - int(row)
        if "thawed" in values:
            (thawed.add if values["thawed"] else thawed.discard)(position)
    _set(layers.with_thawed(freeze, thawed))


def _table(x, table: layers.LayerTable) -> None:
    rows = _static_rows(x.backbone).copy()
    chosen = set(x.freeze.thawed)
    rows.insert(1, "thawed", [i in chosen for i in range(N_LAYERS)])
    rows.insert(2, "learns", [layers.trainable_mark(r, x.freeze) for r in table])
    config = {name: st.column_config.Column(width=width) for name, width in COLUMNS.items()}
    config["thawed"] = st.column_config.CheckboxColumn(width=66, help="Tick to let this layer learn")
    config["learns"] = st.column_config.TextColumn(
        width=60, help="Y learns, N frozen, - has no weights; the BatchNorm lock is counted in"
    )
    config["parameters"] = st.column_config.NumberColumn(width=100, format="localized")
    st.data_editor(
        rows.iloc[::-1].reset_index(drop=True), key="layer_rows", on_change=_merge, hide_index=True, height=330, column_config=config,
        disabled=[str(c) for c in rows if c != "thawed"],
    )  # fmt: skip
    st.caption("The last layer is on top. Y learns, N is frozen, - has no weights.")


def _code(x, table: layers.LayerTable) -> None:
    with st.expander("Keras code and summary for this mask", icon=":material/code:"):
        st.code(layers.keras_code(table, x.freeze), language="python")
        st.code(layers.keras_summary(table, x.freeze), language=None, height=260)
