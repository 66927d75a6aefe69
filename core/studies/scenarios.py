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
    DropoutLayer,
    EarlyStoppingSpec,
    Experiment,
    FreezeSpec,
    HeadSpec,
    TrainingSpec,
    opening,
)
from core.words import points

HELPED = ("better", "not certain")  # what the sentence over a pair may say of a change that a card recommends
WELL = "well-fitted"  # a finding that is no cause


@dataclass(frozen=True)
class Step:
    """One run of a demonstration."""

    label: str
    experiment: Experiment


@dataclass(frozen=True)
class Side:
    """What a card says of one of its runs: its verdict, and its first cause (any, where none is named)."""

    verdicts: tuple[str, ...]
    causes: tuple[str, ...] = ()

    def kept_by(self, diagnosis: Diagnosis) -> bool:
        """Tell whether a verdict, and its first cause, are those that the card says."""
        causes = [f.code for f in diagnosis.findings if f.code != WELL]
        return diagnosis.verdict in self.verdicts and (not self.causes or causes[:1] in [[c] for c in self.causes])


@dataclass(frozen=True)
class Seen:
    """What one finished run showed, in the figures that stand on the screen."""

    experiment: Experiment
    history: pd.DataFrame
    diagnosis: Diagnosis

    @property
    def kept(self) -> pd.Series:
        """The epoch whose weights are kept: the best one where EarlyStopping restores it, else the last."""
        stopping = self.experiment.training.early_stopping
        if stopping is None or not stopping.restore_best:
            return self.history.iloc[-1]
        monitored = self.history[stopping.monitor]
        return self.history.loc[monitored.idxmax() if stopping.monitor == "val_accuracy" else monitored.idxmin()]

    @property
    def val(self) -> float:
        """Validation accuracy of the weights that are kept."""
        return float(self.kept["val_accuracy"])

    @property
    def train(self) -> float:
        """Accuracy of the weights that are kept on unchanged training images."""
        return float(self.kept["clean_accuracy"])

    @property
    def reported(self) -> float:
        """Training accuracy as measured while training, with dropout and augmentation on."""
        return float(self.kept["accuracy"])

    @property
    def val_loss(self) -> float:
        """Validation loss of the weights that are kept."""
        return float(self.kept["val_loss"])

    @property
    def gap(self) -> float:
        """Training minus validation accuracy."""
        return self.train - self.val

    @property
    def best(self) -> pd.Series:
        """The epoch with the lowest validation loss."""
        return self.history.loc[self.history["val_loss"].idxmin()]


@dataclass(frozen=True)
class Guess:
    """A prediction to make before the runs have ended, and how they settle it: ``truth`` gives a position in ``options``."""

    question: str
    options: tuple[str, ...]
    truth: Callable[[Sequence[Seen]], int]


@dataclass(frozen=True)
class Scenario:
    """A demonstration: what it promises, its runs, what to guess, what to look at, and how the runs themselves answer.

    Attributes
    ----------
    key, short, title, promise
        Name in links, name on its button, heading, and one sentence on what will be seen.
    steps
        Two runs; the first is the baseline of the second.
    sides
        What the card says of each run's verdict.
    guess
        What to predict first.
    look_at, question
        For the class: where to look, and what to discuss.
    explain
        Answer to the question, with the figures of these runs.
    """

    key: str
    short: str
    title: str
    promise: str
    steps: tuple[Step, Step]
    sides: tuple[Side, Side]
    guess: Guess
    look_at: str
    question: str
    explain: Callable[[Sequence[Seen]], str]

    def seen(self, histories: Sequence[pd.DataFrame], diagnoses: Sequence[Diagnosis]) -> list[Seen]:
        """Return the finished runs of this card, ready to be asked for figures."""
        return [Seen(s.experiment, h, d) for s, h, d in zip(self.steps, histories, diagnoses, strict=True)]

    def answer(self, histories: Sequence[pd.DataFrame], diagnoses: Sequence[Diagnosis]) -> str:
        """Return the answer that the finished runs give; it says so where they do not show what was promised."""
        doubt = "" if self._sides_kept(diagnoses) else "These runs do not show it clearly; another seed may. "
        return doubt + self.explain(self.seen(histories, diagnoses))

    def guessed(
        self, option: str, histories: Sequence[pd.DataFrame], diagnoses: Sequence[Diagnosis]
    ) -> tuple[bool, str]:
        """Return whether a prediction came true, and what did."""
        truth = self.guess.options[self.guess.truth(self.seen(histories, diagnoses))]
        return option == truth, truth

    def confirms(self, runs: Sequence[tuple[pd.DataFrame, Diagnosis]], outcome: str = "better") -> bool:
        """Tell whether finished runs keep the card's promise.

        Parameters
        ----------
        runs
            Curves and diagnosis of each run, in the order of the steps.
        outcome
            What the sentence over the pair says of the second run: ``better``, ``worse`` or ``not certain``.
        """
        return outcome in HELPED and self._sides_kept([diagnosis for _, diagnosis in runs])

    def _sides_kept(self, diagnoses: Sequence[Diagnosis]) -> bool:
        return all(side.kept_by(d) for side, d in zip(self.sides, diagnoses, strict=True))

    def seeded(self, seed: int) -> Self:
        """Return the same demonstration with other pictures, initial weights and batches."""
        first, second = (Step(s.label, s.experiment.seeded(seed)) for s in self.steps)
        return replace(self, steps=(first, second))


def _of_new_pictures(better: float = 0.02) -> Callable[[Sequence[Seen]], int]:
    """Return what settles "which is right on more new pictures": the first run, the second, or neither by ``better`` or more."""
    return lambda r: 0 if r[0].val - r[1].val >= better else 1 if r[1].val - r[0].val >= better else 2


def _which_is_poor(of: Seen, poor: float = 0.75) -> int:
    """Return 0 where only training is poor, 1 where only validation is, 2 for both, 3 for neither."""
    return {(True, False): 0, (False, True): 1, (True, True): 2, (False, False): 3}[of.train < poor, of.val < poor]


FIGURES = ("training accuracy", "validation accuracy", "both", "neither")


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
    thawed = opening()
    frozen = thawed.replace(freeze=FreezeSpec())
    return Scenario(
        "classic",
        "the classic",
        "Frozen, then the last 4 layers thawed",
        "With the last four layers thawed the network learns features of its own for these classes. Is it better on images it has never seen?",
        _pair("all frozen", frozen, "last 4 thawed", freeze=thawed.freeze),
        (Side(("good_fit", "underfitting", "still_improving")), Side(("good_fit", "still_improving"))),
        Guess(
            "Which network will be right on more new pictures?",
            ("all frozen", "last 4 thawed", "about the same"),
            _of_new_pictures(),
        ),
        "The validation curves (dashed) on both sides, after the same number of epochs: which ends higher in accuracy, and which lower in loss?",
        "The frozen features are good at edges, colours and textures. What can the model gain when its last convolution may change?",
        lambda r: (
            f"Frozen, the model is right on {r[0].val:.0%} of the validation images; with the last four layers thawed on {r[1].val:.0%}, and the validation loss is {r[1].val_loss:.2f} instead of {r[0].val_loss:.2f}. The last convolution mixes what the layers before it found; thawed, it learns the mixtures that tell *these* classes apart."
        ),
    )


def _capacity() -> Scenario:
    small = HeadSpec(layers=(DenseLayer(units=1),))
    x = _experiment(_shapes(n_images=900, n_classes=6, difficulty=0.05), head=small, epochs=40)
    return Scenario(
        "capacity",
        "too little may learn",
        "Underfitting: too little may learn",
        "With a head of a single unit on a frozen network even the training images are not learnt; more capacity solves it.",
        _pair("a head of one unit", x, "a head of 128 units", head=HeadSpec()),
        (Side(("underfitting",), ("too-little-capacity",)), Side(("good_fit", "still_improving"))),
        Guess("With a head of one unit, which figure will be poor?", FIGURES, lambda r: _which_is_poor(r[0])),
        "The training curve (solid) of the first run: it stays low. Training and validation lie close together, so this is not overfitting.",
        "How can you tell a model that is too small from one that is trained too little?",
        lambda r: (
            f"On its own training images the small model is right {r[0].train:.0%} of the time, with validation at {r[0].val:.0%}: both low and close. The larger one reaches {r[1].train:.0%} and {r[1].val:.0%}. A model that is too small levels off at a poor figure; one trained too little would still be rising."
        ),
    )


def _too_much_augmentation() -> Scenario:
    wild = _augmentation(rotation=1, zoom=1, translation=1, brightness=1, contrast=1, noise=1, cutout=1)
    x = _experiment(_shapes(n_images=500, difficulty=0.05), augmentation=wild, epochs=15)
    return Scenario(
        "augmentation",
        "too much augmentation",
        "Underfitting: too much augmentation",
        "Pictures that are turned, cut and covered beyond recognition cannot be learnt; without these changes the same model does well.",
        _pair("augmentation at full strength", x, "no augmentation", augmentation=AugmentationSpec()),
        (Side(("underfitting",), ("too-much-augmentation",)), Side(("good_fit", "still_improving"))),
        Guess(
            "On the left, which accuracy will be higher?",
            ("on the changed training pictures it learns from", "on new pictures, unchanged", "about the same"),
            lambda r: 0 if r[0].reported > r[0].val + 0.03 else 1 if r[0].val > r[0].reported + 0.03 else 2,
        ),
        "The reported training accuracy of the first run (dotted) lies *below* its validation accuracy: the training pictures are harder than any real one.",
        "Augmentation is meant to help. When does it harm?",
        lambda r: (
            f"On augmented pictures the first model is right {r[0].reported:.0%} of the time, on the same pictures unchanged {r[0].train:.0%}; without augmentation it reaches {r[1].train:.0%} in training and {r[1].val:.0%} in validation instead of {r[0].val:.0%}. Augmentation helps while a person can still tell the class; look at the preview."
        ),
    )


def _too_early() -> Scenario:
    x = _experiment(_shapes(n_images=700, difficulty=0.05), epochs=3, learning_rate=5e-4)
    return Scenario(
        "too-early",
        "stopped too early",
        "Stopped too early",
        "After three epochs the curves still point downwards; training on makes the model better at no other change.",
        _pair("3 epochs", x, "30 epochs", training=_with(x, epochs=30)),
        (Side(("still_improving",), ("stopped-too-early",)), Side(("good_fit",))),
        Guess(
            "After 3 epochs, where will the validation loss of the left run point?",
            ("still down", "level", "up again"),
            lambda r: _direction(r[0].history["val_loss"]),
        ),
        "Where the loss curves end: in the first run both still fall steeply, in the second they have levelled off.",
        "The first run is worse than the second on its own training pictures, too. Why is 'the model is too small' the wrong conclusion?",
        lambda r: (
            f"After {len(r[0].history)} epochs validation accuracy is {r[0].val:.0%} and the loss still falls; after {len(r[1].history)} it is {r[1].val:.0%} with the very same model. Poor and falling means unfinished; poor and level would mean too small."
        ),
    )


def _direction(loss: pd.Series) -> int:
    """Return 0 where a loss still falls at its end, 1 where it is level, 2 where it rises."""
    change = loss.iloc[-1] / loss.iloc[-2] - 1
    return 0 if change < -0.03 else 2 if change > 0.03 else 1


def _few_images() -> Scenario:
    few = _shapes(n_images=900, difficulty=0.08).replace(images_per_class=12)
    x = _experiment(few, 12, epochs=15, schedule="cosine")  # its rate settles, so that the last epoch is no chance
    return Scenario(
        "few-images",
        "12 images a class",
        "Overfitting: 12 images a class",
        "With twelve images a class the model learns them by heart and fails on new ones; with more images the gap closes.",
        _pair("12 images a class", x, "all training images", data=few.replace(images_per_class=None)),
        (Side(("overfitting",), ("too-few-images",)), Side(("good_fit", "still_improving"))),
        Guess("With 12 images a class, which figure will be poor?", FIGURES, lambda r: _which_is_poor(r[0], 0.85)),
        "The distance between the training curve (solid) and the validation curve (dashed), on the left and on the right.",
        "The training accuracy is nearly the same in both runs. What did the additional images change?",
        lambda r: (
            f"Training accuracy is {r[0].train:.0%} with 12 images a class and {r[1].train:.0%} with all, but validation accuracy {r[0].val:.0%} and {r[1].val:.0%}: the gap is {points(100 * r[1].gap)} instead of {points(100 * r[0].gap)}. Twelve pictures can be told apart by accident; many only by what the class has in common."
        ),
    )


def _too_long() -> Scenario:
    loose = HeadSpec(layers=(DenseLayer(units=256), DropoutLayer(rate=0.05)))
    handmade = _shapes(n_images=600, difficulty=0.04, label_noise=0.1)  # what is learnt by heart is wrong on new images
    x = _experiment(handmade, head=loose, epochs=60, learning_rate=0.008, batch_size=16)
    return Scenario(
        "too-long",
        "trained too long",
        "Trained too long, and EarlyStopping",
        "A few training labels are wrong, as in most collections. After the best epoch the network learns these by heart too, and the validation loss rises; EarlyStopping ends the run and keeps the best weights.",
        _pair("60 epochs", x, "with EarlyStopping", training=_with(x, early_stopping=EarlyStoppingSpec().model_dump())),
        (Side(("overfitting",), ("trained-too-long",)), Side(("good_fit", "still_improving"))),
        Guess(
            "Which loss curve of the left run will turn upwards?",
            ("training", "validation", "both", "neither"),
            lambda r: _which_turns(r[0].history),
        ),
        "The validation loss (dashed) turns upwards although the training loss (solid) keeps falling.",
        "Why does the loss on new images rise although the model makes no new mistakes on its training images?",
        lambda r: (
            f"The validation loss was lowest in epoch {r[0].best['epoch']:.0f} ({r[0].best['val_loss']:.2f}) and ended at {r[0].val_loss:.2f}. EarlyStopping ended the second run after {len(r[1].history)} epochs and kept the weights with a validation loss of {r[1].val_loss:.2f}. Before the turn the model learns what the pictures of a class have in common; after it details of single pictures, wrong labels among them, and grows confident in them."
        ),
    )


def _which_turns(history: pd.DataFrame, rise: float = 0.05) -> int:
    """Return 0 where only the training loss ends above its lowest value by a share of ``rise``, 1 validation, 2 both, 3 neither."""
    turned = [bool(loss.iloc[-1] > (1 + rise) * loss.min() + 0.005) for loss in (history["clean_loss"], history["val_loss"])]  # fmt: skip
    return {(True, False): 0, (False, True): 1, (True, True): 2, (False, False): 3}[turned[0], turned[1]]


def _brightness() -> Scenario:
    bright = _shapes(n_images=960, n_classes=8, difficulty=0.05, brightness_shift=1.0, contrast_shift=0.25)
    judged = bright.replace(validation_fraction=0.3, test_fraction=0.1)  # enough to be sure of a dozen points
    versions = AugmentationSpec(views=12)  # of each picture: four leave gaps between them
    x = _experiment(judged, augmentation=versions, epochs=22)
    matching = versions.replace(steps=_augmentation(brightness=0.95, contrast=0.4).steps)
    return Scenario(
        "brightness",
        "dim and bright pictures",
        "Dim training pictures, bright validation ones",
        "Validation pictures that are brighter than the training ones are misjudged; augmentation with brightness and contrast covers that difference.",
        _pair("no augmentation", x, "brightness and contrast augmented", augmentation=matching),
        (
            Side(("overfitting", "underfitting"), ("uncovered-shift",)),
            Side(("good_fit", "still_improving")),
        ),
        Guess("Without augmentation, which figure will be poor?", FIGURES, lambda r: _which_is_poor(r[0], 0.9)),
        "In the first run validation stays poor from the first epoch on, while training goes well. That is not overfitting through too long training.",
        "More epochs, more dropout, fewer layers: why would none of them help here?",
        lambda r: (
            f"Without augmentation: {r[0].train:.0%} in training, {r[0].val:.0%} on the brighter validation pictures. With it: {r[1].val:.0%}. The model never saw bright pictures, so no setting of the model could teach it about them; the augmented pictures do."
        ),
    )


def _flatten() -> Scenario:
    handmade = _shapes(n_images=600, difficulty=0.04, label_noise=0.11)  # Flatten has room for the wrong labels, too
    x = _experiment(
        handmade,
        head=HeadSpec.flatten(),
        epochs=40,
        learning_rate=0.0095,
        batch_size=16,
        schedule="cosine",  # its rate settles, so that the last epoch is no chance
    )
    averaged = HeadSpec(layers=(DropoutLayer(rate=0.75),))
    return Scenario(
        "flatten",
        "Flatten or averaging",
        "Flatten, or GlobalAveragePooling and dropout",
        "A few training labels are wrong, as in most collections. A dense layer on Flatten learns even these by heart and is sure of its mistakes; on GlobalAveragePooling with dropout it learns what the class has in common.",
        _pair("Flatten, one dense layer", x, "GlobalAveragePooling, dropout", head=averaged),
        (Side(("overfitting",), ("too-many-parameters",)), Side(("good_fit", "still_improving"))),
        Guess(
            "Which head will end with the lower loss on new pictures?",
            ("Flatten", "GlobalAveragePooling", "about the same"),
            lambda r: 0 if r[0].val_loss < 0.95 * r[1].val_loss else 1 if r[1].val_loss < 0.95 * r[0].val_loss else 2,
        ),
        "The loss panel: how far the validation curve (dashed) stays above the training curve on the left, and how close both lie on the right.",
        "Flatten keeps *where* in the picture something is, with a weight for each place. What does the model do with so many weights?",
        lambda r: (
            f"On Flatten: training {r[0].train:.0%}, wrong labels and all, validation {r[0].val:.0%} at a loss of {r[0].val_loss:.2f}. With GlobalAveragePooling and dropout: {r[1].train:.0%} and {r[1].val:.0%}, at a loss of {r[1].val_loss:.2f}. Flatten has nine weights where averaging has one: room to store single pictures. Averaging says what is there, wherever it is, and dropout keeps it from leaning on single features."
        ),
    )


def _batchnorm() -> Scenario:
    kinds = ("ant", "butterfly", "ladybird")
    creatures = DataSpec(
        source="builtin:creatures", classes=kinds, images_per_class=110
    )  # no colour tells one from another
    x = _experiment(creatures, 20, lock_batchnorm=False, batch_size=4, epochs=4, schedule="cosine")
    return Scenario(
        "batchnorm",
        "BatchNorm thawed",
        "BatchNorm thawed with batches of 4",
        "With BatchNorm thawed training looks fine while validation collapses; with BatchNorm locked both go well.",
        _pair("BatchNorm thawed", x, "BatchNorm locked", freeze=FreezeSpec.last(20)),
        (Side(("unstable",), ("batchnorm-small-batches", "batchnorm-thawed")), Side(("good_fit", "still_improving"))),
        Guess(
            "On the left, the same training pictures are judged while training and right after it. Which is better?",
            ("while training", "right after it", "the same"),
            lambda r: 0 if r[0].reported > r[0].train + 0.03 else 1 if r[0].train > r[0].reported + 0.03 else 2,
        ),
        "In the first run the reported training accuracy rises, the clean one (the same images, judged as validation is) does not. That is not overfitting.",
        "How can the same training images be judged well during training and badly right after it?",
        lambda r: (
            f"Thawed: {r[0].reported:.0%} reported while training, but {r[0].train:.0%} on the same images in inference mode and {r[0].val:.0%} in validation. Locked: {r[1].val:.0%} in validation. While training, BatchNorm uses the statistics of the four images of a batch; afterwards its running averages, which lag behind."
        ),
    )


def _rate() -> Scenario:
    x = _experiment(_shapes(n_images=400, difficulty=0.1), 38, learning_rate=0.02, schedule="cosine", epochs=10)
    return Scenario(
        "rate",
        "rate too high",
        "Rate too high after thawing",
        "A learning rate that suits nothing pretrained destroys the thawed features; a twentieth of it improves them.",
        _pair("learning rate 0.02", x, "learning rate 0.001", training=_with(x, learning_rate=1e-3)),
        (Side(("unstable", "underfitting"), ("rate-too-high",)), Side(("good_fit", "still_improving"))),
        Guess(
            "Which learning rate will know more of its own training pictures?",
            ("0.02, it takes larger steps", "0.001", "about the same"),
            lambda r: 0 if r[0].train > r[1].train + 0.03 else 1 if r[1].train > r[0].train + 0.03 else 2,
        ),
        "The first epochs: with the high rate the training loss jumps, and the accuracy falls to guessing or near it.",
        "The pretrained weights were the same in both runs. Where did their knowledge go?",
        lambda r: (
            f"At 0.02 the model ends at {r[0].train:.0%} on its training images and {r[0].val:.0%} in validation; at 0.001 at {r[1].train:.0%} and {r[1].val:.0%}. Large steps overwrite what was learnt in pretraining before the new head has learnt to use it."
        ),
    )


def _labels() -> Scenario:
    noisy = _shapes(n_images=600, difficulty=0.05, label_noise=0.35)
    linear = HeadSpec(layers=(DropoutLayer(rate=0.3),))  # no room to learn many single pictures by heart
    x = _experiment(noisy, head=linear, epochs=25)
    return Scenario(
        "labels",
        "wrong labels",
        "Wrong labels",
        "With a third of the training labels wrong the model does worse, and the diagnosis finds suspicious pictures.",
        _pair("a third wrong", x, "all labels right", data=_shapes(n_images=600, difficulty=0.05)),
        (
            Side(("good_fit", "underfitting", "overfitting", "still_improving"), ("wrong-labels",)),
            Side(("good_fit", "still_improving")),
        ),
        Guess(
            "On the left a third of the training labels is wrong; those in validation are right. Which accuracy will be higher?",
            ("training", "validation", "about the same"),
            lambda r: 0 if r[0].train > r[0].val + 0.03 else 1 if r[0].val > r[0].train + 0.03 else 2,
        ),
        "The training accuracy of the first run lies below its validation accuracy: the validation labels are right, those in training are not.",
        "How can a model find mistakes in the labels it was trained with?",
        lambda r: (
            f"With wrong labels: training {r[0].train:.0%}, validation {r[0].val:.0%}; with right ones: {r[1].train:.0%} and {r[1].val:.0%}. Most pictures of a class agree, so the model learns the class from them, and disagrees confidently with the few that are labelled otherwise: those are worth looking at."
        ),
    )


SCENARIOS: dict[str, Scenario] = {
    s.key: s
    for s in (
        _classic(),
        _capacity(),
        _too_much_augmentation(),
        _too_early(),
        _few_images(),
        _too_long().seeded(4),  # of seeds 0 to 4 the one that shows it most clearly first
        _brightness(),
        _flatten(),
        _batchnorm(),
        _rate(),
        _labels(),
    )
}
