"""The Experiment: everything a run depends on, as one immutable, validated, serialisable value."""

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from core.errors import ExperimentError

N_LAYERS = 154
SIZES = (96, 128, 160, 192, 224)
ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
LARGEST_SEED = 2**31 - 1  # Keras and TensorFlow take no larger one everywhere
MAX_CLASSES = 500
LONGEST_NAME = 4096
LONGEST_JSON = 2**20


class Spec(BaseModel):
    """A frozen part of an Experiment; unknown fields are refused so that typing errors are seen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def replace(self, **changes: Any) -> Self:
        """Return a validated copy with ``changes`` applied.

        Raises
        ------
        pydantic.ValidationError
            When a changed value is not allowed.
        """
        return type(self).model_validate({**self.model_dump(), **changes})


class DrawnDials(Spec):
    """The dials of the drawn data sets; each one makes one phenomenon of the diagnosis visible."""

    n_images: int = Field(400, ge=20, le=20_000, description="Images in all splits together")
    n_classes: int = Field(4, ge=2, le=10)
    difficulty: float = Field(0.3, ge=0, le=1)
    label_noise: float = Field(0.0, ge=0, le=0.5, description="Share of training labels that are wrong")
    brightness_shift: float = Field(0.0, ge=-1, le=1, description="Validation brighter (+) or darker (-)")
    contrast_shift: float = Field(0.0, ge=-1, le=1)
    shortcut: float = Field(0.0, ge=0, le=1, description="Share of images whose background tells the class")
    imbalance: float = Field(0.0, ge=0, le=0.95, description="0: equal classes; 0.9: the last has a tenth of the first")
    resolution: int = Field(96, ge=4, le=224, description="Pixels a side before resizing: low loses the information")


SplitName = Literal["train", "validation", "test"]
FolderRole = Literal["through", "class", "train", "validation", "test", "out"]


class AddedPicture(Spec):
    """A picture that a person put into a class: ``file`` is the SHA-256 of its PNG below ``datasets/added``."""

    file: str = Field(pattern="^[0-9a-f]{64}$")
    label: str = Field(min_length=1)
    split: SplitName | None = Field(None, description="None where the split is dealt as for the other images")


class DataEdits(Spec):
    """What a person changed about a data set; made by :mod:`core.data.edits`, undone with the Experiment that holds it.

    Attributes
    ----------
    labels
        Another class for a picture: pairs of its name and the class, sorted.
    removed
        Names of pictures that are left out, sorted.
    added
        Pictures of which the source knows nothing, in the order in which they came.
    folders
        What a folder is: pairs of its path and its role, sorted. ``through`` looks through it, ``out`` leaves it out.
    """

    labels: tuple[tuple[str, str], ...] = ()
    removed: tuple[str, ...] = ()
    added: tuple[AddedPicture, ...] = ()
    folders: tuple[tuple[str, FolderRole], ...] = ()

    def __len__(self) -> int:
        """Return the number of edits."""
        return len(self.labels) + len(self.removed) + len(self.added) + len(self.folders)


class DataSpec(Spec):
    """Which images, and how they are split.

    ``source`` is ``builtin:creatures|digits|materials|faces``, ``drawn:shapes`` (with ``drawn``), ``download:flower_photos|cats_and_dogs``,
    ``upload:<sha256>`` (a ZIP imported earlier), ``folder:<path>`` (below the configured root) or ``path:<absolute path>``
    (headless use only, never from a page).
    """

    source: str = Field("builtin:creatures", max_length=LONGEST_NAME)
    classes: tuple[str, ...] | None = Field(
        None, max_length=MAX_CLASSES, description="A subset of the classes; None for the source's default"
    )
    images_per_class: int | None = Field(
        None, ge=3, description="Largest number a class of *training* images; None for all"
    )
    validation_fraction: float = Field(0.2, gt=0, lt=0.9)
    test_fraction: float = Field(0.2, ge=0, lt=0.9)
    seed: int = Field(0, ge=0, le=LARGEST_SEED)
    group_duplicates: bool = Field(True, description="Keep near-duplicates on one side of the split")
    given_split: bool = Field(True, description="Keep the split that images came with; False deals all of them anew")
    drawn: DrawnDials | None = None
    edits: DataEdits = DataEdits()

    @model_validator(mode="after")
    def _leaves_training_images(self) -> Self:
        if self.validation_fraction + self.test_fraction > 0.9:
            raise ValueError(
                "validation and test fractions leave less than 10% of the images for training; lower one of them"
            )
        return self


class BackboneSpec(Spec):
    """MobileNetV2's size and where its weights come from.

    ``weights`` is ``imagenet``, ``builtin``, ``random`` or ``file:<path>``. Pages resolve "best available" to one of these before a
    run is made (:func:`core.network.backbone.best_available`), so that an Experiment always says what it used.
    """

    alpha: float = 1.0
    size: int = 224
    weights: str = Field("builtin", max_length=LONGEST_NAME)

    @field_validator("alpha")
    @classmethod
    def _known_alpha(cls, value: float) -> float:
        if value not in ALPHAS:
            raise ValueError(f"alpha {value} is not one Keras has weights for; choose one of {ALPHAS}")
        return value

    @field_validator("size")
    @classmethod
    def _known_size(cls, value: int) -> int:
        if value not in SIZES:
            raise ValueError(f"image size {value} is not one MobileNetV2 was trained at; choose one of {SIZES}")
        return value

    @field_validator("weights")
    @classmethod
    def _known_weights(cls, value: str) -> str:
        if value not in {"imagenet", "builtin", "random"} and not value.startswith("file:"):
            raise ValueError(f"weights {value!r} are not known; use imagenet, builtin, random or file:<path>")
        return value


class FreezeSpec(Spec):
    """Which of the backbone's layers may learn.

    ``thawed`` holds positions in ``base_model.layers`` (0 is the input, 153 is ``out_relu``), sorted. With ``lock_batchnorm`` every
    BatchNormalization layer stays frozen whatever ``thawed`` says.
    """

    thawed: tuple[int, ...] = Field((), max_length=N_LAYERS)
    lock_batchnorm: bool = True

    @field_validator("thawed")
    @classmethod
    def _sorted_positions(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        wrong = [i for i in value if not 0 <= i < N_LAYERS]
        if wrong:
            raise ValueError(f"layers {wrong[:5]} do not exist; MobileNetV2 has layers 0 to {N_LAYERS - 1}")
        return tuple(sorted(set(value)))

    @classmethod
    def last(cls, n: int, *, lock_batchnorm: bool = True) -> Self:
        """Return the mask that thaws the last ``n`` layers.

        Raises
        ------
        ValueError
            When ``n`` is not 0 to 154.
        """
        if not 0 <= n <= N_LAYERS:
            raise ValueError(f"the last {n} layers cannot be thawed; give a number from 0 to {N_LAYERS}")
        return cls(thawed=tuple(range(N_LAYERS - n, N_LAYERS)), lock_batchnorm=lock_batchnorm)


class DropoutLayer(Spec):
    """Dropout with the share of units left out."""

    kind: Literal["dropout"] = "dropout"
    rate: float = Field(0.5, ge=0, lt=1)


class DenseLayer(Spec):
    """A fully connected hidden layer."""

    kind: Literal["dense"] = "dense"
    units: int = Field(128, ge=1, le=4096)
    activation: Literal["relu", "gelu", "tanh", "linear"] = "relu"
    l2: float = Field(0.0, ge=0, le=1)


class BatchNormLayer(Spec):
    """BatchNormalization in the head; always trained with the head."""

    kind: Literal["batchnorm"] = "batchnorm"


HeadLayer = Annotated[DropoutLayer | DenseLayer | BatchNormLayer, Field(discriminator="kind")]


class HeadSpec(Spec):
    """What stands on the backbone, before the softmax over the classes."""

    pooling: Literal["flatten", "average", "max"] = "average"
    layers: tuple[HeadLayer, ...] = Field((DropoutLayer(), DenseLayer(), DropoutLayer()), max_length=16)
    output_l2: float = Field(0.0, ge=0, le=1)

    @classmethod
    def flatten(cls) -> Self:
        """Return "single dense layer on Flatten", the head to improve on."""
        return cls(pooling="flatten", layers=())

    @classmethod
    def generalised(cls) -> Self:
        """Return GlobalAveragePooling, Dropout 0.5, Dense 128 relu, Dropout 0.5."""
        return cls()


AugmentationKind = Literal[
    "flip",
    "rotation",
    "zoom",
    "translation",
    "brightness",
    "contrast",
    "saturation",
    "crop",
    "noise",
    "cutout",
    "randaugment",
]

AUGMENTATION_KINDS: dict[AugmentationKind, str] = {
    "flip": "Mirror left and right",
    "rotation": "Turn",
    "zoom": "Zoom in and out",
    "translation": "Shift",
    "brightness": "Brighter and darker",
    "contrast": "More and less contrast",
    "saturation": "More and less colour",
    "crop": "Cut out a part",
    "noise": "Grain",
    "cutout": "Cover a rectangle",
    "randaugment": "RandAugment: two random changes",
}


class AugmentationStep(Spec):
    """One random change of the training images, ``strength`` from 0 (none) to 1 (as strong as makes sense)."""

    kind: AugmentationKind
    strength: float = Field(0.3, ge=0, le=1)
    enabled: bool = True


class AugmentationSpec(Spec):
    """Random changes of the training images, in order; ``views`` versions per image are drawn once (0: fresh every epoch)."""

    steps: tuple[AugmentationStep, ...] = Field((), max_length=32)
    views: int = Field(4, ge=0, le=64)

    @property
    def active(self) -> tuple[AugmentationStep, ...]:
        """The steps that do something."""
        return tuple(s for s in self.steps if s.enabled and s.strength > 0)

    @classmethod
    def preset(cls, name: Literal["none", "light", "strong"]) -> Self:
        """Return a preset by its name.

        Raises
        ------
        KeyError
            When there is no such preset.
        """
        return cls(steps=_PRESETS[name])


def _steps(**strengths: float) -> tuple[AugmentationStep, ...]:
    return tuple(AugmentationStep(kind=kind, strength=s) for kind, s in strengths.items())  # type: ignore[arg-type]


_PRESETS: dict[str, tuple[AugmentationStep, ...]] = {
    "none": (),
    "light": _steps(flip=1.0, rotation=0.15, zoom=0.2, translation=0.2),
    "strong": _steps(
        flip=1.0, rotation=0.6, zoom=0.6, translation=0.5, brightness=0.6, contrast=0.6, saturation=0.6, cutout=0.5
    ),
}


def view_seed(spec: AugmentationSpec, seed: int, view: int) -> int:
    """Return the seed of one view of the bank: the same steps, seed and number give the same pictures."""
    text = "|".join(f"{s.kind}:{s.strength}" for s in spec.active)
    return int(hashlib.sha256(f"{text}|{seed}|{view}".encode()).hexdigest()[:7], 16)


class EarlyStoppingSpec(Spec):
    """Stop when the monitored validation figure has not improved for ``patience`` epochs."""

    monitor: Literal["val_loss", "val_accuracy"] = "val_loss"
    patience: int = Field(3, ge=1, le=100)
    restore_best: bool = True


class TrainingSpec(Spec):
    """How the trainable part learns."""

    epochs: int = Field(10, ge=1, le=500)
    batch_size: int = Field(32, ge=1, le=512)
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    learning_rate: float = Field(1e-3, gt=0, le=100)
    schedule: Literal["constant", "cosine", "exponential"] = "constant"
    backbone_rate_factor: float = Field(0.1, gt=0, le=10, description="Learning rate of thawed layers over the head's")
    warmup_epochs: int = Field(0, ge=0, le=50, description="Head-first epochs, before the thawed layers may move")
    label_smoothing: float = Field(0.0, ge=0, le=0.5)
    class_weights: bool = Field(False, description="Weigh classes by the inverse of their frequency")
    weight_decay: float = Field(0.0, ge=0, le=1)
    early_stopping: EarlyStoppingSpec | None = None
    seed: int = Field(0, ge=0, le=LARGEST_SEED)
    deterministic: bool = True
    mixed_precision: bool = False


class Stage(Spec):
    """What was trained before, of the same network on the same images: which layers learnt, from what, and how."""

    freeze: FreezeSpec = FreezeSpec()
    augmentation: AugmentationSpec = AugmentationSpec()
    training: TrainingSpec = TrainingSpec()


class Experiment(Spec):
    """One immutable description of a run, from images to optimiser; its content hash is its identity.

    ``earlier`` holds the stages that were trained before this one, the first one first: the run starts from the weights that the last
    of them ends with. A stage is kept as settings, not as the name of a run, so that an Experiment can be trained anywhere.
    """

    data: DataSpec = DataSpec()
    backbone: BackboneSpec = BackboneSpec()
    freeze: FreezeSpec = FreezeSpec()
    head: HeadSpec = HeadSpec()
    augmentation: AugmentationSpec = AugmentationSpec()
    training: TrainingSpec = TrainingSpec()
    earlier: tuple[Stage, ...] = Field((), max_length=4)

    @property
    def start(self) -> "Experiment | None":
        """The Experiment whose trained weights this one starts from; None for a new head on pretrained weights."""
        if not self.earlier:
            return None
        *before, last = self.earlier
        return self.replace(**dict(last), earlier=before)

    def continued(self, **changes: Any) -> Self:
        """Return an Experiment that starts from what this one ends with.

        Parameters
        ----------
        changes
            ``freeze``, ``augmentation`` or ``training`` of the next stage; what is not given stays.

        Raises
        ------
        pydantic.ValidationError
            When a changed value is not allowed, or there are four stages already.
        """
        done = Stage(freeze=self.freeze, augmentation=self.augmentation, training=self.training)
        return self.replace(earlier=(*self.earlier, done), **changes)

    def with_seed(self, seed: int) -> Self:
        """Return the same Experiment on the same images with other first weights and batches, in every stage."""
        stages = tuple(s.replace(training=s.training.replace(seed=seed)) for s in self.earlier)
        return self.replace(training=self.training.replace(seed=seed), earlier=stages)

    def seeded(self, seed: int) -> Self:
        """Return :meth:`with_seed` on another split, or other pictures where they are drawn."""
        return self.with_seed(seed).replace(data=self.data.replace(seed=seed))

    @property
    def id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return content_hash(self)

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the Experiment as JSON text that :meth:`from_json` takes back."""
        return self.model_dump_json(indent=indent)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return the Experiment described by ``text``.

        Raises
        ------
        ExperimentError
            When the text is not the JSON of an Experiment.
        """
        if len(text) > LONGEST_JSON:
            raise ExperimentError(
                f"An experiment takes a few kilobytes, and this has {len(text) / 2**20:.1f} MB. Give the experiment.json of a run."
            )
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ExperimentError(_what_is_wrong(error)) from error


def _what_is_wrong(error: ValidationError) -> str:
    """Return pydantic's first complaint as a sentence."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"])) or "the file"
    return f"This is not the experiment of a run: {place}: {first['msg'][:200]}. Give the experiment.json that a run has written."


def opening(weights: str = "builtin") -> Experiment:
    """Return what a person begins with: trained in seconds, better with its last 4 layers thawed than frozen.

    The thawed layers learn at the head's rate: with a tenth of it ten epochs change them too little to see.
    """
    return Experiment(
        backbone=BackboneSpec(size=96, weights=weights),
        freeze=FreezeSpec.last(4),
        training=TrainingSpec(backbone_rate_factor=1.0),
    )


def content_hash(*specs: Spec) -> str:
    """Return 16 hexadecimal digits that identify the content of ``specs``."""
    canonical = json.dumps([s.model_dump(mode="json") for s in specs], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def differences(a: Experiment, b: Experiment) -> dict[str, tuple[Any, Any]]:
    """Return the dotted paths at which two Experiments differ, with both values."""
    left, right = (_flatten(e.model_dump(mode="json")) for e in (a, b))
    return {k: (left.get(k), right.get(k)) for k in {**left, **right} if left.get(k) != right.get(k)}


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
