"""Every Plotly figure, a file a kind; ``style`` holds the one colour language."""

from core.figures.answers import confusion, reliability
from core.figures.curves import curve_range, curves, overlay
from core.figures.images import class_counts, picture_uri
from core.figures.insight import CLASS_COLOURS, answer_bars, heat_map, heat_picture, sprite
from core.figures.lessons import bars, certainty
from core.figures.moved import PATH_COLOURS, over_depth, path, path_picture, weight_moves
from core.figures.network import kernel_changes, network_picture, network_strip
from core.figures.studies import differences_picture, fold_curves, intervals_picture, rate_ramp, steps, sweep
from core.figures.style import FROZEN, GAP, LABELS, LINES, PALETTE, THAWED, TRAINING, VALIDATION
from core.figures.tree import VERDICTS, parallel, tree

__all__ = [
    "CLASS_COLOURS",
    "FROZEN",
    "GAP",
    "LABELS",
    "LINES",
    "PALETTE",
    "PATH_COLOURS",
    "THAWED",
    "TRAINING",
    "VALIDATION",
    "VERDICTS",
    "answer_bars",
    "bars",
    "certainty",
    "class_counts",
    "confusion",
    "curve_range",
    "curves",
    "differences_picture",
    "fold_curves",
    "heat_map",
    "heat_picture",
    "intervals_picture",
    "kernel_changes",
    "network_picture",
    "network_strip",
    "over_depth",
    "overlay",
    "parallel",
    "path",
    "path_picture",
    "picture_uri",
    "rate_ramp",
    "reliability",
    "sprite",
    "steps",
    "sweep",
    "tree",
    "weight_moves",
]
