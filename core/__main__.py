"""The headless command: ``python -m core layers | run | diagnose``."""

import argparse
import json
import os
import sys
from pathlib import Path

import pydantic

import core
from core.errors import ThawError
from core.experiment import (
    ALPHAS,
    N_LAYERS,
    SIZES,
    AugmentationSpec,
    BackboneSpec,
    DataSpec,
    Experiment,
    FreezeSpec,
    HeadSpec,
)
from core.network import backbone, layers

CURVES = ["epoch", "loss", "val_loss", "accuracy", "val_accuracy", "clean_loss", "clean_accuracy"]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0, or 2 after a sentence that says what to do."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except pydantic.ValidationError as error:
        print(f"thaw: {error.errors()[0]['msg']} (at {'.'.join(map(str, error.errors()[0]['loc']))})", file=sys.stderr)
    except ThawError as error:
        print(f"thaw: {error}", file=sys.stderr)
    except OSError as error:
        print(
            f"thaw: {error.strerror or error}: {error.filename or ''}. Check the path and the free space.",
            file=sys.stderr,
        )
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m core", description="Fine-tune MobileNetV2 and be told why it under- or overfits."
    )
    parser.add_argument("--version", action="version", version=f"Thaw {core.__version__}")
    commands = parser.add_subparsers(required=True)
    table = commands.add_parser("layers", help="print the layer table and totals")
    _backbone_options(table)
    table.add_argument("--lock-batchnorm", action="store_true", help="keep BatchNorm frozen over the mask")
    table.set_defaults(command=print_layers)
    run = commands.add_parser("run", help="train on a folder of images and write curves, verdict and model")
    run.add_argument(
        "--images", type=Path, required=True, help="a folder with one folder a class, or train/, val/, test/ on top"
    )
    run.add_argument("--out", type=Path, required=True, help="folder to write into")
    run.add_argument("--experiment", type=Path, help="an experiment.json to start from")
    _backbone_options(run)
    run.add_argument("--head", choices=["flatten", "generalised"])
    run.add_argument("--augmentation", choices=["none", "light", "strong"])
    run.add_argument("--weights", help="imagenet, builtin, random or a weights file; the best available by default")
    run.add_argument("--epochs", type=int)
    run.add_argument("--images-per-class", type=int)
    run.add_argument("--seed", type=int)
    run.add_argument("--thaw-batchnorm", action="store_true", help="let thawed BatchNorm layers learn too")
    run.set_defaults(command=run_experiment)
    diagnose = commands.add_parser("diagnose", help="print the verdict on a history made elsewhere")
    diagnose.add_argument("file", type=Path, help="CSV or JSON with one row an epoch")
    diagnose.set_defaults(command=diagnose_file)
    return parser


def _backbone_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--thaw-last", type=int, choices=range(N_LAYERS + 1), metavar="N", help="thaw the last N of 154 layers"
    )
    parser.add_argument("--size", type=int, choices=SIZES, help="image side in pixels (224)")
    parser.add_argument("--alpha", type=float, choices=ALPHAS, help="width of the network (1.0)")


def print_layers(options: argparse.Namespace) -> int:
    """Print MobileNetV2's layer table with the mask and its totals."""
    spec = BackboneSpec(alpha=options.alpha or 1.0, size=options.size or 224)
    freeze = FreezeSpec.last(options.thaw_last or 0, lock_batchnorm=options.lock_batchnorm)
    print(layers.keras_summary(layers.layer_table(spec), freeze))
    return 0


def experiment_from(options: argparse.Namespace) -> Experiment:
    """Return the Experiment that the options describe, on top of ``--experiment`` where given.

    Raises
    ------
    ThawError
        When the experiment file cannot be read.
    """
    base = _read_experiment(options.experiment) if options.experiment else Experiment()
    given = lambda **values: {k: v for k, v in values.items() if v is not None}  # noqa: E731
    data = given(images_per_class=options.images_per_class, seed=options.seed)
    experiment = base.replace(
        data=DataSpec.model_validate(
            {
                **base.data.model_dump(),
                **data,
                "source": f"path:{options.images.resolve()}",
                "classes": None,
                "drawn": None,
            }
        ),
        training=base.training.replace(**given(epochs=options.epochs, seed=options.seed)),
        backbone=_backbone(base, options),
    )
    if options.thaw_last is not None:
        experiment = experiment.replace(
            freeze=FreezeSpec.last(options.thaw_last, lock_batchnorm=not options.thaw_batchnorm)
        )
    if options.head:
        experiment = experiment.replace(
            head=HeadSpec.flatten() if options.head == "flatten" else HeadSpec.generalised()
        )
    if options.augmentation:
        experiment = experiment.replace(augmentation=AugmentationSpec.preset(options.augmentation))
    return experiment


def _read_experiment(path: Path) -> Experiment:
    if not path.is_file():
        raise ThawError(f"There is no experiment file {path.name!r}. Give an experiment.json that a run has written.")
    return Experiment.from_json(path.read_bytes())


def _backbone(base: Experiment, options: argparse.Namespace) -> BackboneSpec:
    alpha, size = options.alpha or base.backbone.alpha, options.size or base.backbone.size
    weights = options.weights or (
        base.backbone.weights if options.experiment else backbone.best_available(alpha, size).weights
    )
    if weights not in {"imagenet", "builtin", "random"} and not weights.startswith("file:"):
        weights = f"file:{Path(weights).resolve()}"
    return BackboneSpec(alpha=alpha, size=size, weights=weights)


class Printer:
    """Prints what a trainer tells."""

    def phase(self, name: str, *, detail: str = "") -> None:
        """Print what begins."""
        print(f"{name}{': ' + detail if detail else ''}", flush=True)

    def progress(self, **_: object) -> None:
        """Print nothing: an epoch is soon over."""

    def epoch(self, metrics: dict[str, float]) -> None:
        """Print a line."""
        print("  ".join(f"{k} {metrics[k]:.4g}" for k in CURVES if k in metrics), flush=True)

    def stop_requested(self) -> bool:
        """Never stop."""
        return False


def run_experiment(options: argparse.Namespace) -> int:
    """Train in this process and write ``curves.csv``, ``verdict.json``, ``experiment.json`` and ``model.keras``."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    experiment = experiment_from(options)
    options.out.mkdir(parents=True, exist_ok=True)
    from core import data

    print(backbone.explain(experiment.backbone))
    dataset = data.load(experiment.data, experiment.backbone.size)
    for left_out in dataset.rejected:
        print(f"left out: {left_out.name} {left_out.reason}")
    sizes = ", ".join(f"{len(split)} {name}" for name, split in dataset.splits.items())
    print(f"{dataset.title}: {len(dataset.class_names)} classes, {sizes} images")
    from core.engine.execute import judge
    from core.training import trainer  # only now: whoever gave a wrong folder need not wait for TensorFlow

    outcome = trainer.train(experiment, dataset, Printer())
    diagnosis = judge(experiment, dataset, outcome)
    outcome.history.reindex(columns=CURVES).to_csv(options.out / "curves.csv", index=False)
    (options.out / "verdict.json").write_text(json.dumps(diagnosis.to_dict(), indent=1))
    (options.out / "experiment.json").write_text(experiment.to_json(indent=1))
    outcome.model.save(options.out / "model.keras")
    if outcome.note:
        print(outcome.note)
    for name, predictions in outcome.evaluation.splits.items():
        if len(predictions.labels):
            low, high = predictions.interval
            print(f"{name} accuracy {predictions.accuracy:.3f} ({low:.3f} to {high:.3f})")
    _print_verdict(diagnosis)
    return 0


def diagnose_file(options: argparse.Namespace) -> int:
    """Print the verdict on a history file."""
    from core.diagnosis import diagnose_history
    from core.histories import read_history_file

    _print_verdict(diagnose_history(read_history_file(options.file)))
    return 0


def _print_verdict(diagnosis) -> None:
    print(f"verdict: {diagnosis.verdict} ({diagnosis.sureness}, {diagnosis.confidence:.0%})")
    print(diagnosis.summary)
    for finding in diagnosis.findings:
        print(f"- {finding.code}: {finding.title}")


if __name__ == "__main__":
    sys.exit(main())
