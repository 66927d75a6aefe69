"""The map of pictures: how each network sorts them, and whether the classes parted."""

import hashlib
from pathlib import Path

import numpy as np
import streamlit as st

from core import figures
from core.errors import ThawError
from core.insight import embedding
from core.network.layers import blocks, layer_table
from core.runs import Run
from core.words import counted, plain, signed
from pages.parts import glossary, services
from pages.parts.see.ask import ask
from pages.parts.see.choice import Chosen

HERE = Path(__file__).parent
METHODS = {"pca": "At once (PCA)", "tsne": "Neighbourhoods (t-SNE)"}
THUMB, COLUMNS, MOST_LISTED = 56, 20, 24
_map = st.components.v2.component("thaw_picture_map", html='<div class="map"></div>', css=(HERE / "picture_map.css").read_text(), js=(HERE / "picture_map.js").read_text())  # fmt: skip


@st.fragment
def draw(pair: Chosen) -> None:
    """Show the pictures of a run, or of a pair in one space."""
    if pair.before and not (pair.same_pictures and pair.same_shape):
        st.info("The two runs have different pictures or networks, so their features lie in different spaces. Choose “no other run”, or two runs of the same images, size and width.", icon=":material/info:")  # fmt: skip
        return
    left, right = st.columns(2)
    method = left.segmented_control("Map", list(METHODS), format_func=METHODS.__getitem__, default="pca", key="map_method", help="PCA keeps large distances; t-SNE keeps neighbours together and takes some seconds. Both place before and after in one space") or "pca"  # fmt: skip
    names = blocks(layer_table(pair.after.experiment.backbone))[::-1]
    block = right.selectbox("Features of", names, format_func=_block_name, key="map_block", help="Where in the network the pictures are looked at; the last block is what the head sees")  # fmt: skip
    found = ask(embedding.place, pair.ids, block, method, doing="Placing the pictures …")
    if found is None:
        return
    _numbers(pair, found)
    _legend(pair)
    _points(pair, found, f"{pair.ids}-{block}-{method}")


def _block_name(block: str) -> str:
    return {"Conv_1": "the last block (Conv_1)", "stem": "the first layers (stem)"}.get(block, block.replace("_", " "))


def _numbers(pair: Chosen, found: embedding.PictureMap) -> None:
    """Say whether the classes parted."""
    told = [f"{share:.0%}" for share in found.purity]
    what = "of a validation picture's ten nearest training pictures are of its class"
    if len(told) == 1:
        st.markdown(f"#### {told[0]} {what}.")
    else:
        sure = "surely " if found.low > 0 or found.high < 0 else "not certain whether that is a change: "
        gain = f"{sure}{signed(100 * found.gain, 1)} points ({signed(100 * found.low, 1)} to {signed(100 * found.high, 1)})"
        st.markdown(f"#### Before {told[0]}, after {told[1]} {what}: {gain}.")
    total = sum(len(p.labels) for p in pair.evaluations[-1].splits.values())
    drawn = f" {len(found.labels)} of {total:,} pictures are drawn." if len(found.labels) < total else ""
    parted = " → ".join(f"{s:.2f}" for s in found.silhouette)
    st.caption(glossary.linked(f"Silhouette of the classes (−1 mixed, 1 apart): {parted}. Both are measured in the features themselves, not in the flat map.{drawn}"))  # fmt: skip


def _legend(pair: Chosen) -> None:
    colours = figures.CLASS_COLOURS
    keys = "".join(f'<span><i style="border-top: 0.6rem solid {colours[i % len(colours)]}; width: 0.6rem"></i> {_escaped(name)}</span>' for i, name in enumerate(pair.class_names))  # fmt: skip
    st.html(
        f'<div class="legend">{keys}<span>● training</span><span>■ validation</span><span>▲ test</span><span>with a rim: wrong answer</span></div>'
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _points(pair: Chosen, found: embedding.PictureMap, version: str) -> None:
    thumbs = _thumbs(pair.after, found.rows)
    if thumbs is None:
        return
    told = _map(
        key=f"map_{hashlib.sha256(version.encode()).hexdigest()[:8]}",
        data={
            "version": version,
            "positions": found.positions.round(4).tolist(),
            "labels": found.labels.tolist(),
            "predicted": found.predicted.tolist(),
            "splits": found.splits.tolist(),
            "names": list(pair.class_names),
            "colours": list(figures.CLASS_COLOURS),
            "sprite": thumbs,
            "thumb": THUMB,
            "columns": COLUMNS,
            "alt": f"Map of {len(found.rows)} pictures, coloured by class",
        },
        on_chosen_change=_nothing,
    )
    st.caption("Point at a picture to see it; draw round some to list them.")
    _listed(pair, found, told.chosen or [])


def _nothing() -> None:
    """Let the component's value be part of what it returns."""


@st.cache_data(show_spinner=False, max_entries=20)
def _sprite(run_id: str, rows: tuple[int, ...], _images: np.ndarray) -> str:
    return figures.sprite(_images, THUMB, COLUMNS)


def _thumbs(run: Run, rows: np.ndarray) -> str | None:
    try:
        source = services.dataset(run.experiment.data, run.experiment.backbone.size).train.source
    except ThawError as error:
        st.error(f"The pictures cannot be shown: {plain(error)}", icon=":material/error:")
        return None
    return _sprite(run.id, tuple(rows.tolist()), np.asarray(source[rows]))


def _listed(pair: Chosen, found: embedding.PictureMap, chosen: list[int]) -> None:
    if not chosen:
        return
    st.markdown(f"**{counted(len(chosen), 'picture')}**" + (f" :gray[(the first {MOST_LISTED} are shown)]" if len(chosen) > MOST_LISTED else ""))  # fmt: skip
    at, names = np.array(chosen[:MOST_LISTED]), pair.class_names
    source = services.dataset(pair.after.experiment.data, pair.sizes[-1]).train.source
    captions = [f"{names[found.labels[i]]} → {names[found.predicted[-1][i]]} ({found.splits[i]})" for i in at]
    st.image(
        [np.asarray(source[found.rows[i]]) for i in at], caption=[plain(c) for c in captions], width=104, alt=captions
    )
