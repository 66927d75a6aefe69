"""Does every card on the Start page keep its promise? ``python -m benchmarks.scenarios [--seeds FIRST COUNT] [--only KEY ...]``.

The promise: the ill side's verdict is the card's illness and its first cause the card's cause; the other side's verdict is what the card
says of it; and the sentence over both says that the change helped, or that it cannot tell. Runs both experiments of every card with
several seeds (other pictures, initial weights and batches), from an empty data directory, in a process that has TensorFlow loaded, and
prints the share of pairs of card and seed that were as promised, in all and by card, and the seconds that the slowest took.
"""

import argparse
import os
import tempfile
import time
from dataclasses import dataclass

import pandas as pd

from core.diagnosis import Diagnosis
from core.evaluation import Evaluation
from core.studies.scenarios import SCENARIOS, Scenario
from core.training.allocator import restart_keeping_memory


@dataclass(frozen=True)
class Shown:
    """What a card's runs showed."""

    histories: list[pd.DataFrame]
    diagnoses: list[Diagnosis]
    evaluations: list[Evaluation]
    seconds: float

    @property
    def runs(self) -> list[tuple[pd.DataFrame, Diagnosis]]:
        """Curves and diagnosis of each run."""
        return list(zip(self.histories, self.diagnoses, strict=True))


def run(scenario: Scenario) -> Shown:
    """Train both runs of a card and judge them."""
    from core import data
    from core.engine.execute import judge
    from core.training import trainer

    histories, diagnoses, evaluations, started = [], [], [], time.perf_counter()
    for step in scenario.steps:
        dataset = data.load(step.experiment.data, step.experiment.backbone.size)
        outcome = trainer.train(step.experiment, dataset)
        histories.append(outcome.history)
        diagnoses.append(judge(step.experiment, dataset, outcome))
        evaluations.append(outcome.evaluation)
    return Shown(histories, diagnoses, evaluations, time.perf_counter() - started)


def outcome_of(scenario: Scenario, shown: Shown) -> str:
    """Return what the sentence over the pair says of the second run."""
    from core.runs.pair import sentence

    before, after = (step.experiment for step in scenario.steps)
    return sentence((before, after), [(shown.evaluations[0], shown.evaluations[1])]).outcome


def _line(history: pd.DataFrame, diagnosis: Diagnosis) -> str:
    last = history.iloc[-1]
    causes = " ".join(f.code for f in diagnosis.findings[:4])
    return (
        f"train {last.clean_accuracy:.2f} val {last.val_accuracy:.2f} val_loss {last.val_loss:.2f} "
        f"(lowest {history.val_loss.min():.2f}) {len(history)} epochs: {diagnosis.verdict} {diagnosis.confidence:.2f} {causes}"
    )


def measure(key: str, seeds: range) -> tuple[int, float]:
    """Run a card on some seeds, print a line a run, and return how many kept the promise and the longest time."""
    kept, longest = 0, 0.0
    for seed in seeds:
        scenario = SCENARIOS[key].seeded(seed)
        shown = run(scenario)
        outcome = outcome_of(scenario, shown)
        confirmed = scenario.confirms(shown.runs, outcome)
        kept, longest = kept + confirmed, max(longest, shown.seconds)
        for step, side, (h, d) in zip(scenario.steps, scenario.sides, shown.runs, strict=True):
            word = "ok " if side.kept_by(d) else "NOT"
            print(f"# {key} seed {seed} {word} {step.label}: {_line(h, d)}", flush=True)
        print(
            f"# {key} seed {seed} {'kept' if confirmed else 'NOT KEPT'}: {outcome}, {shown.seconds:.1f} s", flush=True
        )
    return kept, longest


def main() -> None:
    """Run all cards on all seeds and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs=2, metavar=("FIRST", "COUNT"), default=(0, 5))
    parser.add_argument("--only", nargs="*", choices=list(SCENARIOS), default=list(SCENARIOS))
    options = parser.parse_args()
    first, count = options.seeds
    from core.training import trainer

    kept, seconds = {}, []
    with tempfile.TemporaryDirectory() as home:
        os.environ["THAW_DATA_DIR"] = home
        trainer.warm()
        for key in options.only:
            kept[key], longest = measure(key, range(first, first + count))
            seconds.append(longest)
            print(f"promise_rate_{key} {kept[key] / count:.3f} share", flush=True)
    print(f"promise_rate {sum(kept.values()) / (count * len(kept)):.3f} share")
    print(f"seconds_max {max(seconds):.1f} s")


if __name__ == "__main__":
    restart_keeping_memory("benchmarks.scenarios")
    main()
