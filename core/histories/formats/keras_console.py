"""What Keras prints while ``fit`` runs."""

import re
from bisect import bisect_left

from core.histories.content import without_control
from core.histories.formats.base import Example, Reader
from core.histories.log import Cell, Log, cell, guard

EPOCH = re.compile(r"^\s*Epoch:?\s+(\d{1,7})\s*/\s*(\d{1,7})\s*$", re.MULTILINE)
HEADER = re.compile(r"\s*Epoch:?\s+(\d{1,7})\s*/\s*(\d{1,7})(?!\d)")
METRIC = re.compile(
    r"([A-Za-z_][\w/@.-]{0,80})\s{0,3}:\s{0,3}([-+]?(?:\d[\d.]{0,40}(?:[eE][-+]?\d{1,4})?|nan|inf)%?)(?=\s|$|-|,|\]|;)",
    re.IGNORECASE,
)
CALLBACK = re.compile(r"improved from|did not improve|reducing learning rate|early stopping|restoring model|saving model|setting learning rate|has completed", re.IGNORECASE)  # fmt: skip
FOLD = re.compile(
    r"[^\w\n]{0,80}(?:[A-Za-z]{1,12} ){0,4}?(?:k-?)?fold\s{0,3}(?:no\.?|number|#|:)?\s{0,3}[:=#]?\s{0,3}(\d{1,3})\b",
    re.IGNORECASE,
)
SAMPLES = re.compile(r"Train on (\d{1,9}) samples(?:, validate on (\d{1,9}) samples)?")
PROGRESS = re.compile(
    r"\[[=>.\s]{5,}\]|[━─╸╺]{5,}|\d+/(?:\d+|Unknown)\s|s/step|s/epoch|s/sample|^\s*-?\s*\d+s\b|(?:^|\s)- (?:val_)?(?:loss|acc)"
)


def recognises(text: str, _name: str) -> bool:
    """Tell whether the text has Keras's lines ``Epoch 1/10`` with its metrics below them."""
    plain = without_control(text)
    return bool(EPOCH.search(plain)) and any(_metrics(line) and PROGRESS.search(line) for line in plain.splitlines())


def read(text: str, _name: str) -> Log:
    """Return one record an epoch: the line with validation figures, else the last of the progress bar.

    Progress bars write over themselves with carriage returns and backspaces; callbacks print lines between; another ``fit`` begins at a lower epoch
    or has another number of epochs; what ``evaluate`` prints in the end is no epoch.
    """
    records: list[dict[str, Cell]] = []
    log = Log(records)
    total, open_epoch, told, validating, fold = None, None, False, False, ""
    for line in without_control(text).splitlines():
        if len(line) > 4000 or CALLBACK.search(line):
            continue
        validating = validating or line.startswith("Eval begin")  # Paddle measures in a bar of its own
        if named := FOLD.match(line):
            fold = named[1]
        header = HEADER.match(line)
        if header:
            validating = False
            number, of = int(header[1]), int(header[2])
            if records and (of != total or number <= int(records[-1]["epoch"])):
                log.stages.append(len(records))
            total, open_epoch = of, {"epoch": float(number)} | ({"fold": float(fold)} if fold else {})
            records.append(open_epoch)  # type: ignore[arg-type]
            guard(len(records))
        found = _metrics(line[header.end() :] if header else line)
        found = {f"val_{n}": v for n, v in found.items()} if validating else found
        if found and open_epoch is not None and not (_validated(open_epoch) and not _validated(found)):
            open_epoch.update(found)
        elif found and open_epoch is not None and not told and "/" in line:
            told = True
            log.notes.append("What evaluate printed after training is no epoch; it was left out.")
    if seen := SAMPLES.search(text):
        log.known = {k: int(v) for k, v in zip(("n_train", "n_validation"), seen.groups(), strict=True) if v}
    _without_unfinished(log)
    return log


def _metrics(line: str) -> dict[str, float]:
    found = {name: cell(value) for name, value in METRIC.findall(line)}
    return {n: v for n, v in found.items() if isinstance(v, float) and n.lower() not in ("eta", "epoch")}


def _validated(figures: dict) -> bool:
    return any(str(name).startswith("val_") for name in figures)


def _without_unfinished(log: Log) -> None:
    """Leave out epochs that have no figures: cut off, or only announced."""
    kept = [i for i, r in enumerate(log.records) if len(r.keys() - {"fold"}) > 1]
    if len(kept) < len(log.records):
        log.notes.append(f"{len(log.records) - len(kept)} epoch(s) without figures were left out.")
    log.stages = sorted({bisect_left(kept, s) for s in log.stages} - {0, len(kept)})
    log.records = [log.records[i] for i in kept]


READER = Reader(
    "Keras console output",
    "What `model.fit` prints, old and new, with or without progress bars: an epoch is the line with its validation figures, or the bar's last state.",
    recognises,
    read,
    (
        Example(
            "Keras, printed by fit",
            "Epoch 1/2\n12/12 ━━━━━━━━━━━━━━━━━━━━ 3s 210ms/step - accuracy: 0.5512 - loss: 1.0213 - val_accuracy: 0.6804 - val_loss: 0.8127\n"
            "Epoch 2/2\n12/12 ━━━━━━━━━━━━━━━━━━━━ 2s 160ms/step - accuracy: 0.7421 - loss: 0.7032 - val_accuracy: 0.7391 - val_loss: 0.6642\n",
            2,
            ("loss", "accuracy", "val_loss", "val_accuracy"),
        ),
    ),
)
