"""What a column of somebody's file is called, taken apart: which images, which quantity, and what else the name says."""

import re
from dataclasses import dataclass
from functools import lru_cache

from core.histories.languages import english

TRAINING = {"train", "training", "trn", "tr", "trained", "trainings"}
VALIDATION = {
    "val", "vali", "valid", "validation", "validate", "vld", "vl", "va", "eval", "evaluation", "evaluate", "dev", "devel", "development", "holdout", "heldout", "cv", "validating",
}  # fmt: skip
TEST = {"test", "testing", "tst", "ts", "te", "tested"}
LOSS = {
    "loss", "losses", "cost", "costs", "logloss", "mlogloss", "crossentropy", "crossentropyloss", "nll", "nllloss", "ce", "xent", "entropy",
}  # fmt: skip
ACCURACY = {"acc", "accs", "accuracy", "accuracies", "accur", "acuracy", "accurracy", "top1", "acc1", "prec1", "hit1"}
ERROR = {"error", "errors", "err", "merror"}
EPOCH = {"epoch", "epochs", "ep"}
STEP = {"step", "steps", "iter", "iters", "iteration", "iterations", "batch", "round", "idx", "index", "x"}
FILLER = {
    "epoch", "epochs", "avg", "average", "mean", "total", "running", "history", "hist", "list", "value", "values", "curve", "metrics", "metric",
    "scalars", "scalar", "per", "the", "of", "on", "in", "dataloader", "rate", "categorical", "sparse", "binary", "multiclass", "multi", "classification",
    "set", "data", "dataset", "log", "logs", "results", "result", "mini", "final", "s", "all", "overall", "smoothed", "net", "output", "images", "top",
    "is", "and", "at", "score", "percent", "pct", "percentage", "base", "number", "record", "records", "m", "model", "minibatch", "cross", "entropy", "during", "for", "a", "micro", "d", "de", "di", "da", "du", "del", "della", "la", "le", "do", "die", "der",
    "batch", "global",
}  # fmt: skip
OTHER = {  # a quantity of its own, whatever else the name says
    "f1", "precision", "recall", "auc", "auroc", "roc", "map", "map50", "map95", "map50b", "mae", "mse", "rmse", "iou", "miou", "dice", "bleu", "lr", "time", "seconds", "runtime", "samples", "top5",
    "acc5", "prec5", "top3", "top10", "acc3", "acc10", "kappa", "mcc", "perplexity", "specificity", "sensitivity", "norm", "grad", "momentum", "weight", "decay", "memory", "best", "patience", "confidence", "scale", "scaler", "std", "min", "max", "stderr", "delta", "size", "nr", "count", "ece", "learning", "learn",
    "throughput", "flops", "eta", "elapsed", "minutes", "hours", "timestamp", "date", "wall", "seed",
    "best_acc", "ratio", "change", "threshold", "gap", "diff", "difference",
}  # fmt: skip


RANKS = {"1", "3", "5", "10"}
NUMBERED = re.compile(r"([a-z]+)(\d{1,2})")
PREFIXES = {p: p for p in ("training", "train", "validation", "valid", "val", "testing", "test", "eval", "trn")} | {"tr": "train", "va": "val", "t": "train", "v": "val"}  # fmt: skip
AT_RANK = re.compile(r"(?:precision|prec|hits?|recall|accuracy|acc|top)?\s*@\s*(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Name:
    """A name taken apart.

    Attributes
    ----------
    split
        ``train``, ``val``, ``test``, or "" where the name does not say.
    quantity
        ``loss``, ``accuracy``, ``error`` (1 − accuracy), ``epoch``, ``step``, or "" for anything else.
    rest
        Words that are neither, in order: ``("box",)`` of ``train/box_loss``.
    per_step
        Whether the name says that it was logged each step.
    """

    split: str
    quantity: str
    rest: tuple[str, ...] = ()
    per_step: bool = False


@lru_cache(maxsize=8192)
def words(name: str) -> list[str]:
    """Return the words of a name in lower case: ``valLoss``, ``val-loss`` and ``val/loss`` are all ``["val", "loss"]``."""
    text = AT_RANK.sub(r" top\1 ", str(name)[:120])
    text = english(text)
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", " ", text)
    found = re.findall(r"[a-z]+\d*|\d+", text.lower())
    return _joined(found)


def _joined(found: list[str]) -> list[str]:
    """Join ``top 1``, ``acc 1`` and ``hold out``; split ``trainloss``, which camelCase cannot."""
    out: list[str] = []
    for word in found:
        before = out[-1] if out else ""
        if (before == "top" and word.isdigit()) or (before == "acc" and word in RANKS):
            out[-1] = before + word
        elif word == "out" and before in {"hold", "held"}:
            out[-1] = "holdout"
        elif before in ("t", "v") and word in LOSS | ACCURACY:
            out[-1:] = [PREFIXES[before], word]
        else:
            out += _glued(word)
    return out


def _glued(word: str) -> list[str]:
    for prefix, said in PREFIXES.items():
        tail = word.removeprefix(prefix)
        if tail != word and tail in LOSS | ACCURACY | (ERROR if len(prefix) > 1 else set()):
            return [said, tail]
    numbered = NUMBERED.fullmatch(word)
    if numbered and numbered[1] in LOSS | ACCURACY | ERROR and word not in ACCURACY:
        rank = numbered[2].lstrip("0")
        return [numbered[1], *([rank] if rank else [])] if rank in ("", "1") or numbered[1] in LOSS else [f"top{rank}"]
    return [word]


@lru_cache(maxsize=8192)
def parse(name: str) -> Name:
    """Return what a name says about images and quantity."""
    tokens = words(name)
    split = _split(tokens)
    quantity, used = _quantity(tokens)
    rest = tuple(t for t in tokens if t not in used and not _says_split(t) and t not in FILLER and not t.isdigit())
    per_step = bool({"step", "batch", "iter", "iteration"} & set(tokens)) and "mini" not in tokens
    if quantity and quantity not in ("epoch", "step"):
        rest = tuple(t for t in rest if t not in STEP)
    return Name(split, quantity, rest, per_step)


def _says_split(token: str) -> bool:
    return token.rstrip("0123456789") in TRAINING | VALIDATION | TEST


def _split(tokens: list[str]) -> str:
    for kind, known in (("val", VALIDATION), ("test", TEST), ("train", TRAINING)):
        if any(t.rstrip("0123456789") in known for t in tokens):
            return kind
    return "train" if "minibatch" in tokens or ("mini" in tokens and "batch" in tokens) else ""


def _quantity(tokens: list[str]) -> tuple[str, set[str]]:
    """Return the quantity and the words that say so."""
    there = set(tokens)
    if there & OTHER or {"acc5", "top5"} & there or _other_rank(tokens):
        return "", set()
    for quantity, known in (("loss", LOSS), ("error", ERROR), ("accuracy", ACCURACY)):
        if hit := there & known:
            return quantity, hit
    if there & EPOCH and not there - EPOCH - FILLER:
        return "epoch", there & EPOCH
    return ("step", there) if there & STEP and not there - STEP - FILLER else ("", set())


def _other_rank(tokens: list[str]) -> bool:
    return {"top", "k"} <= set(tokens) or any(re.fullmatch(r"(top|acc|prec|hit)(?!1$)\d+", t) for t in tokens)
