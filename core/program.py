"""The compiled tail of a network: built once for each shape, used again by every run that fits it."""

from collections import OrderedDict
from functools import cached_property

import keras
import numpy as np
import tensorflow as tf

from core import backbone, frontier, model
from core.experiment import BackboneSpec, Experiment, content_hash
from core.layers import is_thawed, layer_table

MAX_PROGRAMS = 6
_programs: OrderedDict[str, "Program"] = OrderedDict()
_bases: OrderedDict[tuple[BackboneSpec, int], tuple[keras.Model, list[np.ndarray]]] = OrderedDict()


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


def _base(spec: BackboneSpec, seed: int) -> tuple[keras.Model, list[np.ndarray]]:
    """Return a backbone and a copy of its weights as they were loaded."""
    key = (spec, seed if spec.weights == "random" else 0)
    if key not in _bases:
        while len(_bases) >= 3:
            _bases.popitem(last=False)
        base = backbone.build(spec, key[1])
        _bases[key] = (base, base.get_weights())
    _bases.move_to_end(key)
    return _bases[key]


class Program:
    """Prefix and tail of one architecture, with compiled steps.

    Parameters
    ----------
    experiment
        Architecture, mask, loss and optimiser; epochs, rates and seeds may differ from run to run.
    n_classes
        Width of the softmax.
    """

    def __init__(self, experiment: Experiment, n_classes: int):
        self.experiment, self.n_classes = experiment, n_classes
        self.frontier = frontier.find(experiment)
        self.base, self.pristine = _base(experiment.backbone, experiment.training.seed)
        model.set_trainable(self.base, experiment.freeze)
        self.head = model.build_head(experiment.head, n_classes)
        self.tail = frontier.tail(self.base, self.frontier, self.head)
        self.prefix = frontier.prefix(self.base, self.frontier, self.head[0]) if self.frontier.cached else None
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
        self.base.set_weights(self.pristine)
        keras.utils.set_random_seed(experiment.training.seed)
        fresh = model.build_head(experiment.head, self.n_classes)
        x = keras.Input(self.base.output_shape[1:])
        for mine, new in zip(self.head, fresh, strict=True):
            x = new(x)
            for old, value in zip(mine.variables, new.variables, strict=True):
                old.assign(value)
        for variable in self.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        self.experiment = experiment

    def set_rates(self, learning_rate: float, *, warming_up: bool) -> None:
        """Set the head's learning rate and the backbone's share of it (none while the head warms up)."""
        self.optimizer.learning_rate.assign(learning_rate)
        self.factor.assign(0.0 if warming_up else self.experiment.training.backbone_rate_factor)

    def _compile(self) -> None:
        self.trainable = self.tail.trainable_variables
        self.optimizer = make_optimizer(self.experiment, self.in_backbone, self.factor)
        self.optimizer.build(self.trainable)
        shapes = [tf.TensorSpec((None, *s), tf.float32) for s in self.cut_shapes]
        rows = tf.TensorSpec((None, self.n_classes), tf.float32)
        self._train = tf.function(self._train_step, input_signature=[shapes, rows, tf.TensorSpec((None,), tf.float32)])
        self._infer = tf.function(lambda x: self.tail(x, training=False), input_signature=[shapes])
        self._infer_batch = tf.function(lambda x: self.tail(x, training=True), input_signature=[shapes])
        self._extract = tf.function(lambda x: self.prefix(x, training=False)) if self.prefix else None

    def _train_step(
        self, inputs: list[tf.Tensor], targets: tf.Tensor, weights: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            probabilities = self.tail(inputs, training=True)
            loss = self.loss(targets, probabilities, sample_weight=weights)
            if self.tail.losses:
                loss += tf.add_n(self.tail.losses)
        gradients = tape.gradient(loss, self.trainable)
        self.optimizer.apply(gradients, self.trainable)
        right = tf.equal(tf.argmax(probabilities, 1), tf.argmax(targets, 1))
        return loss, tf.reduce_sum(tf.cast(right, tf.float32))

    def train_step(
        self, inputs: list[np.ndarray], targets: np.ndarray, weights: np.ndarray
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Take one step; return the batch's mean loss and its number of right answers (both with dropout on)."""
        return self._train([tf.convert_to_tensor(x) for x in inputs], tf.constant(targets), tf.constant(weights))

    def predict(self, inputs: list[np.ndarray], *, batch_statistics: bool = False) -> np.ndarray:
        """Return probabilities in inference mode, or with dropout and batch statistics on."""
        step = self._infer_batch if batch_statistics else self._infer
        return step([tf.convert_to_tensor(x) for x in inputs]).numpy()

    def run_prefix(self, images: np.ndarray) -> list[np.ndarray]:
        """Return the tensors at the frontier for images in 0..255; the images themselves where nothing is frozen."""
        if self._extract is None:
            return [images]
        values = self._extract(tf.convert_to_tensor(images))
        return [v.numpy() for v in (values if isinstance(values, list) else [values])]

    def loss_of(self, targets: np.ndarray, probabilities: np.ndarray) -> float:
        """Return the mean loss, penalties included, as ``model.evaluate`` does."""
        penalty = float(sum(float(x) for x in self.tail.losses))
        return float(self.loss(targets, probabilities)) + penalty if len(targets) else float("nan")

    def features(self, inputs: list[np.ndarray]) -> np.ndarray:
        """Return pooled backbone features of shape (n, d)."""
        return inputs[0] if self.frontier.pooled else self._inside([self.head[0]], inputs)[0]

    def dead_units(self, inputs: list[np.ndarray]) -> float | None:
        """Return the share of hidden ReLU units of the head that no training image activates; None without such units."""
        hidden = [
            layer
            for layer in self.head
            if isinstance(layer, keras.layers.Dense) and layer.activation is keras.activations.relu
        ]
        if not hidden:
            return None
        alive = np.concatenate([(values > 0).any(0) for values in self._inside(hidden, inputs)])
        return float(1 - alive.mean())

    def _inside(self, layers: list[keras.layers.Layer], inputs: list[np.ndarray]) -> list[np.ndarray]:
        """Return the outputs of some of the tail's layers, in inference mode."""
        nodes = [node for depth in self.tail._nodes_by_depth.values() for node in depth]
        outputs = [node.outputs[0] for layer in layers for node in nodes if node.operation is layer]
        values = keras.Model(self.tail.inputs, outputs)([tf.convert_to_tensor(x) for x in inputs], training=False)
        return [np.asarray(v) for v in (values if isinstance(values, list) else [values])]

    def weights(self) -> list[np.ndarray]:
        """Return a copy of everything that training changes."""
        return [v.numpy().copy() for v in self._state]

    def set_weights(self, values: list[np.ndarray]) -> None:
        """Put back what :meth:`weights` returned."""
        for variable, value in zip(self._state, values, strict=True):
            variable.assign(value)

    @cached_property
    def _state(self) -> list[keras.Variable]:
        running = [
            v
            for layer in self.tail.layers
            if isinstance(layer, keras.layers.BatchNormalization)
            for v in layer.non_trainable_variables
        ]
        return [*self.trainable, *running]

    def parameter_counts(self) -> dict[str, int]:
        """Return numbers of parameters: all, trainable, head's."""
        size = lambda variables: int(sum(np.prod(v.shape) for v in variables))  # noqa: E731
        head = [v for layer in self.head for v in layer.trainable_variables]
        total = size(self.base.weights) + size([v for layer in self.head for v in layer.weights])
        return {"trainable_parameters": size(self.trainable), "total_parameters": total, "head_parameters": size(head)}

    def update_ratios(self, before: list[np.ndarray]) -> dict[str, float]:
        """Return by how much each trainable kernel moved over the run, relative to its size: |w - w0| / |w0|."""
        ratios = {}
        for variable, old in zip(self.trainable, before, strict=False):
            if variable.path.endswith(("kernel", "depthwise_kernel")):
                moved = float(np.linalg.norm(variable.numpy() - old)) / max(float(np.linalg.norm(old)), 1e-12)
                ratios["/".join(variable.path.split("/")[-2:-1])] = moved
        return ratios


OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
}


def make_optimizer(experiment: Experiment, in_backbone: set, factor: tf.Variable) -> keras.optimizers.Optimizer:
    """Return Keras's optimiser whose steps on backbone variables are multiplied by ``factor``."""
    settings = experiment.training
    kind = OPTIMIZERS[settings.optimizer]

    class WithBackboneRate(kind):  # type: ignore[misc, valid-type]
        def update_step(self, gradient, variable, learning_rate):
            scaled = (
                learning_rate * keras.ops.cast(factor, learning_rate.dtype)
                if variable.ref() in in_backbone
                else learning_rate
            )
            super().update_step(gradient, variable, scaled)

    arguments = {"momentum": 0.9} if settings.optimizer == "sgd" else {}
    return WithBackboneRate(settings.learning_rate, weight_decay=settings.weight_decay or None, **arguments)
