"""The layer table: 154 rows that freeze and thaw, with a picture of the network and totals."""

from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core import figures
from core.diagnosis import rule_page
from core.experiment import N_LAYERS, BackboneSpec, FreezeSpec
from core.network import layers
from core.network.head import head_parameters
from core.training import costs
from core.words import counted
from pages.parts import services, state

COLUMNS = {  # name: width in pixels; what matters most comes first, the rest is a scroll or "Whole table" away
    "thaw": 68,
    "#": 38,
    "layer": 160,
    "learns": 54,
    "params": 72,
    "type": 130,
    "output": 88,
    "connected to": 230,
    "block": 110,
}
ROW_HEIGHT = 30


def draw(n_train: int, n_validation: int, n_classes: int) -> None:
    """Draw the editor for the mask of the current Experiment, for a data set of these sizes."""
    x = state.experiment()
    table = layers.layer_table(x.backbone)
    with st.container(key="layer_editor"):
        _totals(x, table, (n_train, n_validation, n_classes))
        _strip(x)
        st.html(
            '<span class="chip frozen">frozen</span><span class="chip thawed">thawed</span><span class="chip">no weights</span>'
            "<small>click a bar or drag over some to thaw</small>"
        )
        _quick_controls(x, table)
        _table(x, table)
        _code(x, table)


def _totals(x, table: layers.LayerTable, sizes: tuple[int, int, int]) -> None:
    """Say how many parameters learn, in the backbone, in the head and together, and how long a run takes."""
    count, (n_train, n_validation, n_classes) = layers.totals(table, x.freeze), sizes
    height, width, features = table[-1].output_shape
    head = head_parameters(x.head, features, height * width, n_classes)
    cost = costs.estimate(x, n_train, n_validation)
    ready = services.features_ready(x)
    seconds, which = (cost.again, "a run takes") if ready else (cost.first, "the first run takes")
    st.html(
        f'<div class="totals"><span><b>{count.trainable + head:,}</b> parameters learn</span>'
        f"<small>backbone <b>{count.trainable:,}</b> ({count.share:.0%} of it) · head <b>{head:,}</b></small>"
        f'<small title="Later ones about {cost.again:.1f} s; plain Keras about {cost.plain:.0f} s">'
        f"{which} about <b>{max(seconds, 0.3):.1f} s</b></small></div>"
    )


def _what_learns(x) -> str:
    """Say what learns where no layer of the backbone does."""
    why = "The whole backbone is frozen"
    if x.freeze.thawed:
        why = "The thawed layers have no weights that may learn (BatchNorm is kept frozen, and some layers have none)"
    learns = "only the head learns (feature extraction)"
    if not x.head.layers:
        learns = "and the head has no hidden layer, so only its softmax learns: a linear classifier on frozen features"
    return f":material/ac_unit: {why}: {learns}."


def _set(freeze: FreezeSpec) -> None:
    state.change(freeze=freeze)


def _strip(x) -> None:
    """Draw the network as bars; a new chart after each selection, since Plotly would show and send the old one again."""
    key = f"strip_{st.session_state.setdefault('strip_selections', 0)}"
    st.plotly_chart(
        _bars(x.backbone, x.freeze),
        key=key,
        on_select=lambda: _thaw_selected(key),
        selection_mode=["points", "box"],
        config={"displayModeBar": False},
    )


@st.cache_resource(show_spinner=False, max_entries=200)
def _bars(backbone: BackboneSpec, freeze: FreezeSpec) -> go.Figure:
    return figures.network_strip(layers.layer_table(backbone), freeze)


def _thaw_selected(key: str) -> None:
    points = {int(p["x"]) for p in st.session_state[key].selection.points}
    if points:
        st.session_state.strip_selections += 1
        freeze = state.experiment().freeze
        _set(layers.with_thawed(freeze, set(freeze.thawed) | points))


def _thaw_last(n: int) -> None:
    _set(layers.thaw_last(state.experiment().freeze, n))


def _last_changed(key: str) -> None:
    if not state.is_echo(key):
        _thaw_last(int(st.session_state[key]))


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
        args=("thaw_last",),
        help="The last layers see the most specific features; thaw from the right",
    )
    right.number_input(
        "N",
        0,
        N_LAYERS,
        key=state.bind("thaw_last_number", n or 0),
        help="The same, typed",
        on_change=_last_changed,
        args=("thaw_last_number",),
    )
    if n is None:
        more = len(x.freeze.thawed)
        st.caption(f"A mask of your own: {more} layer{'s' if more > 1 else ''} thawed, not the last ones.")
    _batchnorm(x, table)
    row = st.container(horizontal=True, gap="xsmall")
    row.button("All frozen", on_click=_thaw_last, args=(0,), help="Only the head learns")
    row.button("All thawed", on_click=_thaw_last, args=(N_LAYERS,), help="The whole network learns")
    with row.popover("More ways", help="Thaw or freeze a block, a range, or from a layer on"):
        _more_controls(table)
    row.button(
        "",
        key="undo_button",
        icon=":material/undo:",
        on_click=state.undo,
        disabled=not st.session_state.undo,
        help="Undo: take the last change of the experiment back",
    )
    row.button(
        "",
        key="redo_button",
        icon=":material/redo:",
        on_click=state.redo,
        disabled=not st.session_state.redo,
        help="Redo what was taken back",
    )
    if row.button("Whole table", icon=":material/open_in_full:", help="All columns of all 154 layers in a large window"):  # fmt: skip
        _whole_table()


def _batchnorm(x, table: layers.LayerTable) -> None:
    """Draw the lock over BatchNorm, and say in which mode these layers run."""
    row = st.container(horizontal=True, gap="small", vertical_alignment="center")
    row.toggle(
        "Keep BatchNorm frozen", key=state.bind("lock_batchnorm", x.freeze.lock_batchnorm), on_change=_lock_changed,
        help="BatchNorm layers keep the statistics they were pretrained with. Thawed, they learn from each batch, and their running averages lag behind in a brief run: the most common surprise in fine-tuning.",
    )  # fmt: skip
    with row.popover("Why?", icon=":material/school:", help="What BatchNorm does when it is thawed"):
        st.markdown(rule_page("batchnorm-thawed"))
    ticked = [r for r in table if r.kind == layers.BATCHNORM and r.index in x.freeze.thawed]
    if not layers.thawed_with_weights(table, x.freeze):
        st.caption(_what_learns(x))
    elif ticked and x.freeze.lock_batchnorm:
        st.caption(
            f"BatchNorm among the thawed layers: {len(ticked)}, in inference mode, with the pretrained statistics."
        )
    elif ticked:
        st.warning(
            f"BatchNorm is thawed in {counted(len(ticked), 'layer')}: in training it uses each batch's statistics, in validation its running "
            "averages. In a brief run the two differ.",
            icon=":material/warning:",
        )
    else:
        st.caption("No BatchNorm layer is thawed.")


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
            "params": [r.parameters for r in rows],
            "connected to": [", ".join(r.connected_to) for r in rows],
            "block": [r.block for r in rows],
        }
    )


def _merge(key: str) -> None:
    """Take the table's edits over; runs twice per edit, so it sets rather than toggles."""
    freeze = state.experiment().freeze
    thawed = set(freeze.thawed)
    for row, values in st.session_state[key]["edited_rows"].items():
        position = N_LAYERS - 1 - int(row)
        if "thaw" in values:
            (thawed.add if values["thaw"] else thawed.discard)(position)
    _set(layers.with_thawed(freeze, thawed))


def _table(x, table: layers.LayerTable) -> None:
    _rows(x, table, "layer_rows", 300)
    st.caption("The last layer is on top. Y learns, N is frozen, - has no weights. Scroll right for connections and blocks.")  # fmt: skip


@st.dialog("The 154 layers of MobileNetV2", width="large", on_dismiss="rerun")
def _whole_table() -> None:
    x = state.experiment()
    table = layers.layer_table(x.backbone)
    count = layers.totals(table, x.freeze)
    st.caption(
        f"{count.total:,} parameters ({layers.megabytes(count.total)}): {count.trainable:,} trainable "
        f"({layers.megabytes(count.trainable)}), {count.frozen:,} not ({layers.megabytes(count.frozen)})."
    )
    _rows(x, table, "layer_rows_whole", 560)


def _rows(x, table: layers.LayerTable, key: str, height: int) -> None:
    """Draw the editable rows, the last layer on top."""
    rows = _static_rows(x.backbone).copy()
    chosen = set(x.freeze.thawed)
    rows["thaw"] = [i in chosen for i in range(N_LAYERS)]
    rows["learns"] = [layers.trainable_mark(r, x.freeze) for r in table]
    config: dict = {name: st.column_config.Column(width=width) for name, width in COLUMNS.items()}
    config["thaw"] = st.column_config.CheckboxColumn(width=COLUMNS["thaw"], help="Tick to let this layer learn")
    config["learns"] = st.column_config.TextColumn(
        width=COLUMNS["learns"], help="Y learns, N frozen, - has no weights; the BatchNorm lock is counted in"
    )
    config["params"] = st.column_config.NumberColumn(
        width=COLUMNS["params"], format="localized", help="Number of parameters"
    )
    st.data_editor(
        rows[list(COLUMNS)].iloc[::-1].reset_index(drop=True),
        key=key,
        on_change=_merge,
        args=(key,),
        hide_index=True,
        height=height,
        row_height=ROW_HEIGHT,
        column_config=config,
        disabled=[c for c in COLUMNS if c != "thaw"],
    )


def _code(x, table: layers.LayerTable) -> None:
    shown = st.expander("Keras code and summary for this mask", icon=":material/code:", key="mask_code", on_change="rerun")  # fmt: skip
    if not shown.open:
        return
    with shown:
        st.code(layers.keras_code(table, x.freeze), language="python")
        st.code(layers.keras_summary(table, x.freeze), language=None, height=260)
