"""A run as code that needs no Thaw: a plain Keras script, and the same as a notebook."""

import ast
import hashlib
import json
import textwrap
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2

from core.data import Dataset, decode
from core.data.listing import JUNK
from core.experiment import (
    AugmentationSpec,
    AugmentationStep,
    BackboneSpec,
    BatchNormLayer,
    DenseLayer,
    DropoutLayer,
    Experiment,
    HeadSpec,
    view_seed,
)
from core.export.images import class_position, from_files, split_letters
from core.network.backbone import builtin_name
from core.network.layers import is_thawed, keras_code, layer_table

CELL = "# %% "
OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSprop"}


class Code(str):
    """Python that Thaw wrote itself; any other text becomes a literal where the template puts it into code."""


TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
    finalize=lambda value: value if isinstance(value, Code) else repr(value),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def script(experiment: Experiment, dataset: Dataset, *, name: str = "A run") -> str:
    """Return a Python script that reproduces a run with numpy, Pillow and Keras alone.

    Parameters
    ----------
    experiment
        What was trained.
    dataset
        Its images. Of a folder or an upload, the script finds each file's split again by its place in the sorted folder; for other
        sources it reads what :func:`core.export.images_zip` writes.
    name
        Title, shown in the first line.

    Returns
    -------
    str
        Expects the images at ``images`` in the working directory, and writes ``curves.csv`` and ``model.keras`` there.
    """
    letters = split_letters(dataset) if from_files(dataset) else ""
    stages = list(_stages(experiment))
    return TEMPLATES.get_template("script.py.j2").render(
        x=experiment,
        stages=[*stages[:-1], stages[-1] | {"curves": Code("curves.csv")}],
        name=Code(_one_line(name)),
        keras=Code(version("keras")),
        classes=list(dataset.class_names),
        letters=textwrap.wrap(letters, 100),
        n_files=len(letters),
        class_at=class_position(dataset) if letters else 0,
        junk=sorted(JUNK),
        decoding=Code(_functions_of(decode, "to_rgb", "_eight_bit")),
        weights_file=weights_file(experiment.backbone),
        weights_name=Code(weights_file(experiment.backbone)),
        head=list(map(Code, _head(experiment.head))),
        dropout=any(isinstance(layer, DropoutLayer) and layer.rate for layer in experiment.head.layers),
        output=Code(_output(experiment.head, len(dataset.class_names))),
    )


def _stages(experiment: Experiment) -> Iterator[dict[str, Any]]:
    """Yield what the script needs to know of each stage, the first one first."""
    if experiment.start:
        yield from _stages(experiment.start)
    number = len(experiment.earlier) + 1
    yield {
        "t": experiment.training,
        "freezing": Code(keras_code(layer_table(experiment.backbone), experiment.freeze)),
        "two_rates": _two_rates(experiment),
        "optimizer": Code(OPTIMIZERS[experiment.training.optimizer]),
        "optimizer_arguments": Code(_optimizer_arguments(experiment)),
        "curves": Code(f"curves-{number}.csv"),
        **_augmentation(experiment),
    }


def notebook(experiment: Experiment, dataset: Dataset, *, name: str = "A run") -> str:
    """Return :func:`script` as a Jupyter notebook (JSON, nbformat 4.5): a heading and a cell for each of its parts."""
    text = script(experiment, dataset, name=name)
    introduction = ast.get_docstring(ast.parse(text)) or ""
    title, _, rest = introduction.partition("\n")
    first, *parts = text.split(f"\n{CELL}")
    imports = first[first.rindex('"""') + 3 :]
    cells = [_cell("markdown", f"# {title}\n{rest}"), _cell("code", imports)]
    for part in parts:
        heading, _, code = part.partition("\n")
        cells += [_cell("markdown", f"## {heading}"), _cell("code", code)]
    for i, cell in enumerate(cells):
        cell["id"] = hashlib.sha256(f"{i}{cell['source']}".encode()).hexdigest()[:8]
    about = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return json.dumps({"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def _cell(kind: str, source: str) -> dict[str, Any]:
    made = {"cell_type": kind, "metadata": {}, "source": source.strip("\n").splitlines(keepends=True)}
    return made | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _one_line(name: str) -> str:
    """Make a run's name fit into the first line of a docstring: nothing in it may end the text, hide, or turn its direction."""
    shown = "".join(c if c.isprintable() else " " for c in name.replace("\\", "/").replace('"', "'"))
    return " ".join(shown.split()) or "A run"


def weights_file(backbone: BackboneSpec) -> str:
    """Return the name of the weights file that the script reads, never a person's; empty where Keras finds the weights itself."""
    if backbone.weights == "builtin":
        return builtin_name(backbone.alpha)
    return f"mobilenet_v2_{backbone.alpha}_no_top.h5" if backbone.weights.startswith("file:") else ""


def _functions_of(module: Any, *names: str) -> str:
    """Return the source of functions, so that the script decodes exactly as Thaw does."""
    text = Path(module.__file__).read_text(encoding="utf-8")
    found = {n.name: n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)}
    return "\n\n\n".join(ast.get_source_segment(text, found[name]) or "" for name in names)


def _head(head: HeadSpec) -> Iterator[str]:
    pooling = {"flatten": "Flatten", "average": "GlobalAveragePooling2D", "max": "GlobalMaxPooling2D"}
    yield f"keras.layers.{pooling[head.pooling]}()"
    for layer in head.layers:
        yield f"keras.layers.{_head_layer(layer)}"


def _output(head: HeadSpec, n_classes: int) -> str:
    return f'keras.layers.Dense({n_classes}, activation="softmax"{_penalty(head.output_l2)})'


def _head_layer(layer: DropoutLayer | DenseLayer | BatchNormLayer) -> str:
    if isinstance(layer, DropoutLayer):
        return f"Dropout({layer.rate})"
    if isinstance(layer, DenseLayer):
        return f'Dense({layer.units}, activation="{layer.activation}"{_penalty(layer.l2)})'
    return "BatchNormalization()"


def _penalty(l2: float) -> str:
    return f", kernel_regularizer=keras.regularizers.L2({l2})" if l2 else ""


def _two_rates(experiment: Experiment) -> bool:
    learns = any(is_thawed(row, experiment.freeze) and row.parameters for row in layer_table(experiment.backbone))
    return learns and (experiment.training.backbone_rate_factor != 1 or experiment.training.warmup_epochs > 0)


def _optimizer_arguments(experiment: Experiment) -> str:
    settings, arguments = experiment.training, ["rate"]
    if settings.optimizer == "sgd":
        arguments.append("momentum=0.9")
    if settings.weight_decay or settings.optimizer == "adamw":  # whose default is not 0
        arguments.append(f"weight_decay={settings.weight_decay}")
    return ", ".join(arguments)


def _augmentation(experiment: Experiment) -> dict[str, Any]:
    spec, seed = experiment.augmentation, experiment.training.seed
    seeds = [view_seed(spec, seed, view) for view in range(spec.views)] if spec.active else []
    return {
        "augmentation": list(map(Code, _augmentation_code(spec))),
        "view_seeds": seeds,
        "fresh_seed": view_seed(spec, seed, 0) if spec.active else 0,
    }


def _augmentation_code(spec: AugmentationSpec) -> Iterator[str]:
    for position, step in enumerate(spec.active):
        yield from _step_code(step, 97 * position)


def _step_code(step: AugmentationStep, offset: int) -> list[str]:
    """Return the layers of one step as :func:`core.network.augmentation.layers_for` makes them; a test compares the two."""
    s, seed, more = step.strength, _plus(offset), _plus(offset + 1)
    fill, full = 'fill_mode="nearest"', "value_range=(0, 255)"
    lines = {
        "flip": [f'RandomFlip("horizontal", seed={seed})'],
        "rotation": [f"RandomRotation({0.25 * s}, seed={seed}, {fill})"],
        "zoom": [f"RandomZoom({0.5 * s}, seed={seed}, {fill})"],
        "translation": [f"RandomTranslation({0.3 * s}, {0.3 * s}, seed={seed}, {fill})"],
        "brightness": [f"RandomBrightness({0.6 * s}, {full}, seed={seed})"],
        "contrast": [f"RandomContrast({0.8 * s}, {full}, seed={seed})"],
        "saturation": [f"RandomSaturation(({0.5 - 0.4 * s}, {0.5 + 0.4 * s}), {full}, seed={seed})"],
        "crop": [
            f"RandomZoom(({-0.5 * s}, 0.0), seed={seed}, {fill})",
            f"RandomTranslation({0.15 * s}, {0.15 * s}, seed={more}, {fill})",
        ],
        "noise": ["Rescaling(1 / 255)", f"GaussianNoise({40 / 255 * s}, seed={seed})", "Rescaling(255.0)"],
        "cutout": [f"RandomErasing(1.0, scale=(0.02, {0.02 + 0.48 * s}), fill_value=127.0, {full}, seed={seed})"],
        "randaugment": [f"RandAugment({full}, num_ops=2, factor={0.6 * s}, seed={seed})"],
    }
    return [f"keras.layers.{line}" for line in lines[step.kind]]


def _plus(offset: int) -> str:
    return f"seed + {offset}" if offset else "seed"
