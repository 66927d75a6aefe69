"""What fine-tuning changed, as a part of the report: heat maps, map of pictures, what moved, pictures that help or harm."""

from collections.abc import Callable
from typing import Any

import numpy as np

from core import data, figures
from core.comparison import changed_answers
from core.engine import Engine
from core.errors import ThawError
from core.evaluation import Evaluation
from core.export.report import PAGES
from core.insight import embedding, influence, path, saliency, similarity
from core.runs import Run, RunStore
from core.words import signed

MOST_MOVED, STRONGEST, SIDE, MAP_SIDE = 6, 8, 112, 420


def seen(engine: Engine, store: RunStore, before: Run | None, after: Run) -> str:
    """Return the part of a report that shows what a run, or a pair, learnt to look at; what cannot be had is left out.

    Parameters
    ----------
    engine, store
        Answers come from a worker, in seconds.
    before, after
        Two runs of the same pictures, width and image size, or one.

    Returns
    -------
    str
        HTML without scripts, pictures as JPEG; well below 3 MB. Empty where nothing could be had.
    """
    runs = [before, after] if before else [after]
    try:
        images = data.load(after.experiment.data, after.experiment.backbone.size)
        evaluation = store.evaluation(after.id)
    except ThawError:
        return ""
    if evaluation is None:
        return ""

    def ask(function: Callable[..., Any], ids: list[str], *more: Any) -> Any:
        try:
            return engine.call(function, store.uri, ids, *more, timeout=120.0)
        except ThawError:
            return None

    ids, depth = [r.id for r in runs], saliency.default_depth(images.size)
    heat = ask(saliency.look_at_split, ids, depth)
    placed = ask(embedding.place, ids, "Conv_1", "pca")
    moved = ask(similarity.changes, ids)
    strongest = ask(influence.of_training_pictures, [after.id])
    answers = store.evaluation(before.id) if before else None
    walked = ask(path.along, ids) if before and answers and not _obstacle(before, after, answers, evaluation) else None
    parts = {
        "roles": ["before", "after"] if before else [""],
        "heat": _heat(heat, images, evaluation.class_names) if heat else None,
        "maps": _maps(placed) if placed else None,
        "classes": list(zip(figures.CLASS_COLOURS, evaluation.class_names, strict=False)),
        "placed": placed,
        "moved": _moved(moved) if moved else None,
        "changed": _changed(answers, evaluation, images) if answers else [],
        "path": _path(walked) if walked and walked.layers else None,
        "strongest": _strongest(strongest, images) if strongest else None,
    }
    if not any(parts[k] for k in ("heat", "maps", "moved", "path", "strongest")):
        return ""
    return PAGES.get_template("seen.html.j2").render(**parts)


def _obstacle(before: Run, after: Run, answers: Evaluation, evaluation: Evaluation) -> str:
    return path.obstacle(before, after, answers.class_names == evaluation.class_names)


def _changed(
    before: Evaluation, after: Evaluation, images: data.Dataset
) -> list[tuple[str, str, list[tuple[str, float]]]]:
    """Return validation pictures that one run knew and the other did not: the picture, its class, and each run's answer with its probability."""
    a, b = before.splits["validation"], after.splits["validation"]
    if not np.array_equal(a.rows, b.rows):
        return []
    return [
        (
            figures.picture_uri(np.asarray(images.validation.source[b.rows[c.at]]), SIDE),
            after.class_names[c.label],
            [(after.class_names[n], float(p.probabilities[c.at, n])) for p, n in ((a, c.before), (b, c.after))],
        )
        for c in changed_answers(a, b, MOST_MOVED)
    ]


def _path(found: path.Path) -> dict:
    pictures = [figures.path_picture(v, title) for v, title in ((found.accuracy, "accuracy"), (found.loss, "loss"))]
    return {"told": path.told(found), "pictures": pictures, "lines": list(zip(figures.PATH_COLOURS, path.CONDITIONS, strict=False)), "n": found.n}  # fmt: skip


def _heat(heat: list[saliency.SplitHeat], images: data.Dataset, names: tuple[str, ...]) -> dict:
    limit = max(float(h.mean(c).max()) for h in heat for c in range(len(names)))
    means = [[figures.picture_uri(figures.heat_map(h.mean(c), limit), SIDE) for h in heat] for c in range(len(names))]
    by_change = saliency.moved(heat[0], heat[-1]) if len(heat) > 1 else heat[0].lost
    rows = []
    for at in np.argsort(-by_change)[:MOST_MOVED]:
        image = np.asarray(images.validation.source[images.validation.indices[heat[0].rows[at]]])
        shown = [image, *(figures.heat_picture(image, h.shares[at]) for h in heat)]
        rows.append((names[heat[0].labels[at]], [figures.picture_uri(p, SIDE) for p in shown]))
    honest = [(float(np.median(h.lost)), float(np.median(h.lost_at_random))) for h in heat]
    return {"means": list(zip(names, means, strict=True)), "rows": rows, "honest": honest, "n": len(heat[0].rows)}


def _maps(placed: embedding.PictureMap) -> list[str]:
    """Return each run's map as SVG: a dot a picture, a dark rim where the answer is wrong."""
    return [_map(positions, predicted, placed.labels) for positions, predicted in zip(placed.positions, placed.predicted, strict=True)]  # fmt: skip


def _map(positions: np.ndarray, predicted: np.ndarray, labels: np.ndarray) -> str:
    dots = "".join(
        _dot(x, y, int(label), wrong=answer != label)
        for (x, y), answer, label in zip(positions, predicted, labels, strict=True)
    )
    return (
        f'<svg viewBox="0 0 {MAP_SIDE} {MAP_SIDE}" role="img" aria-label="Map of {len(labels)} pictures">{dots}</svg>'
    )


def _dot(x: float, y: float, label: int, *, wrong: bool) -> str:
    colour, inner = figures.CLASS_COLOURS[label % len(figures.CLASS_COLOURS)], MAP_SIDE - 16
    rim = ' stroke="#111" stroke-width="2"' if wrong else ""
    return f'<circle cx="{8 + inner * x:.0f}" cy="{8 + inner * (1 - y):.0f}" r="4.5" fill="{colour}" fill-opacity="0.8"{rim}/>'


def _moved(found: similarity.Changes) -> dict:
    most = sorted(found.weights, key=found.weights.__getitem__, reverse=True)[:8]
    rows = [(block, found.before[block], found.after[block], found.likeness[block]) for block in found.before]
    return {"layers": [(name, found.weights[name]) for name in most if found.weights[name]], "blocks": rows, "n": found.n_validation}  # fmt: skip


def _strongest(found: influence.Influence, images: data.Dataset) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (title, [_training_picture(found, images, int(i)) for i in at])
        for title, at in zip(("help most", "harm most"), found.strongest(STRONGEST), strict=True)
        if len(at)
    ]


def _training_picture(found: influence.Influence, images: data.Dataset, i: int) -> tuple[str, str]:
    row = found.rows[i]
    name = images.class_names[images.train.labels[row]]
    picture = np.asarray(images.train.source[images.train.indices[row]])
    return figures.picture_uri(picture, SIDE), f"{name} {signed(100 * found.helps[i], 2)}%"
