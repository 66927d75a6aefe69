"""Demonstrations: small experiments on built-in images, each of which shows one phenomenon of fine-tuning."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import pandas as pd

from core.diagnosis.report import Diagnosis
from core.experiment import (
    AugmentationSpec,
    AugmentationStep,
    BackboneSpec,
    DataSpec,
    DenseLayer,
    DrawnDials,
    EarlyStoppingSpec,
    Experiment,
    FreezeSpec,
    HeadSpec,
    TrainingSpec,
)


@dataclass(frozen=True)
class Step:
    """One run of a demonstration."""

    label: str
    experiment: Experiment


@dataclass(frozen=True)
class Seen:
    """What one finished run showed."""

    history: pd.DataFrame
    diagnosis: Diagnosis

    def last(self, column: str) -> float:
        """Return the figure of the last epoch."""
        return float(self.history[column].iloc[-1])

    @property
    def val(self) -> float:
        """Validation accuracy at the end: median of the last three epochs, so that one lucky epoch does not count."""
        return float(self.history["val_accuracy"].tail(3).median())

    @property
    def train(self) -> float:
        """Accuracy on unchanged training images at the end, as a median of three epochs."""
        return float(self.history["clean_accuracy"].tail(3).median())

    @property
    def gap(self) -> float:
        """Training minus validation accuracy."""
        return self.train - self.val

    @property
    def best(self) -> pd.Series:
        """The epoch with the lowest validation loss: the one that EarlyStopping keeps."""
        return self.history.loc[self.history["val_loss"].idxmin()]

    @property
    def verdict(self) -> str:
        """The diagnosis in one word."""
        return self.diagnosis.verdict

    def found(self, code: str) -> bool:
        """Tell whether the diagnosis names this cause."""
        return any(f.code == code for f in self.diagnosis.findings)


@dataclass(frozen=True)
class Scenario:
    """A demonstration: what it promises, its runs, what to look at, and how the runs themselves answer.

    Attributes
    ----------
    key, title, promise
        Name in links, heading, and one sentence on what will be seen.
    steps
        One run, or two of which the first is the baseline of the second.
    look_at, question
        For the class: where to look, and what to discuss.
    explain
        Answer to the question, with the figures of these runs.
    check
        Whether these runs show what was promised.
    """

    key: str
    title: str
    promise: str
    steps: tuple[Step, ...]
    look_at: str
    question: str
    explain: Callable[[Sequence[Seen]], str]
    check: Callable[[Sequence[Seen]], bool]

    def answer(self, histories: Sequence[pd.DataFrame], diagnoses: Sequence[Diagnosis]) -> str:
        """Return the answer that the finished runs give; it says so where they do not show what was promised."""
        seen = [Seen(h, d) for h, d in zip(histories, diagnoses, strict=True)]
        doubt = "" if self.check(seen) else "These runs do not show it clearly; another seed may. "
        return doubt + self.explain(seen)

    def confirms(self, runs: Sequence[tuple[pd.DataFrame, Diagnosis]]) -> bool:
        """Tell whether finished runs, in the order of the steps, show what the card promises."""
        return self.check([Seen(history, diagnosis) for history, diagnosis in runs])

    def seeded(self, seed: int) -> Self:
        """Return the same demonstration with other pictures, initial weights and batches."""
        return replace(self, steps=tuple(Step(s.label, _seeded(s.experiment, seed)) for s in self.steps))


def _seeded(x: Experiment, seed: int) -> Experiment:
    return x.replace(data=x.data.replace(seed=seed), training=x.training.replace(seed=seed))


def _shapes(**dials: float) -> DataSpec:
    return DataSpec(source="drawn:shapes", drawn=DrawnDials.model_validate({"n_images": 400, **dials}))


def _experiment(
    data: DataSpec,
    thawed: int = 0,
    *,
    lock_batchnorm: bool = True,
    head: HeadSpec | None = None,
    augmentation: AugmentationSpec | None = None,
    **training: object,
) -> Experiment:
    return Experiment(
        data=data,
        backbone=BackboneSpec(size=96),
        freeze=FreezeSpec.last(thawed, lock_batchnorm=lock_batchnorm),
        head=head or HeadSpec(),
        augmentation=augmentation or AugmentationSpec(),
        training=TrainingSpec.model_validate({"backbone_rate_factor": 1.0, **training}),
    )


def _pair(before: str, x: Experiment, after: str, **changes: object) -> tuple[Step, Step]:
    return Step(before, x), Step(after, x.replace(**changes))


def _augmentation(**strengths: float) -> AugmentationSpec:
    return AugmentationSpec(
        steps=tuple(AugmentationStep.model_validate({"kind": k, "strength": s}) for k, s in strengths.items())
    )


def _with(x: Experiment, **changes: object) -> TrainingSpec:
    return x.training.replace(**changes)


def _classic() -> Scenario:
    frozen = _experiment(_shapes(n_images=1200, n_classes=8, difficulty=0.1), epochs=8)
    return Scenario(
        "classic",
        "Frozen, then the last 4 layers thawed",
        "Thawing the last four layers makes the model better on images it has never seen.",
        _pair("all frozen", frozen, "last 4 thawed", freeze=FreezeSpec.last(4)),
        "The validation curves (dashed) on both sides: the thawed network ends higher in accuracy and lower in loss, after the same number of epochs.",
        "The frozen features are good at edges, colours and textures. Why does the model still gain when its last convolution may change?",
        lambda r: (
            f"Frozen, the model is right on {r[0].val:.0%} of the validation images; with the last four layers thawed on {r[1].val:.0%}, and the validation loss fell from {r[0].last('val_loss'):.2f} to {r[1].last('val_loss'):.2f}. The last convolution mixes what the layers before it found; thawed, it learns the mixtures that tell *these* classes apart."
        ),
        lambda r: r[1].val > r[0].val and r[1].last("val_loss") < r[0].last("val_loss"),
    )


def _capacity() -> Scenario:
    small = HeadSpec(layers=(DenseLayer(units=2),))
    x = _experiment(_shapes(n_images=480, n_classes=6, difficulty=0.2), head=small, epochs=15)
    return Scenario(
        "capacity",
        "Underfitting: too little may learn",
        "With a head of two units on a frozen network even the training images are not learnt; more capacity solves it.",
        _pair("two units, all frozen", x, "128 units, last 12 thawed", head=HeadSpec(), freeze=FreezeSpec.last(12)),
        "The training curve (solid) of the first run: it stays low. Training and validation lie close together, so this is not overfitting.",
        "How can you tell a model that is too small from one that is trained too little?",
        lambda r: (
            f"On its own training images the small model is right {r[0].train:.0%} of the time, with validation at {r[0].val:.0%}: both low and close. The larger one reaches {r[1].train:.0%} and {r[1].val:.0%}. A model that is too small levels off at a poor figure; one trained too little would still be rising."
        ),
        lambda r: r[0].verdict == "underfitting" and r[1].val > r[0].val + 0.1,
    )


def _too_much_augmentation() -> Scenario:
    wild = _augmentation(rotation=1, zoom=1, translation=1, brightness=1, contrast=1, noise=1, cutout=1)
    x = _experiment(_shapes(difficulty=0.1), augmentation=wild, epochs=15)
    return Scenario(
        "augmentation",
        "Underfitting: too much augmentation",
        "Pictures that are turned, cut and covered beyond recognition cannot be learnt; without these changes the same model does well.",
        _pair("augmentation at full strength", x, "no augmentation", augmentation=AugmentationSpec()),
        "The reported training accuracy of the first run lies *below* its validation accuracy: the training pictures are harder than any real one.",
        "Augmentation is meant to help. When does it harm?",
        lambda r: (
            f"On augmented pictures the first model is right {r[0].last('accuracy'):.0%} of the time, on the same pictures unchanged {r[0].train:.0%}; without augmentation it reaches {r[1].train:.0%} in training and {r[1].val:.0%} in validation instead of {r[0].val:.0%}. Augmentation helps while a person can still tell the class; look at the preview."
        ),
        lambda r: (
            r[0].verdict in ("underfitting", "still_improving")
            and r[0].found("too-much-augmentation")
            and r[1].val > r[0].val
        ),
    )


def _too_early() -> Scenario:
    x = _experiment(_shapes(difficulty=0.1), epochs=3)
    return Scenario(
        "too-early",
        "Stopped too early",
        "After three epochs the curves still point downwards; training on makes the model better at no other change.",
        _pair("3 epochs", x, "30 epochs", training=_with(x, epochs=30)),
        "The right edge of the loss panel: in the first run both curves still fall steeply, in the second they have levelled off.",
        "Both curves of the first run are poor. Why is 'the model is too small' the wrong conclusion?",
        lambda r: (
            f"After {len(r[0].history)} epochs validation accuracy is {r[0].val:.0%} and the loss still falls; after {len(r[1].history)} it is {r[1].val:.0%} with the very same model. Poor and falling means unfinished; poor and level would mean too small."
        ),
        lambda r: r[0].verdict == "still_improving" and r[1].val > r[0].last("val_accuracy") + 0.05,
    )


def _few_images() -> Scenario:
    few = _shapes(n_images=500, difficulty=0.3).replace(images_per_class=12)
    x = _experiment(few, 12, epochs=15)
    return Scenario(
        "few-images",
        "Overfitting: 12 images a class",
        "With twelve images a class the model learns them by heart and fails on new ones; with more images the gap closes.",
        _pair("12 images a class", x, "all training images", data=few.replace(images_per_class=None)),
        "The distance between the training curve (solid) and the validation curve (dashed), on the left and on the right.",
        "The training accuracy is nearly the same in both runs. What did the additional images change?",
        lambda r: (
            f"Training accuracy is {r[0].train:.0%} with 12 images a class and {r[1].train:.0%} with all, but validation accuracy {r[0].val:.0%} and {r[1].val:.0%}: the gap shrank from {r[0].gap:.0%} to {r[1].gap:.0%}. Twelve pictures can be told apart by accident; many only by what the class has in common."
        ),
        lambda r: (
            r[0].verdict == "overfitting"
            and r[0].found("too-few-images")
            and r[1].gap < r[0].gap
            and r[1].val > r[0].val
        ),
    )


def _too_long() -> Scenario:
    bare = HeadSpec(layers=(DenseLayer(units=256),))
    x = _experiment(_shapes(n_images=340, difficulty=0.4), 12, head=bare, epochs=26)
    return Scenario(
        "too-long",
        "Trained too long, and EarlyStopping",
        "After the best epoch the validation loss rises while training improves; EarlyStopping ends the run and keeps the best weights.",
        _pair("26 epochs", x, "with EarlyStopping", training=_with(x, early_stopping=EarlyStoppingSpec().model_dump())),
        "The validation loss (dashed) turns upwards although the training loss (solid) keeps falling.",
        "Why does the loss on new images rise although the model makes no new mistakes on its training images?",
        lambda r: (
            f"The validation loss was lowest in epoch {r[0].best['epoch']:.0f} ({r[0].best['val_loss']:.2f}) and ended at {r[0].last('val_loss'):.2f}. EarlyStopping ended the second run after {len(r[1].history)} epochs and kept the weights with a validation loss of {r[1].best['val_loss']:.2f}. After the turn the model learns details of single pictures, and grows confident in them."
        ),
        lambda r: (
            r[0].verdict == "overfitting"
            and r[0].found("trained-too-long")
            and len(r[1].history) < len(r[0].history)
            and r[1].best["val_loss"] < r[0].last("val_loss")
        ),
    )


def _brightness() -> Scenario:
    x = _experiment(_shapes(n_images=500, n_classes=7, difficulty=0.05, brightness_shift=1.0), epochs=20)
    matching = _augmentation(brightness=1.0, contrast=1.0)
    return Scenario(
        "brightness",
        "Dim training pictures, bright validation ones",
        "Validation pictures that are brighter than the training ones are misjudged; augmentation with brightness covers the difference.",
        _pair("no augmentation", x, "brightness and contrast augmented", augmentation=matching),
        "In the first run validation stays poor from the first epoch on, while training goes well. That is not overfitting through too long training.",
        "More epochs, more dropout, fewer layers: why would none of them help here?",
        lambda r: (
            f"Without augmentation: {r[0].train:.0%} in training, {r[0].val:.0%} on the brighter validation pictures. With it: {r[1].val:.0%}. The model never saw bright pictures, so no setting of the model could teach it about them; the augmented pictures do."
        ),
        lambda r: r[0].found("uncovered-shift") and r[1].val > r[0].val + 0.02 and r[1].gap < r[0].gap - 0.05,
    )


def _flatten() -> Scenario:
    x = _experiment(_shapes(difficulty=0.3), head=HeadSpec.flatten(), epochs=20)
    return Scenario(
        "flatten",
        "Flatten, or GlobalAveragePooling and dropout",
        "A dense layer on Flatten learns the training pictures by heart and is sure of its mistakes; GlobalAveragePooling with dropout ends at a lower validation loss.",
        _pair("Flatten, one dense layer", x, "GlobalAveragePooling, dropout", head=HeadSpec.generalised()),
        "The loss panel: how far the validation curve (dashed) stays above the training curve, and where it turns.",
        "Flatten keeps *where* in the picture something is. Why is that a drawback here?",
        lambda r: (
            f"On Flatten: training {r[0].train:.0%}, validation {r[0].val:.0%} at a loss of {r[0].last('val_loss'):.2f}. With GlobalAveragePooling and dropout: {r[1].train:.0%} and {r[1].val:.0%}, at a loss of {r[1].last('val_loss'):.2f}. Flatten learns every place separately, from few pictures each; averaging says what is there, wherever it is."
        ),
        lambda r: r[0].verdict == "overfitting" and r[1].last("val_loss") < 0.9 * r[0].last("val_loss"),
    )


def _batchnorm() -> Scenario:
    materials = DataSpec(source="builtin:materials", images_per_class=28)
    x = _experiment(materials, 20, lock_batchnorm=False, batch_size=4, epochs=6, schedule="cosine")
    return Scenario(
        "batchnorm",
        "BatchNorm thawed with batches of 4",
        "With BatchNorm thawed training looks fine while validation collapses; with BatchNorm locked both go well.",
        _pair("BatchNorm thawed", x, "BatchNorm locked", freeze=FreezeSpec.last(20)),
        "In the first run the reported training accuracy rises, the clean one (the same images, judged as validation is) does not. That is not overfitting.",
        "How can the same training images be judged well during training and badly right after it?",
        lambda r: (
            f"Thawed: {r[0].last('accuracy'):.0%} reported while training, but {r[0].last('clean_accuracy'):.0%} on the same images in inference mode and {r[0].val:.0%} in validation. Locked: {r[1].val:.0%} in validation. While training, BatchNorm uses the statistics of the four images of a batch; afterwards its running averages, which lag behind."
        ),
        lambda r: r[0].found("batchnorm-thawed") and r[1].val > r[0].val,
    )


def _rate() -> Scenario:
    x = _experiment(_shapes(n_images=300, difficulty=0.2), 38, learning_rate=0.02, epochs=10)
    return Scenario(
        "rate",
        "Rate too high after thawing",
        "A learning rate that suits nothing pretrained destroys the thawed features; a twentieth of it improves them.",
        _pair("learning rate 0.02", x, "learning rate 0.001", training=_with(x, learning_rate=1e-3)),
        "The first epochs: with the high rate the training loss jumps, and the accuracy falls to guessing or near it.",
        "The pretrained weights were the same in both runs. Where did their knowledge go?",
        lambda r: (
            f"At 0.02 the model ends at {r[0].train:.0%} on its training images and {r[0].val:.0%} in validation; at 0.001 at {r[1].train:.0%} and {r[1].val:.0%}. Large steps overwrite what was learnt in pretraining before the new head has learnt to use it."
        ),
        lambda r: r[0].found("rate-too-high") and r[1].val > r[0].val + 0.1,
    )


def _labels() -> Scenario:
    noisy = _shapes(n_images=450, difficulty=0.1, label_noise=0.25)
    x = _experiment(noisy, 12, epochs=8)
    return Scenario(
        "labels",
        "Wrong labels",
        "With a quarter of the training labels wrong the model does worse, and the diagnosis finds suspicious pictures.",
        _pair("a quarter wrong", x, "all labels right", data=_shapes(n_images=450, difficulty=0.1)),
        "The training accuracy of the first run lies below its validation accuracy: the validation labels are right, those in training are not.",
        "How can a model find mistakes in the labels it was trained with?",
        lambda r: (
            f"With wrong labels: training {r[0].train:.0%}, validation {r[0].val:.0%}; with right ones: {r[1].train:.0%} and {r[1].val:.0%}. Most pictures of a class agree, so the model learns the class from them, and disagrees confidently with the few that are labelled otherwise: those are worth looking at."
        ),
        lambda r: r[0].found("wrong-labels") and r[1].val > r[0].val,
    )


SCENARIOS: dict[str, Scenario] = {
    s.key: s
    for s in (
        _classic(),
        _capacity(),
        _too_much_augmentation(),
        _too_early(),
        _few_images(),
        _too_long(),
        _brightness(),
        _flatten(),
        _batchnorm(),
        _rate(),
        _labels(),
    )
}
