"""The Experiment refuses what cannot be trained, and its JSON and hash are its identity."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import ExperimentError
from core.experiment import (
    ALPHAS,
    AUGMENTATION_KINDS,
    N_LAYERS,
    SIZES,
    AugmentationSpec,
    AugmentationStep,
    BackboneSpec,
    BatchNormLayer,
    DataSpec,
    DenseLayer,
    DrawnDials,
    DropoutLayer,
    EarlyStoppingSpec,
    Experiment,
    FreezeSpec,
    HeadSpec,
    TrainingSpec,
    content_hash,
    differences,
)

shares = st.floats(0, 1, allow_nan=False)
dials = st.builds(DrawnDials, n_images=st.integers(20, 2000), difficulty=shares, label_noise=st.floats(0, 0.5))
data_specs = st.builds(
    DataSpec,
    source=st.sampled_from(["builtin:digits", "drawn:shapes", "upload:00ff"]),
    classes=st.none() | st.lists(st.text(max_size=5), max_size=4).map(tuple),
    images_per_class=st.none() | st.integers(3, 50),
    validation_fraction=st.floats(0.05, 0.4),
    test_fraction=st.floats(0, 0.4),
    drawn=st.none() | dials,
)
head_layers = st.one_of(
    st.builds(DropoutLayer, rate=st.floats(0, 0.99)),
    st.builds(DenseLayer, units=st.integers(1, 4096), activation=st.sampled_from(["relu", "gelu", "tanh", "linear"])),
    st.just(BatchNormLayer()),
)
experiments = st.builds(
    Experiment,
    data=data_specs,
    backbone=st.builds(BackboneSpec, alpha=st.sampled_from(ALPHAS), size=st.sampled_from(SIZES)),
    freeze=st.builds(
        FreezeSpec, thawed=st.lists(st.integers(0, N_LAYERS - 1)).map(tuple), lock_batchnorm=st.booleans()
    ),
    head=st.builds(HeadSpec, layers=st.lists(head_layers, max_size=4).map(tuple)),
    augmentation=st.builds(
        AugmentationSpec,
        steps=st.lists(
            st.builds(AugmentationStep, kind=st.sampled_from(list(AUGMENTATION_KINDS)), strength=shares), max_size=4
        ).map(tuple),
    ),
    training=st.builds(
        TrainingSpec,
        epochs=st.integers(1, 500),
        learning_rate=st.floats(1e-9, 100),
        early_stopping=st.none() | st.builds(EarlyStoppingSpec, patience=st.integers(1, 100)),
    ),
)


@given(experiments)
def test_json_and_back_is_the_same_experiment(experiment: Experiment) -> None:
    again = Experiment.from_json(experiment.to_json())
    assert again == experiment
    assert again.id == experiment.id
    assert Experiment.from_json(experiment.to_json(indent=2)) == experiment


@given(experiments, experiments)
def test_same_hash_means_no_difference(a: Experiment, b: Experiment) -> None:
    assert (a.id == b.id) == (a == b) == (not differences(a, b))


@given(experiments, experiments)
def test_differences_mirror_each_other(a: Experiment, b: Experiment) -> None:
    assert differences(b, a) == {k: (right, left) for k, (left, right) in differences(a, b).items()}


def test_differences_name_the_path_and_both_values() -> None:
    a = Experiment()
    b = a.replace(training=a.training.replace(epochs=20, early_stopping=EarlyStoppingSpec()))
    assert differences(a, b) == {
        "training.epochs": (10, 20),
        "training.early_stopping.monitor": (None, "val_loss"),
        "training.early_stopping.patience": (None, 3),
        "training.early_stopping.restore_best": (None, True),
    }


def test_hash_does_not_change_with_the_process() -> None:
    assert Experiment().id == content_hash(Experiment())
    assert len(Experiment().id) == 16
    assert int(Experiment().id, 16) >= 0
    assert Experiment.from_json("{}").id == Experiment().id


@pytest.mark.parametrize(
    ("spec", "values", "words"),
    [
        (BackboneSpec, {"alpha": 0.4}, "alpha 0.4 is not one Keras has weights for"),
        (BackboneSpec, {"size": 100}, "choose one of (96, 128, 160, 192, 224)"),
        (BackboneSpec, {"weights": "mine"}, "use imagenet, builtin, random or file:<path>"),
        (FreezeSpec, {"thawed": [3, 154]}, "layers [154] do not exist; MobileNetV2 has layers 0 to 153"),
        (FreezeSpec, {"thawed": [-1]}, "layers [-1] do not exist"),
        (DataSpec, {"validation_fraction": 0.5, "test_fraction": 0.5}, "lower one of them"),
        (DataSpec, {"validation_fraction": 0}, "greater than 0"),
        (DataSpec, {"images_per_class": 2}, "greater than or equal to 3"),
        (DataSpec, {"seed": -1}, "greater than or equal to 0"),
        (DrawnDials, {"label_noise": 0.6}, "less than or equal to 0.5"),
        (DrawnDials, {"brightness_shift": math.nan}, "less than or equal to 1"),
        (TrainingSpec, {"learning_rate": 0}, "greater than 0"),
        (TrainingSpec, {"learning_rate": math.inf}, "less than or equal to 100"),
        (TrainingSpec, {"epochs": 0}, "greater than or equal to 1"),
        (TrainingSpec, {"optimizer": "magic"}, "'adam', 'adamw', 'sgd' or 'rmsprop'"),
        (TrainingSpec, {"epoch": 3}, "Extra inputs are not permitted"),
        (HeadSpec, {"layers": [{"kind": "conv"}]}, "'dropout', 'dense', 'batchnorm'"),
        (HeadSpec, {"layers": [{"kind": "dropout", "rate": 1.0}]}, "less than 1"),
        (AugmentationSpec, {"steps": [{"kind": "flip", "strength": 2}]}, "less than or equal to 1"),
    ],
)
def test_what_is_wrong_is_said(spec: type, values: dict, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        spec.model_validate(values)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Invalid JSON"),
        ("[]", "the file"),
        ("nothing", "Invalid JSON"),
        ('{"data": 3}', "data: "),
        ('{"surprise": 1}', "surprise: Extra inputs"),
        ('{"a": "\udcff"}'.encode("utf-8", "surrogateescape"), "the file"),
        ("\ufeff{}".encode("utf-16"), "the file"),
        ('{"training": {"seed": 1' + 30 * "0" + "}}", "training.seed"),
        ('{"training": {"seed": 1' + 5000 * "0" + "}}", "the file"),
        ('{"head": {"layers": [' + ",".join(100 * ['{"kind": "dropout"}']) + "]}}", "head.layers"),
        ('{"freeze": {"thawed": [' + ",".join(map(str, range(10_000))) + "]}}", "freeze.thawed"),
        ('{"data": {"source": "path:' + 5000 * "a" + '"}}', "data.source"),
        ("[" * 100_000, "the file"),
        ("x" * 2**21, "has 2.0 MB"),
    ],
)
def test_text_that_is_no_experiment_is_refused_in_a_sentence(text: str | bytes, words: str) -> None:
    with pytest.raises(ExperimentError, match="of a run") as refused:
        Experiment.from_json(text)
    assert words in str(refused.value) and len(str(refused.value)) < 500


def test_an_experiment_cannot_be_changed_in_place_and_copies_are_checked() -> None:
    spec = TrainingSpec()
    with pytest.raises(ValidationError, match="frozen"):
        spec.epochs = 5
    with pytest.raises(ValidationError):
        spec.replace(epochs=-5)
    assert spec.replace(epochs=5).epochs == 5
    assert spec.epochs == 10


def test_masks_are_sorted_and_without_repetition() -> None:
    assert FreezeSpec(thawed=(9, 2, 9)) == FreezeSpec(thawed=(2, 9))
    assert FreezeSpec.last(4).thawed == (150, 151, 152, 153)
    assert FreezeSpec.last(0).thawed == ()
    assert len(FreezeSpec.last(N_LAYERS).thawed) == N_LAYERS


@pytest.mark.parametrize("n", [-1, N_LAYERS + 1])
def test_there_are_only_so_many_last_layers(n: int) -> None:
    with pytest.raises(ValueError, match="0 to 154"):
        FreezeSpec.last(n)


def test_presets_do_what_their_names_say() -> None:
    assert AugmentationSpec.preset("none").active == ()
    light, strong = AugmentationSpec.preset("light"), AugmentationSpec.preset("strong")
    assert len(light.active) < len(strong.active)
    assert AugmentationSpec(steps=(AugmentationStep(kind="flip", enabled=False),)).active == ()
    assert AugmentationSpec(steps=(AugmentationStep(kind="flip", strength=0),)).active == ()
    with pytest.raises(KeyError):
        AugmentationSpec.preset("medium")
    assert HeadSpec.flatten().layers == ()
    kinds = [json.loads(layer.model_dump_json())["kind"] for layer in HeadSpec.generalised().layers]
    assert kinds == ["dropout", "dense", "dropout"]


def test_a_continued_experiment_knows_where_it_starts_and_what_differs() -> None:
    first = Experiment(training=TrainingSpec(epochs=3))
    second = first.continued(freeze=FreezeSpec.last(4))
    third = second.continued(training=TrainingSpec(epochs=5))
    assert first.start is None
    assert second.start == first
    assert third.start == second
    assert "earlier" in differences(first, second)
    assert Experiment.from_json(third.to_json()) == third
    assert [s.training.seed for s in third.seeded(7).earlier] == [7, 7]
    assert third.seeded(7).start == second.seeded(7)
