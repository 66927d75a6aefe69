"""Every augmentation changes pictures, keeps them pictures, and does so again in the same way."""

import numpy as np
import pytest

from core import data
from core.experiment import AUGMENTATION_KINDS, AugmentationSpec, AugmentationStep, view_seed
from core.network.augmentation import Augmenter, preview
from tests.core.conftest import PICTURES


def spec(kind: str, strength: float = 0.5) -> AugmentationSpec:
    return AugmentationSpec(steps=(AugmentationStep(kind=kind, strength=strength),))


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return data.load(PICTURES, 96).train.images[:8]


@pytest.mark.parametrize("kind", AUGMENTATION_KINDS)
def test_it_changes_pictures_and_keeps_them_pictures(pictures, kind):
    before = pictures.copy()
    made = Augmenter(spec(kind), seed=1)(pictures)
    assert np.array_equal(pictures, before), "the originals stay as they are"
    assert (made.shape, made.dtype) == (pictures.shape, np.float32)
    assert made.min() >= 0 and made.max() <= 255
    assert np.array_equal(made, made.round()), "whole grey levels, so that a bank of them can be kept as pictures"
    assert sum(not np.array_equal(m, p) for m, p in zip(made, pictures, strict=True)) >= 3
    assert made.std() > 0.3 * pictures.std(), "there is still something to see"


@pytest.mark.parametrize("kind", AUGMENTATION_KINDS)
def test_the_seed_decides_which_pictures_come(pictures, kind):
    first, again, other = (Augmenter(spec(kind), seed)(pictures) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("kind", [k for k in AUGMENTATION_KINDS if k not in {"flip", "randaugment"}])
def test_more_strength_changes_more(pictures, kind):
    """Not so a mirror, nor RandAugment: some of what it draws (solarisation) has its full effect at any strength."""
    weak, strong = (np.abs(Augmenter(spec(kind, s), 3)(pictures) - pictures).mean() for s in (0.1, 1.0))
    assert strong > 1.2 * weak


def test_a_second_batch_is_changed_in_another_way(pictures):
    augmenter = Augmenter(spec("rotation"), seed=1)
    assert not np.array_equal(augmenter(pictures), augmenter(pictures))


def test_a_flip_mirrors(pictures):
    made = Augmenter(spec("flip"), seed=1)(pictures)
    mirrored = [np.array_equal(m, p[:, ::-1]) for m, p in zip(made, pictures, strict=True)]
    same = [np.array_equal(m, p) for m, p in zip(made, pictures, strict=True)]
    assert any(mirrored) and any(same) and all(a or b for a, b in zip(mirrored, same, strict=True))


def test_steps_are_applied_in_their_order(pictures):
    turn, cover = AugmentationStep(kind="rotation"), AugmentationStep(kind="cutout")
    one, other = (preview(AugmentationSpec(steps=steps), pictures, 1) for steps in ((turn, cover), (cover, turn)))
    assert not np.array_equal(one, other)


def test_steps_that_are_off_or_without_strength_do_nothing(pictures):
    steps = (AugmentationStep(kind="noise", enabled=False), AugmentationStep(kind="zoom", strength=0))
    assert np.array_equal(preview(AugmentationSpec(steps=steps), pictures, 1), pictures)
    assert preview(AugmentationSpec.preset("strong"), pictures, 1).dtype == np.uint8


def test_every_view_of_a_bank_is_another_one_and_follows_the_seed(pictures):
    light = AugmentationSpec.preset("light")
    seeds = [view_seed(light, seed, view) for seed in (0, 1) for view in range(4)]
    assert len(set(seeds)) == 8
    views = [preview(light, pictures, seed) for seed in seeds[:4]]
    assert all(not np.array_equal(views[0], other) for other in views[1:])
    assert view_seed(light, 0, 2) == view_seed(light.replace(views=16), 0, 2), "a larger bank reuses the smaller one"
    assert view_seed(light, 0, 2) != view_seed(AugmentationSpec.preset("strong"), 0, 2)
