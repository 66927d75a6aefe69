"""The compiled tail of a network: built once for each shape, used again by every run that fits it."""

from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from core.experiment import Experiment, content_hash
from core.network import frontier, model
from core.network.layers import is_thawed, layer_table
from core.training.optimizer import make_optimizer
from core.training.shared_backbone import Backbone, shared_backbone

for _device in tf.config.list_physical_devices("GPU"):
    tf.config.experimental.set_memory_growth(_device, True)  # several workers may share a card

IN_CACHE = 8  # images the whole network takes at once: with more their activations leave the processor's cache (measured: 1.5 to 2 times slower)
MAX_PROGRAMS = 6
_programs: OrderedDict[str, "Program"] = OrderedDict()


class Seen(NamedTuple):
    """What a forward pass shows, one row an image."""

    probabilities: np.ndarray
    losses: np.ndarray
    features: np.ndarray
    hidden: np.ndarray


def program_for(experiment: Experiment, n_classes: int) -> "Program":
    """Return the compiled program of an Experiment, with fresh weights: a known one where the shapes fit, else a new one."""
    fixed = experiment.training.replace(
        learning_rate=1.0,
        epochs=1,
        seed=0,
        early_stopping=None,
        batch_size=1,
        warmup_epochs=0,
        schedule="constant",
        deterministic=True,
    )
    key = content_hash(experiment.backbone, experiment.freeze, experiment.head, fixed) + f"-{n_classes}"
    if experiment.backbone.weights == "random":
        key += f"-{experiment.training.seed}"
    if key not in _programs:
        while len(_programs) >= MAX_PROGRAMS:
            _programs.popitem(last=False)
        _programs[key] = Program(experiment, n_classes)
    _programs.move_to_end(key)
    program = _programs[key]
    program.reset(experiment)
    return program


class Program:
    """Prefix and tail of one architecture, with compiled steps.

    Parameters
    ----------
    experiment
        Architecture, mask, loss and optimiser; epochs, rates and seeds may differ from run to run.
    n_classes
        Width of the softmax.
    backbone
        The network to share; that of all programs by default.
    """

    def __init__(self, experiment: Experiment, n_classes: int, backbone: Backbone | None = None):
        self.experiment, self.n_classes = experiment, n_classes
        self.frontier = frontier.find(experiment)
        self.backbone = backbone or shared_backbone(experiment.backbone, experiment.training.seed)
        self.base = self.backbone.model
        model.set_trainable(self.base, experiment.freeze)
        self.head = model.build_head(experiment.head, n_classes, experiment.training.seed)
        dtype = "mixed_bfloat16" if experiment.training.mixed_precision else "float32"
        self.tail = frontier.tail(self.base, self.frontier, self.head, dtype)
        self.prefix = self.backbone.prefix(self.frontier, self.head[0], dtype) if self.frontier.cached else None
        self.loss = keras.losses.CategoricalCrossentropy(label_smoothing=experiment.training.label_smoothing)
        self.in_backbone = {v.value.ref() for v in self.base.variables}
        self.factor = tf.Variable(1.0, trainable=False)
        self._compile()

    @cached_property
    def full(self) -> keras.Model:
        """The whole model, pixels in, sharing the layers of prefix and tail."""
        return model.assemble(self.base, self.head)

    @property
    def cut_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of one image's tensors at the frontier."""
        return [tuple(t.shape[1:]) for t in self.tail.inputs]

    @property
    def thawed_batchnorm(self) -> bool:
        """Whether a BatchNormalization layer of the backbone learns."""
        return any(
            is_thawed(row, self.experiment.freeze) and row.kind == "BatchNormalization"
            for row in layer_table(self.experiment.backbone)
        )

    def reset(self, experiment: Experiment) -> None:
        """Give backbone, head and optimiser the values a newly built model would have."""
        model.set_trainable(self.base, experiment.freeze)
        self.backbone.restore()
        self.backbone.touched = self._backbone_state
        fresh = model.build_head(experiment.head, self.n_classes, experiment.training.seed)
        x = keras.Input(self.base.output_shape[1:])
        for mine, new in zip(self.head, fresh, strict=True):
            x = new(x)
            for old, value in zip(mine.variables, new.variables, strict=True):
                old.assign(value)
        for variable in self.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        self.experiment = experiment

    def named_weights(self) -> dict[str, np.ndarray]:
        """Return what training may have changed, now or in an earlier stage, by layer and variable."""
        moved = {id(v) for v in self._state} | {id(v) for v, _ in self.backbone.touched}
        return {name: v.numpy() for name, v in self._named.items() if id(v) in moved}

    def start_from(self, weights: dict[str, np.ndarray]) -> None:
        """Put in what :meth:`named_weights` of another program of the same backbone and head returned."""
        pristine = dict(zip(map(id, self.base.weights), self.backbone.pristine, strict=True))
        known = {id(v) for v, _ in self.backbone.touched}
        for name, value in weights.items():
            variable = self._named[name]
            if id(variable) in pristine and id(variable) not in known:
                self.backbone.touched = [*self.backbone.touched, (variable, pristine[id(variable)])]
            variable.assign(value)

    @cached_property
    def _named(self) -> dict[str, keras.Variable]:
        return {f"{layer.name}/{v.name}": v for layer in (*self.base.layers, *self.head) for v in layer.weights}

    def set_warming_up(self, warming_up: bool) -> None:
        """Keep the thawed layers still while the head warms up, else give them their share of the learning rate."""
        self.factor.assign(0.0 if warming_up else self.experiment.training.backbone_rate_factor)

    def _compile(self) -> None:
        self.trainable = self.tail.trainable_variables
        self.gradient_norms = tf.Variable(tf.zeros(len(self._kernels)), trainable=False)
        self.optimizer = make_optimizer(self.experiment, self.in_backbone, self.factor)
        self.optimizer.build(self.trainable)
        shapes = [tf.TensorSpec((None, *s), tf.float32) for s in self.cut_shapes]
        targets, vector = tf.TensorSpec((None, self.n_classes), tf.float32), tf.TensorSpec((None,), tf.float32)
        steps = [shapes, targets, vector, vector, tf.TensorSpec((), tf.int32)]
        self._train = tf.function(self._train_steps, input_signature=steps)
        self._infer = tf.function(self._forward, input_signature=[shapes, targets])
        self._infer_batch = tf.function(self._forward_with_batch_statistics, input_signature=[shapes, targets])
        self._look = keras.Model(self.tail.inputs, [self.tail.output, self._features, *self._hidden])

    @property
    def _features(self) -> keras.KerasTensor:
        return self.tail.inputs[0] if self.frontier.pooled else self.head[0].output

    @property
    def _hidden(self) -> list[keras.KerasTensor]:
        """Outputs of the head's hidden ReLU layers."""
        dense = [layer for layer in self.head if isinstance(layer, keras.layers.Dense)]
        return [layer.output for layer in dense if layer.activation is keras.activations.relu]

    def _train_steps(
        self, inputs: list[tf.Tensor], targets: tf.Tensor, weights: tf.Tensor, rates: tf.Tensor, size: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        n = tf.shape(rates)[0]

        def one(i, losses, right):
            rows = slice(i * size, (i + 1) * size)
            self.optimizer.learning_rate.assign(rates[i])
            loss, hits = self._train_step([x[rows] for x in inputs], targets[rows], weights[rows])
            return i + 1, losses.write(i, loss), right.write(i, hits)

        made = tf.TensorArray(tf.float32, n), tf.TensorArray(tf.float32, n)
        _, losses, right = tf.while_loop(lambda i, *_: i < n, one, (0, *made), parallel_iterations=1)
        return losses.stack(), right.stack()

    def _train_step(
        self, inputs: list[tf.Tensor], targets: tf.Tensor, weights: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            probabilities = self.tail(inputs, training=True)
            loss = self.loss(targets, probabilities, sample_weight=weights)
            if self.tail.losses:
                loss += tf.add_n(self.tail.losses)
        gradients = tape.gradient(loss, self.trainable)
        self.gradient_norms.assign(tf.stack([tf.norm(gradients[at]) for at in self._kernels.values()]))
        self.optimizer.apply(gradients, self.trainable)
        right = tf.equal(tf.argmax(probabilities, 1), tf.argmax(targets, 1))
        return loss, tf.reduce_sum(tf.cast(right, tf.float32))

    def _forward(self, inputs: list[tf.Tensor], targets: tf.Tensor) -> tuple[tf.Tensor, ...]:
        probabilities, features, *hidden = self._look(inputs, training=False)
        hidden = tf.concat(hidden, 1) if hidden else tf.zeros((tf.shape(targets)[0], 0))
        return probabilities, self._loss_of_each(targets, probabilities), features, hidden

    def _forward_with_batch_statistics(
        self, inputs: list[tf.Tensor], targets: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Run the backbone as in training and the head as in inference, so that dropout does not blur what BatchNorm does."""
        x = keras.Model(self.tail.inputs, self._features)(inputs, training=True)
        for layer in self.head[1:]:
            x = layer(x, training=False)
        return x, self._loss_of_each(targets, x)

    def _loss_of_each(self, targets: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        smoothing = self.experiment.training.label_smoothing
        penalty = tf.add_n(self.tail.losses) if self.tail.losses else 0.0
        return keras.losses.categorical_crossentropy(targets, probabilities, label_smoothing=smoothing) + penalty

    def train_steps(
        self, inputs: list[np.ndarray], targets: np.ndarray, weights: np.ndarray, rates: list[float], size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Take a step for each learning rate, on ``size`` rows each: a loop inside the graph, because small steps cost mostly Python.

        Returns
        -------
        ndarray, ndarray
            Mean loss and number of right answers of each batch (both with dropout on).
        """
        tensors = [tf.convert_to_tensor(x) for x in inputs]
        losses, right = self._train(
            tensors, tf.constant(targets), tf.constant(weights), tf.constant(rates, tf.float32), size
        )
        return losses.numpy(), right.numpy()

    def see(self, inputs: list[np.ndarray], targets: np.ndarray) -> Seen:
        """Return what a forward pass in inference mode shows; losses as ``model.evaluate`` has them, penalties included."""
        return Seen(*(v.numpy() for v in self._infer([tf.convert_to_tensor(x) for x in inputs], tf.constant(targets))))

    def see_with_batch_statistics(self, inputs: list[np.ndarray], targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return probabilities and losses with BatchNorm as in training, dropout off; moves the running averages."""
        values = self._infer_batch([tf.convert_to_tensor(x) for x in inputs], tf.constant(targets))
        return values[0].numpy(), values[1].numpy()

    def run_prefix(self, images: np.ndarray, between: Callable[[], None] = lambda: None) -> list[np.ndarray]:
        """Return the tensors at the frontier for images in 0..255; the images themselves where nothing is frozen.

        Calls ``between`` before every eighth image; what it raises ends the pass.
        """
        if self.prefix is None:
            return [images]
        parts = []
        for i in range(0, len(images), IN_CACHE):
            between()
            parts.append(tf.nest.flatten(self.prefix(tf.constant(images[i : i + IN_CACHE], tf.float32))))
        return [np.concatenate(values) for values in zip(*parts, strict=True)]

    def weights(self) -> list[np.ndarray]:
        """Return a copy of everything that training changes."""
        return [v.numpy().copy() for v in self._state]

    def set_weights(self, values: list[np.ndarray]) -> None:
        """Put back what :meth:`weights` returned."""
        for variable, value in zip(self._state, values, strict=True):
            variable.assign(value)

    @cached_property
    def _kernels(self) -> dict[str, int]:
        """Positions of the kernels among the trainable variables, by their layers' names."""
        paths = [v.path.split("/") for v in self.trainable]
        return {path[-2]: at for at, path in enumerate(paths) if path[-1] in ("kernel", "depthwise_kernel")}

    @cached_property
    def _state(self) -> list[keras.Variable]:
        return [*self.trainable, *self.tail.non_trainable_weights]

    @cached_property
    def _backbone_state(self) -> list[tuple[keras.Variable, np.ndarray]]:
        changing = {id(v) for v in self._state}
        return [(v, w) for v, w in zip(self.base.weights, self.backbone.pristine, strict=True) if id(v) in changing]

    def parameter_counts(self) -> dict[str, int]:
        """Return numbers of parameters: all, trainable, head's."""
        size = lambda variables: int(sum(np.prod(v.shape) for v in variables))  # noqa: E731
        head = [v for layer in self.head for v in layer.trainable_variables]
        total = size(self.base.weights) + size([v for layer in self.head for v in layer.weights])
        return {"trainable_parameters": size(self.trainable), "total_parameters": total, "head_parameters": size(head)}

    def update_ratios(self, before: list[np.ndarray]) -> dict[str, float]:
        """Return by how much each trainable kernel moved over the run, relative to its size: |w - w0| / |w0|."""
        return {
            name: _size(self.trainable[at].numpy() - before[at]) / max(_size(before[at]), 1e-12)
            for name, at in self._kernels.items()
        }

    def gradient_ratios(self) -> dict[str, float]:
        """Return the size of each trainable kernel's gradient in the last step, relative to the kernel's: |g| / |w|."""
        sizes = [max(_size(self.trainable[at].numpy()), 1e-12) for at in self._kernels.values()]
        return dict(zip(self._kernels, (self.gradient_norms.numpy() / sizes).tolist(), strict=True))


def _size(array: np.ndarray) -> float:
    return float(np.linalg.norm(array))
