"""Six histories as people bring them, drawn by formula: a way to see what the page does before one has a history of one's own."""

from collections.abc import Callable

import numpy as np

Curves = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _decay(first: float, last: float, n: int, speed: float) -> np.ndarray:
    t = np.linspace(0, 1, n)
    return last + (first - last) * np.exp(-speed * t)


def _wobbly(values: np.ndarray, share: float, seed: int) -> np.ndarray:
    return values * (1 + share * np.random.default_rng(seed).standard_normal(len(values)))


def keras_overfits() -> str:
    """Return what Keras 3 prints of a run that learns its images by heart."""
    n, t = 14, np.linspace(0, 1, 14)
    loss, val = (
        _wobbly(_decay(1.35, 0.05, n, 4), 0.02, 1),
        _wobbly(_decay(1.12, 0.62, n, 7) + 0.5 * np.clip(t - 0.35, 0, None), 0.015, 2),
    )
    acc, val_acc = 1 - _wobbly(_decay(0.48, 0.01, n, 4.5), 0.02, 3), 1 - _wobbly(_decay(0.4, 0.24, n, 7), 0.02, 4)
    lines = (f"Epoch {i + 1}/{n}\n25/25 {'━' * 20} 4s 160ms/step - accuracy: {acc[i]:.4f} - loss: {loss[i]:.4f} - val_accuracy: {val_acc[i]:.4f} - val_loss: {val[i]:.4f}\n" for i in range(n))  # fmt: skip
    return "".join(lines)


def pytorch_fits() -> str:
    """Return what a PyTorch loop prints of a run that goes well."""
    n = 16
    loss, val = _wobbly(_decay(1.05, 0.16, n, 6), 0.02, 5), _wobbly(_decay(0.9, 0.21, n, 6.5), 0.02, 6)
    acc, val_acc = 100 - _wobbly(_decay(40, 5, n, 6), 0.02, 7), 100 - _wobbly(_decay(34, 7, n, 6.5), 0.02, 8)
    return "".join(f"Epoch {i + 1}/{n} - Train Loss: {loss[i]:.4f}, Train Accuracy: {acc[i]:.2f}%, Validation Loss: {val[i]:.4f}, Validation Accuracy: {val_acc[i]:.2f}%\n" for i in range(n))  # fmt: skip


def fastai_still_falls() -> str:
    """Return the table that fastai prints of a run that was stopped too early."""
    n = 5
    loss, val, error = _decay(1.6, 0.9, n, 1.6), _decay(1.3, 0.62, n, 1.7), _decay(0.47, 0.21, n, 1.8)
    head = "epoch     train_loss  valid_loss  error_rate  time\n"
    return head + "".join(f"{i}         {loss[i]:.6f}    {val[i]:.6f}    {error[i]:.6f}    00:1{i}\n" for i in range(n))


def lightning_swings() -> str:
    """Return a Lightning metrics.csv whose validation goes up and down."""
    n, rng = 20, np.random.default_rng(9)
    loss, swing = _decay(0.95, 0.32, n, 4), np.where(np.arange(n) % 3 == 1, 1.0, 0.0) * rng.uniform(0.5, 1.0, n)
    val, acc = 0.5 + 1.6 * swing, 0.83 - 0.4 * swing
    rows = (f"{i},{50 * i + 24},{loss[i]:.5f},,\n{i},{50 * i + 49},,{acc[i]:.4f},{val[i]:.5f}\n" for i in range(n))
    return "epoch,step,train_loss,val_acc,val_loss\n" + "".join(rows)


def hugging_face_knows_by_heart() -> str:
    """Return the table of a model card: no training accuracy, a training loss far below the validation loss."""
    n = 12
    loss, val, acc = _wobbly(_decay(1.4, 0.02, n, 5), 0.03, 10), _wobbly(_decay(1.1, 0.55, n, 8), 0.01, 11), 1 - _wobbly(_decay(0.35, 0.19, n, 8), 0.02, 12)  # fmt: skip
    head = "| Training Loss | Epoch | Step | Validation Loss | Accuracy |\n|:-------------:|:-----:|:----:|:---------------:|:--------:|\n"
    rows = (
        f"| {'No log' if i == 0 else f'{loss[i]:.4f}'} | {i + 1}.0 | {40 * (i + 1)} | {val[i]:.4f} | {acc[i]:.4f} |\n"
        for i in range(n)
    )
    return head + "".join(rows)


def keras_two_stages() -> str:
    """Return a CSVLogger file of the fine-tuning tutorial: the head alone, then the last layers too."""
    first = _decay(0.72, 0.34, 8, 4), _decay(0.6, 0.33, 8, 4)
    second = _decay(0.33, 0.12, 8, 3), _decay(0.29, 0.15, 8, 3)
    rows = (
        f"{i},{1 - 0.4 * a:.4f},{a:.4f},{1 - 0.38 * v:.4f},{v:.4f}\n"
        for loss, val in (first, second)
        for i, (a, v) in enumerate(zip(loss, val, strict=True))
    )
    return "epoch,accuracy,loss,val_accuracy,val_loss\n" + "".join(rows)


EXAMPLES: dict[str, Callable[[], str]] = {
    "Keras output of a run that learns by heart": keras_overfits,
    "PyTorch output of a run that goes well": pytorch_fits,
    "fastai table of a run that ended early": fastai_still_falls,
    "Lightning metrics whose validation swings": lightning_swings,
    "Hugging Face model card without a training accuracy": hugging_face_knows_by_heart,
    "Keras CSVLogger of two stages: head, then last layers": keras_two_stages,
}
