"""Train Thaw's own MobileNetV2 weights: ``python -m tools.pretrain.train --alpha 1.0 --work DIR``.

The network looks at a drawn picture and predicts its classical descriptors and its visual words (:mod:`tools.pretrain.descriptors`,
:mod:`tools.pretrain.words`) from the pooled features: what it learns are features that tell edges, colours and textures per region,
which is what a head needs.
"""

import argparse
import json
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from core.training.allocator import restart_keeping_memory
from tools.pretrain.calibrate import N_PICTURES as N_CALIBRATION
from tools.pretrain.calibrate import calibrate
from tools.pretrain.descriptors import describe_locally
from tools.pretrain.pictures import write_pictures
from tools.pretrain.targets import Targets

N_PICTURES = 40_000
# (steps, image side, batch size): coarse and fast first, then the sizes people use.
STAGES = ((6000, 64, 64), (2500, 96, 48), (500, 128, 32))
EPOCH_STEPS = 250  # between checkpoints and lines of the log
LOCAL_GRIDS = {"block_5_add": 8, "block_12_add": 4}
LOCAL_WEIGHT = 0.4
PEAK_RATE = 5e-3
BATCHNORM_MOMENTUM = 0.95  # Keras's 0.999 lags behind for thousands of steps


class Student(keras.Model):
    """MobileNetV2 without top, pooled, and a linear map to the targets."""

    def __init__(self, alpha: float, targets: Targets):
        super().__init__()
        self.rescale = keras.layers.Rescaling(1 / 127.5, -1)
        self.base = keras.applications.MobileNetV2(
            input_shape=(None, None, 3), include_top=False, weights=None, alpha=alpha
        )
        for layer in self.base.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = BATCHNORM_MOMENTUM
        taps = [self.base.get_layer(name).output for name in LOCAL_GRIDS]
        self.trunk = keras.Model(self.base.input, [*taps, self.base.output])
        self.local = [keras.layers.Conv2D(14, 1) for _ in taps]
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.readout = keras.layers.Dense(targets.n)
        self.targets = targets
        self.pooled_loss = keras.metrics.Mean("pooled")

    def call(self, images, training=None):
        """Return local and pooled predictions for images in 0..255."""
        *maps, features = self.trunk(self.rescale(images), training=training)
        local = [layer(m) for layer, m in zip(self.local, maps, strict=True)]
        return [*local, self.readout(self.pool(features))]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Mean squared errors to the targets of the very picture that was seen.

        The local ones, read from the middle of the network, make the early layers learn from the first step.
        """
        *local, pooled = y_pred
        loss = ops.mean((pooled - ops.stop_gradient(self.targets(x))) ** 2)
        self.pooled_loss.update_state(loss)
        for prediction, grid in zip(local, LOCAL_GRIDS.values(), strict=True):
            cells = ops.stop_gradient(describe_locally(x, grid))
            loss += LOCAL_WEIGHT * ops.mean((ops.image.resize(prediction, (grid, grid)) - cells) ** 2)
        return loss


def batches(pictures: np.ndarray, side: int, batch: int, seed: int) -> tf.data.Dataset:
    """Return an endless stream of randomly cropped, mirrored and recoloured batches, float32 (batch, side, side, 3) in 0..255."""

    def indices():
        rng = np.random.default_rng(seed)
        while True:
            yield np.sort(rng.integers(0, len(pictures), batch)), rng.integers(0, 2**31, 2)

    def read(rows, key):
        block = tf.numpy_function(lambda r: pictures[r], [rows], tf.uint8)
        return tf.ensure_shape(block, (batch, *pictures.shape[1:])), key

    def change(block, key):
        # Keyed draws: stateful ones give other numbers when two batches are made at once.
        keys = tf.unstack(tf.random.experimental.stateless_split(key, 7))
        scale = tf.random.stateless_uniform((batch, 1), keys[0], 0.5, 1.0)
        scale = tf.minimum(scale * tf.exp(tf.random.stateless_uniform((batch, 2), keys[1], -0.15, 0.15)), 1.0)
        corner = tf.random.stateless_uniform((batch, 2), keys[2]) * (1 - scale)
        boxes = tf.concat([corner, corner + scale], 1)
        mirrored = tf.random.stateless_uniform((batch, 1), keys[3]) < 0.5
        boxes = tf.where(mirrored, tf.gather(boxes, [0, 3, 2, 1], axis=1), boxes)
        x = tf.image.crop_and_resize(tf.cast(block, tf.float32), boxes, tf.range(batch), (side, side))
        gain = tf.exp(tf.random.stateless_normal((batch, 1, 1, 1), keys[4], 0, 0.25))
        tint = tf.exp(tf.random.stateless_normal((batch, 1, 1, 3), keys[5], 0, 0.08))
        return tf.clip_by_value(x * gain * tint + tf.random.stateless_normal((batch, 1, 1, 1), keys[6], 0, 12), 0, 255)

    signature = (tf.TensorSpec((batch,), tf.int64), tf.TensorSpec((2,), tf.int64))
    stream = tf.data.Dataset.from_generator(indices, output_signature=signature)
    return stream.map(read).map(change, num_parallel_calls=2).prefetch(4)


def reestimate_batchnorm(base: keras.Model, pictures: np.ndarray, side: int = 128, n: int = 1536) -> None:
    """Replace running averages by those of ``n`` pictures: each layer's mean over batches of its own batch statistics."""
    norms = [layer for layer in base.layers if isinstance(layer, keras.layers.BatchNormalization)]
    stream = iter(batches(pictures, side, 64, seed=1234))
    momenta, steps = [layer.momentum for layer in norms], n // 64
    for step in range(steps):
        for layer in norms:
            layer.momentum = step / (step + 1)
        base(next(stream) / 127.5 - 1, training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum


class Checkpoint(keras.callbacks.Callback):
    """Save the network and write a line to the log every few hundred steps."""

    def __init__(self, path: Path, log: Path, stage: str):
        super().__init__()
        self.path, self.log, self.stage = path, log, stage

    def on_epoch_end(self, epoch, logs=None):
        self.model.base.save_weights(self.path)
        line = {
            "stage": self.stage,
            "epoch": epoch,
            "time": round(time.time()),
            **{k: float(v) for k, v in logs.items()},
        }
        with self.log.open("a") as f:
            f.write(json.dumps(line) + "\n")


def train(alpha: float, work: Path, *, seed: int = 0, n_pictures: int = N_PICTURES, stages=STAGES) -> Path:
    """Train and return the file of weights, statistics re-estimated and features made selective.

    Parameters
    ----------
    alpha
        Width of MobileNetV2.
    work
        Folder for pictures (drawn once, then kept), checkpoints and the log.
    seed
        Seed of pictures, initial weights and batches.
    n_pictures
        Number of drawn pictures; each is seen in many crops.
    stages
        Steps, image side in pixels and batch size of each stage.
    """
    work.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(seed)
    pictures = write_pictures(work / f"pictures-{seed}-{n_pictures}.npy", n_pictures, seed=seed)
    targets = Targets()
    targets.adapt(np.asarray(pictures[:4000]))
    student = Student(alpha, targets)
    path, log = work / f"alpha-{alpha}.weights.h5", work / f"alpha-{alpha}.jsonl"
    for number, (steps, side, batch) in enumerate(stages):
        student.compile(optimizer=_optimizer(steps, number, len(stages)), jit_compile=False)
        stream = batches(pictures, side, batch, seed=seed + 10 * number)
        epoch = min(EPOCH_STEPS, steps)
        keep = Checkpoint(path, log, f"{side}px")
        student.fit(stream, steps_per_epoch=epoch, epochs=steps // epoch, callbacks=[keep], verbose=2)
    reestimate_batchnorm(student.base, pictures)
    calibrate(student.base, np.asarray(pictures[:N_CALIBRATION]))
    final = work / f"alpha-{alpha}.final.weights.h5"
    student.base.save_weights(final)
    return final


def _optimizer(steps: int, stage: int, stages: int) -> keras.optimizers.Optimizer:
    """Return AdamW whose rate warms up and falls by cosine, from half the peak of the stage before; the last stage falls to 2%."""
    peak = PEAK_RATE * 0.5**stage
    schedule = keras.optimizers.schedules.CosineDecay(
        peak * 0.05,
        steps,
        alpha=0.02 if stage == stages - 1 else 0.25,
        warmup_target=peak,
        warmup_steps=min(200, steps // 5),
    )
    return keras.optimizers.AdamW(schedule, weight_decay=1e-4, clipnorm=1.0)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=int, default=N_PICTURES)
    args = parser.parse_args()
    print(train(args.alpha, args.work, seed=args.seed, n_pictures=args.pictures))


if __name__ == "__main__":
    restart_keeping_memory("tools.pretrain.train")
    main()
