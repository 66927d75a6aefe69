"""How the built-in weights are made: pictures that come out the same everywhere, descriptors of them, and the files."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from core.experiment import BackboneSpec
from core.network import backbone
from tools.pretrain import calibrate, export, textures, train
from tools.pretrain.descriptors import GROUPS, describe, describe_locally
from tools.pretrain.targets import Targets
from tools.pretrain.words import Words

ROOT = Path(__file__).resolve().parents[2]
N = 24

DRAW = f"""
import sys
from pathlib import Path
import numpy as np
from tools.pretrain import pictures
home = Path(sys.argv[1])
one_by_one = np.stack([pictures.draw_picture(0, i) for i in range({N})])
backwards = np.stack([pictures.draw_picture(0, i) for i in reversed(range({N}))])[::-1]
photographs = [i for i in range({N}) if np.random.default_rng([1, 2, i]).uniform() < pictures.PHOTOGRAPH_SHARE]
other = np.stack([pictures.draw_picture(1, i) for i in photographs[:3]])
pictures.CHUNK = 7
in_parallel = pictures.write_pictures(home / "all.npy", {N}, seed=0, workers=2)
again = pictures.write_pictures(home / "all.npy", {N}, seed=0)
np.savez(home / "made.npz", one_by_one=one_by_one, backwards=backwards, other=other, at=photographs[:3],
         in_parallel=in_parallel, again=again)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[str, np.ndarray]:
    """Pictures drawn in a process of their own: it forks, which a process with TensorFlow in it must not."""
    home = tmp_path_factory.mktemp("pictures")
    subprocess.run([sys.executable, "-c", DRAW, str(home)], cwd=ROOT, env={**os.environ}, check=True)
    assert [p.name for p in home.glob("*.npy")] == ["all.npy"] and not list(home.glob("*.partial"))
    with np.load(home / "made.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def pictures(made) -> np.ndarray:
    return made["one_by_one"]


def test_pictures_are_pictures_and_all_different(pictures):
    assert (pictures.shape, pictures.dtype) == ((N, 112, 112, 3), np.uint8)
    assert len({p.tobytes() for p in pictures}) == N
    assert np.ptp(pictures, axis=(1, 2, 3)).min() > 10, "none is empty"
    assert pictures.mean((1, 2, 3)).std() > 10, "bright ones and dark ones"


def test_pictures_are_those_that_the_shipped_weights_learnt_from(pictures):
    brightness = [18.1, 91.5, 117.5, 51.8, 58.3, 78.5, 18.7, 63.2, 51.4, 82.9, 101.3, 34.1]
    np.testing.assert_allclose(pictures[:12].mean((1, 2, 3)), brightness, atol=0.5)


def test_seed_and_number_decide_a_picture_whatever_was_drawn_before_it(made, pictures):
    assert np.array_equal(made["backwards"], pictures)
    assert all(not np.array_equal(a, b) for a, b in zip(made["other"], pictures[made["at"]], strict=True))


def test_all_cores_draw_what_one_draws(made, pictures):
    assert np.array_equal(made["in_parallel"], pictures)
    assert np.array_equal(made["again"], pictures), "what is complete is used again"


def test_textures_follow_the_seed():
    first, same, other = (textures.library(seed, n=5) for seed in (3, 3, 4))
    assert {(t.shape, t.dtype.name) for t in first} == {((192, 192, 3), "uint8")}
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert all(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert min(t.std() for t in first) > 1, "each of the five kinds shows something"


def test_no_photograph_of_a_built_in_data_set_is_used():
    assert not {"brick", "grass", "gravel", "lfw_subset"} & {*textures.PHOTOGRAPHS, *textures.RICH}


def test_the_seed_decides_every_batch(pictures):
    first, same, other = ([b.numpy() for b in train.batches(pictures, 64, 4, seed).take(150)] for seed in (3, 3, 4))
    assert {b.shape for b in first} == {(4, 64, 64, 3)} and min(b.min() for b in first) >= 0
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True)), "although two are made at a time"
    assert all(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert len({b.tobytes() for b in first}) == 150


def test_descriptors_are_numbers_of_the_promised_length(pictures):
    made = np.asarray(describe(pictures))
    assert made.shape == (N, sum(GROUPS))
    assert np.isfinite(made).all()
    assert (made.std(0) > 0).mean() > 0.99, "hardly any is the same for all pictures"
    plain = np.stack([np.full((112, 112, 3), v, np.uint8) for v in (0, 127, 255)])
    assert np.isfinite(np.asarray(describe(plain))).all(), "pictures without an edge too"


def test_descriptors_of_a_smaller_picture_stay_near(pictures):
    small = np.asarray(keras.ops.image.resize(pictures.astype(np.float32), (96, 96), antialias=True))
    a, b = np.asarray(describe(pictures)), np.asarray(describe(small))
    assert np.mean([np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)]) > 0.98


def test_cells_are_described_one_by_one(pictures):
    cells = np.asarray(describe_locally(pictures, 4))
    assert cells.shape == (N, 4, 4, 14)
    np.testing.assert_allclose(cells.mean((0, 1, 2)), 0, atol=1e-4)
    turned = np.asarray(describe_locally(pictures[:, :, ::-1], 4))
    np.testing.assert_allclose(
        turned[..., -6:], cells[:, :, ::-1, -6:], atol=1e-2, err_msg="colours move with the picture"
    )


def test_targets_are_standardised(pictures):
    targets, few = Targets(n_described=6, n_words=5), pictures[:16]
    targets.adapt(few)
    made = np.asarray(targets(few))
    assert made.shape == (16, targets.n) == (16, 11)
    np.testing.assert_allclose(made.mean(0), 0, atol=0.02)
    assert (made**2).mean() == pytest.approx(1, abs=0.05)
    assert not targets.trainable_weights


def test_words_are_counted_where_they_are(pictures):
    words = Words(side=15, patch=4, stride=1, n_words=8)
    words.adapt(pictures)
    half = pictures[0].astype("float32")
    other = half.copy()
    other[:, 56:] = pictures[1, :, 56:]
    first, second = (np.asarray(words(x[None])).reshape(3, 3, 8) for x in (half, other))
    assert words.n == 72 and (first >= 0).all()
    np.testing.assert_allclose(first[:, 0], second[:, 0], atol=1e-4)
    assert np.abs(first[:, 2] - second[:, 2]).max() > 0.01, "what changed on the right is seen on the right"


def test_words_do_not_see_brightness_or_contrast(pictures):
    words = Words(side=34, n_words=8)
    words.adapt(pictures)
    clear = pictures[pictures.std((1, 2, 3)) > 40].astype("float32")
    np.testing.assert_allclose(words(clear * 0.6 + 30), words(clear), atol=0.3)
    assert np.asarray(words(clear)).std(0).mean() > 0.1, "and see a difference between pictures"


def test_words_want_three_equal_parts():
    with pytest.raises(ValueError, match="13 patches a side"):
        Words(side=16, patch=4, stride=1)


@pytest.fixture
def shelf(tmp_path, monkeypatch) -> Path:
    """An empty folder where the shipped weights would lie."""
    monkeypatch.setattr(export, "TARGET", tmp_path / "weights")
    monkeypatch.setattr(backbone, "BUILTIN_FOLDER", tmp_path / "weights")
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def test_exported_weights_are_loaded_again_with_checksum_and_card(shelf, tmp_path):
    keras.utils.set_random_seed(1)
    net = keras.applications.MobileNetV2((96, 96, 3), include_top=False, weights=None, alpha=0.35)
    net.save_weights(tmp_path / "alpha-0.35.final.weights.h5")
    file = export.export(0.35, tmp_path / "alpha-0.35.final.weights.h5")
    export.write_manifest()
    assert backbone.builtin_file(0.35) == file and backbone.builtin_file(1.0) is None
    assert backbone.manifest()["files"][file.name]["bytes"] == file.stat().st_size
    loaded = backbone.build(BackboneSpec(alpha=0.35, size=96)).get_weights()
    for ours, theirs in zip(loaded, net.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs.astype(np.float16).astype(np.float32))


def test_the_card_keeps_measured_results_until_the_weights_change(shelf, tmp_path):
    weights = [np.ones(3, np.float32)]
    name = export.store(0.35, weights).name
    rows = [
        {"folder": "pets", "size": 96, "split": split, "features": "builtin", "method": "head", "accuracy": accuracy}
        for split, accuracy in enumerate((0.7, 0.8))
    ]
    (tmp_path / "measured.json").write_text(json.dumps({"alpha": 0.35, "rows": rows}))
    export.write_manifest(export.results_of([tmp_path / "measured.json"]))
    export.write_manifest()
    assert backbone.manifest()["files"][name]["results"] == {"pets": {"96": {"builtin head": 0.75}}}
    export.store(0.35, [2 * w for w in weights])
    export.write_manifest()
    assert "results" not in backbone.manifest()["files"][name], "they were other weights'"


def test_weights_that_do_not_fit_half_precision_are_refused(shelf):
    with pytest.raises(ValueError, match="do not fit float16"):
        export.store(0.35, [np.array([1.0, 1e6])])
    assert not list(shelf.iterdir())


def test_calibrated_features_are_selective_and_spread(pictures):
    base = keras.applications.MobileNetV2((None, None, 3), include_top=False, weights=None, alpha=0.35)
    base.set_weights(backbone.build(BackboneSpec(alpha=0.35, size=96)).get_weights())
    norm = base.get_layer(calibrate.LAST_NORM)
    norm.gamma.assign(norm.gamma * 0.2)
    norm.beta.assign(norm.beta * 0.2 + 1.0)  # on everywhere, and hardly different from picture to picture
    calibrate.calibrate(base, pictures)
    maps = calibrate._maps(base, pictures, calibrate.SIDES[0])
    assert (maps > 0).mean() == pytest.approx(1 - calibrate.QUANTILE, abs=0.03)
    assert np.median(np.maximum(maps, 0).mean((1, 2)).std(0)) == pytest.approx(calibrate.SPREAD, rel=0.05)
