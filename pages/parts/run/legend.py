"""One legend for all curves of a page."""

from collections.abc import Iterable
from html import escape

import streamlit as st

from core import figures

CSS_DASH = {"": "solid", "dash": "dashed", "dot": "dotted"}


def of_curves(kinds: Iterable[str] = tuple(figures.LINES)) -> None:
    """Draw one legend for all curves of the page; ``kinds`` are keys of ``figures.LINES``."""
    styles = {kind: figures.LINES[kind] for kind in kinds}
    _keys(
        [
            (f"{style['width']}px {CSS_DASH[str(style.get('dash', ''))]} {style['color']}", figures.LABELS[kind])
            for kind, style in styles.items()
        ]
    )


def of_runs(names: Iterable[str]) -> None:
    """Draw the legend of several runs on the same axes: a colour a run, a dash a kind of image."""
    runs = [(f"4px solid {colour}", name) for colour, name in zip(figures.PALETTE, names, strict=False)]
    kinds = [("2px solid gray", "training (without dropout and augmentation)"), ("2px dashed gray", "validation")]
    _keys([*runs, *kinds])


def _keys(entries: list[tuple[str, str]]) -> None:
    keys = "".join(f'<span><i style="border-top: {line}"></i> {escape(text)}</span>' for line, text in entries)
    st.html(f'<div class="legend">{keys}</div>')
