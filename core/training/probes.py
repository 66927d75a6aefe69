"""What only the trainer can see, for the diagnosis: before the first step, and after the last."""

import numpy as np

from core.network import backbone
from core.training import label_check
from core.training.measuring import PROBE_IMAGES, Measuring, sampled


def before(measuring: Measuring) -> dict:
    """Return what the untrained network shows.

    Returns
    -------
    dict
        ``initial``: loss and accuracy; ``feature_std``: mean over features of their standard deviation across training images;
        ``labels_doubted``: training labels that a linear model on these features doubts.
    """
    initial = measuring.epoch()
    features = measuring.seen["train"].features
    if measuring.program.experiment.earlier:  # to be compared with where the stage before ended, on all of its images
        initial |= measuring.of_all_training_images()
    return {
        "initial": initial,
        "feature_std": float(features.std(0).mean()),
        "labels_doubted": _doubted_labels(measuring, features),
    }


def after(measuring: Measuring, fresh: list[np.ndarray], first_losses: list[float]) -> dict:
    """Return what the trained network shows, after the last look at the training images.

    Parameters
    ----------
    measuring
        Network, images, and what was seen last.
    fresh
        The weights before training.
    first_losses
        Loss of each batch of the first epoch.

    Returns
    -------
    dict
        Sizes and parameters; ``update_ratios`` and ``gradient_ratios`` by layer; ``dead_head_units``; ``batchnorm_gap``;
        ``first_batch_losses``; ``clean_sample``: images of the clean curve; ``weights``: where they came from.
    """
    program, dataset = measuring.program, measuring.dataset
    n_classes = len(dataset.class_names)
    return {
        **{f"n_{name}": len(split) for name, split in dataset.splits.items()},
        "n_classes": n_classes,
        "class_counts": np.bincount(dataset.train.labels, minlength=n_classes).tolist(),
        **program.parameter_counts(),
        "update_ratios": program.update_ratios(fresh),
        "gradient_ratios": program.gradient_ratios(),
        "dead_head_units": _dead_units(measuring.seen["train"].hidden),
        "batchnorm_gap": _batchnorm_gap(measuring) if program.thawed_batchnorm else None,
        "first_batch_losses": first_losses,
        "clean_sample": len(measuring.clean_rows),
        "weights": backbone.explain(program.experiment.backbone),
    }


def _doubted_labels(measuring: Measuring, features: np.ndarray) -> dict:
    """Say which training labels a linear model on the untrained network's features doubts, as rows of the training split."""
    rows = measuring.clean_rows[sampled(len(measuring.clean_rows))]
    found = label_check.doubted(features, measuring.dataset.train.labels[rows], len(measuring.targets))
    return {**found, "rows": rows[found["rows"]].tolist(), "looked_at": len(rows)}


def _dead_units(hidden: np.ndarray) -> float | None:
    """Return the share of the head's hidden ReLU units that no training image activates; None without such units."""
    return float(1 - (hidden > 0).any(0).mean()) if hidden.size else None


def _batchnorm_gap(measuring: Measuring) -> dict[str, float]:
    """Return loss and accuracy on training images with batch statistics minus those in inference mode."""
    known = measuring.seen["train"]
    positions = np.random.default_rng(0).permutation(len(measuring.clean_rows))  # mixed classes: company matters
    positions = positions[: len(positions) // 2 * 2][:PROBE_IMAGES]
    labels = measuring.dataset.train.labels[measuring.clean_rows[positions]]
    probabilities, losses = _with_batch_statistics(measuring, measuring.clean_rows[positions])
    right = [(p.argmax(1) == labels).mean() for p in (probabilities, known.probabilities[positions])]
    loss = losses.mean() - known.losses[positions].mean()
    return {"loss": float(loss), "accuracy": float(right[0] - right[1])}


def _with_batch_statistics(measuring: Measuring, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and losses of training images with BatchNorm as in training, leaving the weights as they are."""
    program, held, parts = measuring.program, measuring.program.weights(), []
    size = program.experiment.training.batch_size
    for start in range(0, len(rows), size):
        here = rows[start : start + size]
        targets = measuring.targets[measuring.dataset.train.labels[here]]
        parts.append(program.see_with_batch_statistics(measuring.inputs.splits["train"].rows(here), targets))
    program.set_weights(held)
    probabilities, losses = (np.concatenate(values) for values in zip(*parts, strict=True))
    return probabilities, losses
