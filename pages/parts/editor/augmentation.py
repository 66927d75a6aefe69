"""The tab of the augmentation, with its preview."""

from typing import Any, Literal

import numpy as np
import streamlit as st

from core.data import health
from core.data.match import match_validation
from core.errors import ThawError
from core.experiment import (
    AUGMENTATION_KINDS,
    AugmentationSpec,
    AugmentationStep,
)
from core.words import plain
from pages.parts import services, state

STRENGTH_HELP = {
    "randaugment": "How far each of two randomly chosen changes goes. Some of them (posterising, solarising) are already rough at low values, so half the strength is not half the change"
}


def draw() -> None:
    """Draw the augmentation editor with its preview."""
    spec = state.experiment().augmentation
    _preset_buttons()
    for i, step in enumerate(spec.steps):
        _step_row(i, step, last=i == len(spec.steps) - 1)
    left = [k for k in AUGMENTATION_KINDS if k not in {s.kind for s in spec.steps}]
    st.selectbox(
        "Add a step",
        left,
        index=None,
        format_func=AUGMENTATION_KINDS.__getitem__,
        placeholder="Add a step …",
        key=state.bind("aug_add", None),
        on_change=_add_step,
        label_visibility="collapsed",
        help="Random changes of the training images",
    )
    _versions(spec)
    _preview(spec)


def _preset_buttons() -> None:
    row = st.container(horizontal=True, gap="xsmall")  # columns would cut the longest name short
    for name in ("none", "light", "strong"):
        row.button(name.capitalize(), key=f"aug_{name}", on_click=_preset, args=(name,), help=f"Preset: {name}")
    row.button("Match validation", on_click=_match, help="Measures how the validation images differ and covers it")


def _step_row(i: int, step: AugmentationStep, *, last: bool) -> None:
    """Draw one step: on or off, strength, its place in the order."""
    row = st.columns([1, 6, 1, 1, 1], vertical_alignment="bottom", gap="xsmall")
    on, strength = state.bind(f"aug_{i}_on", step.enabled), state.bind(f"aug_{i}_strength", step.strength)
    row[0].toggle(
        "on", key=on, on_change=_update_step, args=(i, "enabled", on), label_visibility="collapsed", help="On or off"
    )
    row[1].slider(
        AUGMENTATION_KINDS[step.kind],
        0.0,
        1.0,
        step=0.05,
        key=strength,
        on_change=_update_step,
        args=(i, "strength", strength),
        help=STRENGTH_HELP.get(step.kind, "From nothing (0) to as strong as makes sense (1)"),
    )
    buttons: tuple[tuple[str, Any, tuple[int, ...], bool, str], ...] = (
        ("arrow_upward", _move_step, (i, i - 1), i == 0, "Earlier in the order"),
        ("arrow_downward", _move_step, (i, i + 1), last, "Later in the order"),
        ("delete", _remove_step, (i,), False, "Remove this step"),
    )
    for column, (icon, action, arguments, disabled, explained) in zip(row[2:], buttons, strict=True):
        column.button(
            "",
            icon=f":material/{icon}:",
            key=f"aug_{i}_{icon}",
            disabled=disabled,
            on_click=action,
            args=arguments,
            help=explained,
        )


def _versions(spec: AugmentationSpec) -> None:
    st.select_slider("Versions of each image", [0, 1, 2, 4, 8, 16], key=state.bind("aug_views", _nearest(spec.views)), on_change=_views_changed, format_func=lambda v: "fresh every epoch" if v == 0 else str(v),
                     help="A bank of versions is drawn once and reused: fast. “Fresh every epoch” draws new ones each time: exact, and slow")  # fmt: skip
    if not spec.active:
        return
    st.caption(
        "Each epoch draws new versions: the frozen part runs in every step."
        if spec.views == 0
        else f"{spec.views} versions of each image are drawn once; each epoch picks one of them at random."
    )


def _nearest(views: int) -> int:
    return min([0, 1, 2, 4, 8, 16], key=lambda v: abs(v - views))


def _set_steps(steps: list) -> None:
    spec = state.experiment().augmentation
    state.change(augmentation=spec.replace(steps=[s.model_dump() if hasattr(s, "model_dump") else s for s in steps]))


def _preset(name: Literal["none", "light", "strong"]) -> None:
    state.change(augmentation=AugmentationSpec.preset(name).replace(views=state.experiment().augmentation.views))


def _match() -> None:
    x = state.experiment()
    try:
        d = services.dataset(x.data, x.backbone.size)
    except ThawError as error:
        st.toast(plain(error), icon=":material/error:")
        return
    state.change(
        augmentation=match_validation(health.image_statistics(d.train), health.image_statistics(d.validation)).replace(
            views=x.augmentation.views
        )
    )


def _update_step(i: int, field: str, key: str) -> None:
    steps = list(state.experiment().augmentation.steps)
    steps[i] = steps[i].replace(**{field: st.session_state[key]})
    _set_steps(steps)


def _move_step(i: int, to: int) -> None:
    steps = list(state.experiment().augmentation.steps)
    steps[to], steps[i] = steps[i], steps[to]
    _set_steps(steps)


def _remove_step(i: int) -> None:
    _set_steps([s for j, s in enumerate(state.experiment().augmentation.steps) if j != i])


def _add_step() -> None:
    if st.session_state.aug_add:
        _set_steps([*state.experiment().augmentation.steps, {"kind": st.session_state.aug_add}])


def _views_changed() -> None:
    state.change(augmentation=state.experiment().augmentation.replace(views=st.session_state.aug_views))


def worker_preview(spec: AugmentationSpec, images: np.ndarray, seed: int) -> np.ndarray:
    """Return augmented images; runs in a worker, where Keras may be imported."""
    from core.network.augmentation import preview

    return preview(spec, images, seed)


@st.cache_data(show_spinner="Drawing the preview …", max_entries=60)
def _previewed(spec_json: str, data_json: str, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from core.experiment import DataSpec

    d = services.dataset(DataSpec.model_validate_json(data_json), size)
    rows = np.random.default_rng(seed).permutation(len(d.train))[:8]
    images = np.asarray(d.train.source[d.train.indices[rows]])
    return images, services.engine().call(worker_preview, AugmentationSpec.model_validate_json(spec_json), images, seed)


def _reshuffle() -> None:
    st.session_state.aug_seed = st.session_state.get("aug_seed", 0) + 1


def _preview(spec: AugmentationSpec) -> None:
    x = state.experiment()
    if not st.toggle(
        "Show a preview", key="aug_preview", help="Eight training images, before (above) and after (below)"
    ):
        return
    st.button("Other images", icon=":material/shuffle:", on_click=_reshuffle, help="Draws again")
    try:
        before, after = _previewed(
            spec.model_dump_json(), x.data.model_dump_json(), x.backbone.size, st.session_state.get("aug_seed", 0)
        )
    except ThawError as error:
        st.warning(plain(error))
        return
    st.image(_contact_sheet(before, after), caption="Above: as they are. Below: as the model sees them in training.")


def _contact_sheet(before: np.ndarray, after: np.ndarray, gap: int = 4) -> np.ndarray:
    """Return two rows of pictures with transparent gaps, uint8 RGBA."""

    def row(images: np.ndarray) -> np.ndarray:
        opaque = np.concatenate([images, np.full((*images.shape[:3], 1), 255, np.uint8)], -1)
        return np.concatenate(list(np.pad(opaque, ((0, 0), (gap, gap), (gap, gap), (0, 0)))), 1)

    return np.concatenate([row(before), row(after)], 0)
