"""What one printed line says: figures under the words before them."""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from core.histories.log import Cell, Log, cell
from core.histories.names import ACCURACY, ERROR, LOSS, Name, parse, words

BEFORE = 70  # characters before a figure in which its name must stand
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
PAIRED = "Of two figures behind one name the first was read as training, the second as validation."
PARTS = {"rate", "ema", "box", "cls", "obj", "dfl", "aux", "gen", "disc", "generator", "discriminator", "g", "d"}
OTHER = {"f1", "precision", "recall", "auc", "auroc", "map", "map50", "mae", "mse", "rmse", "iou", "miou", "dice", "bleu", "kappa", "mcc", "perplexity", "score", "r2"}  # named, that it can be said that they were not used  # fmt: skip
CORRECT = re.compile(r"\b(?:correct|right|hits)\W{0,4}$", re.IGNORECASE)  # correct 431/500
OF_IMAGES = re.compile(r"\s(?:\w{1,12}\s)?(?:images|samples|examples|pictures)\b")  # on the 10000 test images
FULL = re.compile(
    r"\s{0,3}\|[\s\d#=>.\-\u2580-\u259f]{0,200}\|\s{0,3}\d{1,9}/\d"
)  # what follows the percentage of a progress bar
BOTH = re.compile(
    r"\(\s*(\w+)\s*[/|,]\s*(\w+)\s*\)\s*[:=]?\s*$|(\w+)\s*/\s*(\w+)[ _](?:loss|acc\w*)\s*[:=]?\s*$", re.IGNORECASE
)
SECOND = re.compile(r"\s{0,2}%?\s{0,2}[/|,]\s{0,2}([-+]?\d[\d.]{0,20}(?:[eE][-+]?\d{1,4})?|nan|inf)")
SIGN = re.compile(r"[:=]\s*$")
PART, COLON, UNIT = (re.compile(p) for p in (r"[A-Za-z@]$", r"\s*[:=](?!\s*\(|>)", r"\s?([a-z]+)\b"))
ENDS = re.compile(r"[\s:=>\-–~≈(\[{\"'|]+$")
OTHERS = re.compile(r"[=-]>|→|[,;|\t\]}{)]|\s[-–*]+\s|\s{3,}|\.{2,}\s|\.\s(?=[A-Z])")
UNITS = {"s", "sec", "ms", "it", "min", "samples", "img", "images"}


def figures(line: str, split: str, log: Log) -> dict[str, Cell]:
    """Return the figures of a line under short names.

    Parameters
    ----------
    line
        A line without its time stamp.
    split
        "train", "val" or "test" where a line above said so, else "".
    log
        Told of percentages, and of how many images a line counts.
    """
    return _Line(line, log, split).read()


@dataclass
class _Line:
    text: str
    log: Log
    split: str  # the last one that was named
    record: dict[str, Cell] = field(default_factory=dict)
    inferred: set[str] = field(default_factory=set)  # figures whose split is that of one before them
    last: str = ""  # the last quantity
    end: int = 0  # of what has been read

    def read(self) -> dict[str, Cell]:
        for found in FIGURE.finditer(self.text):
            if found.start() >= self.end and self._counts(found):
                self._take(found)
        return self.record

    def _counts(self, found: re.Match) -> bool:
        """Tell whether a figure is neither a number of images, nor how far a progress bar is, nor part of a name or a time."""
        if "." not in found[0] and OF_IMAGES.match(self.text, found.end()):
            return False
        if found[2] and FULL.match(self.text, found.end()):
            return False
        around = self.text[max(0, found.start() - 3) : found.start()], self.text[found.end() : found.end() + 8]
        return _belongs(*around, "." in found[0])

    def _take(self, found: re.Match) -> None:
        before = self.text[max(self.end, found.start() - BEFORE) : found.start()]
        phrase, named = self._named(before, found.end())
        self.split = _told_split(before) or self.split
        second = SECOND.match(self.text, found.end())
        if second and (pair := _pair(before, found, second) or self._unnamed_pair(named, found, second)):
            self.record.update(pair)
            self.end = second.end()
            return
        self.end = found.end()
        if named.quantity in FIGURES:
            self._measured(phrase, named, found)
        elif shown := _other(phrase, named.split or self.split):
            self.record.setdefault(shown, _float(cell(found[1])) or 0.0)

    def _unnamed_pair(self, named: Name, first: re.Match, second: re.Match) -> dict[str, Cell]:
        """Return the two figures of ``loss 0.61 / 0.72``, training and validation as everybody writes them; none where the second is a total."""
        shown = (cell(first[1]), cell(second[1]))
        fractions = all("." in text for text in (first[1], second[1])) and "/" in second[0]
        total = isinstance(shown[1], float) and shown[1] > 1 and shown[1].is_integer()
        if named.quantity not in FIGURES or named.split or self.split or not fractions or total:
            return {}
        if PAIRED not in self.log.notes:
            self.log.notes.append(PAIRED)
        return {
            f"{split} {named.quantity}": v for split, v in zip(("train", "val"), shown, strict=True) if v is not None
        }

    def _named(self, before: str, end: int) -> tuple[str, Name]:
        """Return the words that name the figure that ends there, and what they mean."""
        phrase = _phrase(before)
        if CORRECT.search(phrase) and COUNTED.match(self.text, end):
            phrase = f"{phrase} accuracy"
        named = parse(phrase)
        if not named.quantity and named.split and not named.rest and self.last and "score" not in phrase.lower():
            phrase = f"{phrase} {self.last}"  # LOSS train 0.61 valid 0.72
        return phrase, parse(phrase)

    def _measured(self, phrase: str, named: Name, found: re.Match) -> None:
        self.last, split = named.quantity, named.split or self.split
        value, self.end, percent = _value(self.text, found, named.quantity, self.log.known, split)
        if value is None:
            return
        name = _name(phrase, split)
        if percent:
            self.log.percent.add(name)
        self._infer(name, phrase, named)
        self.record.setdefault(name, value)
        if images := IMAGES.match(self.text, self.end):
            self.record["of"] = float(images[1])

    def _infer(self, name: str, phrase: str, named: Name) -> None:
        """Give a figure that was taken for validation its own name back where the next one says that it is the validation's."""
        if named.split and name in self.inferred:  # loss, val_loss, acc, val_acc
            self.record[_name(phrase, "").removeprefix(f"{named.split} ")] = self.record.pop(name)
            self.inferred.discard(name)
        elif not named.split and self.split:
            self.inferred.add(name)


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
