"""Editors of head, augmentation, training and weights."""

import hashlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import streamlit as st

from core import paths
from core.data import health
from core.data.match import match_validation
from core.errors import ThawError, WeightsError
from core.experiment import (
    ALPHAS,
    AUGMENTATION_KINDS,
    SIZES,
    AugmentationSpec,
    AugmentationStep,
    BackboneSpec,
    BatchNormLayer,
    DenseLayer,
    DropoutLayer,
    EarlyStoppingSpec,
    HeadSpec,
    TrainingSpec,
)
from core.network import backbone, layers
from core.network.head import head_parameters
from pages.parts import nav, services, state

STRENGTH_HELP = {
    "randaugment": "How far each of two randomly chosen changes goes. Some of them (posterising, solarising) are already rough at low values, so half the strength is not half the change"
}
POOLING = {"average": "GlobalAveragePooling", "max": "GlobalMaxPooling", "flatten": "Flatten"}


def draw_head(n_classes: int) -> None:
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


def draw_augmentation() -> None:
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
    columns = st.columns(4)
    for column, name in zip(columns, ("none", "light", "strong"), strict=False):
        explained = f"Preset: {name}"
        column.button(
            name.capitalize(), key=f"aug_{name}", on_click=_preset, args=(name,), width="stretch", help=explained
        )
    columns[3].button(
        "Match validation",
        on_click=_match,
        width="stretch",
        help="Measures how the validation images differ and covers it",
    )


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
        st.toast(str(error), icon=":material/error:")
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
        st.warning(str(error))
        return
    st.image(_contact_sheet(before, after), caption="Above: as they are. Below: as the model sees them in training.")


def _contact_sheet(before: np.ndarray, after: np.ndarray, gap: int = 4) -> np.ndarray:
    """Return two rows of pictures with transparent gaps, uint8 RGBA."""

    def row(images: np.ndarray) -> np.ndarray:
        opaque = np.concatenate([images, np.full((*images.shape[:3], 1), 255, np.uint8)], -1)
        return np.concatenate(list(np.pad(opaque, ((0, 0), (gap, gap), (gap, gap), (0, 0)))), 1)

    return np.concatenate([row(before), row(after)], 0)


def draw_training() -> None:
    """Draw the training settings."""
    t = state.experiment().training
    _steps_and_rates(t)
    st.page_link(nav.path("how_far"), label="Which rate? Measure it", icon=":material/stairs:", query_params={"find": "rate"})  # fmt: skip
    _stopping(t.early_stopping)
    with st.expander("More settings"):
        _rare_settings(t)


def _steps_and_rates(t: TrainingSpec) -> None:
    a, b = st.columns(2)
    _number(a, "epochs", "Epochs", t, 1, 500, 1, help="How often the model sees every training image")
    _number(b, "batch_size", "Batch size", t, 1, 512, 1, help="Images a step")
    _choice(a, "optimizer", "Optimiser", t, ["adam", "adamw", "sgd", "rmsprop"], help="How a gradient becomes a step")
    explained = "Size of a step; 0.001 suits a new head with Adam"
    _number(b, "learning_rate", "Learning rate", t, 1e-7, 10.0, 1e-4, format="%.6f", help=explained)
    schedules = ["constant", "cosine", "exponential"]
    _choice(a, "schedule", "Schedule", t, schedules, help="How the rate changes over the run")
    explained = "Pretrained layers need smaller steps than the new head"
    _number(b, "backbone_rate_factor", "Thawed layers' rate ×", t, 1e-3, 10.0, 0.05, format="%.3f", help=explained)


def _stopping(stopping: EarlyStoppingSpec | None) -> None:
    st.toggle(
        "EarlyStopping",
        key=state.bind("stopping_on", stopping is not None),
        on_change=_stopping_toggled,
        help="Ends the run when validation stops getting better, and keeps the best weights",
    )
    if stopping is None:
        return
    one, two, three = st.columns(3)
    key = state.bind("stopping_monitor", stopping.monitor)
    one.selectbox(
        "Monitor", ["val_loss", "val_accuracy"], key=key, on_change=_stopping_changed, help="What must get better"
    )
    key = state.bind("stopping_patience", stopping.patience)
    two.number_input("Patience", 1, 100, key=key, on_change=_stopping_changed, help="Epochs to wait for it")
    key = state.bind("stopping_restore", stopping.restore_best)
    three.toggle("Restore best", key=key, on_change=_stopping_changed, help="Keep the best epoch's weights")


def _rare_settings(t: TrainingSpec) -> None:
    a, b = st.columns(2)
    explained = "Epochs in which only the head learns, so that it does not shake the thawed layers"
    _number(a, "warmup_epochs", "Head-first epochs", t, 0, 50, 1, help=explained)
    _number(b, "label_smoothing", "Label smoothing", t, 0.0, 0.5, 0.05, help="Asks for less than 100% certainty")
    _number(a, "weight_decay", "Weight decay", t, 0.0, 1.0, 0.0001, format="%.5f", help="Pulls weights towards zero")
    _number(b, "seed", "Seed", t, 0, 10_000, 1, help="The same seed gives the same run")
    _switch(a, "class_weights", "Class weights", t, help="Small classes count as much as large ones")
    _switch(b, "deterministic", "Deterministic", t, help="Bit-equal curves for the same experiment")
    _switch(a, "mixed_precision", "Mixed precision", t, help="Half-precision arithmetic; only faster on a GPU")


def _training_changed(field: str) -> None:
    value = st.session_state[f"training_{field}"]
    state.change(training=state.experiment().training.replace(**{field: value}))


def _number(place, field: str, label: str, t, low, high, step, **more) -> None:
    kind = type(low)
    place.number_input(
        label,
        low,
        high,
        step=step,
        key=state.bind(f"training_{field}", kind(getattr(t, field))),
        on_change=_training_changed,
        args=(field,),
        **more,
    )


def _choice(place, field: str, label: str, t, options: list[str], **more) -> None:
    place.selectbox(
        label,
        options,
        key=state.bind(f"training_{field}", getattr(t, field)),
        on_change=_training_changed,
        args=(field,),
        **more,
    )


def _switch(place, field: str, label: str, t, **more) -> None:
    place.toggle(
        label,
        key=state.bind(f"training_{field}", getattr(t, field)),
        on_change=_training_changed,
        args=(field,),
        **more,
    )


def _stopping_toggled() -> None:
    spec = EarlyStoppingSpec().model_dump() if st.session_state.stopping_on else None
    state.change(training=state.experiment().training.replace(early_stopping=spec))


def _stopping_changed() -> None:
    s = st.session_state
    spec = {"monitor": s.stopping_monitor, "patience": s.stopping_patience, "restore_best": s.stopping_restore}
    state.change(training=state.experiment().training.replace(early_stopping=spec))


def draw_backbone() -> None:
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
        alpha = backbone.alpha_of(file, file.name)
        target = _kept(file.name, file.getvalue())
    except WeightsError as error:
        st.session_state.weights_error = str(error)
    except OSError as error:
        st.session_state.weights_error = f"{file.name} could not be kept ({error.strerror}). Make room below the data directory, and upload it again."  # fmt: skip
    else:
        state.change(backbone=state.experiment().backbone.replace(weights=f"file:{target}", alpha=alpha))


def _kept(name: str, content: bytes) -> Path:
    target = paths.subdir(f"weights/{hashlib.sha256(content).hexdigest()[:16]}") / Path(name).name
    if not target.exists():
        part = paths.partial(target)
        part.write_bytes(content)
        part.replace(target)
    return target


def _backbone_changed() -> None:
    s, old = st.session_state, state.experiment().backbone
    weights = old.weights if s.backbone_weights == "file" else s.backbone_weights
    state.change(backbone=old.replace(size=s.backbone_size, alpha=s.backbone_alpha, weights=weights))
