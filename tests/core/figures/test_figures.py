"""Figures show the numbers they were given, in the one colour language, to the colour-blind too."""

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from core import figures
from core.diagnosis.report import Diagnosis, Mark
from core.experiment import BackboneSpec, FreezeSpec
from core.network.layers import layer_table
from core.statistics import wilson

TABLE = layer_table(BackboneSpec())
HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2, 3, 4],
        "loss": [1.2, 0.9, 0.7, 0.6],
        "clean_loss": [1.1, 0.8, 0.6, 0.5],
        "val_loss": [1.15, 0.9, 0.8, 0.85],
        "accuracy": [0.4, 0.5, 0.6, 0.7],
        "clean_accuracy": [0.45, 0.6, 0.7, 0.8],
        "val_accuracy": [0.4, 0.5, 0.6, 0.6],
    }
)
# What red, green and blue look like to people without red or green cones (Machado, Oliveira and Fernandes 2009, severity 1).
COLOUR_BLIND = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


def named(figure, name: str):
    [trace] = [t for t in figure.data if t.name == name]
    return trace


@pytest.mark.parametrize("metric", ["loss", "accuracy"])
def test_curves_show_the_numbers(metric):
    figure = figures.curves(HISTORY, metric)
    for name, column in (("training", f"clean_{metric}"), ("validation", f"val_{metric}")):
        assert named(figure, name).y.tolist() == HISTORY[column].tolist()
        assert named(figure, name).x.tolist() == [1, 2, 3, 4]
    assert named(figure, "training, as measured while learning").y.tolist() == HISTORY[metric].tolist()


def test_training_and_validation_have_one_colour_and_one_dash_each():
    for figure in (figures.curves(HISTORY, "loss"), figures.curves(HISTORY[["epoch", "loss", "val_loss"]], "loss")):
        training, validation = named(figure, "training").line, named(figure, "validation").line
        assert (training.color, training.dash) == (figures.TRAINING, None)
        assert (validation.color, validation.dash) == (figures.VALIDATION, "dash")


@pytest.mark.parametrize("blindness", COLOUR_BLIND)
@pytest.mark.parametrize("pair", [(figures.TRAINING, figures.VALIDATION), (figures.FROZEN, figures.THAWED)])
def test_the_colour_blind_tell_them_apart(pair, blindness):
    rgb = [np.array([int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)]) for c in pair]
    seen = [np.clip(np.array(COLOUR_BLIND[blindness]) @ c**2.2, 0, 1) ** (1 / 2.2) for c in rgb]
    assert np.abs(seen[0] - seen[1]).max() > 0.3


def test_the_interval_of_the_accuracy_is_drawn():
    figure = figures.curves(HISTORY, "accuracy", n_validation=40)
    high, low = [t for t in figure.data if t.hoverinfo == "skip"]
    assert low.fill == "tonexty"
    expected = [wilson(a * 40, 40) for a in HISTORY.val_accuracy]
    np.testing.assert_allclose(np.stack([low.y, high.y], 1), expected)
    assert len(figures.curves(HISTORY, "loss", n_validation=40).data) == 3, "a loss has no such interval"


def test_where_training_ended_is_drawn_in_the_colour_of_training():
    """In validation's colour, and dashed, it looked like another validation curve."""
    diagnosis = Diagnosis("underfitting", 0.9, "", (), (Mark("level", "accuracy", "training 60%", 4, y0=0.6),))
    drawn = figures.curves(HISTORY, "accuracy", diagnosis=diagnosis)
    colours = {t.line.dash or "solid": t.line.color for t in drawn.data if t.mode == "lines" and t.line.color}
    (level,) = [shape for shape in drawn.layout.shapes if shape.y0 == shape.y1 == 0.6]
    assert level.line.color == colours["solid"] != colours["dash"]


def test_marks_of_the_verdict_are_drawn_in_their_panel():
    marks = (
        Mark("epoch", "loss", "best", 3, y0=0.8),
        Mark("span", "loss", "rising", 3, 4),
        Mark("gap", "accuracy", "gap 20%", 4, y0=0.6, y1=0.8),
    )
    diagnosis = Diagnosis("overfitting", 0.9, "", (), marks)
    loss, accuracy = (figures.curves(HISTORY, m, diagnosis=diagnosis) for m in ("loss", "accuracy"))
    assert next(t for t in loss.data if t.mode == "markers").x == (3,)
    assert [(s.x0, s.x1) for s in loss.layout.shapes] == [(3, 4)]
    assert [(s.y0, s.y1) for s in accuracy.layout.shapes] == [(0.6, 0.8)]
    assert "gap 20%" in [a.text for a in accuracy.layout.annotations]


def test_what_is_pointed_at_is_amber_and_drawn_once():
    span = Mark("span", "loss", "rising", 3, 4)
    diagnosis = Diagnosis("overfitting", 0.9, "", (), (span,))
    figure = figures.curves(HISTORY, "loss", diagnosis=diagnosis, pointed=(span,))
    assert [s.fillcolor for s in figure.layout.shapes] == [figures.THAWED]


def test_a_single_epoch_is_visible():
    for figure in (figures.curves(HISTORY[:1], "loss"), figures.overlay({"a": HISTORY[:1]}, "loss")):
        assert "lines+markers" in {t.mode for t in figure.data}


def test_before_the_first_epoch_it_says_so():
    figure = figures.curves(HISTORY.iloc[:0], "loss", epochs=10)
    assert "first epoch" in figure.layout.annotations[0].text
    assert figure.layout.xaxis.range[1] > 10


def test_a_history_without_epochs_is_counted_from_one():
    assert named(figures.curves(HISTORY[["loss", "val_loss"]], "loss"), "validation").x.tolist() == [1, 2, 3, 4]


def test_two_runs_share_one_axis_that_a_single_spike_does_not_flatten():
    spiky = HISTORY.assign(loss=[400.0, 1, 1, 1])
    low, high = figures.curve_range([HISTORY, spiky], "loss")
    assert low == 0.0 and 1.2 < high < 20
    assert figures.curve_range([HISTORY], "accuracy") == pytest.approx([0.35, 1.02])
    assert figures.curve_range([HISTORY * np.nan], "loss") is None


def test_the_strip_has_a_bar_a_layer_in_the_colour_of_its_state():
    bars = figures.network_strip(TABLE, FreezeSpec.last(4)).data[0]
    colours = np.array(bars.marker.color)
    assert len(bars.x) == 154
    assert np.flatnonzero(colours == figures.THAWED).tolist() == [151], "BatchNorm is locked and ReLU has no weights"
    weights = [layer.index for layer in TABLE if layer.parameters]
    assert sorted({*np.flatnonzero(colours == figures.FROZEN), 151}) == weights
    assert np.argmax(bars.y) in {i for i in weights if TABLE[i].parameters == max(x.parameters for x in TABLE)}
    assert "Conv_1" in bars.hovertext[151] and "thawed" in bars.hovertext[151]


def test_a_drag_over_the_strip_chooses_layers_whatever_the_height_of_their_bars():
    assert figures.network_strip(TABLE, FreezeSpec.last(4)).layout.selectdirection == "h"


def test_the_picture_of_the_network_has_the_bars_of_the_strip():
    strip = figures.network_strip(TABLE, FreezeSpec.last(4)).data[0]
    bars = ElementTree.fromstring(figures.network_picture(TABLE, FreezeSpec.last(4)))
    assert [b.get("fill") for b in bars] == list(strip.marker.color)
    heights = np.array([float(b.get("height", "nan")) for b in bars])
    np.testing.assert_allclose(heights / heights.max(), np.array(strip.y) / max(strip.y), atol=0.01)


def test_confusion_shows_the_counts():
    counts = np.array([[5, 1], [2, 7]])
    figure = figures.confusion(counts, ("cat", "dog"))
    assert np.array_equal(figure.data[0].z, counts)
    assert figure.data[0].x == figure.data[0].y == ("cat", "dog")
    assert figure.layout.yaxis.autorange == "reversed", "the first class is on top"


def test_compared_runs_have_a_colour_each_that_is_no_curves_colour():
    runs = {f"run {i}": HISTORY for i in range(6)}
    figure = figures.overlay(runs, "accuracy")
    assert len(figure.data) == 12
    colours = [t.line.color for t in figure.data]
    assert len(set(colours)) == 6 and not {figures.TRAINING, figures.VALIDATION} & set(colours)
    assert [t.line.dash for t in figure.data[:2]] == ["solid", "dash"]
    assert figure.data[1].y.tolist() == HISTORY.val_accuracy.tolist()


def test_counts_are_drawn_a_bar_a_class_and_split():
    counts = pd.DataFrame({"train": [8, 6], "validation": [2, 1]}, index=["cat", "7"])
    train, validation = figures.class_counts(counts).data
    assert (train.x, train.y.tolist()) == (("cat", "7"), [8, 6])
    assert (validation.name, validation.y.tolist()) == ("validation", [2, 1])


def test_a_sweep_shows_intervals_and_marks_the_recommended_rung():
    points = pd.DataFrame(
        {
            "label": ["a", "b"],
            "val_accuracy": [0.6, 0.8],
            "low": [0.5, 0.7],
            "high": [0.75, 0.85],
            "train_accuracy": [0.7, 1.0],
        }
    )
    figure = figures.sweep(points, ["0", "4"], "layers", chosen="b")
    assert named(figure, "validation").error_y.array == pytest.approx([0.15, 0.05])
    assert named(figure, "validation").error_y.arrayminus == pytest.approx([0.1, 0.1])
    assert named(figure, "training").y.tolist() == [0.7, 1.0]
    [mark] = figure.layout.shapes
    assert mark.x0 < 1 < mark.x1
    assert not figures.sweep(points, ["0", "4"], "layers").layout.shapes


def test_a_sweep_without_a_finished_rung_has_the_axis_of_an_accuracy():
    nothing = pd.DataFrame(columns=["label", "val_accuracy", "low", "high", "train_accuracy"])
    figure = figures.sweep(nothing, ["0", "4"], "layers")
    assert tuple(figure.layout.yaxis.range) == (0, 1.02) and tuple(figure.layout.xaxis.range) == (-0.5, 1.5)


def test_finished_rungs_stand_at_their_places_among_those_to_come():
    points = pd.DataFrame(
        {"label": ["a", "c"], "val_accuracy": 0.6, "low": 0.5, "high": 0.7, "train_accuracy": 0.7}, index=[0, 2]
    )
    figure = figures.sweep(points, ["0", "4", "8"], "layers", chosen="c")
    assert list(named(figure, "validation").x) == [0, 2]
    assert list(figure.layout.xaxis.ticktext) == ["0", "4", "8"]
    assert figure.layout.shapes[0].x0 < 2 < figure.layout.shapes[0].x1


def test_a_picture_of_intervals_is_right_of_its_line_where_something_helps():
    helps, nothing, far = (0.05, 0.02, 0.08, 0.1), (0.0, 0.0, 0.0, 0.0), (-0.5, -0.9, -0.1, 0.1)
    picture = ElementTree.fromstring(figures.intervals_picture([helps, nothing, far], "#123456", width=200))
    space = "{http://www.w3.org/2000/svg}"
    dots = [float(c.get("cx", "nan")) for c in picture.iter(f"{space}circle")]
    assert dots[0] > 100 and dots[1] == 100 and 0 < dots[2] < 100, "an interval beyond the scale stays in the picture"
    lines = [(float(x.get("x1", "nan")), float(x.get("x2", "nan"))) for x in picture.iter(f"{space}line")][1:]
    assert lines[0][0] < dots[0] < lines[0][1] and lines[0][0] > 100


def test_short_runs_have_a_tick_an_epoch():
    history = pd.DataFrame({"epoch": [1, 2, 3], "loss": [1.0, 0.8, 0.7], "val_loss": [1.0, 0.9, 0.8]})
    assert figures.curves(history, "loss").layout.xaxis.dtick == 1
    assert figures.overlay({"a": history}, "loss").layout.xaxis.dtick == 1
    assert figures.curves(history, "loss", epochs=40).layout.xaxis.dtick is None


def test_steps_of_a_repair_are_drawn_even_before_they_have_a_result():
    figure = figures.steps(["first", "second"], [0.7, float("nan")])
    assert figure.data[0].text == ("70.0%", "")
    assert figures.steps([], []).layout.yaxis.range[0] == 0


def test_steps_that_took_the_same_remedy_stand_side_by_side():
    """Ten times the learning rate, twice, was once one point above the other."""
    figure = figures.steps(["as it was", "higher rate", "higher rate"], [0.4, 0.7, 0.9])
    assert len(set(figure.data[0].x)) == 3
    assert figure.layout.xaxis.ticktext == ("as it was", "higher rate", "higher rate")


def test_the_suggested_rate_is_marked():
    figure = figures.rate_ramp(np.array([1e-4, 1e-3]), np.array([1.0, 0.5]), 3e-4)
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.shapes[0].x0 == 3e-4
    assert figure.layout.annotations[0].x == pytest.approx(np.log10(3e-4))
    assert not figures.rate_ramp(np.array([1e-4]), np.array([1.0]), None).layout.shapes


def test_reliability_stands_beside_the_diagonal():
    bins = pd.DataFrame(
        {"confidence": [0.55, 0.95], "accuracy": [0.5, 1.0], "low": [0.2, 0.8], "high": [0.8, 1.0], "images": [9, 20]}
    )
    diagonal, measured = figures.reliability(bins).data
    assert diagonal.x == diagonal.y == (0, 1)
    assert measured.error_y.array.tolist() == pytest.approx([0.3, 0.0])


def test_kernels_show_how_far_they_moved_and_what_pulls_them_still():
    figure = figures.kernel_changes({"Conv_1": 0.2, "predictions": 0.9}, {"Conv_1": 0.01})
    assert named(figure, "moved over the run").y == (0.2, 0.9)
    assert named(figure, "gradient in the last step").y == (0.01, None)


def test_earlier_stages_stand_left_of_a_line_and_every_stage_counts_from_one() -> None:
    stage = pd.DataFrame({"epoch": [1, 2, 3], "clean_loss": [3.0, 2.0, 1.5], "val_loss": [3.1, 2.2, 1.8]})
    after = pd.DataFrame({"epoch": [1, 2], "loss": [1.4, 1.2], "clean_loss": [1.3, 1.1], "val_loss": [1.7, 1.6]})
    figure = figures.curves(after, "loss", earlier=[stage, stage])
    left = [trace for trace in figure.data if max(trace.x) < 1]
    assert sorted(list(trace.x) for trace in left) == [[-5, -4, -3], [-5, -4, -3], [-2, -1, 0], [-2, -1, 0]]
    assert {shape.x0 for shape in figure.layout.shapes} == {0.5, -2.5}
    assert figure.layout.xaxis.ticktext == ("1", "2", "3", "1", "2", "3", "1", "2")
    assert figure.layout.xaxis.range[0] < -5


def test_the_words_of_marks_stand_above_the_panel_where_no_curve_runs_through_them():
    marks = (Mark("epoch", "loss", "best", 2, y0=0.5), Mark("span", "loss", "rises", 2, 4))
    gap = (Mark("gap", "accuracy", "gap 30%", 4, y0=0.6, y1=0.9),)
    for metric, said in (("loss", "▼ best · rises"), ("accuracy", "gap 30%")):
        figure = figures.curves(HISTORY, metric, diagnosis=Diagnosis("overfitting", 0.9, "", marks=marks + gap))
        words = [a for a in figure.layout.annotations if a.text == said]
        assert [(a.yref, a.y, a.yanchor) for a in words] == [("paper", 1, "bottom")]
        assert not any(t.mode and "text" in t.mode for t in figure.data)


def test_several_runs_are_drawn_as_a_mean_with_a_band():
    figure = figures.curves(HISTORY, "loss", band=(HISTORY - 0.1, HISTORY + 0.1))
    shaded = [t for t in figure.data if t.fill == "tonexty"]
    assert len(shaded) == 2 and shaded[1].y.tolist() == (HISTORY.val_loss - 0.1).tolist()


def test_the_axis_of_a_repair_has_room_for_its_lowest_and_highest_step():
    for accuracies in ([0.62, 0.7, 0.9], [0.0, 1.0], [0.02, 0.5]):
        low, high = figures.steps(list("abc")[: len(accuracies)], accuracies).layout.yaxis.range
        assert low == pytest.approx(max(0, min(accuracies) - 0.1)) and high == pytest.approx(
            min(1.1, max(accuracies) + 0.1)
        )


def test_folds_are_drawn_from_the_first_epoch_to_their_last_with_the_mean_of_those_that_still_ran():
    figure = figures.fold_curves([[0.4, 0.6, 0.8], [0.6, 0.8]])
    assert [tuple(t.x) for t in figure.data] == [(1, 2, 3)] * 3
    assert named(figure, "mean of the folds").y == pytest.approx([0.5, 0.7, 0.8])
    assert named(figure, "fold 2").y[:2] == pytest.approx([0.6, 0.8]) and np.isnan(named(figure, "fold 2").y[2])


def test_on_the_path_the_pictures_as_they_are_stand_out_and_every_line_has_a_dash_of_its_own():
    names = ("as they are", "darkened", "blurred", "rotated", "noisy")
    values = np.linspace(0, 1, 15).reshape(5, 3)
    figure = figures.path(np.array([0, 0.5, 1.0]), values, names, "accuracy", 0.5)
    first, *others = figure.data
    assert [t.name for t in figure.data] == list(names) and np.allclose([t.y for t in figure.data], values)
    assert first.mode == "lines+markers" and first.line.dash == "solid"
    assert all(t.line.width < first.line.width and t.mode == "lines" for t in others)
    assert len({t.line.dash for t in figure.data}) == len({t.line.color for t in figure.data}) == 5
    assert figure.layout.shapes[0].x0 == 0.5
    assert not figures.path(np.array([0, 1.0]), values[:, :2], names, "loss", None).layout.shapes


def test_heat_is_warm_where_it_speaks_for_the_class_cold_where_against_and_grey_where_it_is_silent():
    image = np.full((64, 64, 3), (40, 120, 200), np.uint8)
    told = figures.heat_picture(image, np.array([[1.0, 0.0], [0.0, -1.0]]))
    (warm, silent, cold) = (told[y, x].astype(int) for y, x in ((2, 2), (2, 61), (61, 61)))
    assert warm[0] > warm[2] and cold[2] > cold[0]
    assert silent == pytest.approx(0.75 * image[0, 0].mean() + 0.25 * image[0, 0], abs=2)


def test_a_mean_map_is_lightest_where_the_heat_lies():
    told = figures.heat_map(np.array([[0.4, 0.1], [0.0, 0.0]]), limit=0.4)
    at = {
        place: told[y, x].astype(int).sum()
        for place, (y, x) in {"hot": (5, 5), "warm": (5, 186), "none": (186, 5)}.items()
    }
    assert at["hot"] == 255 + 170 + 60 and at["none"] == 38 + 50 + 62 and at["none"] < at["warm"] < at["hot"]
