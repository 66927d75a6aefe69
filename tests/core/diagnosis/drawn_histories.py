"""Training histories drawn by formula, as varied as real ones: any scale, noise that grows or fades, spikes, flat ends, last-epoch upticks."""

import json
from pathlib import Path

import numpy as np


def draw(rng: np.random.Generator, *, overfit: bool) -> dict[str, list[float]]:
    """Return the losses of one run; an overfitting one has a validation loss that turns and rises by 6% to 150% in the end."""
    n = int(rng.choice([12, 20, 40, 60, 100, 200, 300]))
    t = np.linspace(0, 1, n)
    scale = float(np.exp(rng.uniform(np.log(0.2), np.log(6))))
    speed = rng.uniform(6, 40)
    train = rng.uniform(0.02, 0.3) + np.exp(-speed * t)
    floor = rng.uniform(0.3, 0.8)
    validation = floor + (1.1 - floor) * np.exp(-speed * t * rng.uniform(0.6, 1.0))
    if overfit:
        turn, rise = rng.uniform(0.15, 0.7), np.exp(rng.uniform(np.log(0.06), np.log(1.5)))
        shape = rng.choice([0.6, 1.0, 1.6])
        validation = validation + floor * rise * np.clip((t - turn) / (1 - turn), 0, None) ** shape
    else:
        train = np.maximum(train, floor - rng.uniform(0.05, 0.25))
    jitter = rng.choice([0.0, 0.003, 0.01, 0.02])
    validation = validation * (1 + jitter * rng.standard_normal(n))
    train = train * (1 + 0.5 * jitter * rng.standard_normal(n))
    if rng.uniform() < 0.3:
        validation[rng.integers(n // 4, n - 2, max(1, n // 40))] *= rng.uniform(1.2, 2.5)
    if rng.uniform() < 0.15:
        validation[-1] *= 1.06
    return {"train_loss": (scale * train).tolist(), "val_loss": (scale * validation).tolist()}


def write(folder: Path, n: int, seed: int) -> Path:
    """Write ``n`` histories of each kind below ``folder``, some with other column names, and return it."""
    rng = np.random.default_rng(seed)
    for name, overfit in (("overfit", True), ("non_overfit", False)):
        (folder / name).mkdir(parents=True)
        for i in range(n):
            history = draw(rng, overfit=overfit)
            if i % 3 == 0:
                history = {
                    "a": history["train_loss"],
                    "b": history["val_loss"],
                    "train_metric": "a",
                    "monitor_metric": "b",
                }  # type: ignore[dict-item]
            (folder / name / f"{i}.json").write_text(json.dumps(history))
    return folder
