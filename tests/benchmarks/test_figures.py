"""The benchmarks' figures, computed from rows made up so that each can be worked out by hand."""

import math
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from benchmarks import remedies, rivals, speed, transfer
from core.diagnosis import Observations
from core.gains import Gain


class TestTransfer:
    """Pixels 0.5, built-in 0.7, ImageNet 0.9 with the head: half of the gap is closed."""

    HEAD: ClassVar = {"pixels": ("probe", 0.5), "builtin": ("head", 0.7), "imagenet": ("head", 0.9)}

    def rows(self, *, imagenet: bool = True) -> list[transfer.Measured]:
        made = []
        for folder, by in (("a", -0.1), ("b", 0.1)):
            for split in range(3 if folder == "b" else 1):
                ways = [(f, m, value + by) for f, (m, value) in self.HEAD.items() if imagenet or f != "imagenet"]
                ways.append(("builtin", "last38", 0.75 + by))
                made += [transfer.Measured(folder, 96, split, f, m, value) for f, m, value in ways]
        return made

    def test_every_folder_counts_once_however_many_splits_it_has(self):
        assert transfer.mean(self.rows(), "builtin", "head") == pytest.approx(0.7)
        assert transfer.mean(self.rows(), "builtin", "head", "b") == pytest.approx(0.8)
        assert math.isnan(transfer.mean(self.rows(), "random", "head"))

    def test_figures(self):
        made = transfer.figures(self.rows())
        assert made["gap_closed"] == pytest.approx(0.5)
        assert made["finetune_gain"] == pytest.approx(0.05)
        assert made["pixels_accuracy"] == pytest.approx(0.5)
        assert "gap_closed" not in transfer.figures(self.rows(imagenet=False))

    def test_the_table_has_a_line_a_folder_and_the_means(self):
        lines = transfer.markdown(self.rows()).splitlines()
        assert [line.split("|")[1].strip() for line in lines[2:]] == ["a", "b", "**mean**"]
        assert len({line.count("|") for line in lines}) == 1
        assert "**0.700**" in lines[-1]

    def test_a_probe_learns_what_is_there_and_nothing_else(self):
        rng = np.random.default_rng(0)
        labels = np.arange(80) % 2
        signal = rng.normal(0, 1, (80, 20)) + 3 * labels[:, None]
        assert transfer.probe(signal[:40], labels[:40], signal[40:], labels[40:]) == 1.0
        noise = rng.normal(0, 1, (80, 20))
        assert transfer.probe(noise[:40], labels[:40], noise[40:], labels[40:]) < 0.75

    def test_pixels_are_means_of_blocks(self):
        rows = transfer.shrunk(np.arange(32 * 32 * 3, dtype=np.uint32).reshape(1, 32, 32, 3).astype(np.uint8))
        assert rows.shape == (1, 16 * 16 * 3)

    def test_the_width_is_read_from_kerass_file_name(self, tmp_path):
        name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
        assert transfer.given_weights(tmp_path / name, 160).alpha == 0.35
        assert transfer.given_weights(tmp_path / "mine.h5", 160).alpha == 1.0

    def test_without_images_it_says_what_to_give(self, capsys):
        with pytest.raises(SystemExit):
            transfer.parse([])
        assert "--images" in capsys.readouterr().err


class TestSpeed:
    RESULTS: ClassVar = {
        case.name: [
            {
                "plain": 20.0,
                "cold": 4.0 * k,
                "warm": 2.0 * k,
                "difference": {} if case.augment else {"loss": 1e-6 * k, "val_loss": 1e-5 * k},
            }
            for k in (1, 2, 4)
        ]
        for case in speed.CASES
    }

    def test_figures_are_medians_of_ratios_beside_what_they_should_be(self):
        made = speed.figures(self.RESULTS)
        assert made["head_only_warm"] == (pytest.approx(5.0), 60)
        assert made["head_only_cold"] == (pytest.approx(2.5), 8)
        assert made["everything_thawed"][1] == 1.0
        assert {"last4_warm", "last4_cold", "last4_augmented_warm"} <= set(made)

    def test_the_largest_difference_counts_and_augmented_runs_have_none(self):
        made = speed.differences(self.RESULTS, "loss")
        assert set(made.values()) == {4e-6}
        assert "last4_augmented" not in made

    def test_curves_are_as_far_apart_as_their_worst_epoch(self):
        one = {"loss": [1.0, 0.5, 0.25], "val_loss": [1.0, 0.9, 0.8]}
        other = {"loss": [1.0, 0.75, 0.25], "val_loss": [1.0, 0.9, 0.7]}
        assert speed.apart(one, other) == {"loss": 0.25, "val_loss": pytest.approx(0.1)}

    def test_a_nudge_is_the_smallest_change_of_one_number(self):
        import keras

        from benchmarks.tutorial import nudge

        variable = keras.Variable(np.full((2, 3), 0.5, np.float32))
        nudge(variable)
        changed = np.asarray(variable) - np.float32(0.5)
        assert np.count_nonzero(changed) == 1
        assert changed.flat[0] == np.spacing(np.float32(0.5))

    def test_rows_become_a_table(self):
        assert "| `x` | 2.5 times | at least 1 |" in speed.markdown([("x", 2.5, "times", "at least 1")])


def tried(gain: float, low: float, test_gain: float, worse: int = 0, better: int = 0) -> remedies.Tried:
    return remedies.Tried("x", Gain(gain, low, gain + 0.1, 0.0, -1.0, 1.0, 3), test_gain, worse, better)


class TestRemedies:
    def test_figures_are_about_what_the_app_would_recommend(self):
        done = [
            remedies.Repaired("f", "a", "overfitting", 0.7, 50, (tried(0.2, 0.1, 0.10), tried(0.0, -0.1, -0.06))),
            remedies.Repaired("f", "b", "overfitting", 0.7, 50, (tried(0.2, 0.1, -0.02), tried(0.0, -0.1, -0.02))),
            remedies.Repaired("f", "c", "overfitting", 0.7, 50, (tried(0.0, -0.1, 0.50),)),
        ]
        made = {name: f["value"] for name, f in remedies.figures(done).items()}
        assert made["recommended_share"] == pytest.approx(2 / 3)
        assert made["not_hurt_rate"] == 0.5
        assert made["gain"] == pytest.approx(0.04)
        assert made["random_gain"] == pytest.approx((0.02 - 0.02) / 2)
        assert made["gain_over_random"] == pytest.approx(0.04)

    def test_runs_without_any_recommendation_count_and_no_figure_is_nan(self):
        done = [
            remedies.Repaired("f", "a", "overfitting", 0.7, 50, (tried(0.0, -0.1, 0.1),)),
            remedies.Repaired("f", "b", "overfitting", 0.7, 50, ()),
        ]
        made = remedies.figures(done)
        assert made["recommended_share"]["value"] == 0 and made["recommended_share"]["n"] == 2
        assert not any(math.isnan(f["value"]) for f in made.values())

    def test_the_interval_of_a_mean(self):
        low, high = remedies.interval(np.array([0.0, 1.0] * 50))
        assert low == pytest.approx(0.4, abs=0.02) and high == pytest.approx(0.6, abs=0.02)
        assert math.isnan(remedies.interval(np.zeros(0))[0])

    @pytest.mark.parametrize(("worse", "better", "hurt"), [(0, 0, False), (5, 0, True), (4, 0, False), (9, 7, False)])
    def test_a_loss_is_sure_only_beyond_chance(self, worse, better, hurt):
        """McNemar, one-sided: five of five is 1/32, four of four 1/16."""
        assert tried(0, 0, 0, worse, better).surely_hurt is hurt


class TestRivals:
    """Re-implemented from their published descriptions; each on the curve that its rule is about, and on a healthy one."""

    FALLING = pd.DataFrame(
        {"loss": [1.0, 0.6, 0.4, 0.3], "val_loss": [1.02, 0.62, 0.42, 0.31], "accuracy": 0.9, "val_accuracy": 0.89}
    )
    TURNING = FALLING.assign(val_loss=[1.0, 0.8, 0.9, 1.2], accuracy=0.99, val_accuracy=0.7)

    @pytest.mark.parametrize("judge", [rivals.umlaut, rivals.sagemaker, rivals.autotrainer])
    def test_overfitting_is_seen_and_a_good_curve_is_left_alone(self, judge):
        assert "overfitting" in judge(Observations(history=self.TURNING)).verdicts
        assert "overfitting" not in judge(Observations(history=self.FALLING)).verdicts

    @pytest.mark.parametrize("judge", [rivals.umlaut, rivals.autotrainer])
    def test_a_loss_that_is_no_number_is_unstable(self, judge):
        broken = self.FALLING.assign(loss=[1.0, math.nan, math.nan, math.nan])
        assert "unstable" in judge(Observations(history=broken)).verdicts
