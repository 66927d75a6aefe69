"""What a training loop prints: lines with names and figures, in whatever words. The generic reader, tried last."""

import math
import re
from functools import lru_cache

from core.histories.content import without_control
from core.histories.formats.base import Example, Reader
from core.histories.formats.keras_console import FOLD
from core.histories.languages import english, is_foreign
from core.histories.log import Cell, Log, cell, guard
from core.histories.names import ACCURACY, ERROR, LOSS, parse, words

LONGEST = 1500
MANY = 5_000  # lines, of which most are states of bars
SAME = 1e-3  # a figure rounded once more
BEFORE = 70  # characters before a figure in which its name must stand
STAMP = re.compile(
    r"^\s*(?:[\[(]?\d{4}[-/]\d{2}[-/]\d{2}[T ,]{0,2}\d{0,2}[:.\d,]{0,16}Z?[\])]?|[\[(]?\d{1,2}:\d{2}:\d{2}[.,\d]{0,8}[\])]?|\[?(?:INFO|DEBUG|WARNING|root)\b\]?|[-–:|]\s)[\s,:|-]{0,6}",
    re.IGNORECASE,
)
EPOCH = re.compile(
    r"\bep(?:och)?s?\.?\s{0,4}[:=#]?\s{0,4}\[?\s{0,6}(\d{1,7})(?:\s{0,4}/\s{0,4}\d{1,7}|\s{1,4}of\s{1,4}\d{1,7})?\s{0,4}\]?(?![\d.]*\s{0,3}%)(?!\.\d)|^\s*(\d{1,6})\s*/\s*\d{1,6}\b(?=\s*[:|,-])|^\s*Train(?:ing)?:\s{0,4}(\d{1,6})\s{0,4}\[|^\s*\[\s{0,4}(\d{1,6})(?:/\d{1,6})?\s{0,4}(?:,\s{0,8}\d{1,9})?\s{0,4}\]", re.IGNORECASE)  # fmt: skip
FIGURE = re.compile(
    r"(?<![\w.])([-+]?(?:\d{1,20}(?:[.,]\d{1,20})?|\.\d{1,20})(?:[eE][-+]?\d{1,4})?|[-+]?nan\b|[-+]?inf(?:inity)?\b)(\s{0,2}%)?", re.IGNORECASE)  # fmt: skip
AVERAGE = re.compile(
    r"\s{0,2}\(\s{0,6}([-+]?\d{1,20}(?:\.\d{1,20})?(?:[eE][-+]?\d{1,4})?|nan|inf)(\s{0,2}%)?\s{0,3}\)", re.IGNORECASE
)
COUNTED = re.compile(
    r"\s{0,3}/\s{0,3}(\d{1,9})(?:\.0)?\b(?:\s{0,3}\(\s{0,6}(\d{1,3}(?:\.\d{1,9})?)\s{0,2}%?\s{0,2}\))?"
)
IMAGES = re.compile(r"\s{0,3}\(\s{0,3}\d{1,9}\s{0,3}/\s{0,3}(\d{1,9})\s{0,3}\)")  # 81.2% (8120/10000)
FIGURES = ("loss", "accuracy", "error")
BESIDE = ("epoch", "fold", "of")  # what a record holds beside figures
PARTS = {"rate", "ema", "box", "cls", "obj", "dfl", "aux", "gen", "disc", "generator", "discriminator", "g", "d"}
CALLBACK = ("improved", "did not improve", "early stopping", "early-stopping", "earlystopping", "early_stopping", "saving", "saved", "patience", "restor", "checkpoint", "loading", "lowest", "highest", "finished", "complete")  # fmt: skip
SPLIT_ALONE = re.compile(r"^[\s*=#>\-–\[\](]{0,40}(?:(?:on|running|start(?:ing)?|begin(?:ning)?|doing|performing|now)\s)?(train(?:ing)?|val(?:id(?:ation)?)?|validating|eval(?:uat(?:ion|ing|e))?|test(?:ing)?|dev)\b(?![_/]|\.(?!\.))", re.IGNORECASE)  # fmt: skip
COUNTER = re.compile(
    r"\s{0,20}(?:iter(?:ation)?|step|round)s?\W{0,3}\d", re.IGNORECASE
)  # what was said of validation before it does not hold for it
OTHER = {
    "f1",
    "precision",
    "recall",
    "auc",
    "auroc",
    "map",
    "map50",
    "mae",
    "mse",
    "rmse",
    "iou",
    "miou",
    "dice",
    "bleu",
    "kappa",
    "mcc",
    "perplexity",
    "score",
    "r2",
}  # named, that it can be said that they were not used
CORRECT = re.compile(r"\b(?:correct|right|hits)\W{0,4}$", re.IGNORECASE)  # correct 431/500
NAMED = re.compile(
    r"loss|correct|score|dice|iou|auc|\bf1|\bm[as]e\b|acc|err|top|prec|hit|entropy|nll|cost|\bce\b|xent", re.IGNORECASE
)
OF_IMAGES = re.compile(r"\s(?:\w{1,12}\s)?(?:images|samples|examples|pictures)\b")  # on the 10000 test images
TRIALS = re.compile(r"^Trial \d{1,6} (?:Complete|finished|summary)", re.MULTILINE | re.IGNORECASE)
FULL = re.compile(
    r"\s{0,3}\|[\s\d#=>.\-\u2580-\u259f]{0,200}\|\s{0,3}\d{1,9}/\d"
)  # what follows the percentage of a progress bar
BAR = re.compile(r"^(.{0,120}?)\d{1,3}%\s{0,3}\|.{0,200}?\|\s{0,3}(\d{1,9})/(\d{1,9})\s")  # tqdm's
ESTIMATOR = re.compile(
    r"Saving dict for global step (\d{1,12}):", re.IGNORECASE
)  # what TensorFlow's estimators print of an evaluation
BOTH = re.compile(
    r"\(\s*(\w+)\s*[/|,]\s*(\w+)\s*\)\s*[:=]?\s*$|(\w+)\s*/\s*(\w+)[ _](?:loss|acc\w*)\s*[:=]?\s*$", re.IGNORECASE
)
SECOND = re.compile(r"\s{0,2}%?\s{0,2}[/|,]\s{0,2}([-+]?\d[\d.]{0,20}(?:[eE][-+]?\d{1,4})?|nan|inf)")
REPEATED = re.compile(r"Training Step: \d{1,9}\s{1,4}\| total loss:")  # TFLearn, of the loss in the next line
DIFFERENCE = re.compile(
    r"\W{0,20}(?:\w{1,20}[\s-]){0,3}(?:gap|diff|difference|delta|improvement)\s{0,3}[:=]", re.IGNORECASE
)  # training minus validation
SIGN = re.compile(r"[:=]\s*$")
PART, PART_DASH, COLON, UNIT = (
    re.compile(p) for p in (r"[A-Za-z@]$", r"[A-Za-z]-$", r"\s*[:=](?!\s*\(|>)", r"\s?([a-z]+)\b")
)
ENDS = re.compile(r"[\s:=>\-–~≈(\[{\"'|]+$")
OTHERS = re.compile(r"[=-]>|→|[,;|\t\]}{)]|\s[-–*]+\s|\s{3,}|\.{2,}\s|\.\s(?=[A-Z])")
UNITS = {"s", "sec", "ms", "it", "min", "samples", "img", "images"}


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
    log, epoch, context, previous, fold = Log([]), None, "", None, None
    counts: dict[str, int] = {}
    at: tuple | None = None  # the progress bar that wrote the last record, and how far it was
    for raw in _lines(text):
        if len(raw) > LONGEST or not raw.strip():
            continue
        line = ESTIMATOR.sub(r"eval step \1:", _without_stamp(raw))
        if "fold" in line.lower() and (named := FOLD.match(line)):
            fold, context = float(named[1]), ""
        if seen := EPOCH.search(line):
            number = float(next(g for g in seen.groups() if g))
            if number != epoch:
                context = ""
            epoch = number
        elif COUNTER.match(line):
            context = ""
        if _of_callback(line.lower(), bool(seen)) or REPEATED.match(line) or DIFFERENCE.match(line):
            continue
        if alone := SPLIT_ALONE.match(line):
            context = parse(alone[1]).split or context
        record = _figures(line, context, log, counts) if NAMED.search(line) else {}
        if record:
            if epoch is not None:
                record["epoch"] = epoch
            if fold is not None:
                record["fold"] = fold
            before, at = at, _bar(line, epoch)
            if log.records and at is not None and at == before:
                log.records[-1].update(record)  # the bar's last state counts
            elif log.records and _is_repeated(log.records[-1], record):
                continue
            elif log.records and _goes_on(log.records[-1], record):
                log.records[-1].update(record)
            else:
                log.records.append(record)
            guard(len(log.records))
        previous = line
    if len(log.records) == 1 and epoch is None and previous is not None:
        return Log([])
    log.known = counts
    _told_by_number(log)
    return log


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


def _figures(line: str, context: str, log: Log, counts: dict[str, int]) -> dict[str, Cell]:
    """Return the figures of a line under the words before them."""
    record: dict[str, Cell] = {}
    end, split, last = 0, context, ""
    inferred: set[str] = set()  # figures whose split is that of one before them
    for found in FIGURE.finditer(line):
        if found.start() < end:
            continue
        start = found.start()
        if "." not in found[0] and OF_IMAGES.match(line, found.end()):
            continue
        if found[2] and FULL.match(line, found.end()):
            continue
        if not _belongs(line[max(0, start - 3) : start], line[found.end() : found.end() + 8], "." in found[0]):
            continue
        before = line[max(end, start - BEFORE) : start]
        phrase = _phrase(before)
        if CORRECT.search(phrase) and COUNTED.match(line, found.end()):
            phrase = f"{phrase} accuracy"
        named = parse(phrase)
        if not named.quantity and named.split and not named.rest and last and "score" not in phrase.lower():
            phrase, named = f"{phrase} {last}", parse(f"{phrase} {last}")  # LOSS train 0.61 valid 0.72
        if told := _told_split(before):
            split = told
        if (second := SECOND.match(line, found.end())) and (pair := _pair(before, found, second)):
            record.update(pair)
            end = second.end()
            continue
        end = found.end()
        if named.quantity not in FIGURES:
            if shown := _other(phrase, named.split or split):
                record.setdefault(shown, _float(cell(found[1])) or 0.0)
            continue
        last = named.quantity
        value, end, percent = _value(line, found, named.quantity, counts, named.split or split)
        if value is None:
            continue
        name = _name(phrase, named.split or split)
        if percent:
            log.percent.add(name)
        if named.split and name in inferred:  # loss, val_loss, acc, val_acc: what was taken for validation was not
            record[_name(phrase, "").removeprefix(f"{named.split} ")] = record.pop(name)
            inferred.discard(name)
        elif not named.split and split:
            inferred.add(name)
        record.setdefault(name, value)
        if images := IMAGES.match(line, end):
            record["of"] = float(images[1])
    return record


def _pair(before: str, first: re.Match, second: re.Match) -> dict[str, Cell]:
    """Return the two figures of ``loss (train/val): 0.61/0.72``; none where no two sets of images are named."""
    both = BOTH.search(before)
    named = [split for g in both.groups() if g and (split := parse(g).split)] if both else []
    words_left = OTHERS.split(re.sub(r"[()]", " ", before).strip())[-1]
    quantity = _quantity(words_left)
    if len(named) != 2 or not quantity:
        return {}
    shown = (cell(first[1]), cell(second[1]))
    return {f"{split} {quantity}": v for split, v in zip(named, shown, strict=True) if isinstance(v, float)}


def _quantity(phrase: str) -> str:
    quantity = parse(phrase).quantity
    return quantity if quantity in FIGURES else ""


@lru_cache(maxsize=4096)
def _told_split(before: str) -> str:
    """Return the last split that the words before a figure name."""
    found = [s for w in words(before) if (s := parse(w).split)]
    return found[-1] if found else ""


@lru_cache(maxsize=4096)
def _phrase(before: str) -> str:
    """Return the name of a figure: the words right before it, from the last sign that ends another's."""
    bare = ENDS.sub("", before)
    bare = OTHERS.split(bare)[-1]
    return bare.strip()


@lru_cache(maxsize=16384)
def _belongs(before: str, after: str, decimal: bool) -> bool:
    """Tell by what stands around a figure whether it is the name's and not a part of it (``top-1``, ``acc@1``), nor a time."""
    names_more = COLON.match(after) and not (decimal and SIGN.search(before))  # ``top 1: 0.61``; not ``acc=0.61: 40%``
    named_by_it = PART.search(before) or names_more
    unit = UNIT.match(after)
    return not named_by_it and not (unit and unit[1] in UNITS)


def _value(
    line: str, found: re.Match, quantity: str, counts: dict[str, int], split: str
) -> tuple[float | None, int, bool]:
    """Return a figure, where it ends, and whether it is a percentage."""
    end, percent = found.end(), bool(found[2])
    if quantity != "loss" and (counted := COUNTED.match(line, end)):
        right, of = cell(found[1]), float(counted[1])
        if isinstance(right, float) and of >= max(right, 1):
            counts["n_train" if split == "train" else "n_validation"] = int(of)
            return right / of, counted.end(), False
    number = cell(found[1])
    if (average := AVERAGE.match(line, end)) and (quantity == "loss" or not average[2]):
        return _float(cell(average[1])), average.end(), percent or bool(average[2])
    return _float(number), end, percent


def _float(value: Cell | None) -> float | None:
    return value if isinstance(value, float) else None


@lru_cache(maxsize=4096)
def _other(phrase: str, split: str) -> str:
    """Return the name of a figure that is neither loss nor accuracy but a known measure; "" for anything else."""
    kept = [w for w in words(phrase) if w in OTHER or parse(w).split]
    name = " ".join(dict.fromkeys(kept))
    return "" if not OTHER & set(kept) else f"{split} {name}" if split and not parse(name).split else name


@lru_cache(maxsize=4096)
def _name(phrase: str, split: str) -> str:
    """Return a short name of a figure: its split and quantity in the words of the file where they are few."""
    identifier = (
        phrase.split()[-1] if phrase.split() else ""
    )  # loss_bbox is no loss as a whole; words before it are prose
    telling = PARTS | set(parse(identifier).rest)
    kept = [w for w in words(phrase) if w in LOSS | ACCURACY | ERROR | telling or parse(w).split]
    name = " ".join(dict.fromkeys(kept))
    return f"{split} {name}" if split and not parse(name).split else name


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
