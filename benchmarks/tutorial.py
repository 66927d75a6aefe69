"""The other side of the speed benchmark: the script that a reader of a Keras fine-tuning tutorial writes.

Run in a fresh process by ``benchmarks.speed``. It trains in the batch order of ``core.training.schedule``, so that the curves can be compared;
images are decoded once and kept in memory, which is faster than decoding them in every epoch.
"""

import argparse
import json
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from core.experiment import BackboneSpec
from core.network import backbone
from core.training.schedule import batch_order

SIZE, CLASSIFIER_SEED = 224, 0


def read(folder: Path) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the decoded images of a folder and their one-hot labels."""
    images = keras.utils.image_dataset_from_directory(
        folder, label_mode="categorical", image_size=(SIZE, SIZE), batch_size=None, shuffle=False, verbose=False
    )
    return next(iter(images.batch(100_000)))


def batches(images: tf.Tensor, labels: tf.Tensor, epochs: int, size: int) -> tf.data.Dataset:
    """Return the batches of all epochs, shuffled anew in each."""
    orders = [batch_order(CLASSIFIER_SEED, epoch, len(images)) for epoch in range(1, epochs + 1)]
    rows = tf.data.Dataset.from_tensor_slices(orders).flat_map(
        lambda order: tf.data.Dataset.from_tensor_slices(order).batch(size)
    )
    gather = lambda r: (tf.gather(images, r), tf.gather(labels, r))  # noqa: E731
    return rows.map(gather, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def network(classes: int, thawed: int, *, augment: bool) -> keras.Model:
    """Return augmentation, preprocessing, MobileNetV2 with its last layers thawed, and a head."""
    base = backbone.build(BackboneSpec(alpha=1.0, size=SIZE, weights="builtin"))
    base.trainable = thawed > 0
    for layer in base.layers[: len(base.layers) - thawed]:
        layer.trainable = False
    keras.utils.set_random_seed(CLASSIFIER_SEED)
    # The last layer is made first, as core.model does: seeds are dealt in this order.
    output = keras.layers.Dense(classes, activation="softmax")
    inputs = x = keras.Input((SIZE, SIZE, 3))
    if augment:
        x = keras.layers.RandomFlip("horizontal")(x)
        x = keras.layers.RandomRotation(0.0375, fill_mode="nearest")(x)
        x = keras.layers.RandomZoom(0.1, fill_mode="nearest")(x)
        x = keras.layers.RandomTranslation(0.06, 0.06, fill_mode="nearest")(x)
    x = base(keras.layers.Rescaling(1 / 127.5, -1)(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.Dense(128, activation="relu")(x)
    x = keras.layers.Dropout(0.5)(x)
    return keras.Model(inputs, output(x))


def nudge(variable: keras.Variable) -> None:
    """Change one number by the smallest step there is: what then differs is how far roundings alone lead two trainings apart."""
    values = variable.numpy()
    values.flat[0] = np.nextafter(values.flat[0], np.float32(np.inf))
    variable.assign(values)


def main() -> None:
    """Train and print seconds and curves as JSON; imports are not counted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("images", type=Path)
    parser.add_argument("--thawed", type=int, default=0)
    parser.add_argument("--augment", action="store_true")
    parser.add_argument("--nudge", action="store_true", help="change the first weight by its last binary digit")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rate", type=float, default=1e-3)
    options = parser.parse_args()
    tf.config.experimental.enable_op_determinism()
    started = time.perf_counter()
    train, validation = read(options.images / "train"), read(options.images / "val")
    model = network(train[1].shape[1], options.thawed, augment=options.augment)
    if options.nudge:
        nudge(model.trainable_variables[0])
    model.compile(keras.optimizers.Adam(options.rate), "categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        batches(*train, options.epochs, 32),
        epochs=options.epochs,
        steps_per_epoch=-(-len(train[0]) // 32),
        validation_data=tf.data.Dataset.from_tensor_slices(validation).batch(32).cache().prefetch(tf.data.AUTOTUNE),
        verbose=0,
    ).history
    print(json.dumps({"seconds": time.perf_counter() - started, "history": history}))


if __name__ == "__main__":
    main()
