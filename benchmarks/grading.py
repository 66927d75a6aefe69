"""Grades verdicts by their probabilities against what many images say, beside published and dull rivals."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.draws import Draw
from benchmarks.rivals import RIVALS, Answer
from benchmarks.truth import GAP, LEARNT, VERDICTS, Truth
from core.diagnosis import Observations, diagnose

MISSED_GAP = 0.15  # a gap so wide is not to be called a good fit
RESAMPLES, BINS = 2000, 10
ILL = {"underfitting", "overfitting", "still_improving", "unstable"}
WORTH = 0.04  # accuracy that other settings reach more, at least, where a fault must have had its effect


@dataclass(frozen=True)
class Made:
    """A run that was carried out: what a diagnosis may see, what is true, and its true class."""

    run: Draw
    seen: Observations
    truth: Truth
    sharpened: Observations | None = None
    label: str = ""
    possible: float = 0.0

    @property
    def counts_for_causes(self) -> bool:
        """Whether a cause was put there and did something."""
        hurt = self.label != "good_fit" or self.possible - self.truth.accuracy >= WORTH
        return bool(self.run.causes) and (self.run.built or hurt)


@dataclass(frozen=True)
class Said:
    """An answer: a probability for each verdict, the verdict (``inconclusive`` where it abstains), causes."""

    probabilities: dict[str, float]
    verdict: str
    causes: frozenset[str]


def labelled(made: list[Made]) -> list[Made]:
    """Return the runs with their true classes; what other sensible settings reach on the same images is looked up among them."""
    peers: dict[tuple, list[Truth]] = {}
    for m in made:
        if m.run.change is None and m.run.name.startswith(("default", "sensible")):
            peers.setdefault(_images(m), []).append(m.truth)
    found = []
    for m in made:
        others = peers.get(_images(m), []) if m.run.change is None else []
        possible = max((t.accuracy for t in others), default=0.0)
        label = m.truth.verdict(possible, min((t.plain_nats for t in others), default=np.inf))
        found.append(Made(m.run, m.seen, m.truth, m.sharpened, label, possible))
    return found


def _images(m: Made) -> tuple:
    return m.run.split, m.run.cut


def thaw(seen: Observations) -> Said:
    """Answer as Thaw."""
    found = diagnose(seen)
    return Said(found.probabilities, found.verdict, frozenset(f.code for f in found.findings[:1]))


def rival(judge: Callable[[Observations], Answer]) -> Callable[[Observations], Said]:
    """Make a rival's answer comparable: what it names shares the probability."""

    def answer(seen: Observations) -> Said:
        said = judge(seen)
        named = sorted(said.verdicts & set(VERDICTS)) or ["good_fit"]
        return Said(
            {v: 1 / len(named) for v in named}, named[0] if len(said.verdicts) == 1 else _worst(named), said.causes
        )

    return answer


def _worst(named: list[str]) -> str:
    return next(v for v in ("unstable", "overfitting", "underfitting", "still_improving", "good_fit") if v in named)


def point_estimate(seen: Observations) -> Said:
    """Answer by the gap as it is and one border, the dullest rule that works."""
    splits = seen.evaluation.splits if seen.evaluation else {}
    train, validation = splits["train"].accuracy, splits["validation"].accuracy
    learnt = (train - 1 / len(seen.evaluation.class_names)) / (1 - 1 / len(seen.evaluation.class_names))
    verdict = "overfitting" if train - validation >= GAP else "underfitting" if learnt < LEARNT else "good_fit"
    return Said({verdict: 1.0}, verdict, frozenset())


def commonest(made: list[Made]) -> Callable[[Observations], Said]:
    """Return the rival that always names the commonest class."""
    most = Counter(m.label for m in made).most_common(1)[0][0]
    return lambda seen: Said({most: 1.0}, most, frozenset())


def everyone(made: list[Made]) -> dict[str, Callable[[Observations], Said]]:
    """Return Thaw and its rivals by their prefixes."""
    published = {f"{name}_": rival(judge) for name, judge in RIVALS.items()}
    return {"": thaw, **published, "commonest_": commonest(made), "gap_": point_estimate}


def brier(probabilities: dict[str, float], label: str) -> float:
    """Return the sum of squared differences between probabilities and the truth, 0 (best) to 2."""
    return sum((probabilities.get(v, 0.0) - (v == label)) ** 2 for v in VERDICTS)


def log_loss(probabilities: dict[str, float], label: str) -> float:
    """Return minus the logarithm of the probability of the true class, at most that of 1 in 1000."""
    return -math.log(max(probabilities.get(label, 0.0), 1e-3))


Ratio = list[tuple[float, float]]  # numerator and denominator of each run


def ratios(made: list[Made], said: list[Said]) -> dict[str, Ratio]:
    """Return each figure's parts, run by run, so that splits can be drawn again with all their runs."""
    pairs = list(zip(made, said, strict=True))
    small = [(m, s) for m, s in pairs]
    return {
        "missed_illness_rate": [_part(m.truth.gap >= MISSED_GAP, s.verdict == "good_fit") for m, s in pairs],
        "false_alarm_rate": [_part(m.label == "good_fit" and m.truth.clearly_well, s.verdict in ILL) for m, s in pairs],
        "abstention_rate": [_part(True, s.verdict == "inconclusive") for m, s in pairs],
        "abstention_rate_70": [_part(m.run.cut.validation == 70, s.verdict == "inconclusive") for m, s in small],
        "verdict_accuracy": [_part(s.verdict != "inconclusive", s.verdict == m.label) for m, s in pairs],
        "cause_accuracy": [_part(m.counts_for_causes, bool(s.causes & m.run.causes)) for m, s in pairs],
        "brier": [(brier(s.probabilities, m.label), 1.0) for m, s in pairs],
        "log_loss": [(log_loss(s.probabilities, m.label), 1.0) for m, s in pairs],
    }


def _part(counts: bool, hit: bool) -> tuple[float, float]:
    return (float(counts and hit), float(counts))


def interval(parts: Ratio, splits: list[str]) -> tuple[float, float]:
    """Return the 95% interval of a ratio of sums when whole splits are drawn again (cluster bootstrap, percentile method)."""
    names = {s: i for i, s in enumerate(dict.fromkeys(splits))}
    sums = np.zeros((len(names), 2))
    for split, part in zip(splits, parts, strict=True):
        sums[names[split]] += part
    drawn = sums[np.random.default_rng(0).integers(0, len(sums), (RESAMPLES, len(sums)))].sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return tuple(np.nanpercentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5]).tolist())


def value(parts: Ratio) -> float:
    """Return the ratio of sums; not a number where nothing counts."""
    top, bottom = np.sum(parts, axis=0)
    return float(top / bottom) if bottom else math.nan


def reliability(made: list[Made], said: list[Said]) -> list[tuple[float, float, int]]:
    """Return mean probability of the likeliest verdict, share that was right, and number of runs, in ten bins."""
    tops = np.array([max(s.probabilities.values(), default=0.0) for s in said])
    right = np.array(
        [max(s.probabilities, key=s.probabilities.get) == m.label for m, s in zip(made, said, strict=True)]
    )  # type: ignore[arg-type]
    at = np.minimum((tops * BINS).astype(int), BINS - 1)
    return [(float(tops[at == b].mean()), float(right[at == b].mean()), int((at == b).sum())) for b in range(BINS) if (at == b).any()]  # fmt: skip


def calibration_error(bins: list[tuple[float, float, int]]) -> float:
    """Return the expected calibration error (Naeini, Cooper and Hauskrecht, AAAI 2015)."""
    total = sum(n for *_, n in bins)
    return sum(n * abs(said - right) for said, right, n in bins) / max(total, 1)
