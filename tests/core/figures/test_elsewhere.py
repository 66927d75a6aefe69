"""Curves made elsewhere: stages apart, epochs as the file calls them, gaps drawn as gaps."""

import pytest

from core import figures
from core.histories import read_history


def test_a_line_stands_between_stages() -> None:
    table = read_history("epoch,loss,val_loss\n0,1.0,1.0\n1,0.8,0.9\n0,0.7,0.8\n1,0.6,0.7\n")
    figure = figures.curves(table, "loss")
    assert [s.x0 for s in figure.layout.shapes] == [2.5]
    assert any(a.text == "stage 2" for a in figure.layout.annotations)


@pytest.mark.parametrize("first", [0, 1, 74])
def test_the_axis_begins_where_the_file_does(first: int) -> None:
    table = read_history("epoch,loss\n" + "".join(f"{first + i},{1 - i / 9}\n" for i in range(5)))
    low, high = figures.curves(table, "loss").layout.xaxis.range
    assert low == pytest.approx(first - 0.3)
    assert high == pytest.approx(first + 4.3)


def test_a_curve_measured_now_and_then_is_drawn_with_points() -> None:
    table = read_history("epoch,loss,val_loss\n1,1,\n2,0.9,0.95\n3,0.8,\n4,0.7,0.8\n5,0.6,\n6,0.5,0.7\n")
    modes = {trace.name: trace.mode for trace in figures.curves(table, "loss").data}
    assert modes == {"training": "lines", "validation": "lines+markers"}
