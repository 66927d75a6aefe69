"""How good are the built-in weights? Photographs classified from pixels, random, built-in and ImageNet features.

``python -m benchmarks.transfer --images DIR [DIR …] [--imagenet-weights FILE] [--builtin] [--json FILE] [--markdown FILE]``

Every figure is the accuracy on images held out by a stratified split, the last epoch's and never the best one's, so that nothing is
selected on them; means over the splits, then the sizes, then the folders.
"""

import argparse
import json
import logging
import os
import re
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image

from core import data
from core.data import Dataset
from core.errors import ThawError
from core.experiment import BackboneSpec, DataSpec, Experiment, FreezeSpec, TrainingSpec
from core.training.allocator import restart_keeping_memory

SIZES = (96, 160)
EPOCHS = 10
DEPTHS = {"head": 0, "last4": 4, "last38": 38}  # layers thawed, BatchNorm locked
PROBE_STRENGTH = 0.01  # inverse of the penalty on standardised features; the same for pixels and networks
PIXELS = 16
BUILTIN_SETS = ("builtin:digits", "builtin:materials", "builtin:faces")


@dataclass(frozen=True)
class Measured:
    """One accuracy: folder, image side, split, what the images were turned into, and what learnt from that."""

    folder: str
    size: int
    split: int
    features: str
    method: str
    accuracy: float


def probe(train: np.ndarray, labels: np.ndarray, held_out: np.ndarray, truth: np.ndarray) -> float:
    """Return the accuracy of logistic regression on standardised features.

    Parameters
    ----------
    train, held_out
        Features, shapes (n, d) and (m, d).
    labels, truth
        Classes, shapes (n,) and (m,).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=PROBE_STRENGTH, max_iter=300))
    return float(model.fit(train, labels).score(held_out, truth))


def shrunk(images: np.ndarray) -> np.ndarray:
    """Return pictures at 16 × 16 pixels as rows of numbers, float32 of shape (n, 768)."""
    small = [Image.fromarray(i).resize((PIXELS, PIXELS), Image.Resampling.BOX) for i in images]
    return np.stack([np.asarray(s, np.float32).ravel() for s in small])


def pooled(backbone: BackboneSpec, images: np.ndarray) -> np.ndarray:
    """Return the frozen network's average-pooled features, float32 of shape (n, d)."""
    import keras

    from core.network import backbone as weights

    base = weights.build(backbone)
    inputs = keras.Input(base.input_shape[1:])
    outputs = keras.layers.GlobalAveragePooling2D()(base(keras.layers.Rescaling(1 / 127.5, -1)(inputs)))
    return keras.Model(inputs, outputs).predict(images.astype(np.float32), batch_size=64, verbose=0)


def experiment(spec: DataSpec, backbone: BackboneSpec, thawed: int) -> Experiment:
    """Return the default head on a network with its last layers thawed, BatchNorm locked, one learning rate for all."""
    training = TrainingSpec(epochs=EPOCHS, backbone_rate_factor=1.0)
    return Experiment(data=spec, backbone=backbone, freeze=FreezeSpec.last(thawed), training=training)


def measure(spec: DataSpec, backbones: dict[str, BackboneSpec]) -> Iterator[tuple[str, str, float]]:
    """Yield features, method and accuracy for one split at the backbones' image size."""
    size = next(iter(backbones.values())).size
    dataset = data.load(spec, size)
    yield "pixels", "probe", _probed(dataset, shrunk)
    for name, backbone in backbones.items():
        yield name, "probe", _probed(dataset, lambda images, b=backbone: pooled(b, images))
        for method, thawed in DEPTHS.items():
            if name != "random" or thawed == 0:
                yield name, method, _trained(experiment(spec, backbone, thawed), dataset)


def _probed(dataset: Dataset, features: Callable[[np.ndarray], np.ndarray]) -> float:
    train, held_out = dataset.train, dataset.validation
    return probe(features(train.images), train.labels, features(held_out.images), held_out.labels)


def _trained(x: Experiment, dataset: Dataset) -> float:
    from core.training import trainer

    return float(trainer.train(x, dataset).history["val_accuracy"].iloc[-1])


def measure_all(specs: dict[str, DataSpec], options: argparse.Namespace) -> Iterator[Measured]:
    """Measure every folder at both sizes on every split."""
    for folder, spec in specs.items():
        for size in options.sizes:
            backbones = {
                "random": BackboneSpec(alpha=options.alpha, size=size, weights="random"),
                "builtin": BackboneSpec(alpha=options.alpha, size=size, weights="builtin"),
            }
            if options.imagenet_weights:
                backbones["imagenet"] = given_weights(options.imagenet_weights, size)
            for split in range(options.splits):
                seeded = spec.replace(seed=split)
                for features, method, accuracy in measure(seeded, backbones):
                    yield Measured(folder, size, split, features, method, accuracy)


def given_weights(file: Path, size: int) -> BackboneSpec:
    """Return the backbone of a weights file; its width is read from Keras's file name, 1.0 without one."""
    found = re.search(r"kernels_(\d\.\d+)_", file.name)
    return BackboneSpec(alpha=float(found[1]) if found else 1.0, size=size, weights=f"file:{file.resolve()}")


def mean(rows: list[Measured], features: str, method: str, folder: str | None = None) -> float:
    """Return the mean accuracy over splits, sizes and folders; NaN where it was not measured."""
    here = [r for r in rows if (r.features, r.method) == (features, method) and folder in {None, r.folder}]
    folders = {r.folder for r in here}
    means = [statistics.mean(r.accuracy for r in here if r.folder == name) for name in folders]
    return statistics.mean(means) if means else float("nan")


def figures(rows: list[Measured]) -> dict[str, float]:
    """Return the figures that the weights are judged by.

    ``gap_closed`` is the share of the way from raw pixels to ImageNet features that the built-in ones cover, with the default head;
    ``finetune_gain`` is what thawing the last 38 layers adds to it.
    """
    made = {
        f"{features}_{method}_accuracy": mean(rows, features, method)
        for features, method in dict.fromkeys((r.features, r.method) for r in rows)
    }
    made["pixels_accuracy"] = made.pop("pixels_probe_accuracy")
    head, pixels = made["builtin_head_accuracy"], made["pixels_accuracy"]
    if "imagenet_head_accuracy" in made:
        made["gap_closed"] = (head - pixels) / (made["imagenet_head_accuracy"] - pixels)
    made["finetune_gain"] = made["builtin_last38_accuracy"] - head
    return made


def markdown(rows: list[Measured]) -> str:
    """Return a table with a line a folder and a column a way to classify."""
    ways = list(dict.fromkeys((r.features, r.method) for r in rows))
    lines = ["| images | " + " | ".join(f"{f}, {m}" for f, m in ways) + " |", "| --- |" + " --- |" * len(ways)]
    for folder in dict.fromkeys(r.folder for r in rows):
        lines.append(f"| {folder} | " + " | ".join(f"{mean(rows, *way, folder):.3f}" for way in ways) + " |")
    lines.append("| **mean** | " + " | ".join(f"**{mean(rows, *way):.3f}**" for way in ways) + " |")
    return "\n".join(lines) + "\n"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transfer", description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=Path, nargs="*", default=[], help="folders with one folder a class")
    parser.add_argument("--builtin", action="store_true", help="the built-in real sets too")
    parser.add_argument("--imagenet-weights", type=Path, help="a no-top weights file of MobileNetV2, to compare with")
    parser.add_argument("--alpha", type=float, default=1.0, help="width of the built-in network; default 1.0")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="image sides in pixels; default 96 160")
    parser.add_argument("--splits", type=int, default=2, help="random splits a folder; default 2")
    parser.add_argument(
        "--images-per-class", type=int, default=150, help="training images a class at most; default 150"
    )
    parser.add_argument("--json", type=Path, help="where to write every accuracy")
    parser.add_argument("--markdown", type=Path, help="where to write a table")
    options = parser.parse_args(arguments)
    if not options.images and not options.builtin:
        parser.error("give folders with --images, or --builtin for the sets that come with Thaw")
    return options


def specs_of(options: argparse.Namespace) -> dict[str, DataSpec]:
    """Return what to load, by the name to print."""
    common = {"validation_fraction": 0.25, "test_fraction": 0.0, "images_per_class": options.images_per_class}
    folders = {f.resolve().name: f"path:{f.resolve()}" for f in options.images}
    builtin = {s.partition(":")[2]: s for s in BUILTIN_SETS if options.builtin}
    return {name: DataSpec(source=source, **common) for name, source in {**folders, **builtin}.items()}


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a line a figure."""
    options = parse(arguments)
    logging.disable(logging.WARNING)
    rows: list[Measured] = []
    try:
        for row in measure_all(specs_of(options), options):
            rows.append(row)
            print(f"# {row.folder} {row.size} px, split {row.split}: {row.features}, {row.method}: {row.accuracy:.3f}", file=sys.stderr, flush=True)  # fmt: skip
    except (ThawError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    made = figures(rows)
    for name, value in made.items():
        print(f"{name} {value:.4f} {'share' if name == 'gap_closed' else 'accuracy'}")
    print("\n" + markdown(rows))
    if options.json:
        options.json.write_text(
            json.dumps({"alpha": options.alpha, "figures": made, "rows": [asdict(r) for r in rows]}, indent=1)
        )
    if options.markdown:
        options.markdown.write_text(markdown(rows))
    return 0


if __name__ == "__main__":
    restart_keeping_memory("benchmarks.transfer")
    sys.exit(main())
