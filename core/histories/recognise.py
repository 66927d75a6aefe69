"""Which column of a file is which of ours."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.errors import HistoryError
from core.histories.log import Log
from core.histories.names import Name, parse, words

TARGETS = ("loss", "val_loss", "accuracy", "val_accuracy", "clean_loss", "clean_accuracy")
WANTED = {"loss": ("loss", "train"), "val_loss": ("loss", "val"), "accuracy": ("accuracy", "train"), "val_accuracy": ("accuracy", "val")}  # fmt: skip
DETECTION = {"box", "dfl", "obj", "giou", "bbox", "rpn", "objectness", "landmark"}
GAN = tuple(
    re.compile(rf"(?:^|[\s_/.-])(?:{side})[\s_/.-]{{0,3}}loss|loss[\s_/.-]{{0,3}}(?:{side})\b", re.IGNORECASE)
    for side in ("g|gen|generator", "d|dis|disc|discriminator")
)
OVERLAP = {"dice", "iou", "miou", "jaccard", "dsc"}
SPARSE = 0.2  # a column with fewer figures than so many times the fullest of its kind is a summary


@dataclass
class Columns:
    """The choice that was made.

    Attributes
    ----------
    sources
        Ours → the file's.
    inverted
        Targets whose source is an error rate.
    notes
        Sentences on choices that could have been others.
    """

    sources: dict[str, str] = field(default_factory=dict)
    inverted: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def recognise(log: Log, roles: Mapping[str, str] | None = None) -> Columns:
    """Return which of a log's columns are ours.

    Parameters
    ----------
    log
        What was read.
    roles
        What a person has said: a target → a name of the file; "" for none.

    Raises
    ------
    HistoryError
        When no loss is among the columns, and no accuracy that was measured more than once.
    """
    figures = _figures(log)
    names = {name: parse(name) for name in figures}
    columns = Columns()
    for target in WANTED:
        _choose(target, names, figures, columns)
    _accuracy_of_which_images(names, columns, log)
    _clean(figures, columns)
    _corrected(columns, roles or {}, figures)
    if not {"loss", "val_loss"} & set(columns.sources) and not _course(columns, figures):
        _refuse(log, columns)
    _tell(names, columns)
    return columns


def _course(columns: Columns, figures: dict[str, list[float]]) -> bool:
    """Tell whether an accuracy was measured more than once, so that there is a course to judge without any loss."""
    return any(len(figures.get(n, ())) > 1 for t, n in columns.sources.items() if t.endswith("accuracy"))


def _figures(log: Log) -> dict[str, list[float]]:
    """Return the numbers of each column that has any."""
    figures: dict[str, list[float]] = {}
    for record in log.records:
        for name, value in record.items():
            if isinstance(value, float):
                figures.setdefault(name, []).append(value)
    return figures


def _choose(target: str, names: dict[str, Name], figures: dict[str, list[float]], columns: Columns) -> None:
    quantity, split = WANTED[target]
    most = max(map(len, figures.values()), default=0)
    candidates = [n for n, name in names.items() if _fits(name, quantity, split) and n not in columns.sources.values() and not (name.split in ("", "test") and len(figures[n]) == 1 and most > 2)]  # fmt: skip
    if not candidates:
        return
    fullest = max(len(figures[n]) for n in candidates)
    best = min(candidates, key=lambda n: _oddness(names[n], figures[n], fullest, _same(target, names, columns)))
    columns.sources[target] = best
    if names[best].quantity == "error":
        columns.inverted.add(target)
    if quantity == "loss" and names[best].rest and len(candidates) > 1:
        columns.notes.append(f"Of several losses “{best}” was read as {target}.")


def _fits(name: Name, quantity: str, split: str) -> bool:
    if name.quantity != quantity and not (quantity == "accuracy" and name.quantity == "error"):
        return False
    return name.split in (("train", "") if split == "train" else ("val", "test"))


def _same(target: str, names: dict[str, Name], columns: Columns) -> tuple[str, ...] | None:
    """Return the extra words of the training column, which the validation column should share."""
    partner = columns.sources.get(target.removeprefix("val_")) if target.startswith("val_") else None
    return names[partner].rest if partner else None


def _oddness(name: Name, values: list[float], fullest: int, partner: tuple[str, ...] | None) -> float:
    """Return how far a column is from what one would name the figure; the plainest name wins."""
    odd = 10.0 * len(name.rest) - (3 if "cls" in name.rest or "class" in name.rest else 0)
    odd += 1 if name.split == "" else 0
    odd += 5 if name.split == "test" else 0
    odd += 2 if name.per_step else 0
    odd += 3 if name.quantity == "error" else 0
    odd += 4 if len(values) < SPARSE * fullest else 0
    odd += 40 if not any(values) else 0  # a part that is zero throughout, as the class loss of a single class
    return odd + (6 if partner is not None and partner != name.rest else 0)


def _accuracy_of_which_images(names: dict[str, Name], columns: Columns, log: Log) -> None:
    """Take an accuracy without a split for validation where the losses name theirs, or where it is never written together with the training loss."""
    source = columns.sources.get("accuracy")
    if source is None or "val_accuracy" in columns.sources or names[source].split:
        return
    loss, val_loss = (columns.sources.get(k) for k in ("loss", "val_loss"))
    named = val_loss is not None and (loss is None or names[loss].split == "train")
    if not named and not _apart(log, loss, source):
        return
    columns.sources["val_accuracy"] = columns.sources.pop("accuracy")
    if "accuracy" in columns.inverted:
        columns.inverted = columns.inverted - {"accuracy"} | {"val_accuracy"}
    why = (
        "stands beside a training and a validation loss and does not say of which images it is"
        if named
        else "is never written together with the training loss"
    )
    columns.notes.append(f"“{source}” {why}; it was read as validation accuracy.")


def _apart(log: Log, loss: str | None, accuracy: str) -> bool:
    """Tell whether no record holds both figures, though both are written more than once."""
    if loss is None or log.by_step:
        return False
    written = [(loss in r, accuracy in r) for r in log.records]
    return not any(a and b for a, b in written) and min(sum(a for a, _ in written), sum(b for _, b in written)) > 1


def _clean(figures: Iterable[str], columns: Columns) -> None:
    for name in figures:
        target = "_".join(words(name))
        if target in ("clean_loss", "clean_accuracy"):
            columns.sources[target] = name


def _corrected(columns: Columns, roles: Mapping[str, str], figures: Mapping[str, object]) -> None:
    """Put in what a person has said."""
    for target, name in roles.items():
        if target not in TARGETS:
            continue
        columns.inverted.discard(target)
        for other in [t for t, n in columns.sources.items() if n == name and t not in roles]:
            del columns.sources[other]
        if name in figures:
            columns.sources[target] = name
            if target.endswith("accuracy") and parse(name).quantity == "error":
                columns.inverted.add(target)
        else:
            columns.sources.pop(target, None)


def _tell(names: dict[str, Name], columns: Columns) -> None:
    """Note what a reader of the verdict must know about the choice."""
    chosen = {t: names[n] for t, n in columns.sources.items() if n in names}
    if "test" in {name.split for name in chosen.values()}:
        columns.notes.append("There is no validation split, so the test figures were read as validation.")
    elif left := [n for n, name in names.items() if name.split == "test" and name.quantity in ("loss", "accuracy", "error")]:  # fmt: skip
        columns.notes.append(f"Test figures were left out: {_listed(left)}.")
    parts = {part for name in names.values() for part in name.rest}
    if all(any(side.search(n) for n in names) for side in GAN):
        columns.notes.append("This looks like a generator and a discriminator, two networks against each other: neither loss tells how good they are, so there is nothing here for a verdict.")  # fmt: skip
    if overlaps := [n for n in names if OVERLAP & set(words(n))]:
        counted = " its accuracies count pixels, not images;" if any(t.endswith("accuracy") for t in columns.sources) else ""  # fmt: skip
        columns.notes.append(f"This looks like a segmentation run, not a classification run:{counted} {_listed(overlaps[:3])} {'were' if len(overlaps) > 1 else 'was'} not used.")  # fmt: skip
    if parts & DETECTION:
        read = " and ".join(f"“{columns.sources[t]}”" for t in ("loss", "val_loss") if t in columns.sources)
        counts = "s" if " and " not in read else ""
        columns.notes.append(
            f"This looks like an object detection run, not a classification run; of its losses only {read} count{counts} here, so take the verdict for that part alone."
        )


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"“{n[:40]}”" for n in names[:6])
    return f"{shown} and {len(names) - 6} more" if len(names) > 6 else shown


def _refuse(log: Log, columns: Columns) -> None:
    losses = [n for n in log.names if parse(n).quantity == "loss"]
    if losses:
        raise HistoryError(f"The loss columns hold no numbers ({_listed(losses)}). Give one number an epoch.")
    listed = ", ".join(n[:40] for n in log.names[:8]) or "nothing"
    raise HistoryError(
        f"No loss was found among the columns ({listed}). Name them loss and val_loss, one row an epoch."
    )


def share(values: list[float], percent: bool) -> float:
    """Return what accuracies are divided by: 100 where they are percentages, marked so or above 1.5."""
    finite = [v for v in values if math.isfinite(v)]
    return 100.0 if percent or (finite and max(finite) > 1.5) else 1.0
