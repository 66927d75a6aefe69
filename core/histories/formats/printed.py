"""What a training loop prints: lines with names and figures, in whatever words. The generic reader, tried last."""

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from core.histories.content import without_control
from core.histories.formats.base import Example, Reader
from core.histories.formats.keras_console import FOLD
from core.histories.languages import english, is_foreign
from core.histories.log import Cell, Log, guard
from core.histories.names import parse
from core.histories.printed_line import FIGURE, FIGURES, figures

LONGEST = 1500
MANY = 5_000  # lines, of which most are states of bars
SAME = 1e-3  # a figure rounded once more
STAMP = re.compile(
    r"^\s*(?:[\[(]?\d{4}[-/]\d{2}[-/]\d{2}[T ,]{0,2}\d{0,2}[:.\d,]{0,16}Z?[\])]?|[\[(]?\d{1,2}:\d{2}:\d{2}[.,\d]{0,8}[\])]?|\[?(?:INFO|DEBUG|WARNING|root)\b\]?|[-–:|]\s)[\s,:|-]{0,6}",
    re.IGNORECASE,
)
EPOCH = re.compile(
    r"\bep(?:och)?s?\.?\s{0,4}[:=#]?\s{0,4}\[?\s{0,6}(\d{1,7})(?:\s{0,4}/\s{0,4}\d{1,7}|\s{1,4}of\s{1,4}\d{1,7})?\s{0,4}\]?(?![\d.]*\s{0,3}%)(?!\.\d)|^\s*(\d{1,6})\s*/\s*\d{1,6}\b(?=\s*[:|,-])|^\s*Train(?:ing)?:\s{0,4}(\d{1,6})\s{0,4}\[|^\s*\[\s{0,4}(\d{1,6})(?:/\d{1,6})?\s{0,4}(?:,\s{0,8}\d{1,9})?\s{0,4}\]", re.IGNORECASE)  # fmt: skip
BESIDE = ("epoch", "fold", "of")  # what a record holds beside figures
CALLBACK = ("improved", "did not improve", "early stopping", "early-stopping", "earlystopping", "early_stopping", "saving", "saved", "patience", "restor", "checkpoint", "loading", "lowest", "highest", "finished", "complete")  # fmt: skip
SPLIT_ALONE = re.compile(r"^[\s*=#>\-–\[\](]{0,40}(?:(?:on|running|start(?:ing)?|begin(?:ning)?|doing|performing|now)\s)?(train(?:ing)?|val(?:id(?:ation)?)?|validating|eval(?:uat(?:ion|ing|e))?|test(?:ing)?|dev)\b(?![_/]|\.(?!\.))", re.IGNORECASE)  # fmt: skip
COUNTER = re.compile(
    r"\s{0,20}(?:iter(?:ation)?|step|round)s?\W{0,3}\d", re.IGNORECASE
)  # what was said of validation before it does not hold for it
NAMED = re.compile(
    r"loss|correct|score|dice|iou|auc|\bf1|\bm[as]e\b|acc|err|top|prec|hit|entropy|nll|cost|\bce\b|xent", re.IGNORECASE
)
TRIALS = re.compile(r"^Trial \d{1,6} (?:Complete|finished|summary)", re.MULTILINE | re.IGNORECASE)
BAR = re.compile(r"^(.{0,120}?)\d{1,3}%\s{0,3}\|.{0,200}?\|\s{0,3}(\d{1,9})/(\d{1,9})\s")  # tqdm's
ESTIMATOR = re.compile(
    r"Saving dict for global step (\d{1,12}):", re.IGNORECASE
)  # what TensorFlow's estimators print of an evaluation
REPEATED = re.compile(r"Training Step: \d{1,9}\s{1,4}\| total loss:")  # TFLearn, of the loss in the next line
DIFFERENCE = re.compile(
    r"\W{0,20}(?:\w{1,20}[\s-]){0,3}(?:gap|diff|difference|delta|improvement)\s{0,3}[:=]", re.IGNORECASE
)  # training minus validation


def recognises(text: str, _name: str) -> bool:
    """Tell whether a line names a loss or an accuracy and holds a figure."""
    if TRIALS.search(text):
        return False  # a figure a trial is no course of one run
    return any(len(x) <= LONGEST and FIGURE.search(x) for x in _lines(text) if NAMED.search(x[:LONGEST]))


def read(text: str, _name: str) -> Log:
    """Return a record a line, figures under the names before them.

    An epoch number holds until the next; ``train`` or ``val`` before a figure holds for the rest of the line, at the beginning of a line also for the lines
    below that do not say; of ``0.61 (0.58)`` the average in brackets counts, of ``9838/10000 (98%)`` the share. Lines of callbacks are passed over.
    """
    log, place = Log([]), _Place()
    for raw in _lines(text):
        if len(raw) > LONGEST or not raw.strip():
            continue
        line = ESTIMATOR.sub(r"eval step \1:", _without_stamp(raw))
        counted = place.move(line)
        if _of_callback(line.lower(), counted) or REPEATED.match(line) or DIFFERENCE.match(line):
            continue
        if alone := SPLIT_ALONE.match(line):
            place.split = parse(alone[1]).split or place.split
        if NAMED.search(line) and (record := figures(line, place.split, log)):
            _add(log, record | place.stamp(), place.is_same_bar(line))
    if len(log.records) == 1 and place.epoch is None:
        return Log([])
    _told_by_number(log)
    return log


@dataclass
class _Place:
    """Where a line stands, by what the lines above it say."""

    epoch: float | None = None
    fold: float | None = None
    split: str = ""
    bar: tuple | None = None  # the progress bar that wrote the last record, and how far it was

    def move(self, line: str) -> bool:
        """Take over the fold and the epoch that a line names; return whether it names an epoch."""
        if "fold" in line.lower() and (named := FOLD.match(line)):
            self.fold, self.split = float(named[1]), ""
        seen = EPOCH.search(line)
        number = float(next(g for g in seen.groups() if g)) if seen else self.epoch
        if number != self.epoch or (not seen and COUNTER.match(line)):
            self.split = ""
        self.epoch = number
        return bool(seen)

    def stamp(self) -> dict[str, Cell]:
        """Return the epoch and the fold where they are known."""
        known = {"epoch": self.epoch, "fold": self.fold}
        return {name: number for name, number in known.items() if number is not None}

    def is_same_bar(self, line: str) -> bool:
        """Tell whether a line is the next state of the progress bar that wrote the last record."""
        before, self.bar = self.bar, _bar(line, self.epoch)
        return before is not None and before == self.bar


def _add(log: Log, record: dict[str, Cell], is_same_bar: bool) -> None:
    """Append a record, or take it into the last one where it goes on with that; a bar's last state counts."""
    last = log.records[-1] if log.records else None
    if last is not None and not is_same_bar and _is_repeated(last, record):
        return
    if last is not None and (is_same_bar or _goes_on(last, record)):
        last.update(record)
        return
    log.records.append(record)
    guard(len(log.records))


def _told_by_number(log: Log) -> None:
    """Where each epoch has two lines that do not say of which images they are, the one of fewer images is validation."""
    numbers = [r.pop("of", None) for r in log.records]
    whole = sorted({n for n in numbers if isinstance(n, float)})
    if len(whole) != 2 or any(parse(n).split for n in log.names):
        return
    for record, number in zip(log.records, numbers, strict=True):
        if number == whole[0]:
            named = {n: v for n, v in record.items() if n not in BESIDE}
            record.update({f"val {n}": record.pop(n) for n in named})
    log.percent |= {f"val {n}" for n in log.percent}
    log.known = {"n_train": int(whole[1]), "n_validation": int(whole[0])}
    log.notes.append(f"The lines that count {whole[0]:.0f} images were read as validation, those that count {whole[1]:.0f} as training.")  # fmt: skip


def _of_callback(line: str, counted: bool) -> bool:
    """Tell whether a line, in small letters, is what a callback says and no figure of an epoch."""
    if not any(word in line for word in CALLBACK) and not re.search(r"best\b", line):
        return False
    return not counted or ("loss" not in line and len(NAMED.findall(line)) < 2) or "improve" in line or "sav" in line


@lru_cache(maxsize=1)
def _lines(text: str) -> list[str]:
    """Return the lines without control characters, words of other languages in English."""
    plain = without_control(text)
    lines = _without_states(plain.splitlines())
    return [english(x) if len(x) <= LONGEST else x for x in lines] if is_foreign(plain) else lines


def _without_states(lines: list[str]) -> list[str]:
    """Return the lines of a long log without those that a progress bar wrote over at once."""
    if len(lines) < MANY:
        return lines
    bars = [(m[1], m[3]) if len(x) <= LONGEST and (m := BAR.match(x)) else None for x in lines]
    return [x for x, bar, then in zip(lines, bars, [*bars[1:], None], strict=True) if bar is None or bar != then]


def _bar(line: str, epoch: float | None) -> tuple | None:
    """Return which state of a progress bar a line is: of a bar within an epoch any, of a bar over epochs the one at this count."""
    found = BAR.match(line)
    if found is None:
        return None
    words_before = re.sub(r"[\d./%\s]+", " ", found[1])
    return (words_before, epoch, found[3]) if epoch is not None else (words_before, found[2], found[3])


def _is_repeated(before: dict[str, Cell], record: dict[str, Cell]) -> bool:
    """Tell whether a line says again what the one before it said of its epoch: logged and printed, or on saving the best weights."""
    return "epoch" in record and all(
        n in before and isinstance(v, float) and math.isclose(before[n], v, rel_tol=SAME)  # type: ignore[arg-type]
        for n, v in record.items()
    )


def _goes_on(before: dict[str, Cell], record: dict[str, Cell]) -> bool:
    """Tell whether a line is a later one of the same validation: its progress, or its mean at the end."""
    figures = [n for r in (before, record) for n in r if parse(n).quantity in FIGURES]
    return (
        "epoch" in record
        and before.get("epoch") == record["epoch"]
        and all(parse(n).split in ("val", "test") for n in figures)
    )


def _without_stamp(line: str) -> str:
    for _ in range(4):
        shorter = STAMP.sub("", line, count=1)
        if shorter == line:
            break
        line = shorter
    return line


READER = Reader(
    "Printed by a training loop",
    "Lines in which figures stand behind their names, in whatever words, order and language the loop prints them; the last resort for logs.",
    recognises,
    read,
    (
        Example(
            "A PyTorch loop, a line an epoch",
            "Epoch 1/3 - Train Loss: 1.1214, Train Accuracy: 48.10%, Validation Loss: 1.0513, Validation Accuracy: 51.02%\n"
            "Epoch 2/3 - Train Loss: 0.8320, Train Accuracy: 66.31%, Validation Loss: 0.9127, Validation Accuracy: 60.15%\n"
            "Epoch 3/3 - Train Loss: 0.6411, Train Accuracy: 75.20%, Validation Loss: 0.8604, Validation Accuracy: 63.40%\n",
            3,
            ("loss", "val_loss", "accuracy", "val_accuracy"),
        ),
        Example(
            "A PyTorch loop, a line a split",
            "Epoch 0/1\ntrain Loss: 0.7214 Acc: 0.6411\nval Loss: 0.5120 Acc: 0.7503\nEpoch 1/1\ntrain Loss: 0.4310 Acc: 0.8122\nval Loss: 0.4018 Acc: 0.8205\n",
            2,
            ("loss", "val_loss", "accuracy", "val_accuracy"),
        ),
    ),
)
