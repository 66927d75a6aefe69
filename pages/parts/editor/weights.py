"""The tab of the weights: which, from where, at what size and width."""

from pathlib import Path

import streamlit as st

from core.errors import ThawError, WeightsError
from core.experiment import (
    ALPHAS,
    SIZES,
    BackboneSpec,
)
from core.network import backbone, uploaded
from pages.parts import services, state


def draw() -> None:
    """Draw the choice of weights, image size and width, and say which weights are used and why."""
    spec = state.experiment().backbone
    a, b = st.columns(2)
    a.selectbox(
        "Image size",
        SIZES,
        key=state.bind("backbone_size", spec.size),
        on_change=_backbone_changed,
        help="Pixels a side. 96 is fast; 224 shows the finest detail",
    )
    b.selectbox(
        "Width (alpha)",
        ALPHAS,
        key=state.bind("backbone_alpha", spec.alpha),
        on_change=_backbone_changed,
        help="1.0 is the ordinary MobileNetV2; 0.35 is a third as wide and faster",
    )
    kinds = ["imagenet", "builtin", "random"] + (["file"] if spec.weights.startswith("file:") else [])
    st.radio("Weights", kinds, horizontal=True, key=state.bind("backbone_weights", spec.weights.split(":")[0]), on_change=_backbone_changed,
             format_func={"imagenet": "ImageNet", "builtin": "Built-in", "random": "Random (not pretrained)", "file": "File"}.get, help="What the frozen layers know before training")  # fmt: skip
    _explain_weights(spec)
    with st.popover("Use a weights file", icon=":material/upload_file:", help="For example ImageNet weights that were downloaded elsewhere"):  # fmt: skip
        st.file_uploader(
            "MobileNetV2 without top",
            type=["h5"],
            key="weights_upload",
            on_change=_weights_uploaded,
            help="As Keras publishes them: a name that ends in _no_top.h5. The width is read from the file",
        )
        if error := st.session_state.pop("weights_error", None):
            st.error(error, icon=":material/error:")


def _explain_weights(spec: BackboneSpec) -> None:
    """Say which weights are used and why, warn where that cannot work, and offer the best there are."""
    choice = services.weights_choice(spec.alpha, spec.size)
    best = choice.weights == spec.weights
    st.caption(f"In use: {backbone.explain(spec)}" + (f" Why these: {choice.reason}." if best else ""))
    if spec.weights == "random":
        st.error(
            "Not pretrained: frozen features carry almost nothing, so no head can learn from them.",
            icon=":material/warning:",
        )
    elif spec.weights == "builtin" and backbone.builtin_file(spec.alpha) is None:
        st.error(
            f"There are no built-in weights for alpha {spec.alpha}; choose 0.35 or 1.0, or other weights.",
            icon=":material/warning:",
        )
    elif spec.weights == "imagenet" and choice.weights != "imagenet":
        st.error(
            "The ImageNet weights are not on this machine and cannot be downloaded now.", icon=":material/cloud_off:"
        )
    elif spec.weights.startswith("file:") and (problem := _problem_of_file(spec)):
        st.error(problem, icon=":material/error:")
    if not best and not spec.weights.startswith("file:"):
        st.info(f"Best available here: {choice.title}, because {choice.reason}.", icon=":material/info:")
        st.button(
            f"Use {choice.title}",
            on_click=lambda: state.change(backbone=spec.replace(weights=choice.weights)),
            help="Makes them the weights of the experiment",
        )


def _problem_of_file(spec: BackboneSpec) -> str | None:
    """Say why the chosen file cannot be used at the chosen width; None where it can."""
    try:
        backbone.check_file(Path(spec.weights.removeprefix("file:")), spec.alpha)
    except WeightsError as error:
        return str(error)
    return None


def _weights_uploaded() -> None:
    """Keep an uploaded file below the data directory, in a folder named by its content, and use it at the width that it was made for."""
    file = st.session_state.weights_upload
    if file is None:
        return
    try:
        weights, alpha = uploaded.keep(file.getvalue(), file.name)
    except ThawError as error:
        st.session_state.weights_error = str(error)
    except OSError as error:
        st.session_state.weights_error = f"{file.name} could not be kept ({error.strerror}). Make room below the data directory, and upload it again."  # fmt: skip
    else:
        state.change(backbone=state.experiment().backbone.replace(weights=weights, alpha=alpha))


def _backbone_changed() -> None:
    s, old = st.session_state, state.experiment().backbone
    weights = old.weights if s.backbone_weights == "file" else s.backbone_weights
    state.change(backbone=old.replace(size=s.backbone_size, alpha=s.backbone_alpha, weights=weights))
