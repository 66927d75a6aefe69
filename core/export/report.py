"""A run as one HTML page that needs nothing else: verdict, curves, figures, settings."""

import base64
import gzip
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import pandas as pd
from plotly.offline import get_plotlyjs

from core import evaluation as ev
from core import figures
from core.diagnosis.remedies import REMEDIES
from core.diagnosis.report import Diagnosis, Finding, unsaid
from core.evaluation import Evaluation
from core.experiment import Experiment
from core.network.backbone import explain
from core.network.layers import describe_mask, keras_code, layer_table, totals
from core.runs import Run
from core.runs.pair import sentence
from core.words import unescaped

PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
COLUMNS = ("epoch", "loss", "clean_loss", "val_loss", "accuracy", "clean_accuracy", "val_accuracy", "learning_rate")
SPLITS = {"train": "training", "validation": "validation", "test": "test"}


class Side(NamedTuple):
    """A run with what is known of it.

    Attributes
    ----------
    run
        In any state.
    curves
        One row an epoch.
    evaluation, diagnosis
        Predictions and verdict; None while it trains or when it failed.
    earlier
        Curves of the stages that it started from, the first one first.
    spread
        Mean, lowest and highest curves of its settings on several seeds; they are drawn instead of its own.
    """

    run: Run
    curves: pd.DataFrame
    evaluation: Evaluation | None
    diagnosis: Diagnosis | None
    earlier: Sequence[pd.DataFrame] = ()
    spread: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame] | None = None

    @property
    def shown(self) -> pd.DataFrame:
        """The curves that are drawn."""
        return self.spread[0] if self.spread else self.curves


def report(
    side: Side,
    before: Side | None = None,
    seen: str = "",
    repeated: Sequence[tuple[Evaluation, Evaluation]] = (),
) -> str:
    """Return a self-contained HTML page about a run; parts that a run does not have are left out.

    Parameters
    ----------
    side
        The run.
    before
        The run that it stands beside; then the page begins with what the change did, and shows both on the same axes.
    seen
        HTML of :func:`core.export.seen.seen`; nothing by default.
    repeated
        Answers of both settings on each common seed; from two on the sentence rests on them.
    """
    run, curves, evaluation, diagnosis = side[:4]
    sides = [*([before] if before is not None else []), side]
    table = layer_table(run.experiment.backbone)
    sizes = totals(table, run.experiment.freeze)
    return PAGES.get_template("report.html.j2").render(
        title=run.name or describe_mask(run.experiment.freeze),
        subtitle=f"{run.status.capitalize()}, {run.created:%d %B %Y, %H:%M} UTC. {run.note}".strip(),
        error=run.error,
        seen=seen,
        diagnosis=diagnosis,
        scores=list(_scores(evaluation)) if evaluation else [],
        sentence=_sentence(sides, repeated),
        seeds=len(repeated) if len(repeated) > 1 else 0,
        sides=list(_sides(sides)),
        **_classes(evaluation),
        weights=explain(run.experiment.backbone),
        mask=describe_mask(run.experiment.freeze),
        trainable=sizes.trainable,
        total=sizes.total,
        code=keras_code(table, run.experiment.freeze),
        settings=list(_settings(run.experiment)),
        columns=[c.replace("_", " ") for c in COLUMNS if c in curves],
        epochs=[[f"{v:.4g}" for v in row] for row in curves[[c for c in COLUMNS if c in curves]].to_numpy()],
        plain=unescaped,
        unsaid=unsaid,
        plotly=_plotly(),
        remedy_titles=_remedy_titles,
    )


def _remedy_titles(finding: Finding) -> list[str]:
    return [REMEDIES[code].title for code in finding.remedies if code in REMEDIES]


def _scores(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    for name, predictions in evaluation.splits.items():
        if len(predictions.labels):
            low, high = predictions.interval
            yield {
                "name": SPLITS.get(name, name),
                "n": len(predictions.labels),
                "accuracy": predictions.accuracy,
                "low": low,
                "high": high,
            }


def _sentence(sides: list[Side], repeated: Sequence[tuple[Evaluation, Evaluation]]) -> str:
    found = [s.evaluation for s in sides]
    if len(sides) < 2 or found[0] is None or found[1] is None:
        return ""
    answers = list(repeated) if len(repeated) > 1 else [(found[0], found[1])]
    said = sentence((sides[0].run.experiment, sides[1].run.experiment), answers)
    return " ".join(filter(None, (said.text, said.loss, said.warning)))


def _sides(sides: list[Side]) -> Iterator[dict[str, Any]]:
    """Return each run with its verdict, figures and two plots on common axes."""
    axes = {"epochs": max(len(s.shown) for s in sides)}
    histories = [h for s in sides for h in (*(s.spread or [s.curves]), *s.earlier)]
    for side, role in zip(sides, ("Before", "After") if len(sides) > 1 else ("",), strict=True):
        plots = []
        for metric in ("loss", "accuracy") if len(side.curves) else ():
            n = len(side.evaluation.splits["validation"].labels) if side.evaluation else None
            shared = axes | {"y_range": figures.curve_range(histories, metric)}
            told = {"band": side.spread[1:]} if side.spread else {"diagnosis": side.diagnosis, "n_validation": n}
            drawn = figures.curves(side.shown, metric, earlier=side.earlier, height=300, **told, **shared)  # type: ignore[arg-type]
            plots.append(_html(drawn.update_layout(margin_t=64, margin_l=56, legend_y=1.1)))
        yield {"role": role, "title": side.run.title, "diagnosis": side.diagnosis, "cause": _first_cause(side.diagnosis), "scores": list(_scores(side.evaluation)) if side.evaluation else [], "plots": plots}  # fmt: skip


def _first_cause(diagnosis: Diagnosis | None) -> str:
    return next((f.title for f in diagnosis.findings if f.code != "well-fitted"), "") if diagnosis else ""


def _html(figure: Any) -> str:
    """Return a figure whose script waits until the page has unpacked Plotly's code."""
    config = {"displayModeBar": False, "responsive": True}
    html = figure.to_html(full_html=False, include_plotlyjs=False, config=config)
    return re.sub(r"<script[^>]*>", '<script type="text/plain" class="plot">', html)


@cache
def _plotly() -> str:
    """Return Plotly's code as base64 of gzip: 2 MB instead of 5."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode()


def _classes(evaluation: Evaluation | None) -> dict[str, Any]:
    """Return confusion matrix and scores of the test images, of the validation images where there are no others."""
    chosen = [n for n in ("test", "validation") if evaluation and len(evaluation.splits[n].labels)]
    if not evaluation or not chosen:
        return {"confusion": "", "classes": [], "confused": ""}
    predictions, names = evaluation.splits[chosen[0]], evaluation.class_names
    matrix = figures.confusion(ev.confusion(predictions, len(names)), names)
    rows = ev.per_class(predictions, names).to_dict("records")
    return {"confusion": _html(matrix), "classes": rows, "confused": chosen[0]}


def _settings(experiment: Experiment) -> Iterator[tuple[str, str]]:
    described = experiment.model_dump(mode="json")
    for number, stage in enumerate(described.pop("earlier"), 1):
        described |= {f"stage {number}, {part}": values for part, values in stage.items()}
    for part, values in described.items():
        for name, value in values.items():
            if value is not None and name != "thawed":
                yield f"{part}: {name.replace('_', ' ')}", _value(value)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in value.items())
    if isinstance(value, list):
        return "; ".join(_value(v) for v in value) or "none"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
