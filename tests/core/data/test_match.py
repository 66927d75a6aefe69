"""The augmentation that covers how validation images differ."""

import numpy as np
import pytest

from core.data import Split
from core.data.health import image_statistics
from core.data.match import match_validation
from core.experiment import AugmentationSpec
from tests.conftest import picture

LIGHT = AugmentationSpec.preset("light").steps


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([picture(rng, (110, 90, 60)) for _ in range(24)])


def _split(images: np.ndarray) -> Split:
    n = len(images)
    return Split(images, np.arange(n), np.zeros(n, int), ("",) * n, "")


def matched(train: np.ndarray, validation: np.ndarray) -> dict[str, float]:
    """Return what comes on top of light augmentation."""
    spec = match_validation(*(image_statistics(_split(images)) for images in (train, validation)))
    assert spec.steps[: len(LIGHT)] == LIGHT
    return {s.kind: s.strength for s in spec.steps[len(LIGHT) :]}


def test_nothing_is_added_where_nothing_differs(pictures):
    assert matched(pictures[:12], pictures[12:]) == {}


@pytest.mark.parametrize("sign", [1, -1])
def test_brightness_is_covered_in_both_directions_and_the_more_the_stronger(pictures, sign):
    shifted = [np.uint8(np.clip(pictures.astype(int) + sign * by, 0, 255)) for by in (25, 60)]
    weak, strong = (matched(pictures, s) for s in shifted)
    assert 0.1 <= weak["brightness"] < strong["brightness"] <= 1.0


def test_less_contrast_is_covered(pictures):
    mean = pictures.mean((1, 2), keepdims=True)
    assert "contrast" in matched(pictures, np.uint8(mean + 0.3 * (pictures - mean)))


def test_less_colour_is_covered_and_brightness_left_alone(pictures):
    grey = np.repeat(pictures.mean(3, keepdims=True), 3, 3).astype(np.uint8)
    assert set(matched(pictures, grey)) == {"saturation"}
