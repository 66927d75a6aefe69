"""The folders of a set as they were understood, a row each, and what a person says they are instead."""

import pandas as pd
import streamlit as st

from core.data.layout import Folder, Layout
from core.experiment import FolderRole
from core.words import counted

ROLES: dict[str, str] = {
    "through": "looked through",
    "class": "a class",
    "train": "training part",
    "validation": "validation part",
    "test": "test part",
    "out": "left out",
    "inside": "part of its class",
}
WORDS = {word: role for role, word in ROLES.items()}
MOST = 400


def draw(layout: Layout, roles: dict[str, FolderRole], key: str) -> dict[str, FolderRole] | None:
    """Draw the tree; return the roles that a person gave to folders when they changed just now, else None.

    Parameters
    ----------
    layout
        What was understood, with ``roles`` in it.
    roles
        What a person said before, by path.
    key
        Of the widget; another layout needs another one.
    """
    folders = sorted(layout.folders, key=lambda f: f.path.split("/"))[:MOST]
    if not folders:
        st.caption("There are no folders here.")
        return None
    table = pd.DataFrame(
        {
            "folder": [_indented(f) for f in folders],
            "pictures": [f.n for f in folders],
            "taken as": [ROLES[f.role] for f in folders],
            "what that means": [_meaning(f, f.path in roles) for f in folders],
        }
    )
    edited = st.data_editor(
        table,
        key=key,
        hide_index=True,
        disabled=["folder", "pictures", "what that means"],
        column_config={
            "taken as": st.column_config.SelectboxColumn(
                options=list(WORDS), required=True, help="Click to say what the folder is"
            ),
            "pictures": st.column_config.NumberColumn(help="In the folder and below it", width="small"),
        },
    )
    if len(layout.folders) > MOST:
        st.caption(f"The first {MOST} of {len(layout.folders):,} folders.")
    return _changed(folders, list(edited["taken as"]), roles)


def summary(layout: Layout) -> str:
    """Return a sentence on what was understood: classes, and pictures in each part."""
    labelled = [p for p in layout.places if p.label]
    if not labelled:
        return "No picture has a class."
    classes = len({p.label for p in labelled})
    parts = {s: sum(p.split == s for p in labelled) for s in ("train", "validation", "test")}
    names = {"train": "training", "validation": "validation", "test": "test"}
    came = ", ".join(f"{n:,} {names[s]}" for s, n in parts.items() if n)
    left = sum(1 for f in layout.folders if f.role == "out")
    split = f"in the parts they came with: {came}" if came else "not split yet"
    out = f" {left} folder{'s' if left > 1 else ''} left out." if left else ""
    return f"{counted(classes, 'class', 'classes')}, {counted(len(labelled), 'picture')}, {split}.{out}"


def _indented(folder: Folder) -> str:
    *above, name = folder.path.split("/")
    return "\u2003" * len(above) + ("└ " if above else "") + name


def _meaning(folder: Folder, by_hand: bool) -> str:
    part = f" ({folder.split})" if folder.split else ""
    said = f"{folder.label}{part}" if folder.role == "class" else folder.why
    return f"{said} · by hand" if by_hand and folder.role != "out" else said


def _changed(folders: list[Folder], words: list[str], roles: dict[str, FolderRole]) -> dict[str, FolderRole] | None:
    new = dict(roles)
    for folder, word in zip(folders, words, strict=True):
        role = WORDS[word]
        if role != folder.role:
            new.pop(folder.path, None)
            if role != "inside":
                new[folder.path] = role  # type: ignore[assignment]
    return new if new != roles else None
